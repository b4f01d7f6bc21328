"""`lineshaft edge config`: versions of a gateway's configuration."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.edge.headings import headings, names_of

app = console.application("Versions of a gateway's configuration: list, show, diff, go back.")

_Version = Annotated[int, typer.Argument(help="Number of the version.")]
_Gateway = Annotated[str, typer.Option("--gateway", help="One that enrolled, or the box's own.")]


def _path(gateway: str, *more: Any) -> str:
    return "/".join(("/api/v1/edge/gateways", quote(gateway, safe=""), "configurations", *map(str, more)))


@app.command("list")
def list_versions(gateway: _Gateway = "gateway", home: HomeOption = None, json: JsonOption = False) -> None:
    """List versions, newest first."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = list(client.pages(_path(gateway), {}))
        names = {} if json else names_of(client)
    rows = [{**row, "author": names.get(row["author"], row["author"])} for row in rows]
    columns = (("version", "version"), ("created", "created"), ("author", "by"), ("comment", "why"))
    empty = say("This gateway has no configuration yet.", "该网关还没有配置。")
    console.output(rows, as_json=json, columns=headings(columns), empty=empty)


@app.command()
def show(version: _Version, gateway: _Gateway = "gateway", home: HomeOption = None) -> None:
    """Show one version, whole, as JSON."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        console.output(client.request("GET", _path(gateway, version)), as_json=True)


@app.command()
def diff(
    version: _Version,
    against: Annotated[int | None, typer.Option("--against", help="Another version than the one before.")] = None,
    gateway: _Gateway = "gateway",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a version changed."""
    from lineshaft.client import connect

    params = {} if against is None else {"against": against}
    with connect(home=home) as client:
        rows = client.request("GET", _path(gateway, version, "diff"), params=params)["items"]
    columns = (("change", ""), ("where", "where"), ("before", "before"), ("after", "after"))
    console.output(rows, as_json=json, columns=headings(columns), empty=say("Nothing differs.", "没有差异。"))


@app.command()
def restore(
    version: _Version, gateway: _Gateway = "gateway", yes: YesOption = False, home: HomeOption = None,
    json: JsonOption = False,
) -> None:  # fmt: skip
    """Configure a gateway as it was in a version; that is a new version."""
    from lineshaft.client import connect

    console.confirm(say(f"Go back to version {version}?", f"恢复到版本 {version}？"), yes=yes)
    with connect(home=home) as client:
        made = client.request("POST", _path(gateway, version, "restore"))
    if json:
        console.output(made, as_json=True)
        return
    console.note(say(f"This is version {made['version']} now.", f"现为版本 {made['version']}。"))
