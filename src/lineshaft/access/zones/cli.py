"""`lineshaft zones`: the zone plan, what is made from it, and the proof that the packet filter does what it says."""

from pathlib import Path
from typing import Annotated, Any

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, say

app = console.application("Zones and conduits: show, check, apply, render, verify.")

_ROOT = "/api/v1/access/zones"
_File = Annotated[Path, typer.Argument(help="JSON file with a plan, as `zones show --json` prints it; - reads it.")]
_FileOption = Annotated[Path | None, typer.Option("--file", help="Take this plan, not the one in force.")]


@app.command()
def show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the plan in force; with --json as a file for `apply`."""
    plan = _call(home, "GET", "")["plan"]
    if json:
        console.output(plan, as_json=True)
        return
    columns = (
        ("name", "zone"), ("security_level", "SL-T"), ("networks", "networks"), ("members", "members"),
        ("description", ""),
    )  # fmt: skip
    console.output(plan["zones"], as_json=False, columns=columns)
    rows = [
        {**conduit, "way": f"{conduit['from']} {'<->' if conduit['both_ways'] else '->'} {conduit['to']}",
         "passes": "; ".join(map(_flow, conduit["flows"]))}
        for conduit in plan["conduits"]
    ]  # fmt: skip
    columns = (("name", "conduit"), ("way", "way"), ("passes", "passes"), ("description", ""))  # type: ignore[assignment]
    console.output(rows, as_json=False, columns=columns, empty=say("No conduits.", "没有通道。"))


@app.command()
def check(file: _File, home: HomeOption = None, json: JsonOption = False) -> None:
    """Check a plan and say what it would change; changes nothing."""
    plan = _read(file)
    found = _call(home, "POST", ":check", plan)
    if not json and not found["principals"] and not found["gateways"]:
        console.note(say("The plan can be applied; nobody's rules change.", "该方案可以应用；没有主体的规则会改变。"))
        return
    console.output(found, as_json=json)


@app.command()
def apply(file: _File, home: HomeOption = None, json: JsonOption = False) -> None:
    """Put a plan in force; felt within seconds."""
    done = _call(home, "PUT", "", _read(file))
    if json:
        console.output(done, as_json=True)
        return
    version, renew = done["version"], ", ".join(done["renew"])
    console.note(say(f"Version {version} is in force.", f"版本 {version} 已生效。"))
    if renew:
        console.note(
            say(f"Make new bus credentials for: {renew} (lineshaft access credentials NAME).",
                f"请为以下主体签发新的总线凭据：{renew}（lineshaft access credentials NAME）。")
        )  # fmt: skip


@app.command()
def render(
    name: Annotated[str, typer.Argument(help="nats, gateway, cedar, nftables.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Print the rules made from the plan in force."""
    made = _call(home, "GET", f"/rules/{name}")
    console.output(made if json else made["text"].rstrip("\n"), as_json=json)


@app.command()
def verify(
    file: _FileOption = None,
    rules: Annotated[Path | None, typer.Option(help="Try this nftables ruleset instead of the rendered one.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Send witness packets through the packet filter, in network namespaces of their own; needs root, touches nothing."""
    from lineshaft.access.zones import nftables, witness
    from lineshaft.access.zones.model import decode_plan
    from lineshaft.access.zones.packets import Ports

    witness.check_possible()
    if file is None:
        import msgspec

        plan = decode_plan(msgspec.json.encode(_call(home, "GET", "")["plan"]))
    else:
        plan = _read(file)
    text = nftables.ruleset(plan, Ports()) if rules is None else _bytes(rules).decode()
    found = witness.verify(plan, Ports(), text)
    rows = [witness.row(result) for result in found]
    wrong = [row for row in rows if not row["right"]]
    if json:
        console.output({"sent": len(rows), "wrong": len(wrong), "witnesses": rows}, as_json=True)
    else:
        columns = (("from", "from"), ("to", "to"), ("packet", "packet"), ("must", "must"), ("did", "did"), ("mark", ""))
        console.output(rows, as_json=False, columns=columns, empty="No two zones have networks: nothing to verify.")
        console.note(say(f"{len(rows)} witnesses, {len(wrong)} wrong.", f"{len(rows)} 个见证包，{len(wrong)} 个不符。"))
    if wrong:
        raise typer.Exit(1)


def _call(home: Path | None, method: str, path: str, body: Any = None) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{_ROOT}{path}", json=body)


def _read(file: Path) -> Any:
    """A plan from a file, checked before it travels."""
    from lineshaft.access.zones.model import decode_plan

    return decode_plan(_bytes(file))


def _bytes(file: Path) -> bytes:
    import sys

    from lineshaft.core.errors import NotFound

    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(
            "access.zone_file_unreadable", f"{file} cannot be read: {error.strerror}", "Name a file that you may read.",
            path=str(file), reason=str(error.strerror),
        ) from error  # fmt: skip


def _flow(flow: dict[str, Any]) -> str:
    details = [*map(str, flow.get("ports", [])), *flow.get("subjects", [])]
    return " ".join([flow["kind"], *details])
