"""`lineshaft history sql`."""

import sys
from typing import Annotated, Any, Literal

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say


def run(
    statement: Annotated[str, typer.Argument(help="One SELECT over samples, tags and rollup_1h, in DuckDB's dialect.")],
    tags: Annotated[
        list[str], typer.Option("--tag", help="Path of a tag, its last level, or a pattern with * and ?; repeatable.")
    ],
    home: HomeOption = None,
    json: JsonOption = False,
    start: Annotated[str, typer.Option("--from", help="RFC 3339, or an offset such as -15m.")] = "-15m",
    end: Annotated[str, typer.Option("--to", help="RFC 3339, or an offset; not included.")] = "now",
    format_: Annotated[
        Literal["table", "ndjson", "csv", "arrow", "parquet"],
        typer.Option("--format", help="All but table give all rows, to standard output."),
    ] = "table",
    recipient: Annotated[str, typer.Option("--for", help="Who gets the values, where that is not you; recorded.")] = "",
    purpose: Annotated[str, typer.Option(help="Why, as one word; recorded with an export.")] = "operation",
) -> None:
    """Ask stored values in SQL: the samples of the tags and the time given."""
    from lineshaft.client import connect
    from lineshaft.history.naming import refuse_terminal, resolve

    with connect(home=home) as client:
        asked: dict[str, Any] = {
            "sql": statement, "tags": resolve(client, tags), "from": start, "to": end, "purpose": purpose,
            "recipient": recipient,
        }  # fmt: skip
        if format_ == "table" or json:
            answer = client.request("POST", "/api/v1/history/sql", json=asked | {"format": "json"})
            _show(answer, json=json)
            return
        refuse_terminal(format_)
        with client.stream("POST", "/api/v1/history/sql", json=asked | {"format": format_}) as pieces:
            for piece in pieces.iter_bytes():
                sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


def _show(answer: dict[str, Any], *, json: bool) -> None:
    names = [column["name"] for column in answer["columns"]]
    rows = [dict(zip(names, row, strict=True)) for row in answer["rows"]]
    console.output(rows, as_json=json, columns=[(name, name) for name in names], empty=say("No rows.", "没有行。"))
    if answer["truncated"]:
        console.note(
            say(
                f"Only the first {len(rows)} rows; --format csv gives all.",
                f"仅前 {len(rows)} 行；--format csv 给出全部。",
            )
        )
