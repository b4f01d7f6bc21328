"""`lineshaft down`: stop a running box and wait until it is gone."""

import contextlib
import os
import signal
import time

from lineshaft.core import console
from lineshaft.core.console import HomeOption, home_of, say
from lineshaft.core.errors import Unavailable

app = console.application()

STOP_SECONDS = 60


@app.command()
def down(home: HomeOption = None) -> None:
    """Stop what `lineshaft up` started on this home."""
    place = home_of(home)
    pid = place.running_pid()
    if pid is None:
        console.note(say(f"Nothing runs on {place.path}.", f"{place.path} 上没有运行的实例。"))
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while place.running_pid() is not None:
        if time.monotonic() > deadline:
            raise Unavailable(
                "cli.stop_slow", f"process {pid} still runs after {STOP_SECONDS} s",
                f"See the logs in {place.logs}.", pid=pid, seconds=STOP_SECONDS,
            )  # fmt: skip
        time.sleep(0.1)
    console.note(say("Stopped.", "已停止。"))
