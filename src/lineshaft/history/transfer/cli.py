"""`lineshaft history export` and `import`."""

import contextlib
import fnmatch
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lineshaft.core import clock, console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import InvalidInput, NotFound

_BATCH_ROWS = 10_000
_FAULTS_SHOWN = 100
_ROOT = "/api/v1/history"
_TAGS = 200
"""Tags of one request: an address of a few kilobytes."""


def export(
    file: Annotated[Path, typer.Argument(help="File to write: .parquet, .csv, .ndjson or .arrow.")],
    tags: Annotated[
        list[str], typer.Option("--tag", help="Path of a tag, its last level, or a pattern with * and ?; repeatable.")
    ],
    start: Annotated[str, typer.Option("--from", help="RFC 3339, or an offset such as -15m.")],
    end: Annotated[str, typer.Option("--to", help="RFC 3339, or an offset; not included.")] = "now",
    format_: Annotated[
        Literal["parquet", "csv", "ndjson", "arrow"] | None, typer.Option("--format", help="Else by the file's name.")
    ] = None,
    recipient: Annotated[str, typer.Option("--for", help="Who gets the values, where that is not you; recorded.")] = "",
    purpose: Annotated[str, typer.Option(help="Why, as one word; recorded.")] = "operation",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a range of stored values to a file, which is there whole or not at all."""
    from lineshaft.client import connect
    from lineshaft.history.transfer.files import format_of

    kind = format_of(file, format_)
    with connect(home=home) as client:
        paths = _expanded(client, tags)
        now_us = clock.now_us()
        start_us = clock.parse_time(start, field="--from", now=now_us)
        end_us = clock.parse_time(end, field="--to", now=now_us)
        params = {
            "from": clock.rfc3339(start_us), "to": clock.rfc3339(end_us), "recipient": recipient, "purpose": purpose,
            "format": "arrow" if kind == "parquet" else kind,
        }  # fmt: skip
        size = _written(file, kind, client, paths, params, quiet=json)
    console.output({"file": str(file), "bytes": size}, as_json=json)


def import_(
    file: Annotated[Path, typer.Argument(help="File to read: .csv, .ndjson, .parquet or .arrow.", exists=True)],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="NAME=PATH: what the file calls a tag, and its path; repeatable.")
    ] = None,
    time: Annotated[str, typer.Option("--time", help="Column of the times [default: time, ts or timestamp].")] = "",
    format_: Annotated[
        Literal["parquet", "csv", "ndjson", "arrow"] | None, typer.Option("--format", help="Else by the file's name.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be stored, and what is wrong.")
    ] = False,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Store the other rows where some are wrong.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Store the values of a file. Sent again, it is stored once; rows that are there already are replaced."""
    from lineshaft.client import connect
    from lineshaft.history.transfer.files import digest, format_of
    from lineshaft.history.transfer.importing import Summary, plan

    kind = format_of(file, format_)
    given = _pairs(mapping or [])
    with connect(home=home) as client:
        read = plan(file, kind, client.tags(), given, time)
        summary = Summary()
        for one in read():
            summary.add(one)
        refused = bool(summary.faults) and not skip_faulty
        sent = 0
        if not (dry_run or refused):
            name = digest(file, kind, time, repr(sorted(given.items())))
            sent = _sent(client, name, file.name, read(), summary.samples, quiet=json)
    result = {
        "rows": summary.samples, "faults": summary.faults, "tags": len(summary.tags), "from": summary.first,
        "to": summary.last, "stored": sent, "faulty": summary.shown,
    }  # fmt: skip
    if json:
        console.output(result, as_json=True)
    else:
        console.output({key: value for key, value in result.items() if key != "faulty"}, as_json=False)
        console.output(summary.shown, as_json=False, empty=say("Every row is in order.", "每一行都正常。"))
    if summary.faults and not skip_faulty:
        raise typer.Exit(1)


def _expanded(client: Any, names: list[str]) -> list[str]:
    """Paths of the tags that names and patterns mean."""
    from lineshaft.history.naming import is_pattern, resolve

    found = resolve(client, [name for name in names if not is_pattern(name)])
    for pattern in filter(is_pattern, names):
        paths = [tag["path"] for tag in client.tags() if fnmatch.fnmatchcase(tag["path"], pattern)]
        if not paths:
            raise NotFound(
                "history.tag_pattern_unmatched", f"no tag has a path like {pattern!r}",
                "`lineshaft history tags` lists them; * stands for any characters, / among them.",
                field="tags", value=pattern,
            )  # fmt: skip
        found += paths
    return [*dict.fromkeys(found)]


def _written(
    file: Path, kind: str, client: Any, paths: list[str], params: dict[str, str], *, quiet: bool
) -> int:  # fmt: skip
    """Write the answers for some tags at a time to one file; returns its size."""
    from rich.console import Console
    from rich.progress import DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    part = file.with_name(f".{file.name}.part")
    columns = (TextColumn("{task.description}"), DownloadColumn(), TimeElapsedColumn())
    tags_columns = (TextColumn("{task.description}"), MofNCompleteColumn(), TimeElapsedColumn())
    few = len(paths) <= _TAGS
    try:
        with Progress(*(columns if few else tags_columns), console=Console(stderr=True), disable=quiet) as bar:
            task = bar.add_task(file.name, total=None if few else len(paths))

            def answers() -> Iterator[Iterator[bytes]]:
                for first in range(0, len(paths), _TAGS):
                    asked = [*(("tag", path) for path in paths[first : first + _TAGS]), *params.items()]
                    with client.stream("GET", f"{_ROOT}/raw", params=asked) as answer:
                        yield _told(
                            answer.iter_bytes(),
                            lambda size: bar.update(task, completed=size) if few else None,
                        )  # fmt: skip
                    if not few:
                        bar.update(task, completed=min(first + _TAGS, len(paths)))

            _WRITERS[kind](part, answers())
        size = part.stat().st_size
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def _told(pieces: Iterable[bytes], tell: Callable[[int], None]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        yield piece
        size += len(piece)
        tell(size)


def _write_lines(path: Path, answers: Iterable[Iterator[bytes]]) -> None:
    with path.open("wb") as out:
        for pieces in answers:
            out.writelines(pieces)


def _write_csv(path: Path, answers: Iterable[Iterator[bytes]]) -> None:
    """The header once."""
    with path.open("wb") as out:
        for number, pieces in enumerate(answers):
            out.writelines(_without_first_line(pieces) if number else pieces)


def _without_first_line(pieces: Iterable[bytes]) -> Iterator[bytes]:
    begun = False
    for piece in pieces:
        if begun:
            yield piece
        elif b"\n" in piece:
            begun = True
            yield piece.split(b"\n", 1)[1]


def _write_arrow(path: Path, answers: Iterable[Iterator[bytes]]) -> None:
    import pyarrow as pa

    _write_batches(answers, lambda schema: pa.ipc.new_stream(str(path), schema))


def _write_parquet(path: Path, answers: Iterable[Iterator[bytes]]) -> None:
    import pyarrow.parquet as pq

    _write_batches(answers, lambda schema: pq.ParquetWriter(path, schema, compression="zstd"))


def _write_batches(answers: Iterable[Iterator[bytes]], opened: Callable[[Any], Any]) -> None:
    import pyarrow as pa

    from lineshaft.client.views import ByteReader

    with contextlib.ExitStack() as stack:
        out = None
        for pieces in answers:
            with pa.ipc.open_stream(pa.PythonFile(ByteReader(pieces), mode="r")) as stream:
                if out is None:
                    out = stack.enter_context(opened(stream.schema))
                for batch in stream:
                    out.write_batch(batch)


_WRITERS: Mapping[str, Callable[[Path, Iterable[Iterator[bytes]]], None]] = {
    "csv": _write_csv, "ndjson": _write_lines, "arrow": _write_arrow, "parquet": _write_parquet,
}  # fmt: skip


def _sent(client: Any, name: str, file: str, items: Iterable[Any], total: int, *, quiet: bool) -> int:
    """Send every sample in batches that a second run makes alike."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from lineshaft.history.transfer.importing import encoded

    done, seq = 0, 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(file, total=total)
        for seq, batch in enumerate(itertools.chain(_batches(items), [[]]), 1):
            params = {"file": name, "seq": seq, "name": file, "last": str(not batch).lower()}
            body = encoded(batch) if batch else b""
            done += client.request("POST", f"{_ROOT}/import", params=params, content=body)["rows"]
            bar.update(task, completed=done)
    return done


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    from lineshaft.history.transfer.mapping import Sample

    samples = (one for one in items if isinstance(one, Sample))
    while batch := list(itertools.islice(samples, _BATCH_ROWS)):
        yield batch


def _pairs(texts: list[str]) -> dict[str, str]:
    found = {}
    for text in texts:
        name, equals, path = text.partition("=")
        if not (name and equals and path):
            raise InvalidInput(
                "history.import_map_invalid", f"--map is {text[:80]!r}, which is not NAME=PATH",
                "Such as --map Pressure=acme/plant/area/line/cell/press/pressure.", field="--map", value=text[:80],
            )  # fmt: skip
        found[name] = path
    return found
