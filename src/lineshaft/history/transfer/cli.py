"""`lineshaft history export` and `import`: files of this machine, jobs of the server."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from lineshaft.core import clock, console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import LineshaftError, from_wire

_ROOT = "/api/v1/history"
_JOBS = "/api/v1/system/jobs"
_PIECE_BYTES = 4 << 20
_INTERRUPTED = 130


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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Write a range of stored values to a file, which is there whole or not at all. Ctrl-C cancels it."""
    from lineshaft.client import connect
    from lineshaft.history.naming import is_pattern, resolve
    from lineshaft.history.transfer.files import format_of

    kind = format_of(file, format_)
    with connect(home=home) as client:
        named = resolve(client, [name for name in tags if not is_pattern(name)])
        now_us = clock.now_us()
        wish = {
            "tags": [*named, *filter(is_pattern, tags)],
            "from": clock.rfc3339(clock.parse_time(start, field="--from", now=now_us)),
            "to": clock.rfc3339(clock.parse_time(end, field="--to", now=now_us)),
            "format": kind, "recipient": recipient, "purpose": purpose,
        }  # fmt: skip
        started = client.request("POST", f"{_ROOT}/exports", json=wish)
        address = f"{_ROOT}/exports/{started['job']}"
        try:
            told, ending = f"{address}/state", ("DELETE", address)
            result = _done(client, started["job"], told, ending, quiet=quiet or json)["result"]
            size = _fetched(client, address, file)
        finally:
            _deleted(client, address)
    console.output({"file": str(file), "rows": result["rows"], "bytes": size}, as_json=json)


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
        bool, typer.Option("--dry-run", help="Only say what would be stored, and what is wrong; the file stays here.")
    ] = False,
    skip_faulty: Annotated[
        bool, typer.Option("--skip-faulty", help="Store the other rows where some are wrong.")
    ] = False,
    project: Annotated[
        str, typer.Option("--project", help="Whose members see the job; your own where not given.")
    ] = "",
    home: HomeOption = None,
    json: JsonOption = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")] = False,
) -> None:
    """Store the values of a file. Sent again, it is stored once; rows that are there already are replaced.

    Ctrl-C cancels it; what is in the history by then stays, and the same command again adds the rest.
    """
    from lineshaft.client import connect
    from lineshaft.history.transfer.files import digest, format_of
    from lineshaft.history.transfer.importing import pairs

    kind = format_of(file, format_)
    given = pairs(mapping or [], "--map")
    with connect(home=home) as client:
        if dry_run:
            result = _tried(client, file, kind, given, time)
        else:
            params = [
                ("name", file.name), ("format", kind), ("time", time), ("skip_faulty", str(skip_faulty).lower()),
                ("project", project), ("size", str(file.stat().st_size)),
                *(("map", f"{name}={path}") for name, path in given.items()),
            ]  # fmt: skip
            job = _uploaded(client, file, digest(file, kind), params, quiet=quiet or json)
            address = f"{_JOBS}/{job}"
            result = dict(_done(client, job, address, ("POST", f"{address}/cancel"), quiet=quiet or json)["result"])
            result["faulty"] = client.request("GET", f"{_ROOT}/imports/{job}/faults")["items"]
    if json:
        console.output(result, as_json=True)
    else:
        console.output({key: value for key, value in result.items() if key != "faulty"}, as_json=False)
        console.output(result["faulty"], as_json=False, empty=say("Every row is in order.", "每一行都正常。"))
    if result["faults"] and not skip_faulty:
        raise typer.Exit(1)


def _tried(client: Any, file: Path, kind: Any, given: Mapping[str, str], time: str) -> dict[str, Any]:
    """What an import would do, read here."""
    from lineshaft.history.transfer.importing import Summary, plan

    summary = Summary()
    for one in plan(file, kind, client.tags(), given, time)():
        summary.add(one)
    return {
        "rows": summary.samples, "faults": summary.faults, "tags": len(summary.tags), "from": summary.first,
        "to": summary.last, "stored": 0, "faulty": summary.shown,
    }  # fmt: skip


def _uploaded(client: Any, file: Path, upload: str, params: list[tuple[str, str]], *, quiet: bool) -> str:
    """Send a file piece by piece, from where an upload of this name stopped; returns the job that imports it."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    size, offset = file.stat().st_size, 0
    with file.open("rb") as source, Progress(*columns, console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task(file.name, total=size)
        while True:
            source.seek(offset)
            piece = source.read(_PIECE_BYTES)
            last = offset + len(piece) >= size
            more = [("upload", upload), ("offset", str(offset)), ("last", str(last).lower())]
            answer = client.request("POST", f"{_ROOT}/imports", params=[*params, *more], content=piece)
            if answer["job"] is not None:
                return str(answer["job"])
            offset = answer["received"]
            bar.update(task, completed=offset)


def _done(client: Any, job_id: str, address: str, ending: tuple[str, str], *, quiet: bool) -> Mapping[str, Any]:
    """Follow a job to its end; Ctrl-C cancels it. Says how far it came where that is not the whole.

    Args:
        address: of its state.
        ending: method and address of what cancels it.

    Raises:
        LineshaftError: what made it fail.
    """

    def read(_: str) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = client.request("GET", address)
        return answer

    try:
        job = console.follow(job_id, read, quiet=quiet)
    except KeyboardInterrupt:
        _cancelled(client, *ending)
        job = console.follow(job_id, read, quiet=True)
        if job["state"] == "done" and ending[0] == "DELETE":  # it was quicker, and what it made is removed
            job = {**job, "state": "cancelled"}
    if job["state"] == "done":
        return job
    if job["message"]:
        console.note(str(job["message"]))
    if job["state"] == "cancelled":
        console.note(say(f"Job {job_id} was cancelled.", f"任务 {job_id} 已取消。"))
        raise typer.Exit(_INTERRUPTED)
    error = job["error"]
    raise from_wire(error["code"], error["message"], error["hint"], 500, error["facts"])


def _cancelled(client: Any, method: str, address: str) -> None:
    """Ask for a job's end; one that has just ended has."""
    try:
        client.request(method, address)
    except LineshaftError as error:
        if error.code != "core.job_ended":
            raise


def _fetched(client: Any, address: str, file: Path) -> int:
    """Write an answer to a file, whole or not at all; returns its size."""
    part = file.with_name(f".{file.name}.part")
    try:
        with client.stream("GET", address) as answer, part.open("wb") as out:
            for piece in answer.iter_bytes():
                out.write(piece)
        size = part.stat().st_size
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return size


def _deleted(client: Any, address: str) -> None:
    """Remove the server's copy; where that fails it expires."""
    try:
        client.request("DELETE", address)
    except LineshaftError as error:
        console.note(str(error))
