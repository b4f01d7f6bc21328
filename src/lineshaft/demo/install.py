"""Make the plant's stations devices of the gateway, as an engineer would: certificates, credentials, devices, guard.

Every step is idempotent and the last one completes: a killed installation is finished by the next. What is there
already is only mended where it must be: its addresses, and what the gateway knows it by.
"""

import secrets
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lineshaft.bus.settings import BusSettings, is_loopback
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.home import Home, Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.settings import Settings
from lineshaft.demo import guarding, installation
from lineshaft.demo.devices import devices
from lineshaft.demo.installation import DEVICE, HOST, USER, Installation
from lineshaft.demo.principals import keep_tokens
from lineshaft.demo.settings import DemoSettings
from lineshaft.edge import ApplicationCertificates, Device, EdgeSettings, Secret

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from lineshaft.edge import Devices
    from lineshaft.edge.store import Change
    from lineshaft.records import Database

_PASSWORD_BYTES = 32


async def install(home: Home, identity: Identity, settings: Settings, database: "Database") -> Installation:
    """Install the plant in a home whose records are up to date and whose services have their principals.

    Raises:
        Conflict: a device or principal of another kind has the name of one of the plant's.
        NotFound: there is no principal `plant`.
    """
    from lineshaft.access import Access, AccessSettings
    from lineshaft.bus import Subjects
    from lineshaft.edge import Devices, PartDocuments
    from lineshaft.edge.store import Change
    from lineshaft.history import Tags

    before = installation.find(home)
    installed = _choose_ports(settings, before)
    gateway = settings.of(EdgeSettings).gateway
    wanted = devices(installed, _introduce(home, gateway))
    _keep_password(home)
    author = await Access(database, identity, settings.of(AccessSettings)).member(DEVICE)
    if installed.sparkplug:
        keep_tokens(home, identity, database)
    minter, subjects = HandleMinter(identity.prefix), Subjects(identity.tenant, identity.site)
    store = Devices(database, Tags(database, minter), subjects, minter)
    change = Change(author=author.id, comment="demonstration plant")
    for device in wanted:
        await _put(store, device, wanted, change, gateway=gateway)
    await guarding.put(PartDocuments(database, subjects), gateway, installed, change)
    await database.write(_label, identity.tenant, author.id, [device.path for device in wanted])
    if before != installed:
        installation.write(home, installed)
    return installed


def with_mqtt(settings: BusSettings, installed: Installation) -> BusSettings:
    """The bus as the plant's edge node needs it: with MQTT, on this machine unless its settings say more."""
    if not installed.sparkplug:
        return settings
    host = settings.mqtt_host if settings.mqtt else HOST
    return replace(settings, mqtt=True, mqtt_host=host, mqtt_port=installed.mqtt_port)


def _choose_ports(settings: Settings, before: Installation | None) -> Installation:
    demo, bus = settings.of(DemoSettings), settings.of(BusSettings)
    taken: list[int] = []
    before = before or Installation(port=0)

    def choose(wanted: int, last: int) -> int:
        taken.append(_choose_port(wanted, last, taken))
        return taken[-1]

    return Installation(
        port=choose(demo.port, before.port),
        proxy_port=choose(demo.modbus_port, before.proxy_port),
        modbus_port=choose(0, before.modbus_port),
        mqtt_port=choose(bus.mqtt_port if bus.mqtt else 0, before.mqtt_port) if _has_mqtt(bus) else 0,
    )


def _has_mqtt(bus: BusSettings) -> bool:
    """Whether the plant's edge node can use the box's own bus: one that is here, and unencrypted on this machine."""
    return not bus.url and not bus.tls_certificate and (not bus.mqtt or is_loopback(bus.mqtt_host))


def _choose_port(wanted: int, last: int, taken: Sequence[int]) -> int:
    """The port that is set; where none is, the one used last if it is still free, else any that is."""
    if wanted:
        return wanted
    for port in (last, *(0 for _ in range(len(taken) + 1))):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found = int(probe.getsockname()[1])
            if found not in taken:
                return found
    raise OSError(f"no port of {HOST} is free")


def _introduce(home: Home, gateway: str) -> str:
    """Make both sides' certificates and have the plant trust the gateway's; the plant's fingerprint."""
    gateways = ApplicationCertificates(home.folder("edge") / "certificates", gateway).own()
    plants = installation.plant_certificates(home)
    der = gateways.certificate.read_bytes()
    if not plants.is_trusted(der):
        plants.trust(der)
    return plants.own().fingerprint


def _keep_password(home: Home) -> None:
    """A random password in the gateway's secrets, unless there is one."""
    kept = installation.secrets_of(home)
    if DEVICE not in kept.names():
        kept.keep(DEVICE, Secret(user=USER, password=secrets.token_urlsafe(_PASSWORD_BYTES)))


def _label(connection: "Connection", tenant: str, author: str, paths: Sequence[str]) -> None:
    """Generated data: nobody has to grade them, and people's own labels of them stay."""
    from lineshaft.access.labels import Label, Subject
    from lineshaft.access.labels.administration import ensure

    label = Label(
        domain="production", grade_2020=1, grade_2022="general", purpose="demonstration", owner=DEVICE
    )  # fmt: skip
    reason = "generated by the demonstration plant"
    for path in paths:
        ensure(connection, tenant, Subject("tag", path), label, author=author, reason=reason)


async def _put(store: "Devices", device: Device, all_: Sequence[Device], change: "Change", *, gateway: str) -> None:
    try:
        stored = await store.get(device.name)
    except NotFound:
        await store.put(device, change, gateway=gateway, new=True)
        return
    kept = stored.device
    if (kept.path, kept.driver) != (device.path, device.driver):
        raise Conflict(
            "demo.device_name_taken", f"the device {device.name!r} at {kept.path} is not the demonstration plant",
            "Start without the plant (`lineshaft up --no-demo`), or give that device another name.",
            device=device.name, path=kept.path,
        )  # fmt: skip
    # What people changed about the device stays: its groups, its points, its description.
    moved = {point.name for other in all_ if other.name != device.name for point in other.points}
    points = tuple(point for point in kept.points if point.name not in moved)
    mended = replace(kept, endpoint=device.endpoint, options={**kept.options, **device.options}, points=points)
    if mended != kept:
        await store.put(mended, change, gateway=stored.gateway, if_match=stored.etag)
