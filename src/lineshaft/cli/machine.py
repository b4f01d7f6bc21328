"""A gateway's machine: one process that holds the home's lock and supervises the machine's own bus and the gateway.

`python -m lineshaft.cli.machine --home FOLDER`: `lineshaft edge run` turns itself into this process. Everything it
needs to start lies in the home; the server that the gateway belongs to may be away.
"""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from lineshaft.cli import box
from lineshaft.core import logs, memory
from lineshaft.core.errors import Conflict, LineshaftError
from lineshaft.core.home import Home
from lineshaft.core.supervisor import Child, Supervisor, die_with_parent

GATEWAY = "gateway"


def prepare(home: Home, flags: list[str]) -> list[str]:
    """Make keys and files of the machine's own bus; the command line of its server.

    Raises:
        Conflict: the home is a box's, whose gateway needs no store. Unavailable: this machine has not enrolled.
    """
    from lineshaft.bus.settings import BusSettings
    from lineshaft.cli.catalogue import load_settings
    from lineshaft.cli.serve import flags_of
    from lineshaft.edge.forward.local import LocalBus
    from lineshaft.edge.settings import EdgeSettings

    home.identity()
    settings = load_settings(home, flags_of(flags))
    if not settings.of(BusSettings).url:
        raise Conflict(
            "edge.run_needs_hub", f"{home.path} names no bus elsewhere (bus.url): it is not the home of a gateway alone",
            "On a whole installation `lineshaft up` runs the gateway; elsewhere `lineshaft edge enrol TOKEN` first.",
            path=str(home.path),
        )  # fmt: skip
    server = LocalBus(home, settings.of(EdgeSettings)).prepare()
    return server.argv


def children(home: Home, bus_argv: list[str], flags: list[str]) -> list[Child]:
    """The machine's processes, in starting order."""
    argv = [sys.executable, "-m", "lineshaft.cli.serve", GATEWAY, "--home", str(home.path)]
    argv += [part for pair in (*flags, "edge.store=true") for part in ("--set", pair)]
    return [
        Child(name=box.BUS, argv=die_with_parent(bus_argv), probe=box.bus_probe(home)),
        Child(name=GATEWAY, argv=argv, probe=box.service_probe(home, GATEWAY), after=[box.BUS], environment=box.FRUGAL),
    ]


async def supervise(home: Home, bus_argv: list[str], flags: list[str]) -> None:
    """Run the machine until SIGINT or SIGTERM."""
    supervisor = Supervisor(home, children(home, bus_argv, flags))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, supervisor.stop)
    memory.release()
    await supervisor.run(lambda: logs.get("machine").info("machine_runs", home=str(home.path)))


def main() -> int:
    """Hold the lock, prepare, supervise."""
    parser = argparse.ArgumentParser(prog="lineshaft.cli.machine")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    home = Home(arguments.home)
    logs.configure("machine")
    try:
        home.check()
        with home.locked():
            home.clear_run()
            bus_argv = prepare(home, arguments.set)
            asyncio.run(supervise(home, bus_argv, arguments.set))
    except LineshaftError as error:
        return box.refuse(error)
    except KeyboardInterrupt:  # during preparation
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
