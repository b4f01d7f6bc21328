"""The nodes that this installation knows, and what each of them does now.

Known are the root servers of the settings, the node that runs here, and those of `resolution.watch`. Each is asked over
HTTP for what it counted (`http.load`); rates are differences between two looks, and answer times are those of the looks
themselves, from here. Nothing is asked while nobody looks.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from lineshaft.core import clock, health
from lineshaft.core.errors import LineshaftError
from lineshaft.core.home import Home
from lineshaft.resolution.client import fingerprint, read_roots, site_at
from lineshaft.resolution.client.http import UNPACKED, pinned, read_body
from lineshaft.resolution.http.load import NodeStatus
from lineshaft.resolution.settings import ResolutionSettings, Role
from lineshaft.resolution.site import HTTP, HTTPS, PROTOCOLS, Server, Site, decode_site

if TYPE_CHECKING:
    import httpx

_AGAIN_SECONDS: Final = 1.5
"""Several who look at a time get one answer."""
_WAIT_SECONDS: Final = 2.0
_FORGET_SECONDS: Final = 60.0
"""A process of a node that did not answer for so long is gone."""
_LOOKS: Final = 60
"""Answer times that are kept."""
_SHARE: Final = 0.95
_MOST_BYTES: Final = 1 << 20
_MOST: Final = 1 << 53
"""Of what a node counts: sums of such numbers can still be told."""
_MOST_NODES: Final = 64
_AT_A_TIME: Final = 4
"""Nodes asked at a time: more would wait for one another here, and seem slow."""

Known = Literal["root", "own", "watched"]


class NodeLoad(msgspec.Struct, frozen=True, kw_only=True):
    """What a node does, as far as it tells."""

    requests_per_second: float | None
    """None until the second look."""
    requests: int
    """Since its start."""
    answered: int
    missing: int
    alarms: int
    """How often somebody tried out numbers."""
    connections: int
    records: int
    kept: int
    """Records of others in memory."""
    cache_share: float | None
    """Of requests that were answered from memory; None for a node that resolves for nobody, or was not asked yet."""


class NodeCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the node that runs here says of one of its parts: workers, change log, mirror."""

    name: str
    ok: bool
    detail: str


class NodeView(msgspec.Struct, frozen=True, kw_only=True):
    """One node."""

    address: str
    """By which it is watched; empty where it has no HTTP."""
    known: Known
    """Why it is known: the file of roots names it, it runs here, or `resolution.watch` names it."""
    roles: list[Role]
    prefixes: list[str]
    listens: list[str]
    """As `TCP 192.0.2.7:2641`."""
    primary: bool
    serial: int
    key: str
    """SHA-256 of its key."""
    up: bool | None
    """None: it has no HTTP to be asked by."""
    problem: str
    """Why nothing is known of its load."""
    p95_milliseconds: float | None
    """19 of 20 looks were answered within that time."""
    load: NodeLoad | None
    checks: list[NodeCheck]


class NodeList(msgspec.Struct, frozen=True, kw_only=True):
    """The nodes that are known here."""

    items: list[NodeView]
    configured: bool
    """False: the settings name no root, no node and nothing to watch."""


class _Target(msgspec.Struct, frozen=True, kw_only=True):
    address: str
    known: Known
    site: Site | None = None
    """As the file of roots describes it."""
    roles: tuple[Role, ...] = ()
    prefixes: tuple[str, ...] = ()


class _Seen(msgspec.Struct):
    """What one process of a node counted, and when."""

    status: NodeStatus
    at: float
    first: NodeStatus
    """Of the first look."""
    looks: int = 1
    rate: float | None = None
    share: float | None = None


