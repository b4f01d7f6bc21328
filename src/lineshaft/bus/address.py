"""Where the bus is and how to trust it: from the settings, or from what the box's own server left in `run/bus.json`."""

import ssl
from urllib.parse import urlsplit

import msgspec

from lineshaft.bus.settings import BusSettings, is_loopback
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.home import Home, write_file

FILE = "bus.json"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One bus server."""

    host: str
    port: int
    tls: bool = False
    tls_name: str = ""
    """The name its certificate must bear; empty: the host's."""
    tls_ca: str = ""
    """PEM file of trusted authorities; empty: those of the system."""
    mqtt_port: int = 0
    """Where devices connect by MQTT; 0: nowhere."""

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'tls' if self.tls else 'nats'}://{host}:{self.port}"

    def context(self) -> ssl.SSLContext | None:
        """TLS context that checks the server's certificate; None without TLS.

        Raises:
            InvalidInput: the file of authorities cannot be read.
        """
        if not self.tls:
            return None
        try:
            context = ssl.create_default_context(cafile=self.tls_ca or None)
        except OSError as error:  # ssl.SSLError is one
            raise InvalidInput(
                "bus.tls_file_unreadable", f"bus.tls_ca {self.tls_ca!r} cannot be used: {error}",
                "Name a PEM file that this user may read.", field="bus.tls_ca", value=self.tls_ca, reason=str(error),
            ) from error  # fmt: skip
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


def find_address(settings: BusSettings, home: Home) -> Address:
    """Where to connect to now. Read it anew at each attempt: a restarted box may have another port.

    Raises:
        InvalidInput: the setting `bus.url` is no address, or would carry traffic in the open beyond loopback.
        Unavailable: the box's own bus has not been started.
    """
    if settings.url:
        return _from_url(settings)
    try:
        return msgspec.json.decode((home.run / FILE).read_bytes(), type=Address)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise Unavailable(
            "bus.not_started", f"the bus of {home.path} is not running",
            "Start it with `lineshaft up`.", path=str(home.path),
        ) from None  # fmt: skip


def write_address(home: Home, address: Address) -> None:
    """Tell the box's other processes where the bus is."""
    write_file(home.folder("run") / FILE, msgspec.json.encode(address))


def _from_url(settings: BusSettings) -> Address:
    parts = urlsplit(settings.url)
    try:
        host, port = parts.hostname, parts.port or 4222
    except ValueError:
        host, port = None, 0
    if parts.scheme not in ("nats", "tls") or not host or parts.username is not None or parts.path.strip("/"):
        shown = settings.url.rpartition("@")[2]  # what stands before it may be a password
        raise InvalidInput(
            "bus.url_invalid", f"bus.url is {shown!r}, not an address of a bus",
            "Give nats://host:port or tls://host:port, without names or passwords.", field="bus.url", value=shown,
        )  # fmt: skip
    if parts.scheme == "nats" and not is_loopback(host):
        raise InvalidInput(
            "bus.url_unencrypted", f"bus.url is {settings.url!r}: beyond loopback the bus is used with TLS only",
            "Give tls://host:port, and bus.tls_ca where its certificate is not signed by a public authority.",
            field="bus.url", value=settings.url,
        )  # fmt: skip
    return Address(host=host, port=port, tls=parts.scheme == "tls", tls_ca=settings.tls_ca)
