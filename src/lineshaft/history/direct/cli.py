"""`lineshaft history sealed` and `credentials`: a table read without any service, and the keys of an object store."""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from lineshaft.core import clock, console
from lineshaft.core.console import HomeOption, JsonOption, home_of, say
from lineshaft.core.settings import Settings
from lineshaft.history.settings import HistorySettings

if TYPE_CHECKING:
    import pyarrow as pa

    from lineshaft.history.direct.history import Extent


def sealed(
    tags: Annotated[list[int] | None, typer.Argument(help="Numbers of tags; none: only what the table holds.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
    url: Annotated[str, typer.Option(help="Where the tables lie, such as s3://bucket/prefix; empty: the home's.")] = "",
    endpoint: Annotated[str, typer.Option(help="Address of the object store, https://host:port.")] = "",
    start: Annotated[str, typer.Option("--from", help="RFC 3339, or an offset such as -15m.")] = "-15m",
    end: Annotated[str, typer.Option("--to", help="RFC 3339, or an offset; not included.")] = "now",
    limit: Annotated[int, typer.Option(help="Most rows of a table or JSON.", min=1)] = 1000,
    format_: Annotated[
        Literal["table", "ndjson", "arrow"], typer.Option("--format", help="ndjson and arrow give all rows.")
    ] = "table",
) -> None:
    """Read sealed values straight from the table, with no service running; says up to when they are whole."""
    from lineshaft.history.direct.history import SealedHistory, described
    from lineshaft.history.naming import refuse_terminal

    place = home_of(home)
    flags = {f"history.{name}": value for name, value in (("url", url), ("endpoint", endpoint)) if value}
    settings = Settings.load([HistorySettings], file=place.settings_file, flags=flags, partial=True)
    history = SealedHistory(settings.of(HistorySettings).storage(place))
    if not tags:
        console.output(described(history.extent), as_json=json)
        return
    rows = history.raw(tags, clock.parse_time(start, field="from"), clock.parse_time(end, field="to"))
    if format_ == "table" or json:
        found = [item for _, item in zip(range(limit), _items(rows), strict=False)]
        console.output(found, as_json=json, columns=_COLUMNS, empty=say("No sealed values.", "没有已封存的值。"))
    else:
        refuse_terminal(format_)
        _write(rows, format_)
    console.note(_until(history.extent))


def credentials(
    forget: Annotated[bool, typer.Option("--forget", help="Forget the keys that are kept.")] = False,
    home: HomeOption = None,
) -> None:
    """Keep the keys of the object store that holds the history; asked for, or two lines of standard input."""
    from lineshaft.history import credentials as kept

    place = home_of(home)
    if forget:
        found = kept.forget(place)
        console.note(say("Forgotten.", "已删除。") if found else say("There were none.", "没有保存过密钥。"))
        return
    access, secret = (_asked(*names) for names in (("Access key", "访问密钥 ID"), ("Secret key", "密钥")))
    kept.keep(place, kept.Credentials(access_key=access, secret_key=secret))
    console.note(say(f"Kept in {kept.credentials_file(place)}.", f"已保存到 {kept.credentials_file(place)}。"))


def _asked(english: str, chinese: str) -> str:
    if sys.stdin.isatty():
        return str(typer.prompt(say(english, chinese), hide_input=True, err=True)).strip()
    return sys.stdin.readline().strip()


_COLUMNS = (("time", "time"), ("tag", "tag"), ("value", "value"), ("quality", "quality"))


def _items(batches: "Iterator[pa.RecordBatch]") -> Iterator[dict[str, Any]]:
    for rows in batches:
        columns = [rows.column(name).to_pylist() for name in ("v", "vi", "vs", "vb")]
        times = [rows.column(name).cast("int64").to_pylist() for name in ("ts", "arrival")]
        tags, qualities = rows.column("tag").to_pylist(), rows.column("q").to_pylist()
        for tag, ts, arrival, quality, *values in zip(tags, *times, qualities, *columns, strict=True):
            yield {
                "tag": tag, "time": clock.rfc3339(ts), "arrival": clock.rfc3339(arrival),
                "value": next((value for value in values if value is not None), None), "quality": quality,
            }  # fmt: skip


def _write(rows: "Iterator[pa.RecordBatch]", format_: str) -> None:
    out = sys.stdout.buffer
    if format_ == "ndjson":
        encoder = msgspec.json.Encoder()
        for item in _items(rows):
            out.write(encoder.encode(item) + b"\n")
    else:
        import pyarrow as pa

        from lineshaft.history.schema import ROWS

        with pa.ipc.new_stream(out, ROWS) as stream:
            for batch in rows:
                stream.write_batch(batch)
    out.flush()


def _until(extent: "Extent") -> str:
    moment = clock.rfc3339(extent.committed_us)
    return say(
        f"Sealed values as of {moment}; newer ones are with the writer.",
        f"截至 {moment} 的已封存值；更新的值在写入进程中。",
    )
