"""One server of the protocol, put together: store, responsibilities, node, and its ways in."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from lineshaft.core import logs
from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.resolution import site as sites
from lineshaft.resolution.administration import Registrar
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client import Client, parse_reference, reach_of, roots_from_json
from lineshaft.resolution.homes import Homes, add_home
from lineshaft.resolution.listeners import Counts, Guard, HttpListener, Limits, TcpListener, UdpListener, tls_context
from lineshaft.resolution.node import Elsewhere, Node, NodeKeys, Recursive
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.site import Interface, Server, Site, decode_site
from lineshaft.resolution.store import Kind, RecordStore, open_store

if TYPE_CHECKING:
    from lineshaft.resolution.entries import Entries
    from lineshaft.resolution.recursive import RecursiveResolver

_LOOK_SECONDS: Final = 1.0
_ENTER_SECONDS: Final = 0.5


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What one server is; crosses to worker processes as JSON."""

    hosts: list[str]
    port: int = 0
    """Of UDP and TCP; 0: a free one."""
    address: str = ""
    """By which others reach it; empty: the first of `hosts`."""
    dialect_port: int | None = None
    http_port: int | None = None
    https_port: int | None = None
    tls_certificate: str = ""
    """Files in PEM; `https_port` needs the first two."""
    tls_key: str = ""
    client_authorities: str = ""
    store: Kind = "lmdb"
    folder: str = ""
    operators: list[str] = []
    prefixes: list[str] = []
    key: str = ""
    """PKCS #8 in PEM; empty: answers are not signed."""
    site: bytes = b""
    """Description of a site with several servers, as HS_SITE holds it; empty: this server is the site."""
    site_serial: int = 1
    primary: bool = True
    """False: a mirror, which takes no changes."""
    server_number: int = 1
    recursive: bool = False
    followed: bool = False
    """Whether another process of the node notes in the store what changed elsewhere; see `recursive.forgetting`."""
    roots: bytes = b""
    """Where resolution of what is not here starts, as `client.read_roots` reads it; empty: nobody is asked."""
    reach: list[str] = []
    """Networks in which servers are asked that records name, beside public addresses; see `client.reach`."""
    watchers: list[str] = []
    """Networks that are told its load, beside its own machine."""
    ledger: str = ""
    """Folder of the log that batches of registrations are entered in; empty: there is none."""
    ledger_key: str = ""
    """Private text of the log's key."""
    limits: Limits = Limits()


