"""`lineshaft up`: become the box process, in the foreground or detached."""

import os
import subprocess
import sys
import time
from typing import Annotated

import typer

from lineshaft.cli.run import SetOption
from lineshaft.core import console
from lineshaft.core.console import HomeOption, home_of
from lineshaft.core.errors import Unavailable
from lineshaft.core.home import Home

app = console.application()

START_SECONDS = 120


@app.command()
def up(
    home: HomeOption = None,
    demo: Annotated[
        bool | None, typer.Option("--demo/--no-demo", help="Run the demonstration plant [default: if installed].")
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Return once everything runs.")] = False,
    settings: SetOption = None,
) -> None:
    """Start the bus, every service and, where installed, the demonstration plant, on this machine."""
    place = home_of(home)
    argv = [sys.executable, "-m", "lineshaft.cli.box", "--home", str(place.path)]
    argv += [] if demo is None else ["--demo" if demo else "--no-demo"]
    argv += [part for pair in settings or [] for part in ("--set", pair)]
    sys.stdout.flush()
    if not detach:
        # The same process goes on as the box, without the command-line library's memory.
        os.execv(sys.executable, argv)
    raise typer.Exit(_detach(place, argv))


def _detach(place: Home, argv: list[str]) -> int:
    """Start the box in the background and show what it says until it is up; returns the exit status."""
    place.check()
    log = place.folder("logs") / "box.log"
    with log.open("ab") as file:
        start = file.tell()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        said = log.read_bytes()[start:].decode(errors="replace")
        status = process.poll()
        if status is not None:
            sys.stderr.write(said)
            return status
        if "lineshaft top" in said:
            sys.stdout.write(said.replace("Stop: Ctrl-C", "Stop: lineshaft down").replace("Ctrl-C", "lineshaft down"))
            return 0
        time.sleep(0.1)
    raise Unavailable(
        "cli.start_slow", f"the box is not up after {START_SECONDS} s", f"See {log} and `lineshaft status`.",
        seconds=START_SECONDS, log=str(log),
    )  # fmt: skip
