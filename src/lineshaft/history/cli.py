"""`lineshaft history`: stored and present values, gaps, the writer's state."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import typer

from lineshaft.core import console, quality
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import InvalidInput, NotFound

app = console.application("Stored and present values.")

_Tags = Annotated[list[str], typer.Argument(help="Paths of tags, or their last level where only one tag has it.")]
_From = Annotated[str, typer.Option("--from", help="RFC 3339, or an offset such as -15m.")]
_To = Annotated[str, typer.Option("--to", help="RFC 3339, or an offset; not included.")]
_MAXIMUM_ROWS = 10_000
_WHOLE_PATH = 6
"""Slashes in the path of a tag."""
_PATHS_PER_CALL = 50


@app.command()
def query(
    tags: _Tags,
    home: HomeOption = None,
    json: JsonOption = False,
    start: _From = "-15m",
    end: _To = "now",
    limit: Annotated[int, typer.Option(help="Most rows of a table or JSON.", min=1)] = 1000,
    format_: Annotated[
        Literal["table", "ndjson", "csv", "arrow"],
        typer.Option("--format", help="ndjson, csv and arrow give all rows, to standard output."),
    ] = "table",
    recipient: Annotated[str, typer.Option("--for", help="Who gets the values, where that is not you; recorded.")] = "",
    purpose: Annotated[str, typer.Option(help="Why, as one word; recorded with an export.")] = "operation",
) -> None:
    """Show stored values by time."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        paths = _resolve(client, tags)
        params = [
            *(("tag", path) for path in paths), ("from", start), ("to", end), ("purpose", purpose),
            ("recipient", recipient),
        ]  # fmt: skip
        if format_ == "table" or json:
            rows = [_row(item) for item in _pages(client, params, limit)]
            console.output(rows, as_json=json, columns=_SAMPLE_COLUMNS, empty=_nothing())
            return
        _refuse_terminal(format_)
        with client.stream("GET", "/api/v1/history/raw", params=[*params, ("format", format_)]) as answer:
            for piece in answer.iter_bytes():
                sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


@app.command()
def latest(tags: _Tags, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the newest value of tags."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        paths = _resolve(client, tags)
        found: list[dict[str, Any]] = []
        for first in range(0, len(paths), _PATHS_PER_CALL):
            params = [("tag", path) for path in paths[first : first + _PATHS_PER_CALL]]
            found += client.request("GET", "/api/v1/history/latest", params=params)["items"]
    console.output([_row(item) for item in found], as_json=json, columns=_SAMPLE_COLUMNS, empty=_nothing())


@app.command(name="tags")
def list_tags(
    prefix: Annotated[str, typer.Argument(help="First characters of the paths.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List tags."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = [*client.pages("/api/v1/history/tags", {"prefix": prefix, "limit": 1000})]
    console.output(rows, as_json=json, columns=(("path", "tag"), ("unit", "unit"), ("description", "description")))


@app.command()
def gaps(
    home: HomeOption = None,
    json: JsonOption = False,
    start: _From = "-7d",
    end: _To = "now",
    gateway: Annotated[str, typer.Option(help="Only of this gateway.")] = "",
) -> None:
    """Show which values are known to be missing, and why."""
    from lineshaft.client import connect

    params: dict[str, Any] = {"from": start, "to": end, "limit": 1000}
    if gateway:
        params["gateway"] = gateway
    with connect(home=home) as client:
        rows = [*client.pages("/api/v1/history/gaps", params)]
    columns = [(name, name) for name in ("from", "to", "gateway", "cause", "from_seq", "to_seq", "rows", "detail")]
    console.output(rows, as_json=json, columns=columns, empty=say("No gaps.", "没有缺口。"))


@app.command()
def status(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show how far the writer is."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        console.output(client.history.status(), as_json=json)


@app.command()
def seal(home: HomeOption = None, json: JsonOption = False) -> None:
    """Put what is in memory into the table now."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        console.output(client.request("POST", "/api/v1/history/seal"), as_json=json)


_SAMPLE_COLUMNS = (("time", "time"), ("tag", "tag"), ("value", "value"), ("unit", "unit"), ("quality", "quality"))


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """A sample as people read it; the exact StatusCode stays beside its words."""
    return {
        "tag": item["path"], "time": item["time"], "value": item["value"], "unit": item["unit"],
        "quality": quality.words(item["quality"], console.language()), "code": item["quality"],
        "arrival": item["arrival"],
    }  # fmt: skip


def _pages(client: Any, params: Sequence[tuple[str, str]], limit: int) -> Iterator[dict[str, Any]]:
    """Up to `limit` samples, page by page."""
    cursor: list[tuple[str, str]] = []
    while limit > 0:
        size = min(limit, _MAXIMUM_ROWS)
        page = client.request("GET", "/api/v1/history/raw", params=[*params, ("limit", str(size)), *cursor])
        yield from page["items"]
        if page["next"] is None:
            return
        limit -= len(page["items"])
        cursor = [("cursor", page["next"])]


def _resolve(client: Any, names: Sequence[str]) -> list[str]:
    """Paths of the tags named: by the whole path, or by its last levels, such as `pressure` or `press/pressure`."""
    if all(name.count("/") >= _WHOLE_PATH for name in names):
        return list(names)
    paths = [tag["path"] for tag in client.tags()]
    found = []
    for name in names:
        ends = [path for path in paths if f"/{path}".endswith(f"/{name}")]
        found.append(_only(name, ends))
    return found


def _only(name: str, paths: Sequence[str]) -> str:
    if not paths:
        raise NotFound(
            "history.tag_unknown", f"there is no tag {name!r}",
            "`lineshaft history tags` and GET /api/v1/history/tags list them.", field="tag", value=name,
        )  # fmt: skip
    if len(paths) > 1:
        raise InvalidInput(
            "history.tag_ambiguous", f"{len(paths)} tags end with {name!r}, the first is {paths[0]}",
            "Give more of its path, such as `device/tag`.", field="tag", value=name, count=len(paths), first=paths[0],
        )  # fmt: skip
    return paths[0]


def _refuse_terminal(format_: str) -> None:
    if format_ == "arrow" and sys.stdout.isatty():
        raise InvalidInput(
            "history.terminal_refused", "arrow is not for a terminal", "Send it to a file: … --format arrow > file.arrows",
            field="--format", value=format_,
        )  # fmt: skip


def _nothing() -> str:
    return say("No values in this time.", "这段时间没有值。")
