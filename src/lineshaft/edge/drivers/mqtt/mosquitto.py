"""For simulators, tests and benchmarks: an Eclipse mosquitto broker of one's own on loopback, where it is installed."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from lineshaft.bus.server import free_port
from lineshaft.core.errors import Unavailable

_READY_SECONDS = 60.0
_ENDING_SECONDS = 10.0
_POLL_SECONDS = 0.02


def find_mosquitto() -> str:
    """The program.

    Raises:
        Unavailable: it is not installed; says what to do.
    """
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise Unavailable(
            "edge.mosquitto_missing", "this needs an MQTT broker, and mosquitto is not installed",
            "Install it (Debian: `apt install mosquitto`), or use a broker that you have.",
        )  # fmt: skip
    return found


@contextlib.contextmanager
def mosquitto(
    folder: Path, *, host: str = "127.0.0.1", port: int = 0, lines: str = "", user: str = "", password: str = ""
) -> Iterator[int]:
    """Run a broker until the block ends; its port.

    Args:
        folder: for its files; made.
        port: 0: any free one.
        lines: more of its configuration.
        user, password: where given, nobody else gets in; else everybody does.

    Raises:
        Unavailable: not installed, or it does not start.
    """
    program = find_mosquitto()
    folder.mkdir(parents=True, exist_ok=True)
    chosen = port or free_port(host)  # below those that the kernel gives to others until mosquitto has it
    access = "allow_anonymous true"
    if user:
        passwords = folder / "passwords"
        passwords.write_text(f"{user}:{password}\n")
        passwords.chmod(0o600)
        subprocess.run(["mosquitto_passwd", "-U", str(passwords)], check=True, capture_output=True)
        access = f"allow_anonymous false\npassword_file {passwords}"
    file = folder / "mosquitto.conf"
    account = f"user {folder.owner()}"  # started by root it would become another user, who cannot read its files
    file.write_text(
        f"{account}\nlistener {chosen} {host}\n{access}\npersistence false\nset_tcp_nodelay true\n{lines}\n"
    )
    with (folder / "mosquitto.log").open("ab") as log:
        process = subprocess.Popen([program, "-c", str(file)], stdout=log, stderr=log)
    try:
        _until_ready(process, host, chosen, folder / "mosquitto.log")
        yield chosen
    finally:
        process.terminate()
        try:
            process.wait(_ENDING_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _until_ready(process: "subprocess.Popen[bytes]", host: str, port: int, log: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
            return
        time.sleep(_POLL_SECONDS)
    reason = log.read_text(errors="replace").strip()[-500:]
    raise Unavailable(
        "edge.mosquitto_failed", f"mosquitto does not start: {reason}", "Choose another port.", reason=reason
    )
