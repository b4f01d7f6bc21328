"""`lineshaft history verify` and `stats`."""

from typing import Annotated, Any

import typer

from lineshaft.core import clock, console
from lineshaft.core.console import HomeOption, JsonOption, say
from lineshaft.core.errors import from_wire

_JOBS = "/api/v1/system/jobs"
_RECOUNT = ("batches", "taken", "expected", "stored", "unexplained")
_HOLE = ("gateway", "cause", "boot", "first", "last", "from", "to", "rows", "detail")


def verify(
    home: HomeOption = None,
    json: JsonOption = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Take damaged files out of the table; they are kept beside it.")
    ] = False,
) -> None:
    """Read every stored file, hold it against what the table says, and recount rows against batches.

    Exit status 1 where a file is damaged, a batch is missing that no gap record explains, or rows do not add up.
    """
    from lineshaft.client import connect

    with connect(home=home) as client:
        report = run_job(client, "/api/v1/history/verify", {"quarantine": quarantine}, quiet=json)
    if json:
        console.output(report, as_json=True)
    else:
        _show(report)
    recount = report["recount"]
    if report["damages"] or recount["unexplained"] or recount["expected"] not in (None, recount["stored"]):
        raise typer.Exit(1)


def stats(
    home: HomeOption = None,
    json: JsonOption = False,
    tags: Annotated[bool, typer.Option("--tags", help="Also what each tag takes.")] = False,
) -> None:
    """Show what is stored: samples, files, bytes per sample."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        found = client.request("GET", "/api/v1/history/stats", params={"tags": str(tags).lower()})
    if json:
        console.output(found, as_json=True)
        return
    console.output({key: value for key, value in found.items() if key not in ("levels", "tags")}, as_json=False)
    console.output(found["levels"], as_json=False, empty=say("No files yet.", "尚无文件。"))
    if tags:
        console.output(found["tags"], as_json=False)


def run_job(client: Any, path: str, asked: dict[str, Any], *, quiet: bool) -> dict[str, Any]:
    """Start a job and follow it; Ctrl-C cancels it. Its result.

    Raises:
        LineshaftError: what made it fail.
    """
    job_id = client.request("POST", path, json=asked)["job"]
    try:
        job = console.follow(job_id, lambda one: client.request("GET", f"{_JOBS}/{one}"), quiet=quiet)
    except KeyboardInterrupt:
        client.request("POST", f"{_JOBS}/{job_id}/cancel")
        raise
    if job["state"] == "failed":
        error = job["error"]
        raise from_wire(error["code"], error["message"], error["hint"], 500, error["facts"])
    if job["state"] != "done":
        raise typer.Exit(1)
    return dict(job["result"])


def _shown(hole: dict[str, Any]) -> dict[str, Any]:
    times = {"from": clock.rfc3339(hole["from_us"]), "to": clock.rfc3339(hole["to_us"])}
    return {**hole, **times, "last": hole["last"] if hole["last"] is not None else "…" if hole["first"] else ""}


def _show(report: dict[str, Any]) -> None:
    whole = {key: report[key] for key in ("files", "rows", "rows_said", "bytes", "version")}
    console.output({**whole, "lanes": len(report["lanes"])}, as_json=False)
    recount = report["recount"]
    console.output({name: recount[name] for name in _RECOUNT}, as_json=False)
    console.output(
        [_shown(hole) for hole in recount["holes"]], as_json=False, empty=say("No gaps.", "没有缺口。"),
        columns=[(name, name) for name in _HOLE],
    )  # fmt: skip
    if recount["left_off"]:
        typer.echo(say(f"{recount['left_off']} more gaps.", f"另有 {recount['left_off']} 个缺口。"))
    console.output(
        report["damages"], as_json=False, empty=say("Every file is sound.", "所有文件完好。"),
        columns=[(name, name) for name in ("path", "kind", "reason", "rows", "quarantined")],
    )  # fmt: skip