class _Node:
    """What is remembered of a node between looks."""

    def __init__(self) -> None:
        self.processes: dict[str, _Seen] = {}
        self.seconds: deque[float] = deque(maxlen=_LOOKS)

    def take(self, status: NodeStatus, seconds: float, now: float) -> None:
        self.seconds.append(seconds)
        before = self.processes.get(status.process)
        seen = self.processes[status.process] = _Seen(
            status=status, at=now, first=before.first if before is not None else status
        )
        if before is not None and now > before.at:
            asked = requests_of(status) - requests_of(before.status)
            elsewhere = status.asked - before.status.asked
            seen.looks = before.looks + 1
            seen.rate = max(0, asked - 1) / (now - before.at)  # one of them is the look
            seen.share = _share(asked - 1, elsewhere) if asked > 1 else before.share
        self.processes = {name: one for name, one in self.processes.items() if now - one.at < _FORGET_SECONDS}

    def p95(self) -> float | None:
        if not self.seconds:
            return None
        ordered = sorted(self.seconds)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * _SHARE))] * 1000, 2)

    def load(self) -> NodeLoad:
        """All its processes together."""
        seen = list(self.processes.values())
        first = seen[-1].status
        rates = [one.rate for one in seen if one.rate is not None]
        shares = [one.share for one in seen if one.share is not None]
        counts = [one.status.counts for one in seen]
        total = sum(requests_of(one.status) for one in seen)
        since = sum(requests_of(one.status) - requests_of(one.first) - one.looks + 1 for one in seen)
        whole = _share(since, sum(one.status.asked - one.first.asked for one in seen))
        return NodeLoad(
            requests_per_second=round(sum(rates), 1) if rates else None, requests=total,
            answered=sum(one.answered for one in counts), missing=sum(one.missing for one in counts),
            alarms=sum(one.alarms for one in counts), connections=sum(one.connections for one in counts),
            records=first.records, kept=max(one.status.kept for one in seen),
            cache_share=(sum(shares) / len(shares) if shares else whole) if first.recursive else None,
        )  # fmt: skip


class Watch:
    """Looks at the nodes.

    Args:
        settings: name them.
        home: where the health socket of the node that runs here is.
    """

    def __init__(self, settings: ResolutionSettings, home: Home) -> None:
        self._settings = settings
        self._home = home
        self._nodes: dict[str, _Node] = {}
        self._last: tuple[float, NodeList] | None = None
        self._lock = asyncio.Lock()
        self._client: httpx.AsyncClient | None = None
        self._slots = asyncio.Semaphore(_AT_A_TIME)

    async def close(self) -> None:
        """Look no more."""
        if self._client is not None:
            await self._client.aclose()

    async def look(self) -> NodeList:
        """Every node that is known, and what it does.

        Raises:
            InvalidInput: the file of roots cannot be used.
        """
        async with self._lock:
            if self._last is None or clock.monotonic() - self._last[0] > _AGAIN_SECONDS:
                self._asking()  # made before the first look is timed
                targets = await asyncio.to_thread(self._targets)
                items = await asyncio.gather(*(self._view(target) for target in targets[:_MOST_NODES]))
                self._last = clock.monotonic(), NodeList(items=list(items), configured=bool(targets))
            return self._last[1]

    def _targets(self) -> list[_Target]:
        settings, found = self._settings, list[_Target]()
        if settings.roles:
            host = settings.local_host
            address = _url(host, "http", settings.http_port) if settings.http_port else ""
            found.append(_Target(address=address, known="own", roles=settings.roles, prefixes=settings.prefixes))
        if settings.roots_file:
            roots = read_roots(Path(settings.roots_file).expanduser())
            found += [_Target(address="", known="root", site=site_at(one.address, one.port)) for one in roots.addresses]
            for site in roots.sites:
                found += [_Target(address=_http(one), known="root", site=site) for one in site.servers]
        found += [_Target(address=one.rstrip("/"), known="watched") for one in settings.watch]
        return _once(found)

    async def _view(self, target: _Target) -> NodeView:
        node = self._nodes.setdefault(target.address, _Node())
        checks = await asyncio.to_thread(self._checks) if target.known == "own" else []
        status, site, problem = None, target.site, ""
        if target.address:
            try:
                status, site = await self._ask(target.address, node)
            except OSError as error:
                problem = str(error)
        server = site.servers[0] if site is not None and site.servers else None
        prefixes = list(target.prefixes) if status is None else status.prefixes
        recursive = status.recursive if status is not None else "recursive" in target.roles
        return NodeView(
            address=target.address, known=target.known, prefixes=prefixes,
            roles=list(target.roles) or _roles(prefixes, target.known, recursive=recursive),
            listens=[] if site is None else [one for each in site.servers for one in _listens(each)],
            primary=site is None or site.primary, serial=0 if site is None else site.serial,
            key=fingerprint(server.public_key) if server is not None and server.public_key else "",
            up=_up(target, status, checks), problem=problem,
            p95_milliseconds=node.p95(), load=node.load() if status is not None else None, checks=checks,
        )  # fmt: skip

    async def _ask(self, address: str, node: _Node) -> tuple[NodeStatus, Site]:
        """What a node counted, and the description of its site.

        Raises:
            OSError: it does not answer, or tells us nothing; the text says which.
        """
        async with self._slots:
            began = clock.monotonic()
            body = await self._body(f"{address}/api/v1/resolution/status")
            now = clock.monotonic()
        try:
            status = msgspec.json.decode(body, type=NodeStatus)
            site = decode_site(status.site)
        except (msgspec.DecodeError, RecursionError, LineshaftError) as error:
            raise OSError(f"its answer cannot be read: {error}") from error
        if not all(0 <= number <= _MOST for number in _numbers(status)):
            raise OSError("its answer cannot be read: it counts what nobody can count")
        node.take(status, now - began, now)
        return status, site

    async def _body(self, address: str) -> bytes:
        """What is at an address.

        Raises:
            OSError: as `_ask`.
        """
        import httpx

        try:
            async with asyncio.timeout(_WAIT_SECONDS), self._asking().stream("GET", address) as reply:
                if reply.status_code != httpx.codes.OK:
                    raise OSError("it answers, but does not tell its load: see resolution.watchers")
                return await read_body(reply, _MOST_BYTES)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise OSError("no answer in time") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(str(error) or type(error).__name__) from error

    def _asking(self) -> "httpx.AsyncClient":
        import httpx

        if self._client is None:
            # A connection for each look: the node's processes answer in turn.
            limits = httpx.Limits(max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                timeout=_WAIT_SECONDS, trust_env=False, verify=pinned(), limits=limits, headers=UNPACKED
            )
        return self._client

    def _checks(self) -> list[NodeCheck]:
        """What the service of the node says of itself (blocking)."""
        path = self._home.socket("resolution")
        document = health.readiness(path) if path.exists() else None
        if document is None:
            return [NodeCheck(name="resolution", ok=False, detail="the service does not answer")]
        checks = msgspec.convert(document.get("checks", []), list[health.Check])
        return [NodeCheck(name=one.name, ok=one.ok, detail=one.detail) for one in checks]


