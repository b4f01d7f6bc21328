"""`lineshaft doctor`: look at everything that commonly goes wrong, say what it is and what to do."""

import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import typer

from lineshaft.cli.catalogue import load_settings
from lineshaft.cli.status import read_status
from lineshaft.core import clock, console
from lineshaft.core.console import HomeOption, JsonOption, home_of
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.core.health import Check
from lineshaft.core.home import Home
from lineshaft.core.settings import Settings

app = console.application()

LOW_DISK_BYTES = 2 * 1024**3
_BUILT_US = 1_767_225_600 * clock.MICROSECONDS  # 2026-01-01: a clock before this is wrong


@app.command()
def doctor(home: HomeOption = None, json: JsonOption = False) -> None:
    """Check machine, home, settings and running services; exits with 1 where something is wrong."""
    place = home_of(home)
    checks = [check for examine in (_machine, _home, _settings, _running) for check in examine(place)]
    rows = [
        {"ok": check.ok, "check": check.name, "detail": check.detail, "do": "" if check.ok else check.hint}
        for check in checks
    ]
    console.output(rows, as_json=json)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def _machine(home: Home) -> Iterator[Check]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check(name="python", ok=sys.version_info >= (3, 11), detail=version, hint="Lineshaft needs 3.11 or newer.")
    yield Check(
        name="clock", ok=clock.now_us() > _BUILT_US, detail=clock.rfc3339(clock.now_us()),
        hint="Set the clock: every value carries its time.",
    )  # fmt: skip
    place = home.path if home.path.exists() else home.path.parent
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    yield Check(
        name="disk", ok=free >= LOW_DISK_BYTES, detail=f"{free / 1024**3:.1f} GiB free at {place}",
        hint="Make room: a full disk refuses new values, it never forgets old ones.",
    )  # fmt: skip


def _home(home: Home) -> Iterator[Check]:
    def look() -> str:
        identity = home.identity()
        return f"{home.path}: tenant {identity.tenant}, site {identity.site}, prefix {identity.prefix}"

    yield _attempt("home", look)
    if home.keys.exists():
        loose = [path.name for path in home.keys.iterdir() if path.is_file() and path.stat().st_mode & 0o077]
        yield Check(
            name="keys", ok=not loose, detail=", ".join(loose) or "readable by the owner only",
            hint=f"chmod 600 {home.keys}/*" if loose else "",
        )  # fmt: skip


def _settings(home: Home) -> Iterator[Check]:
    settings: list[Settings] = []

    def look() -> str:
        settings.append(load_settings(home))
        given = [row for row in settings[0].rows() if row.origin != "default"]
        return f"{len(given)} set, the rest are defaults"

    yield _attempt("settings", look)
    if settings and home.running_pid() is None:
        yield from _ports(settings[0])


def _ports(settings: Settings) -> Iterator[Check]:
    """Whether the ports that `up` will use are free."""
    wanted = {
        row.name: row.value
        for row in settings.rows()
        if row.name in ("bus.port", "web.port", "demo.port") and row.value
    }
    for name, port in wanted.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                yield Check(
                    name=name, ok=False, detail=f"port {port}: {os.strerror(error.errno or 0)}",
                    hint=f"Stop what listens there, or choose another: --set {name}=…",
                )  # fmt: skip
            else:
                yield Check(name=name, ok=True, detail=f"port {port} is free")


def _running(home: Home) -> Iterator[Check]:
    try:
        report: dict[str, Any] = read_status(home)
    except Unavailable as error:
        yield Check(name="running", ok=True, detail=error.message)
        return
    for service in report["services"]:
        ok = bool(service["ok"])
        hint = "" if ok else service["detail"] or f"See {home.logs / service['name']}.log"
        yield Check(name=service["name"], ok=ok, detail=service["state"], hint=hint)
        restarts = int(service["restarts"])
        if restarts:
            yield Check(
                name=f"{service['name']} restarts", ok=restarts < 5, detail=f"{restarts}, last {service['last_exit']}",
                hint=f"See {home.logs / service['name']}.log",
            )  # fmt: skip


def _attempt(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name=name, ok=True, detail=look())
    except LineshaftError as error:
        message, hint = error.text(console.language())
        return Check(name=name, ok=False, detail=message, hint=hint)
