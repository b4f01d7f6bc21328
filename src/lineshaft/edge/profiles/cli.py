"""`lineshaft edge profile`: what devices of one make have in common."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.edge.headings import headings

app = console.application("Device profiles: what devices of one make have in common.")

_ROOT = "/api/v1/edge/profiles"
_Name = Annotated[str, typer.Argument(help="Name of the profile.")]


@app.command("list")
def list_profiles(home: HomeOption = None, json: JsonOption = False) -> None:
    """List profiles."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = list(client.pages(_ROOT, {}))
    columns = (
        ("name", "profile"),
        ("driver", "driver"),
        ("points", "points"),
        ("title", "title"),
        ("source", "source"),
    )
    empty = say(
        "No profiles yet: `lineshaft edge profile set` makes one.",
        "还没有设备模板：用 lineshaft edge profile set 创建。",
    )
    console.output(rows, as_json=json, columns=headings(columns), empty=empty)


@app.command()
def show(name: _Name, home: HomeOption = None) -> None:
    """Show one profile, as JSON."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        console.output(client.request("GET", f"{_ROOT}/{quote(name, safe='')}"), as_json=True)


@app.command("set")
def set_profile(
    name: _Name,
    driver: Annotated[str, typer.Option("--driver", help="The protocol that such devices speak.")],
    points: Annotated[Path, typer.Option("--points", help="JSON file with a list of points, see `edge import --out`.")],
    title: Annotated[str, typer.Option("--title", help="Maker and model.")] = "",
    source: Annotated[str, typer.Option("--source", help="Where the points come from.")] = "",
    option: Annotated[list[str] | None, typer.Option("--option", "-o", help="name=value; repeatable.")] = None,
    period: Annotated[int, typer.Option("--period", help="Milliseconds between two deliveries.")] = 500,
    mode: Annotated[
        str, typer.Option("--mode", help="`subscribe`, or `poll`; what the driver can, if not given.")
    ] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Add or replace a profile; `profile apply` then gives it to its devices."""
    from lineshaft.client import connect
    from lineshaft.edge.cli import group_of, read_options, read_points

    body: dict[str, Any] = {
        "driver": driver, "title": title, "source": source, "options": read_options(driver, option),
        "points": read_points(points), "groups": [group_of(driver, period, mode)],
    }  # fmt: skip
    with connect(home=home) as client:
        kept = client.request("PUT", f"{_ROOT}/{quote(name, safe='')}", json=body)
    if json:
        console.output(kept, as_json=True)
        return
    console.note(
        say(f"Kept {name}, with {len(body['points'])} points.", f"已保存 {name}，{len(body['points'])} 个测点。")
    )
    console.note(say(f"Devices made from it: lineshaft edge profile apply {name}",
                     f"更新由它创建的设备：lineshaft edge profile apply {name}"))  # fmt: skip


@app.command()
def apply(name: _Name, yes: YesOption = False, home: HomeOption = None, json: JsonOption = False) -> None:
    """Give a profile's points to every device that is made from it."""
    from lineshaft.client import connect

    console.confirm(say(f"Change every device made from {name}?", f"更改由 {name} 创建的所有设备？"), yes=yes)
    with connect(home=home) as client:
        changed = client.request("POST", f"{_ROOT}/{quote(name, safe='')}/apply")["devices"]
    empty = say("No device is made from it.", "没有由它创建的设备。")
    rows = [{"device": device} for device in changed]
    console.output(changed if json else rows, as_json=json, columns=headings((("device", "device"),)), empty=empty)


@app.command()
def remove(name: _Name, yes: YesOption = False, home: HomeOption = None) -> None:
    """Forget a profile that no device is made from."""
    from lineshaft.client import connect

    console.confirm(say(f"Remove the profile {name}?", f"移除设备模板 {name}？"), yes=yes)
    with connect(home=home) as client:
        client.request("DELETE", f"{_ROOT}/{quote(name, safe='')}")
