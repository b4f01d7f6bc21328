"""`lineshaft guard`: the write policy of a gateway: checked, explained, learned, approved."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput, NotFound

app = console.application("The guard in front of every write: check, explain, learn, approve, mode.")

_ROOT = "/api/v1/edge"
_Gateway = Annotated[str, typer.Option("--gateway", help="Which gateway: the box's own, or one that enrolled.")]
_BOX = "gateway"
_MODES = ("learn", "shadow", "enforce")


@contextmanager
def _client(home: Path | None) -> Iterator[Any]:
    from lineshaft.client import connect

    with connect(home=home) as client:
        yield client


def _path(gateway: str) -> str:
    return f"{_ROOT}/gateways/{quote(gateway, safe='')}/parts/guard"


def _document(client: Any, gateway: str) -> tuple[dict[str, Any], str]:
    """A gateway's whole document with its ETag; the default, and no tag, where none is configured."""
    import msgspec

    from lineshaft.edge.guard.part import GuardDocument

    try:
        with client.stream("GET", _path(gateway)) as response:
            response.read()
            configured, tag = response.json()["document"], response.headers["etag"]
    except NotFound as error:
        if error.code != "edge.part_not_configured":
            raise
        configured, tag = {}, ""
    return msgspec.to_builtins(msgspec.convert(configured, GuardDocument)), tag


def _put(client: Any, gateway: str, document: dict[str, Any], tag: str) -> None:
    client.request("PUT", _path(gateway), json=document, headers={"If-Match": tag} if tag else None)


def _proposed(client: Any, gateway: str) -> dict[str, str]:
    status = client.request("GET", f"{_ROOT}/status", params={"gateway": gateway})
    proposed: dict[str, str] = status["parts"].get("guard", {}).get("proposed", {})
    return proposed


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Text files of guard policies.", exists=True, dir_okay=False)],
    json: JsonOption = False,
) -> None:
    """Compile policy files; needs nothing running. What the guard does not take is shown with its line."""
    from lineshaft.edge.guard.policy import compile_policy

    rows = [
        {"file": str(file), "rule": rule.id, "effect": "permit" if rule.permits else "forbid", "line": rule.line,
         "alternatives": len(rule.terms)}
        for file in files
        for rule in compile_policy(file.read_text("utf-8")).rules
    ]  # fmt: skip
    console.output(rows, as_json=json, empty=say("No rules in it.", "其中没有规则。"))


@app.command()
def schema() -> None:
    """Print what guard policies can be about, as a Cedar schema."""
    from lineshaft.edge.guard.schema import schema_text

    console.output(schema_text().rstrip(), as_json=False)


@app.command()
def show(gateway: _Gateway = _BOX, home: HomeOption = None, json: JsonOption = False) -> None:
    """Print the policy that a gateway works by, and how its guard stands."""
    with _client(home) as client:
        document, _ = _document(client, gateway)
    if json:
        console.output(document, as_json=True)
        return
    settings = {key: value for key, value in document.items() if key != "policy"}
    console.note("  ".join(f"{key}={value}" for key, value in settings.items() if value))
    console.output(document["policy"].rstrip(), as_json=False)


