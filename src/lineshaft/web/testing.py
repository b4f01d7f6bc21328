"""For tests: the web service and the history service on a real bus and real records, in one process.

async with running_house(tmp_path) as house:
    await house.publish(("area/…/tag", 20.5))
    token = house.token("viewer")
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.access import local_token, principals, tokens
from lineshaft.bus import BatchHeader, Bus, BusSettings
from lineshaft.bus.telemetry import encode
from lineshaft.bus.testing import TestBus, embedded_bus
from lineshaft.core import clock, ids
from lineshaft.core.ids import HandleMinter
from lineshaft.core.principals import Principal, Role
from lineshaft.core.service import Context
from lineshaft.core.settings import Section, Settings
from lineshaft.history import HistoryService, Tags, TagSpec
from lineshaft.history.testing import samples
from lineshaft.records import Database, RecordsSettings, upgrade
from lineshaft.web.service import WebService
from lineshaft.web.settings import WebSettings

PACKAGES = ("records", "access", "history", "edge", "web")
PLANT = "eastman/tennessee/process/te/main/plant"


class House:
    """Both services running; made by `running_house`."""

    def __init__(self, box: TestBus, settings: Settings, database: Database) -> None:
        self.box = box
        self.home = box.home
        self.identity = box.home.identity()
        self.settings = settings
        self.database = database
        self.web = WebService(Context(box.home, settings))
        self.history = HistoryService(Context(box.home, settings))
        self._source: Bus | None = None
        self._numbers: dict[str, int] = {}
        self._sequence = 0
        self._boot = ids.new_id()

    @property
    def url(self) -> str:
        """Address of the web service."""
        listening = msgspec.json.decode((self.home.run / "web.json").read_bytes())
        return str(listening["url"])

    def with_web(self, **web: Any) -> Settings:
        """The settings with other ones of the web service."""
        kinds: tuple[type[Section], ...] = (BusSettings, RecordsSettings)
        return Settings([*(self.settings.of(kind) for kind in kinds), WebSettings(**web)])

    def principal(self, name: str, *roles: Role) -> Principal:
        """A new person."""
        minter = HandleMinter(self.identity.prefix)
        return self.database.transact(principals.create, minter, self.identity.tenant, name, roles=frozenset(roles))

    def token(self, *roles: Role, scopes: tuple[str, ...] = ("*",)) -> str:
        """An API token of a new person with these roles."""
        owner = self.principal(f"p{ids.new_id().lower()}", *roles)
        expires = clock.now_us() + 3600 * clock.MICROSECONDS
        return self.database.transact(tokens.create, owner.id, "test", list(scopes), expires).text

    def tags(self, *names: str) -> list[str]:
        """Tags of the plant; returns their paths."""
        paths = [f"{PLANT}/{name}" for name in names]
        minter = HandleMinter(self.identity.prefix)
        specs = [TagSpec(path=path, unit="kPa", description=f"about {path[-4:]}") for path in paths]
        made = self.database.transact(Tags(self.database, minter).allocate, self.identity.tenant, specs)
        self._numbers.update((tag.path, tag.number) for tag in made)
        return paths

    async def publish(self, *rows: tuple[str, float] | tuple[str, float, int]) -> None:
        """Send samples (path, value[, µs]) through the stream as one batch of a gateway."""
        if self._source is None:
            self._source = await self.box.connect("gateway")
        self._sequence += 1
        now = clock.now_us()
        batch = samples([(self._numbers[path], at[0] if at else now, value) for path, value, *at in rows], now)
        header = BatchHeader(
            gateway="gateway", boot=self._boot, group="fast", seq=self._sequence, config=1, clock_offset_us=0,
            rows=len(rows), first=self._sequence == 1,
        )  # fmt: skip
        subject = self.box.subjects.data("gateway", "fast")
        message = f"gateway:{self._boot}:{self._sequence}"
        await self._source.publish_stored(subject, encode(batch), header.to_headers(), message)


@contextlib.asynccontextmanager
async def running_house(folder: Path, *sections: Section, **web: Any) -> AsyncIterator[House]:
    """Bus, records, history and web, all running; `web` are fields of `WebSettings`."""
    settings = Settings([
        *sections, BusSettings(port=0, store_max_bytes=256 << 20), RecordsSettings(), WebSettings(**{"port": 0, "device_port": 0, **web})
    ])  # fmt: skip
    async with embedded_bus(folder, settings.of(BusSettings)) as box:
        database = Database.open(settings.of(RecordsSettings), box.home)
        upgrade(database, PACKAGES)
        local_token.renew(database, box.home, box.home.identity(), alone=True)
        for name in (WebService.NAME, HistoryService.NAME):
            box.issue(name)
        house = House(box, settings, database)
        try:
            await asyncio.gather(house.history.start(), house.web.start())
            yield house
        finally:
            await house.web.stop()
            await house.history.stop()
            database.close()


def certificate(folder: Path, *names: str, password: bytes | None = None) -> dict[str, str]:
    """A self-signed certificate for these names and addresses, and its key, as files; the settings that name them."""
    import datetime as dt

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    day, now = dt.timedelta(days=1), clock.now()
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_stated(name) for name in names]), critical=False)
    protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    folder.mkdir(exist_ok=True)
    files = {"tls_certificate": folder / "certificate.pem", "tls_key": folder / "key.pem"}
    files["tls_certificate"].write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    files["tls_key"].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
    )
    return {name: str(path) for name, path in files.items()}


def _stated(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


async def everything(reader: asyncio.StreamReader) -> bytes:
    """All that a server says until it hangs up; also where bytes it never read make that a reset (RFC 9112, 9.6)."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(1 << 20):
            said += part
    return said


async def talk(port: int, *parts: bytes, host: str = "127.0.0.1", seconds: float = 30) -> bytes:
    """Send the parts and return everything the server says until it hangs up, also in the middle of them."""
    reader, writer = await asyncio.open_connection(host, port)
    answer = asyncio.ensure_future(everything(reader))  # at once: a reset takes what has not been read
    try:
        with contextlib.suppress(ConnectionError):
            for part in parts:
                writer.write(part)
                await writer.drain()
        return await asyncio.wait_for(answer, seconds)
    finally:
        answer.cancel()
        writer.close()