def _up(target: _Target, status: NodeStatus | None, checks: Sequence[NodeCheck]) -> bool | None:
    if checks:
        return all(one.ok for one in checks)
    return status is not None if target.address else None


def requests_of(status: NodeStatus) -> int:
    """All requests that came, by whatever way."""
    return status.counts.udp + status.counts.tcp + status.counts.http


def _numbers(status: NodeStatus) -> tuple[int, ...]:
    counts: tuple[int, ...] = msgspec.structs.astuple(status.counts)
    return status.records, status.kept, status.asked, *counts


def _share(requests: int, elsewhere: int) -> float | None:
    return None if requests < 1 else round(max(0.0, 1 - elsewhere / requests), 4)


def _roles(prefixes: Sequence[str], known: Known, *, recursive: bool) -> list[Role]:
    """What a node is, by the prefixes at home on it."""
    found: list[Role] = []
    if known == "root" or "0.NA" in prefixes:
        found.append("top")
    elif prefixes:
        found.append("second-level" if any(one.count(".") < 2 for one in prefixes) else "enterprise")
    return [*found, "recursive"] if recursive else found


def _once(targets: Iterable[_Target]) -> list[_Target]:
    """Each address once, as what it was named first; what has no address stays."""
    found: dict[str, _Target] = {}
    for number, target in enumerate(targets):
        found.setdefault(target.address or f"{number}", target)
    return list(found.values())


def _http(server: Server) -> str:
    plain, tls = server.interface(HTTP), server.interface(HTTPS)
    if plain is not None:
        return _url(server.address, "http", plain.port)
    return _url(server.address, "https", tls.port) if tls is not None else ""


def _listens(server: Server) -> list[str]:
    host = f"[{server.address}]" if ":" in server.address else server.address
    return [
        f"{PROTOCOLS[one.protocol] if one.protocol < len(PROTOCOLS) else one.protocol} {host}:{one.port}"
        for one in server.interfaces
    ]


def _url(host: str, scheme: str, port: int) -> str:
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
