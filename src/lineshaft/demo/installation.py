"""What an installed plant has on disk: its ports, its certificates in `home/demo`, its password with the gateway's secrets.

`install` makes it; the service reads it. The password lies nowhere but in the gateway's secrets, under the name that
the device's configuration refers to: plant and gateway of a box share it. What the plant's edge node and the gateway's
Sparkplug host sign in with are two tokens of the bus, one with the plant, one with the gateway.
"""

import msgspec

from lineshaft.core.errors import Corrupt, Unavailable
from lineshaft.core.home import Home, write_file
from lineshaft.edge import ApplicationCertificates, Secrets

DEVICE = "plant"
"""Name of the device, and of the secret that the gateway signs in with."""
USER = "gateway"
HOST = "127.0.0.1"
"""The plant's server is for this machine only."""
GROUP, NODE, SPARKPLUG_HOST = "demo", "plant", "lineshaft"
"""Sparkplug ids of the plant's edge node and of the host application that reads it."""
PLANT_NODE, PLANT_HOST = "plant-node", "plant-host"
"""Principals, and secrets, of the two."""
_FILE = "plant.json"


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """What the plant must keep from one start to the next."""

    port: int
    """Where its OPC UA server listens, chosen when it was installed."""
    modbus_port: int = 0
    """Where its Modbus server listens, for the gateway alone."""
    proxy_port: int = 0
    """Where the gateway's proxy takes foreign Modbus clients."""
    mqtt_port: int = 0
    """Where the bus takes its edge node; 0: there is none, and OPC UA has everything."""

    @property
    def sparkplug(self) -> bool:
        return self.mqtt_port != 0


def url_of(port: int) -> str:
    """The plant's endpoint on a port."""
    return f"opc.tcp://{HOST}:{port}/plant"


def modbus_of(port: int) -> str:
    """The Modbus server's endpoint on a port."""
    return f"modbus-tcp://{HOST}:{port}"


def broker_of(port: int) -> str:
    """The bus's MQTT on a port."""
    return f"mqtt://{HOST}:{port}"


def read(home: Home) -> Installation:
    """The plant's installation.

    Raises:
        Unavailable: there is none.
        Corrupt: its file cannot be read.
    """
    found = find(home)
    if found is None:
        raise Unavailable(
            "demo.not_installed", f"the demonstration plant is not installed in {home.path}",
            "`lineshaft up --demo` installs it.", path=str(home.path),
        )  # fmt: skip
    return found


def find(home: Home) -> Installation | None:
    """The plant's installation; None where there is none.

    Raises:
        Corrupt: its file cannot be read.
    """
    file = home.path / "demo" / _FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Installation)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise Corrupt(
            "demo.installation_unreadable", f"{file} cannot be read: {error}",
            "Delete it; `lineshaft up` installs the plant anew.", path=str(file), reason=str(error),
        ) from error  # fmt: skip


def write(home: Home, installation: Installation) -> None:
    """Keep the plant's installation."""
    write_file(home.folder("demo") / _FILE, msgspec.json.encode(installation))


def plant_certificates(home: Home) -> ApplicationCertificates:
    """The plant's own certificate and those of the clients it lets in."""
    return ApplicationCertificates(home.folder("demo") / "certificates", "plant", ("127.0.0.1", "localhost"))


def own_secrets(home: Home) -> Secrets:
    """The plant's secrets."""
    return Secrets(home.folder("demo") / "secrets")


def secrets_of(home: Home) -> Secrets:
    """The gateway's secrets."""
    return Secrets(home.folder("edge") / "secrets")
