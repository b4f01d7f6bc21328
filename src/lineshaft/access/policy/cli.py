"""`lineshaft policy`: policies in force, checked, tried, compared, explained, changed; verdicts of second persons."""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say

app = console.application("Policies: check, test, compare, explain, put into force.")

_ROOT = "/api/v1/access"
_SCHEMA = "schema"
_Name = Annotated[str, typer.Argument(help="Name of a policy, as `policy list` shows it.")]
_File = Annotated[Path, typer.Argument(help="Text file of Cedar policies.")]
_Approval = Annotated[str, typer.Argument(help="Id of the approval, as the refused request named it.")]


@app.command("list")
def list_policies(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the policies in force: defaults, generated ones, uploaded ones."""
    items = _call(home, "GET", "policies")["items"]
    columns = (("name", "name"), ("origin", "origin"), ("version", "version"), ("created", "since"))
    console.output(items, as_json=json, columns=columns)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="Name of a policy; `schema` for the types and actions that there are.")],
    home: HomeOption = None,
) -> None:
    """Print the text of a policy, or the schema."""
    if name == _SCHEMA:
        from lineshaft.access.policy.schema import schema_text

        console.output(schema_text().rstrip(), as_json=False)
        return
    console.output(_call(home, "GET", _policy(name))["text"].rstrip(), as_json=False)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Text files of Cedar policies.")], json: JsonOption = False
) -> None:
    """Validate policy files; needs nothing running. A mistake is shown with its line."""
    from lineshaft.access.policy.policies import compile_text
    from lineshaft.access.policy.trials import read_policy

    found = [
        {"policy": policy.id, "effect": "permit" if policy.permits else "forbid", "line": policy.line}
        for file in files
        for policy in compile_text(*read_policy(file))
    ]
    console.output(found, as_json=json, empty=say("No policies in it.", "其中没有策略。"))


@app.command("test")
def try_cases(
    file: Annotated[Path, typer.Argument(help="TOML or JSON file of cases.")],
    policy: Annotated[
        list[Path] | None, typer.Option("--policy", "-p", help="Try these files instead of what is in force.")
    ] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Try cases on policy files, or on what is in force; ends with status 1 where one fails."""
    from lineshaft.access.policy import trials
    from lineshaft.access.policy.engine import Engine
    from lineshaft.access.policy.policies import compile_text

    cases = trials.read(file)
    texts = [trials.read_policy(one) for one in policy] if policy else trials.texts_of(cases, file)
    for one, text in texts or ():
        compile_text(one, text)
    engine = Engine(_in_force(home) if texts is None else texts, tenant=trials.TENANT)
    results = trials.run(engine, cases.case)
    columns = (("case", "case"), ("passed", "passed"), ("expected", "expected"), ("got", "got"), ("reason", "reason"))
    console.output(_plain(results), as_json=json, columns=columns)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


@app.command()
def diff(
    file: _File,
    name: Annotated[str, typer.Option(help="Name it would have; the file's where not given.")] = "",
    defaults: Annotated[
        bool, typer.Option("--defaults", help="Compare with the defaults alone; needs nothing running.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show which decisions would change, over roles, services, actions and zones."""
    from lineshaft.access.policy.comparison import compare
    from lineshaft.access.policy.engine import Engine
    from lineshaft.access.policy.policies import compile_text
    from lineshaft.access.policy.trials import TENANT, read_policy

    stem, text = read_policy(file)
    compile_text(name or stem, text)
    present = [] if defaults else _in_force(home)
    others = [entry for entry in present if entry[0] != (name or stem)]
    before, after = (
        Engine(texts, tenant=TENANT, remember=False) for texts in (present, [*others, (name or stem, text)])
    )
    changes = _plain(compare(before, after, TENANT))
    columns = (
        ("who", "who"), ("action", "action"), ("from_zone", "from zone"), ("to_zone", "to zone"), ("before", "before"),
        ("after", "after"),
    )  # fmt: skip
    empty = say(
        "No decision changes, at this moment and about things without tags.",
        "以当前时刻、对没有标记的对象而言，没有决定会改变。",
    )
    console.output(changes, as_json=json, columns=columns, empty=empty)


@app.command()
def explain(
    principal: Annotated[str, typer.Argument(help="Name of a person, app or service.")],
    action: Annotated[str, typer.Argument(help="Such as history:read.")],
    resource: Annotated[str, typer.Argument(help="Handle, path or name.")] = "*",
    zone: Annotated[str, typer.Option(help="Zone of the object.")] = "",
    kind: Annotated[str, typer.Option(help="Kind of the object.")] = "object",
    grade: Annotated[int | None, typer.Option(help="Grade of the object's data, 1 to 3.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Say what would be decided, by which policies, and why the others do not decide it."""
    body = {"principal": principal, "action": action, "resource": resource, "zone": zone, "kind": kind, "grade": grade}
    told = _call(home, "POST", "policies:explain", body)
    if json:
        console.output(told, as_json=True)
        return
    answer = say("allowed", "允许") if told["allowed"] else say("denied", "拒绝")
    console.output(f"{answer}: {told['reason']}", as_json=False)
    for duty in told["obligations"]:
        console.output(f"  {duty['kind']}:{duty['argument']} ({duty['policy']})", as_json=False)
    for one in told["policies"]:
        if one["decided"]:
            console.output(f"\n{one['policy']}\n{one['text']}", as_json=False)
    others = [
        {"policy": one["policy"], "effect": one["effect"], "why": _why(one)}
        for one in told["policies"]
        if not one["decided"]
    ]
    console.output("", as_json=False)
    console.output(others, as_json=False, columns=(("policy", "policy"), ("effect", "effect"), ("why", "why not")))


@app.command()
def apply(name: _Name, file: _File, home: HomeOption = None, json: JsonOption = False) -> None:
    """Put a policy file into force under a name; refused where it does not validate, or changed meanwhile."""
    from lineshaft.access.policy.trials import read_policy
    from lineshaft.client import connect
    from lineshaft.core.errors import NotFound

    _, text = read_policy(file)
    with connect(home=home) as client:
        path = f"{_ROOT}/{_policy(name)}"
        try:
            with client.stream("GET", path) as present:
                seen = {"If-Match": present.headers["etag"]}
        except NotFound:
            seen = {"If-None-Match": "*"}
        made = client.request("PUT", path, json={"text": text}, headers=seen)
    shown = {key: made[key] for key in ("name", "version", "created")}
    console.output(made if json else shown, as_json=json)


@app.command()
def withdraw(name: _Name, yes: YesOption = False, home: HomeOption = None) -> None:
    """Take an uploaded policy out of force."""
    console.confirm(say(f"Withdraw the policy {name}?", f"撤回策略 {name}？"), yes=yes)
    _call(home, "DELETE", _policy(name))


@app.command("approvals")
def list_approvals(home: HomeOption = None, json: JsonOption = False) -> None:
    """List what waits for a second person."""
    items = _call(home, "GET", "approvals")["items"]
    columns = (
        ("id", "id"), ("name", "who"), ("action", "action"), ("resource", "what"), ("role", "needs"),
        ("expires", "expires"), ("reasons", "why"),
    )  # fmt: skip
    console.output(
        items,
        as_json=json,
        columns=columns,
        empty=say("Nothing waits for a second person.", "没有等待第二人批准的请求。"),
    )


@app.command()
def approve(approval: _Approval, home: HomeOption = None, json: JsonOption = False) -> None:
    """Approve somebody else's request, as the person whose API token LINESHAFT_TOKEN holds."""
    console.output(_call(home, "POST", f"approvals/{quote(approval, safe='')}/approve"), as_json=json)


@app.command()
def refuse(approval: _Approval, home: HomeOption = None, json: JsonOption = False) -> None:
    """Refuse somebody else's request, as the person whose API token LINESHAFT_TOKEN holds."""
    console.output(_call(home, "POST", f"approvals/{quote(approval, safe='')}/refuse"), as_json=json)


# -- inside -------------------------------------------------------------------------------------------------------------


def _call(home: Path | None, method: str, path: str, body: Any = None) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{_ROOT}/{path}", json=body)


def _policy(name: str) -> str:
    return f"policies/{quote(name, safe='')}"


def _in_force(home: Path | None) -> list[tuple[str, str]]:
    """Name and text of what is in force beside the defaults."""
    items = _call(home, "GET", "policies")["items"]
    return [(item["name"], item["text"]) for item in items if item["origin"] != "default"]


def _plain(rows: list[Any]) -> list[dict[str, Any]]:
    import msgspec

    return [msgspec.structs.asdict(row) for row in rows]


def _why(weighed: dict[str, Any]) -> str:
    words = {
        "action": say("is about other actions", "针对其他操作"),
        "principal": say("is about other principals", "针对其他主体"),
        "resource": say("is about other objects or zones", "针对其他对象或区域"),
        "condition": say("its condition does not hold", "条件不成立"),
        "expired": say("has expired", "已过期"),
        "holds": say("holds, but a forbid wins", "成立，但禁止优先"),
        "error": say("cannot be evaluated", "无法求值"),
    }
    detail = f": {weighed['detail']}" if weighed["detail"] else ""
    return words[weighed["fit"]] + detail
