"""The resolution service of a box: keeps the node's workers running, and adds up what they count."""

import asyncio
import contextlib
import ipaddress
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from prometheus_client import Counter, Gauge

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.health import Check
from lineshaft.core.home import Home, write_file
from lineshaft.core.service import Context, Service
from lineshaft.core.suites import PrivateKey
from lineshaft.ledger import notes, places
from lineshaft.resolution.auth.keys import generate_rsa
from lineshaft.resolution.listeners import Counts, Limits
from lineshaft.resolution.serving import NodeConfig
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.site import Server, Site, decode_site, encode_site
from lineshaft.resolution.store import RecordStore, open_store
from lineshaft.resolution.values.site_json import site_from_json
from lineshaft.resolution.workers import Pool

if TYPE_CHECKING:
    from lineshaft.bus import Bus
    from lineshaft.resolution.mirror.copying import OnChange
    from lineshaft.resolution.mirror.part import Replication
    from lineshaft.resolution.recursive import Noting
    from lineshaft.resolution.recursive.following import Follower

_LOOK_SECONDS: Final = 1.0
LOG: Final = "registrations"
"""Of the installation's ledger: what this node registered."""
_REQUESTS = Counter("lineshaft_resolution", "What the node's workers counted", ["what"])
_CONNECTIONS = Gauge("lineshaft_resolution_connections", "Open TCP connections")
_WORKERS = Gauge("lineshaft_resolution_workers", "Worker processes that answer")
_RESTARTS = Counter("lineshaft_resolution_worker_restarts", "Worker processes that ended and were started again")


