"""`lineshaft history`: stored and present values, gaps, the writer's state."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

import typer

from lineshaft.core import console, quality
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.history.corrections import cli as corrections_commands
from lineshaft.history.direct import cli as direct_commands
from lineshaft.history.maintenance import cli as maintenance_commands
from lineshaft.history.naming import refuse_terminal, resolve
from lineshaft.history.query import cli as queries
from lineshaft.history.sql import cli as sql_commands
from lineshaft.history.transfer import cli as transfer
from lineshaft.history.verify import cli as verification
from lineshaft.history.views import cli as views

app = console.application("Stored and present values.")

_Tags = Annotated[list[str], typer.Argument(help="Paths of tags, or their last level where only one tag has it.")]
_From = Annotated[str, typer.Option("--from", help="RFC 3339, or an offset such as -15m.")]
_To = Annotated[str, typer.Option("--to", help="RFC 3339, or an offset; not included.")]
_MAXIMUM_ROWS = 10_000
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
        Literal["table", "ndjson", "csv", "arrow", "parquet"],
        typer.Option("--format", help="All but table give all rows, to standard output."),
    ] = "table",
    interval: queries.Interval = "",
    aggregate: queries.AggregateName = "",
    at: queries.Times = None,
    bounds: queries.BoundsFlag = False,
    recipient: Annotated[str, typer.Option("--for", help="Who gets the values, where that is not you; recorded.")] = "",
    purpose: Annotated[str, typer.Option(help="Why, as one word; recorded with an export.")] = "operation",
) -> None:
    """Show stored values by time; an aggregate of them with --interval or --aggregate; values at times with --at."""
    from lineshaft.client import connect

    route, asked = queries.question(interval, aggregate, at, start, end, bounds=bounds)
    with connect(home=home) as client:
        paths = resolve(client, tags)
        params = [*(("tag", path) for path in paths), *asked, ("purpose", purpose), ("recipient", recipient)]
        if route != "raw" and (format_ == "table" or json):
            queries.show(client, route, params, limit, as_json=json)
            return
        if format_ == "table" or json:
            rows = [_row(item) for item in _pages(client, params, limit)]
            console.output(rows, as_json=json, columns=_SAMPLE_COLUMNS, empty=_nothing())
            return
        refuse_terminal(format_)
        queries.write(client, route, params, format_)


@app.command()
def latest(tags: _Tags, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the newest value of tags."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        paths = resolve(client, tags)
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
    columns = (("number", "number"), ("path", "tag"), ("unit", "unit"), ("description", "description"))
    console.output(rows, as_json=json, columns=columns)


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


app.command(name="sql")(sql_commands.run)
app.command()(verification.verify)
app.command()(maintenance_commands.compact)
app.command()(maintenance_commands.rollup)
app.command()(verification.stats)
app.command()(transfer.export)
app.command(name="import")(transfer.import_)
app.command()(corrections_commands.correct)
app.command()(corrections_commands.corrections)
app.command()(views.views)
app.command()(direct_commands.sealed)
app.command()(direct_commands.credentials)


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


def _nothing() -> str:
    return say("No values in this time.", "这段时间没有值。")
