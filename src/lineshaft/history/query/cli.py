"""What `lineshaft history query` does with `--interval`, `--aggregate` and `--at`."""

import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from lineshaft.core import console, quality
from lineshaft.core.console import say
from lineshaft.core.errors import InvalidInput

Interval = Annotated[str, typer.Option("--interval", help="Length of the intervals to aggregate over: 60s, 10m, 1h.")]
AggregateName = Annotated[str, typer.Option("--aggregate", help="By its OPC UA name: Average, TimeAverage, Maximum …")]
Times = Annotated[list[str] | None, typer.Option("--at", help="Values at this time; repeat it for several.")]
BoundsFlag = Annotated[bool, typer.Option("--bounds", help="With the bounding values before and behind the range.")]

_MAXIMUM_VALUES = 10_000
_COLUMNS = (("time", "time"), ("tag", "tag"), ("value", "value"), ("unit", "unit"), ("quality", "quality"))
Params = list[tuple[str, str]]


def question(
    interval: str, aggregate: str, times: Sequence[str] | None, start: str, end: str, *, bounds: bool
) -> tuple[str, Params]:  # fmt: skip
    """The route that answers, and its parameters beside the tags.

    Raises:
        InvalidInput: options that do not go together.
    """
    calculates = bool(interval or aggregate)
    for one, other, both in (
        ("--at", "--interval/--aggregate", bool(times) and calculates), ("--at", "--bounds", bool(times) and bounds),
        ("--bounds", "--interval/--aggregate", bounds and calculates),
    ):  # fmt: skip
        if both:
            raise InvalidInput(
                "history.options_exclusive", f"{one} and {other} ask for different things", "Give one of them.",
                field=one, other=other,
            )  # fmt: skip
    if times:
        return "at", [("time", time) for time in times]
    between = [("from", start), ("to", end)]
    if calculates:
        return "processed", [*between, ("interval", interval or "0"), ("aggregate", aggregate or "Average")]
    return "raw", [*between, ("bounds", "true")] if bounds else between


def show(client: Any, route: str, params: Params, limit: int, *, as_json: bool) -> None:
    """Calculated values as a table or JSON."""
    rows = [_row(item) for item in _values(client, route, params, limit)]
    console.output(rows, as_json=as_json, columns=_COLUMNS, empty=say("No values in this time.", "这段时间没有值。"))


def write(client: Any, route: str, params: Params, kind: str) -> None:
    """All of an answer in one of the streamed formats, to standard output."""
    with client.stream("GET", f"/api/v1/history/{route}", params=[*params, ("format", kind)]) as answer:
        for piece in answer.iter_bytes():
            sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()


def _values(client: Any, route: str, params: Params, limit: int) -> Iterator[dict[str, Any]]:
    """Up to `limit` values, page by page."""
    cursor: Params = []
    while limit > 0:
        size = str(min(limit, _MAXIMUM_VALUES))
        page = client.request("GET", f"/api/v1/history/{route}", params=[*params, ("limit", size), *cursor])
        yield from page["items"]
        if page["next"] is None:
            return
        limit -= len(page["items"])
        cursor = [("cursor", page["next"])]


def _row(item: dict[str, Any]) -> dict[str, Any]:
    """A value as people read it; the exact StatusCode and its aggregate bits stay beside its words."""
    words = quality.words(item["quality"], console.language())
    said = [*item["bits"]]
    return {
        "tag": item["path"], "time": item["time"], "value": item["value"], "unit": item["unit"],
        "quality": f"{words} ({', '.join(said)})" if said else words, "code": item["quality"], "bits": said,
    }  # fmt: skip
