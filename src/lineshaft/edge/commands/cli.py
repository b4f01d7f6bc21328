"""`lineshaft command`: write values to machines and see what became of it."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput

app = console.application("Write to machines: each command is carried out at most once.")

_ROOT = "/api/v1/edge"
_ID = Annotated[str, typer.Argument(help="Id of the command.")]
_DEVICE = Annotated[str, typer.Argument(help="Name of the device.")]
_GOOD = ("verified", "executed", "armed", "requested")


def _request(home: Path | None, method: str, path: str, **more: Any) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{_ROOT}{path}", **more)


@app.command()
def write(
    target: Annotated[str, typer.Argument(help="DEVICE/POINT, or the path or handle of a tag.")],
    value: Annotated[str, typer.Argument(help="A number, true, false, or a text.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit trail.")] = "",
    expiry: Annotated[float | None, typer.Option("--expiry", help="Seconds after which it is not executed.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only check what would become of it.")] = False,
    text: Annotated[bool, typer.Option("--text", help="VALUE is a text, whatever it looks like.")] = False,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a value to a machine; exits with 1 where it was not done."""
    if not dry_run:
        console.confirm(say(f"Write {value} to {target}?", f"向 {target} 写入 {value}？"), yes=yes)
    device, slash, point = target.partition("/")
    if not slash:
        raise InvalidInput(
            "edge.command_target_unclear",
            f"{target!r} names no point",
            "Write DEVICE/POINT.",
            field="target",
            value=target,
        )
    where = {"tag": target} if "/" in point or "." in device else {"device": device, "point": point}
    body = {
        **where, "value": value if text else _value(value), "reason": reason, "expiry_seconds": expiry, "dry_run": dry_run,
    }  # fmt: skip
    command = _request(home, "POST", "/commands", json=body, params={"wait": 60})
    _show(command, json=json)
    if dry_run and not json and command["state"] in _GOOD:
        console.note(say("Nothing was written: it would be carried out so.", "未写入任何值：这条命令将可执行。"))
        if command["classification"] == "A":
            console.note(say("A second person would have to approve it first.", "须先由第二人批准。"))
    if command["state"] not in _GOOD:
        raise typer.Exit(1)


def _value(text: str) -> Any:
    import msgspec

    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return value if isinstance(value, bool | int | float | str) else text


def _show(command: dict[str, Any], *, json: bool) -> None:
    if json:
        console.output(command, as_json=True)
        return
    steps = command.pop("steps")
    console.output(command, as_json=False)
    columns = (("state", "state"), ("time", "time"), ("by", "by"), ("detail", ""))
    console.output(steps, as_json=False, columns=columns)
    if command["state"] == "requested":
        console.note(say(f"Waits for a second person: lineshaft command approve {command['id']}",
                         f"等待第二人批准：lineshaft command approve {command['id']}"))  # fmt: skip


@app.command("list")
def list_commands(
    device: Annotated[str, typer.Option("--device", help="Only of this device.")] = "",
    state: Annotated[str, typer.Option("--state", help="Only in this state.")] = "",
    limit: Annotated[int, typer.Option("--limit", help="At most this many.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List commands, newest first."""
    rows = _request(home, "GET", "/commands", params={"device": device, "state": state, "limit": limit})["items"]
    columns = (
        ("id", "id"), ("created", "time"), ("device", "device"), ("point", "point"), ("value", "value"), ("state", "state"),
        ("by", "by"),
    )  # fmt: skip
    console.output(rows, as_json=json, columns=columns, empty=say("No commands yet.", "尚无命令。"))


@app.command()
def show(command: _ID, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show a command with its steps."""
    _show(_request(home, "GET", f"/commands/{quote(command, safe='')}"), json=json)


@app.command()
def approve(command: _ID, yes: YesOption = False, home: HomeOption = None, json: JsonOption = False) -> None:
    """As the second person, let a command be executed."""
    path = f"/commands/{quote(command, safe='')}"
    found = _request(home, "GET", path)
    what = f"{found['value']} → {found['device']}/{found['point']} ({found['by']}: {found['reason']})"
    console.confirm(say(f"Approve {what}?", f"批准 {what}？"), yes=yes)
    _show(_request(home, "POST", f"{path}/approve", params={"wait": 60}), json=json)


@app.command()
def cancel(command: _ID, home: HomeOption = None, json: JsonOption = False) -> None:
    """Withdraw a command before it is executed."""
    _show(_request(home, "POST", f"/commands/{quote(command, safe='')}/cancel"), json=json)


@app.command()
def lease(
    device: _DEVICE,
    seconds: Annotated[int, typer.Option("--seconds", help="For how long.")] = 600,
    release: Annotated[bool, typer.Option("--release", help="Give it back.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Have a device to oneself: nobody else's commands to it are taken meanwhile."""
    path = f"/devices/{quote(device, safe='')}/lease"
    if release:
        _request(home, "DELETE", path)
        return
    console.output(_request(home, "POST", path, json={"seconds": seconds}), as_json=json)