@app.command()
def explain(
    device: Annotated[str, typer.Argument(help="Name of the device.")],
    function: Annotated[str, typer.Argument(help="protocol.function, such as modbus.write_single_register.")],
    value: Annotated[list[float] | None, typer.Option("--value", help="A value; repeatable.")] = None,
    space: Annotated[str, typer.Option(help="Space of numbered addresses, such as holding.")] = "",
    start: Annotated[int, typer.Option(help="First address.")] = 0,
    count: Annotated[int, typer.Option(help="How many addresses.", min=1)] = 1,
    node: Annotated[str, typer.Option(help="Named address, instead of space and start.")] = "",
    role: Annotated[list[str] | None, typer.Option("--role", help="Role of who asks; repeatable.")] = None,
    principal: Annotated[str, typer.Option(help="Handle of who asks.")] = "",
    zone: Annotated[str, typer.Option(help="Zone of who asks.")] = "",
    foreign: Annotated[bool, typer.Option("--foreign", help="Who asks is a client behind a proxy.")] = False,
    plant_mode: Annotated[str, typer.Option(help="Plant mode.")] = "",
    approvals: Annotated[int, typer.Option(help="Second persons who approved it.")] = 0,
    presence: Annotated[bool, typer.Option("--presence", help="As if somebody stood at the gateway.")] = False,
    place: Annotated[str, typer.Option(help="ISA-95 path of the device, where rules are about places.")] = "",
    policy: Annotated[
        Path | None, typer.Option("--policy", "-p", help="Try this file; needs nothing running.", exists=True)
    ] = None,
    gateway: _Gateway = _BOX,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what the guard would decide, and by which rules."""
    import msgspec

    from lineshaft.edge.guard.explanation import explain_operation
    from lineshaft.edge.guard.model import GuardPrincipal, State
    from lineshaft.edge.guard.operation import Operation
    from lineshaft.edge.guard.part import GuardDocument

    if policy is not None:
        document = GuardDocument(policy=policy.read_text("utf-8"))
    else:
        with _client(home) as client:
            document = msgspec.convert(_document(client, gateway)[0], GuardDocument)
    protocol, _, named = function.partition(".")
    operation = Operation.of(
        value or (), protocol=protocol, device=device, function=named, space=space, start=start, count=count, node=node
    )
    who = GuardPrincipal(id=principal, roles=frozenset(role or ()), zone=zone, foreign=foreign)
    state = State(approvals=approvals, mode=plant_mode)
    told = explain_operation(document, gateway, operation, who, state, place=place, presence=presence)
    console.output(told, as_json=json)


@app.command()
def learn(gateway: _Gateway = _BOX, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what a gateway learned beyond its policy, as a change of that policy; nothing comes into force."""
    from lineshaft.edge.guard import learned

    with _client(home) as client:
        document, _ = _document(client, gateway)
        proposed = _proposed(client, gateway)
    if json:
        console.output(proposed, as_json=True)
        return
    lines = learned.difference(document["policy"], learned.join(document["policy"], proposed.values()))
    empty = say("Nothing was learned that the policy does not permit.", "没有学到策略未允许的操作。")
    console.output("\n".join(lines) if proposed else empty, as_json=False)


@app.command()
def approve(
    rule: Annotated[
        list[str] | None, typer.Option("--rule", help="Only this learned rule, by its id; repeatable.")
    ] = None,
    gateway: _Gateway = _BOX,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take learned rules into a gateway's policy, after you have read them."""
    from lineshaft.edge.guard import learned

    with _client(home) as client:
        document, tag = _document(client, gateway)
        proposed = _proposed(client, gateway)
        missing = [one for one in rule or () if one not in proposed]
        if missing or not proposed:
            wanted = ", ".join(missing) or "*"
            raise InvalidInput(
                "edge.guard_rule_not_proposed", f"no learned rule {wanted!r} waits to be approved",
                "`lineshaft guard learn` shows which do.", field="--rule", value=wanted,
            )  # fmt: skip
        chosen = {one: text for one, text in proposed.items() if not rule or one in rule}
        after = learned.join(document["policy"], chosen.values())
        console.note("\n".join(learned.difference(document["policy"], after)))
        console.confirm(say(f"Permit this at {gateway}?", f"在 {gateway} 上允许这些操作？"), yes=yes)
        _put(client, gateway, {**document, "policy": after}, tag)
    if json:
        console.output({"added": sorted(chosen)}, as_json=True)
        return
    console.note(say(f"{len(chosen)} rules added.", f"已加入 {len(chosen)} 条规则。"))


@app.command()
def put(
    file: Annotated[Path, typer.Argument(help="Text file of the guard's policy.", exists=True, dir_okay=False)],
    gateway: _Gateway = _BOX,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Put a policy into force in place of the present one."""
    from lineshaft.edge.guard import learned
    from lineshaft.edge.guard.policy import compile_policy

    compiled = compile_policy(file.read_text("utf-8"))
    after = compiled.text
    with _client(home) as client:
        document, tag = _document(client, gateway)
        console.note("\n".join(learned.difference(document["policy"], after)))
        console.confirm(say(f"Put this into force at {gateway}?", f"在 {gateway} 上生效？"), yes=yes)
        _put(client, gateway, {**document, "policy": after}, tag)
    if json:
        console.output({"policy": compiled.version, "rules": [rule.id for rule in compiled.rules]}, as_json=True)


@app.command()
def mode(
    wanted: Annotated[str, typer.Argument(help="learn, shadow or enforce; nothing: show it.")] = "",
    reads: Annotated[str, typer.Option(help="open: reads need no rule. closed: they do.")] = "",
    gateway: _Gateway = _BOX,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show or change how a gateway's guard works: learn and shadow let everything through."""
    with _client(home) as client:
        document, tag = _document(client, gateway)
        if wanted or reads:
            changed = {"mode": wanted or document["mode"], "reads": reads or document["reads"]}
            if changed["mode"] not in _MODES:
                raise InvalidInput(
                    "edge.guard_mode_unknown", f"{wanted!r} is no mode of a guard", f"Modes: {', '.join(_MODES)}.",
                    field="mode", value=wanted,
                )  # fmt: skip
            if changed["mode"] != "enforce":
                console.confirm(say("Let every write through?", "放行所有写操作？"), yes=yes)
            document |= changed
            _put(client, gateway, document, tag)
    console.output({"mode": document["mode"], "reads": document["reads"]}, as_json=json)


@app.command()
def presence(
    reason: Annotated[str, typer.Option(help="Why; it goes into the audit trail.")] = "",
    minutes: Annotated[int, typer.Option(help="How long.")] = 10,
    end: Annotated[bool, typer.Option("--end", help="It is over.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """On the gateway's own machine: say that you stand there, so that rules which ask for it permit."""
    import msgspec

    from lineshaft.core import clock
    from lineshaft.edge.guard.presence import end_presence, state_presence

    where = console.home_of(home)
    where.identity()
    if end:
        gone = end_presence(where)
        console.note(say("Over." if gone else "Nothing was said.", "已结束。" if gone else "没有声明。"))
        return
    said = state_presence(where, getpass.getuser(), minutes, reason)
    told = {**msgspec.to_builtins(said), "since": clock.rfc3339(said.since), "until": clock.rfc3339(said.until)}
    console.output(told, as_json=json)