class NodeServer:
    """A server that runs in this process.

    Args:
        config: what it is.
        elsewhere: other servers; by default a client that starts at the roots of `config`.
        recursive: resolves for others; by default, where `config` says so, by that client.
        store: its records, opened; it is closed with the server. Opened from `config` where left out.
        seconds: the time, in seconds since 1970.
    """

    def __init__(
        self, config: NodeConfig, *, elsewhere: Elsewhere | None = None, recursive: Recursive | None = None,
        store: RecordStore | None = None, seconds: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        operators = [parse_reference(text) for text in config.operators]
        key = keys.load_private_key(config.key) if config.key else None
        self.config = config
        self.counts = Counts()
        self.guard = Guard(config.limits, self.counts)
        self.port = 0
        self.dialect_port = 0
        self.http_port = 0
        self.https_port = 0
        self._client = _client(config) if elsewhere is None else None
        self._resolver = _resolver(config, self._client) if recursive is None else None
        self.store = open_store(config.store, Path(config.folder)) if store is None else store
        _make_at_home(self.store, config.prefixes)
        self.homes = Homes(self.store, self._site(key), config.server_number)
        origin = config.prefixes[0] if config.prefixes else config.address or config.hosts[0]
        self.proofs = Proofs(origin, key, _entries(config, key)) if key is not None else None
        self.registrar = Registrar(self.store, self.homes, operators, seconds, self.proofs)
        self.node = Node(
            self.store, self.homes, self.registrar, NodeKeys(key), elsewhere=elsewhere or self._client,
            recursive=recursive or self._resolver, seconds=seconds,
        )  # fmt: skip
        self._key = key
        self._seconds = seconds
        self._udp: list[UdpListener] = []
        self._tcp: list[TcpListener] = []
        self._http: list[HttpListener] = []
        self._looking: asyncio.Task[None] | None = None
        self._entering: asyncio.Task[None] | None = None
        self._forgetting: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Listen.

        Raises:
            Unavailable: an address cannot be had.
        """
        config = self.config
        try:
            for host in config.hosts:
                self.port = await self._listen(host, self.port or config.port)
            if config.dialect_port is not None:
                for host in config.hosts:
                    self.dialect_port = await self._listen_tcp(host, self.dialect_port or config.dialect_port)
            if config.http_port is not None:
                for host in config.hosts:
                    self.http_port = await self._listen_http(host, self.http_port or config.http_port)
            if config.https_port is not None:
                authorities = Path(config.client_authorities) if config.client_authorities else None
                tls = tls_context(Path(config.tls_certificate), Path(config.tls_key), authorities)
                for host in config.hosts:
                    self.https_port = await self._listen_http(host, self.https_port or config.https_port, tls)
        except OSError as error:
            await self.stop()
            raise Unavailable(
                "resolution.address_taken", f"cannot listen on port {config.port} of {', '.join(config.hosts)}: {error}",
                "Another program has the port, or the address is not this machine's.", port=config.port,
                reason=str(error),
            ) from error  # fmt: skip
        self.homes.describe(self._site(self._key), config.server_number)
        self._begin()

    def _begin(self) -> None:
        """Start what goes on beside answering."""
        config = self.config
        self._looking = asyncio.create_task(self._look(), name="resolution looks for changes")
        if config.followed and self._resolver is not None:
            self._forgetting = asyncio.create_task(self._forget(self._resolver), name="resolution forgets what changed")
        if config.ledger and config.ledger_key:
            self._entering = asyncio.create_task(self._enter(), name="resolution enters batches in the ledger")

    async def stop(self) -> None:
        """Hang up, and close the store."""
        for task in (self._looking, self._forgetting):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._stopping.set()
        if self._entering is not None:
            await self._entering  # it may be at the store in a thread
        for udp in self._udp:
            await udp.stop()
        for tcp in self._tcp:
            await tcp.stop()
        for http in self._http:
            await http.stop()
        if self._resolver is not None:
            await self._resolver.close()
        if self._client is not None:
            await self._client.close()
        self.store.close()

    async def _listen(self, host: str, port: int) -> int:
        """UDP and TCP on one port; where any will do, one that is free for both."""
        for _ in range(100):
            found = await self._listen_tcp(host, port)
            udp = UdpListener(self.node, self.guard, self._seconds)
            try:
                udp.start(host, found)
            except OSError:
                if port:
                    raise
                await self._tcp.pop().stop()
                continue
            self._udp.append(udp)
            return found
        raise OSError("no port is free for UDP and TCP")

    async def _listen_tcp(self, host: str, port: int) -> int:
        listener = TcpListener(self.node, self.guard, self._seconds)
        found = await listener.start(host, port)
        self._tcp.append(listener)
        return found

    async def _listen_http(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        from lineshaft.resolution.http import make_app

        app = make_app(
            self.node, counts=self.counts, limits=self.config.limits, proofs=self.proofs,
            watchers=self.config.watchers, resolver=self._resolver,
        )  # fmt: skip
        listener = HttpListener(app, tls, self.guard)
        found = await listener.start(host, port)
        self._http.append(listener)
        return found

    async def _look(self) -> None:
        """Learn of prefixes that another process made at home."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with contextlib.suppress(Unavailable):
                self.store.renew()
                self.homes.renew()

    async def _forget(self, resolver: "RecursiveResolver") -> None:
        """Forget what another process of the node says changed elsewhere."""
        from lineshaft.resolution.recursive.forgetting import LOOK_SECONDS, Listening

        listening = Listening(self.store)
        while True:
            with contextlib.suppress(Unavailable):
                changed = listening.take()
                if changed is not None:
                    resolver.forget(changed)
            await asyncio.sleep(LOOK_SECONDS)

    async def _enter(self) -> None:
        """Enter batches of registrations in the ledger, where no other process of the node does; until `stop`."""
        from lineshaft.resolution.entries import Entering

        log = logs.get("resolution")
        entering = Entering(self.store, Path(self.config.ledger), self.config.ledger_key)
        trouble = ""
        try:
            while not self._stopping.is_set():
                try:
                    await asyncio.to_thread(entering.step)
                    trouble = ""
                except LineshaftError as error:
                    if trouble != error.message:
                        log.error("registrations_not_entered", code=error.code, reason=error.message)
                    trouble = error.message
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), _ENTER_SECONDS)
        finally:
            await asyncio.to_thread(entering.close)

    def _site(self, key: keys.PrivateKey | None) -> Site:
        config = self.config
        if config.site:
            return decode_site(config.site)
        interfaces = [
            Interface(sites.RESOLUTION, sites.UDP, self.port or config.port),
            Interface(sites.BOTH, sites.TCP, self.port or config.port),
        ]
        if self.http_port or config.http_port:
            interfaces.append(Interface(sites.RESOLUTION, sites.HTTP, self.http_port or config.http_port or 0))
        if self.https_port or config.https_port:
            interfaces.append(Interface(sites.BOTH, sites.HTTPS, self.https_port or config.https_port or 0))
        server = Server(
            number=config.server_number, address=config.address or config.hosts[0], interfaces=tuple(interfaces),
            public_key=b"" if key is None else keys.encode_public_key(keys.public_key_of(key)),
        )  # fmt: skip
        return Site(serial=config.site_serial, servers=(server,), primary=config.primary)


def _entries(config: NodeConfig, key: keys.PrivateKey) -> "Entries | None":
    """What notes batches for the ledger, where there is one."""
    if not config.ledger:
        return None
    from lineshaft.ledger import notes
    from lineshaft.resolution.entries import Entries

    return Entries(Path(config.ledger), key, notes.NoteSigner.parse(config.ledger_key).vkey)


def _client(config: NodeConfig) -> Client | None:
    if not config.roots:
        return None
    return Client(roots_from_json(msgspec.json.decode(config.roots)), reach=reach_of(config.reach, config.hosts))


def _resolver(config: NodeConfig, client: Client | None) -> "RecursiveResolver | None":
    """What resolves for others.

    Raises:
        InvalidInput: it is to, and does not know where to start.
    """
    if not config.recursive:
        return None
    if client is None:
        raise InvalidInput(
            "resolution.roots_missing", "a node that resolves for others must know where resolution starts",
            "Set resolution.roots_file to a file that describes the root's sites.", field="resolution.roots_file",
        )  # fmt: skip
    from lineshaft.resolution.recursive import RecursiveResolver

    return RecursiveResolver(client)


def _make_at_home(store: RecordStore, prefixes: list[str]) -> None:
    for prefix in prefixes:
        if not prefix or "/" in prefix:
            raise InvalidInput(
                "resolution.prefix_form", f"{prefix!r} is not a prefix", "A prefix has no slash, as 88.100.",
                field="prefixes", value=prefix,
            )  # fmt: skip
    if prefixes:
        with store.write() as transaction:
            for prefix in prefixes:
                add_home(transaction, prefix.encode())
        store.renew()
