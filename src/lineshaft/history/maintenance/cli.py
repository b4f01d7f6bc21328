"""`lineshaft history compact` and `lineshaft history rollup`: maintenance on demand, with its progress."""

from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say

_Now = Annotated[bool, typer.Option("--now", help="Also hours and days that have just ended.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]


def compact(home: HomeOption = None, json: JsonOption = False, now: _Now = False, quiet: _Quiet = False) -> None:
    """Merge small files, roll up, and remove what has expired."""
    _follow("compact", home, as_json=json, now=now, quiet=quiet)


def rollup(home: HomeOption = None, json: JsonOption = False, now: _Now = False, quiet: _Quiet = False) -> None:
    """Bring the rollups up to date."""
    _follow("rollup", home, as_json=json, now=now, quiet=quiet)


def _follow(verb: str, home: Any, *, as_json: bool, now: bool, quiet: bool) -> None:
    from lineshaft.client import connect
    from lineshaft.core.errors import from_wire

    with connect(home=home) as client:
        started = client.request("POST", f"/api/v1/history/{verb}", params={"now": str(now).lower()})
        if started["waiting"]:
            console.note(say("The history service does not answer; the job waits.", "历史服务没有应答，任务在等待。"))
        jobs = "/api/v1/system/jobs"
        job = console.follow(started["job"], lambda one: client.request("GET", f"{jobs}/{one}"), quiet=quiet)
    if job["state"] == "failed":
        error = job["error"]
        raise from_wire(
            code=error["code"], message=error["message"], hint=error["hint"], status=500, facts=error["facts"]
        )
    console.output(job["result"] or {"state": job["state"]}, as_json=as_json)
    for broken in (job["result"] or {}).get("quarantined", ()):
        lost = broken["rows"] - broken["saved"]
        console.note(
            say(
                f"{broken['path']} is broken ({broken['reason']}): set aside, {lost} of {broken['rows']} rows lost.",
                f"{broken['path']} 已损坏（{broken['reason']}）：已隔离，{broken['rows']} 行中丢失 {lost} 行。",
            )
        )
