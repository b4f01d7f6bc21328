"""Make the plant a device of the gateway, as an engineer would: certificates, password, device with all its points.

Every step is idempotent and the last one completes: a killed installation is finished by the next. A plant that is
there already is only mended where it must be: its address, and what the gateway knows it by.
"""

import secrets
import socket
from typing import TYPE_CHECKING

from msgspec.structs import replace

from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.home import Home, Identity
from lineshaft.core.ids import HandleMinter
from lineshaft.core.settings import Settings
from lineshaft.demo import installation
from lineshaft.demo.installation import DEVICE, HOST, USER, Installation
from lineshaft.demo.settings import DemoSettings
from lineshaft.demo.signals import PATH, SIGNALS, address_of
from lineshaft.edge import ApplicationCertificates, Device, EdgeSettings, Point, Secret

if TYPE_CHECKING:
    from lineshaft.edge import Devices
    from lineshaft.records import Database

_PASSWORD_BYTES = 32


async def install(home: Home, identity: Identity, settings: Settings, database: "Database") -> None:
    """Install the plant in a home whose records are up to date and whose services have their principals.

    Raises:
        Conflict: a device of another kind has the plant's name.
        NotFound: there is no principal `plant`.
    """
    from lineshaft.access import Access, AccessSettings
    from lineshaft.bus import Subjects
    from lineshaft.edge import Devices
    from lineshaft.history import Tags

    before = installation.find(home)
    port = _choose_port(settings.of(DemoSettings).port, before)
    gateway = settings.of(EdgeSettings).gateway
    device = _device(port, _introduce(home, gateway))
    _keep_password(home)
    minter = HandleMinter(identity.prefix)
    devices = Devices(database, Tags(database, minter), Subjects(identity.tenant, identity.site), minter)
    author = await Access(database, identity, settings.of(AccessSettings)).member(DEVICE)
    await _put(devices, device, author=author.id, gateway=gateway)
    if before is None or before.port != port:
        installation.write(home, Installation(port=port))


def _choose_port(wanted: int, before: Installation | None) -> int:
    """The port that is set; where none is, the one used last if it is still free, else any that is."""
    if wanted:
        return wanted
    for port in (before.port if before else 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
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


def _device(port: int, fingerprint: str) -> Device:
    return Device(
        name=DEVICE,
        path=PATH,
        driver="opcua",
        endpoint=installation.url_of(port),
        options={"secret": DEVICE, "server_fingerprint": fingerprint},
        points=tuple(
            Point(
                name=signal.name, address=address_of(signal.name), unit=signal.unit.symbol,
                description=signal.description, low=signal.low, high=signal.high,
            )
            for signal in SIGNALS
        ),
        description="Demonstration plant: the Tennessee Eastman process in closed loop",
    )  # fmt: skip


async def _put(devices: "Devices", device: Device, *, author: str, gateway: str) -> None:
    from lineshaft.edge.store import Change

    change = Change(author=author, comment="demonstration plant")
    try:
        stored = await devices.get(DEVICE)
    except NotFound:
        await devices.put(device, change, gateway=gateway, new=True)
        return
    kept = stored.device
    if (kept.path, kept.driver) != (device.path, device.driver):
        raise Conflict(
            "demo.device_name_taken", f"the device {DEVICE!r} at {kept.path} is not the demonstration plant",
            "Start without the plant (`lineshaft up --no-demo`), or give that device another name.",
            device=DEVICE, path=kept.path,
        )  # fmt: skip
    # What people changed about the device stays: its groups, its points, its description.
    mended = replace(kept, endpoint=device.endpoint, options={**kept.options, **device.options})
    if mended != kept:
        await devices.put(mended, change, gateway=stored.gateway, if_match=stored.etag)