class ResolutionService(Service):
    """See the module."""

    NAME = "resolution"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._settings = context.settings.of(ResolutionSettings)
        self._pool: Pool | None = None
        self._bus: Bus | None = None
        self._store: RecordStore | None = None
        self._replication: Replication | None = None
        self._noting: Noting | None = None
        self._followers: list[Follower] = []
        self._looking: asyncio.Task[None] | None = None
        self._seen = Counts()
        self._restarts = 0

    async def start(self) -> None:
        config = await asyncio.to_thread(node_config, self._settings, self.context.home)
        self._pool = Pool(config, self._settings.workers)
        await self._pool.start()
        self._looking = asyncio.create_task(self._look(self._pool), name="resolution counts")
        if _copies(self._settings):
            await self._replicate(config)

    async def _replicate(self, config: NodeConfig) -> None:
        """Publish this node's changes, or follow another's; on records that the workers have open, too."""
        from lineshaft.bus import Bus, BusSettings
        from lineshaft.resolution.mirror.part import Replication

        settings = self._settings
        self._bus = await Bus.connect(self.context.settings.of(BusSettings), self.context.home, settings.name, wait=0)
        self._store = await asyncio.to_thread(open_store, config.store, Path(config.folder))
        changed = await self._follow(self._bus, self._store) if config.followed else None
        if not settings.replicate and not settings.mirror_of:
            return
        site = decode_site(config.site) if config.site else Site(serial=config.site_serial, servers=(
            Server(number=config.server_number, address=config.address or config.hosts[0]),
        ))  # fmt: skip
        self._replication = Replication(
            self._bus, self._store, site, config.server_number, mirror_of=settings.mirror_of, on_change=changed
        )
        await self._replication.start()

    async def _follow(self, bus: "Bus", store: RecordStore) -> "OnChange":
        """Have the workers forget what changes at the servers that are followed; returns what to tell of more changes."""
        from lineshaft.resolution.recursive import Noting
        from lineshaft.resolution.recursive.following import Follower

        self._noting = Noting(store)
        await self._noting.start()
        for source in self._settings.follow:
            if source != self._settings.mirror_of:
                follower = Follower(bus, source, self._noting.changed)
                self._followers.append(follower)
                await follower.start()
        return self._noting.changed

    async def stop(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._replication is not None:
            await self._replication.stop()
        for follower in self._followers:
            await follower.stop()
        if self._noting is not None:
            await self._noting.stop()
        if self._store is not None:
            self._store.close()
        if self._bus is not None:
            await self._bus.close()
        if self._pool is not None:
            await self._pool.stop()

    async def checks(self) -> list[Check]:
        pool, wanted = self._pool, self._settings.workers
        alive = 0 if pool is None else pool.alive
        hint = "It goes on by itself; the log says why." if alive < wanted else ""
        counts = Counts() if pool is None else pool.counts()
        detail = (
            f"{alive} of {wanted} answer; {counts.udp} datagrams, {counts.tcp} messages by TCP, {counts.answered} "
            f"answered, {counts.missing} not found, {counts.over_budget} over budget"
        )
        return [
            Check(name="workers", ok=alive == wanted, detail=detail, hint=hint),
            Check(
                name="enumeration", ok=True, detail=f"{counts.alarms} alarms: a source tried out numbers"
            ),
            *([] if self._replication is None else await self._replication.checks()),
            *(
                Check(
                    name=f"changes of {one.source}", ok=not one.trouble, detail=one.trouble or "followed",
                    hint="It goes on by itself; meanwhile records are kept for their time to live." if one.trouble else "",
                )
                for one in self._followers
            ),
        ]  # fmt: skip

    async def _look(self, pool: Pool) -> None:
        while True:
            self._add(pool)
            await asyncio.sleep(_LOOK_SECONDS)

    def _add(self, pool: Pool) -> None:
        """Bring the metrics up to what the workers counted."""
        now = pool.counts()
        for name in Counts.__struct_fields__:
            if name != "connections":
                _REQUESTS.labels(name).inc(max(0, getattr(now, name) - getattr(self._seen, name)))
        self._seen = now
        _CONNECTIONS.set(now.connections)
        _WORKERS.set(pool.alive)
        _RESTARTS.inc(pool.restarts - self._restarts)
        self._restarts = pool.restarts


def _copies(settings: ResolutionSettings) -> bool:
    """Whether another process than the workers has the records open, for what goes over the bus."""
    return bool(settings.replicate or settings.mirror_of or settings.follow)


def node_config(settings: ResolutionSettings, home: Home) -> NodeConfig:
    """What every worker of the node is told; the key is made where there is none.

    Raises:
        InvalidInput: settings that do not go together, or a site file that is none.
        Unavailable: a file cannot be read.
    """
    if _copies(settings) and settings.store != "lmdb":
        raise InvalidInput(
            "resolution.replication_store", f"records in {settings.store} cannot be copied while a worker has them open",
            "Set resolution.store to lmdb.", field="resolution.store", value=settings.store,
        )  # fmt: skip
    if settings.workers > 1 and settings.store != "lmdb":
        raise InvalidInput(
            "resolution.one_worker_only", f"records in {settings.store} can be shared by one worker, not {settings.workers}",
            "Set resolution.workers to 1, or resolution.store to lmdb.", field="resolution.workers",
            value=settings.workers, store=settings.store,
        )  # fmt: skip
    folder = Path(settings.folder).expanduser() if settings.folder else home.folder("resolution") / "records"
    return NodeConfig(
        hosts=list(settings.hosts), port=settings.port, address=settings.address,
        dialect_port=settings.dialect_port or None, http_port=settings.http_port or None,
        https_port=settings.https_port or None, **_tls(settings, home), store=settings.store, folder=str(folder),
        operators=list(settings.operators), prefixes=list(settings.prefixes), key=_key(settings, home), site=_site(settings),
        site_serial=settings.site_serial, primary=not settings.mirror_of, server_number=settings.server_number,
        recursive="recursive" in settings.roles,
        followed="recursive" in settings.roles and bool(settings.follow or settings.mirror_of), roots=_file(settings.roots_file, "resolution.roots_file"),
        reach=list(settings.reach), watchers=list(settings.watchers), **_ledger(home),
        limits=Limits(
            bytes_per_second=settings.bytes_per_second, signatures_per_second=settings.signatures_per_second,
            missing_per_second=settings.missing_per_second, connections=settings.connections,
        ),
    )  # fmt: skip


def new_key(kind: str) -> str:
    """A new private key, PKCS #8 in PEM.

    Args:
        kind: p256, ed25519 or rsa.
    """
    if kind == "rsa":
        from cryptography.hazmat.primitives import serialization

        pem = generate_rsa().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return pem.decode()
    return PrivateKey.generate("ed25519" if kind == "ed25519" else "ecdsa-p256").pem()


def _key(settings: ResolutionSettings, home: Home) -> str:
    path = Path(settings.key_file).expanduser() if settings.key_file else home.folder("keys") / "resolution.pem"
    if not settings.key_file and not path.exists():
        write_file(path, new_key(settings.key_type).encode())
    return _read(path, "resolution.key_file").decode("ascii", "replace")


def _ledger(home: Home) -> dict[str, str]:
    """The log that registrations are entered in, among the ledger's others, and its key, made where there is none."""
    path = home.folder("keys") / f"ledger-{LOG}.key"
    signer = notes.load_or_create(path, _origin(home, path))
    return {"ledger": str(places.log_folder(home, LOG)), "ledger_key": signer.private_text}


def _origin(home: Home, key: Path) -> str:
    """Name of the log: what its key says, where there is one."""
    with contextlib.suppress(OSError, InvalidInput, ValueError):
        return notes.NoteSigner.parse(key.read_text("ascii")).name
    try:
        identity = home.identity()
    except Unavailable:  # a node without a box
        return f"lineshaft.{secrets.token_hex(6)}/{LOG}"
    return f"lineshaft.{identity.prefix}/{identity.tenant}/{LOG}"


def _site(settings: ResolutionSettings) -> bytes:
    if not settings.site_file:
        return b""
    site: Site = site_from_json(_json(_read(Path(settings.site_file).expanduser(), "resolution.site_file")))
    return encode_site(msgspec.structs.replace(site, serial=max(site.serial, settings.site_serial)))


def _tls(settings: ResolutionSettings, home: Home) -> dict[str, str]:
    """Certificate and key of HTTPS; made where none are named."""
    if not settings.https_port:
        return {}
    certificate, key = Path(settings.tls_certificate).expanduser(), Path(settings.tls_key).expanduser()
    if not settings.tls_certificate:
        certificate, key = home.folder("keys") / "resolution-tls.crt", home.folder("keys") / "resolution-tls.key"
        if not certificate.exists():
            make_certificate(certificate, key, [settings.address or "127.0.0.1", *settings.hosts])
    return {
        "tls_certificate": str(certificate), "tls_key": str(key),
        "client_authorities": str(Path(settings.client_authorities).expanduser()) if settings.client_authorities else "",
    }  # fmt: skip


def make_certificate(certificate: Path, key: Path, addresses: Sequence[str]) -> None:
    """A certificate of a node's own for ten years, and its key, in two files.

    Args:
        certificate: file of it.
        key: file of the key.
        addresses: IP addresses by which the node is reached.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Lineshaft resolution node")])
    names = [x509.IPAddress(ipaddress.ip_address(address)) for address in dict.fromkeys(addresses)]
    now = clock.now()
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost"), *names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )  # fmt: skip
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_file(key, pem)
    write_file(certificate, made.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _file(name: str, field: str) -> bytes:
    return _read(Path(name).expanduser(), field) if name else b""


def _json(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise InvalidInput(
            "resolution.site_file", f"the description of the site is not JSON: {error}",
            "Write it as HS_SITE in JSON.", field="resolution.site_file", reason=str(error),
        ) from error  # fmt: skip


def _read(path: Path, field: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unavailable(
            "resolution.setting_file_unreadable", f"{path} cannot be read: {error.strerror}", f"Correct the setting {field}.",
            path=str(path), field=field, reason=str(error.strerror),
        ) from error  # fmt: skip
