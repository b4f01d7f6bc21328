"""A box: one process that holds the home's lock and supervises the bus server and every service.

`python -m lineshaft.cli.box --home FOLDER`: `lineshaft up` turns itself into this process, which imports as little as
it can, since it lives as long as the box.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec

from lineshaft.bus.address import find_address
from lineshaft.bus.server import answers
from lineshaft.bus.settings import BusSettings
from lineshaft.cli.catalogue import SERVICES
from lineshaft.core import health, logs, memory, texts
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.core.home import Home, read_json
from lineshaft.core.http import error_from_problem
from lineshaft.core.supervisor import Child, Supervisor, die_with_parent

BUS = "bus"


class Plan(msgspec.Struct, frozen=True):
    """The part of `prepare`'s answer that the box uses (field names are `prepare.Prepared`'s)."""

    bus_argv: list[str]
    services: list[str]
    invitation: str | None
    upgraded: list[str]


def prepare(home: Home, options: Sequence[str]) -> Plan:
    """Run `lineshaft.cli.prepare` to its end.

    Raises:
        LineshaftError: what it refused, as it said it.
        Unavailable: it died without an answer.
    """
    argv = [sys.executable, "-m", "lineshaft.cli.prepare", "--home", str(home.path), *options]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    try:
        document = json.loads(done.stdout)
    except ValueError:
        raise Unavailable(
            "cli.prepare_died", f"preparing {home.path} ended with status {done.returncode} and no answer",
            "The lines above say why; `lineshaft doctor` may know more.", path=str(home.path), status=done.returncode,
        ) from None  # fmt: skip
    if done.returncode != 0:
        raise error_from_problem(document)
    return msgspec.convert(document, Plan)


def children(home: Home, plan: Plan, settings: Sequence[str]) -> list[Child]:
    """The processes of the box, in starting order."""
    result = []
    if plan.bus_argv:
        result.append(Child(name=BUS, argv=die_with_parent(plan.bus_argv), probe=bus_probe(home)))
    for name in plan.services:
        argv = [sys.executable, "-m", "lineshaft.cli.serve", name, "--home", str(home.path)]
        argv += [part for pair in settings for part in ("--set", pair)]
        after = [other for other in SERVICES[name].after if other != BUS or plan.bus_argv]
        result.append(
            Child(name=name, argv=argv, probe=service_probe(home, name), after=after, environment=FRUGAL),
        )
    return result


FRUGAL = {
    # numpy's linear algebra would start a thread and 20 MB per core; nothing here multiplies matrices.
    "OPENBLAS_NUM_THREADS": "1",
    # Freed memory goes back to the system instead of to per-thread arenas.
    "MALLOC_ARENA_MAX": "2",
}


def service_probe(home: Home, name: str) -> Callable[[], Awaitable[bool]]:
    path = home.socket(name)

    async def probe() -> bool:
        return await health.started(path)

    return probe


def bus_probe(home: Home) -> Callable[[], Awaitable[bool]]:
    address = find_address(BusSettings(), home)  # what `prepare` wrote: this is the box's own server

    async def probe() -> bool:
        return await answers(address)

    return probe


def announce(home: Home, plan: Plan) -> None:
    """Say where the box is and how to get in."""
    chinese = texts.preferred(os.environ.get("LINESHAFT_LANGUAGE") or os.environ.get("LANG") or "") == "zh"
    listening = read_json(home.run / "web.json") or {}
    address = str(listening.get("public_url") or listening.get("url", ""))
    lines = [f"天轴 Lineshaft 已启动: {address}" if chinese else f"Lineshaft is up: {address}"]
    if plan.invitation:
        link = f"{address}/#invite={plan.invitation}"
        lines.append(f"一次性管理员登录链接: {link}" if chinese else f"One-time administrator sign-in: {link}")
    lines.append("实时值: lineshaft top    停止: Ctrl-C" if chinese else "Live values: lineshaft top    Stop: Ctrl-C")
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


async def supervise(home: Home, plan: Plan, settings: Sequence[str]) -> None:
    """Run the box until SIGINT or SIGTERM."""
    supervisor = Supervisor(home, children(home, plan, settings))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stop)
    memory.release()
    await supervisor.run(lambda: announce(home, plan))


def main() -> int:
    """Hold the lock, prepare, supervise."""
    parser = argparse.ArgumentParser(prog="lineshaft.cli.box")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--demo", action=argparse.BooleanOptionalAction, default=None)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    home = Home(arguments.home)
    logs.configure("box")
    options = [part for pair in arguments.set for part in ("--set", pair)]
    if arguments.demo is not None:
        options.append("--demo" if arguments.demo else "--no-demo")
    try:
        home.check()
        with home.locked():
            home.clear_run()
            plan = prepare(home, options)
            asyncio.run(supervise(home, plan, arguments.set))
    except LineshaftError as error:
        return refuse(error)
    except KeyboardInterrupt:  # during preparation
        return 130
    return 0


def refuse(error: LineshaftError) -> int:
    language = texts.preferred(os.environ.get("LINESHAFT_LANGUAGE") or os.environ.get("LANG") or "")
    message, hint = error.text(language)
    with contextlib.suppress(BrokenPipeError):
        sys.stderr.write(f"{'错误' if language == 'zh' else 'error'}: {message}\n  {hint}\n  [{error.code}]\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
