"""`lineshaft jobs`: long work of the server: what there is, how far it is, its end."""

import itertools
from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say

app = console.application("Long work: imports, exports, maintenance.")

_ROOT = "/api/v1/system/jobs"
_Job = Annotated[str, typer.Argument(help="Its id.")]
_COLUMNS = (
    ("id", "job"), ("title", "title"), ("state", "state"), ("done", "done"), ("total", "of"), ("message", "message"),
    ("created", "created"),
)  # fmt: skip


@app.command(name="list")
def list_jobs(
    home: HomeOption = None,
    json: JsonOption = False,
    limit: Annotated[int, typer.Option(help="Most jobs to show.", min=1)] = 50,
) -> None:
    """List jobs, newest first."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = [*itertools.islice(client.pages(_ROOT, {"limit": min(limit, 1000)}), limit)]
    console.output(rows, as_json=json, columns=_COLUMNS, empty=say("No jobs.", "没有任务。"))


@app.command()
def show(job: _Job, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show one job, with its result or why it failed."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        console.output(client.request("GET", f"{_ROOT}/{job}"), as_json=json)


@app.command()
def follow(job: _Job, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show a job's progress until it ends; Ctrl-C only stops looking."""
    from lineshaft.client import connect

    with connect(home=home) as client:

        def read(one: str) -> dict[str, Any]:
            answer: dict[str, Any] = client.request("GET", f"{_ROOT}/{one}")
            return answer

        ended = console.follow(job, read, quiet=json)
    console.output(ended, as_json=json)
    if ended["state"] != "done":
        raise typer.Exit(1)


@app.command()
def cancel(job: _Job, home: HomeOption = None, json: JsonOption = False) -> None:
    """Ask for a job's end; it stops at its next step."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        console.output(client.request("POST", f"{_ROOT}/{job}/cancel"), as_json=json)
