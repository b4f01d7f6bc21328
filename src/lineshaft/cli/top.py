"""`lineshaft top`: a live table of tags: value, unit, quality in words, age, and how it moved.

It redraws a few times a second, which a slow line of a remote shell carries, and ends cleanly on q, Ctrl-C or a closed
terminal. Without a terminal it prints the present values once and ends.
"""

import collections
import contextlib
import math
import select
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import typer

from lineshaft.core import clock, console, quality
from lineshaft.core.console import HomeOption, JsonOption, language, say

app = console.application()

REDRAW_SECONDS = 0.5
HISTORY = 20
_BARS = "▁▂▃▄▅▆▇█"


@app.command()
def top(
    paths: Annotated[
        list[str] | None, typer.Argument(help="Tags, or a leading part of their paths [default: all].")
    ] = None,
    home: HomeOption = None,
    url: Annotated[str | None, typer.Option("--url", help="Address of another Lineshaft.")] = None,
    token: Annotated[str | None, typer.Option("--token", envvar="LINESHAFT_TOKEN", help="API token for --url.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Print the present values and end.")] = False,
    json: JsonOption = False,
) -> None:
    """Watch live values."""
    from lineshaft.client import connect

    with connect(url, token=token, home=home) as client:
        board = Board(client.tags(paths or None))
        if json or once or not (sys.stdout.isatty() and sys.stdin.isatty()):
            board.take(client.history.latest([*board.tags]))
            console.output(board.rows(), as_json=json, columns=_COLUMNS, empty=_NO_TAGS)
            return
        if not board.tags:
            console.note(_NO_TAGS)
            return
        _watch(client, board)


_NO_TAGS = "No tags yet: `lineshaft device add` or `lineshaft up --demo` brings some."
_COLUMNS = (("name", "tag"), ("value", "value"), ("unit", "unit"), ("quality", "quality"), ("age", "age"))


class Board:
    """Present value and recent course of each tag shown."""

    def __init__(self, tags: list[dict[str, Any]]) -> None:
        self.tags = {tag["path"]: tag for tag in tags}
        self._names = short_names(self.tags)
        self._latest: dict[str, tuple[int, Any, int]] = {}
        self._course = {path: collections.deque[float](maxlen=HISTORY) for path in self.tags}
        self._lock = threading.Lock()
        self.notice = ""

    def take(self, values: list[tuple[str, int, Any, int]]) -> None:
        """Take changed values: (path, microseconds, value, StatusCode)."""
        with self._lock:
            for path, moment, value, code in values:
                if path in self._course:
                    self._latest[path] = (moment, value, code)
                    if isinstance(value, int | float):
                        self._course[path].append(float(value))

    def rows(self) -> list[dict[str, Any]]:
        """One row a tag, for a table or JSON."""
        now = clock.now_us()
        with self._lock:
            return [self._row(path, tag, now) for path, tag in self.tags.items()]

    def _row(self, path: str, tag: dict[str, Any], now: int) -> dict[str, Any]:
        moment, value, code = self._latest.get(path, (None, None, None))
        return {
            "path": path,
            "name": self._names[path],
            "value": f"{value:.6g}" if isinstance(value, float) else value,
            "unit": tag.get("unit") or "",
            "quality": say("no value yet", "尚无值") if code is None else quality.words(code, language()),
            "age": "" if moment is None else _age(now - moment),
            "time": None if moment is None else clock.rfc3339(moment),
            "course": sparkline(self._course[path]),
            "description": tag.get("description") or "",
        }


def short_names(paths: Iterable[str]) -> dict[str, str]:
    """The last levels of each path: as many for all as tell them apart, so that equal points of two devices differ."""
    levels = {path: path.split("/") for path in paths}
    deepest = max((len(parts) for parts in levels.values()), default=1)
    for count in range(1, deepest + 1):
        names = {path: "/".join(parts[-count:]) for path, parts in levels.items()}
        if len(set(names.values())) == len(names):
            return names
    return {path: path for path in levels}


def sparkline(values: collections.deque[float]) -> str:
    """Recent values as a row of bars between their least and greatest."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    return "".join(_BARS[int((value - low) / span * (len(_BARS) - 1))] for value in finite)


def _age(microseconds: int) -> str:
    seconds = max(0, microseconds) / clock.MICROSECONDS
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"


def _watch(client: Any, board: Board) -> None:
    from rich.console import Console
    from rich.live import Live

    screen = Console()
    ended = threading.Event()
    threading.Thread(target=_receive, args=(client, board, ended), daemon=True).start()
    with (
        _single_keys() as key,
        Live(console=screen, screen=True, auto_refresh=False) as live,
        contextlib.suppress(KeyboardInterrupt),
    ):
        while not ended.is_set():
            live.update(_table(board, screen.size.height), refresh=True)
            if key(REDRAW_SECONDS) in ("q", "Q", "\x03", ""):
                break
    ended.set()


def _receive(client: Any, board: Board, ended: threading.Event) -> None:
    """Feed the board until the end; the client reconnects by itself and says when it must."""
    for message in client.live([*board.tags], until=ended):
        board.notice = message.get("notice", "")
        board.take([tuple(value) for value in message.get("values", ())])


def _table(board: Board, height: int) -> Any:
    from rich.table import Table
    from rich.text import Text

    rows = board.rows()
    shown = rows[: max(1, height - 4)]
    more = f" +{len(rows) - len(shown)}" if len(shown) < len(rows) else ""
    caption = board.notice or say(f"{len(rows)} tags{more}. q ends.", f"{len(rows)} 个测点{more}。q 退出。")
    table = Table(box=None, expand=True, pad_edge=False, caption=caption, header_style="bold")
    table.add_column(say("tag", "测点"), no_wrap=True)
    table.add_column(say("value", "值"), justify="right", no_wrap=True)
    table.add_column(say("unit", "单位"), no_wrap=True)
    table.add_column(say("quality", "质量"), no_wrap=True)
    table.add_column(say("age", "时龄"), justify="right", no_wrap=True)
    table.add_column(say("course", "走势"), no_wrap=True)
    table.add_column(say("description", "说明"), no_wrap=True, ratio=1)
    for row in shown:
        good = row["quality"] in (quality.words(0, "en"), quality.words(0, "zh"))
        cells = [str(row[key] if row[key] is not None else "") for key in ("name", "value", "unit")]
        table.add_row(
            *(Text(cell) for cell in cells), Text(row["quality"], style="green" if good else "bold red"),
            row["age"], row["course"], Text(row["description"], style="dim"),
        )  # fmt: skip
    return table


@contextlib.contextmanager
def _single_keys() -> Iterator[Any]:
    """Read single keys from the terminal: `key(seconds)` gives one, "" at end of file, None at the deadline."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def key(seconds: float) -> str | None:
        deadline = time.monotonic() + seconds
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        return sys.stdin.read(1) if ready else None

    try:
        tty.setcbreak(descriptor)
        yield key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
