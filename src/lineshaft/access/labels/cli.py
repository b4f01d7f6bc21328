"""`lineshaft labels`: grades of data, the catalogue, holds, datasets that can be erased, leak notices, traces of copies."""

import base64
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say

app = console.application("Data labels: grade, catalogue, hold, erase.")
leak_app = console.application("Leak notices and their clock.")
app.add_typer(leak_app, name="leak")

_ROOT = "/api/v1/access"
_Kind = Annotated[Literal["tag", "stream", "table", "file", "dataset"], typer.Option(help="Kind of the object.")]
_Object = Annotated[str, typer.Argument(metavar="OBJECT", help="Path of a tag or of a level above it, or a name.")]
_Reason = Annotated[str, typer.Option("--reason", help="Why; kept with the change.")]
_Dataset = Annotated[str, typer.Option("--dataset", help="Dataset that the file belongs to.")]
_LABEL_COLUMNS = (
    ("object", "object"), ("kind", "kind"), ("domain", "domain"), ("grade_2020", "grade 2020"),
    ("grade_2022", "grade 2022"), ("export", "export"), ("owner", "owner"), ("retention_days", "days"),
)  # fmt: skip


# -- labels -------------------------------------------------------------------------------------------------------------


@app.command()
def show(
    object_: Annotated[str | None, typer.Argument(metavar="[OBJECT]", help="One object; else all labels.")] = None,
    kind: _Kind = "tag",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show the labels in force, or what counts for one object."""
    if object_ is None:
        rows = _pages(home, "labels")
        console.output(rows if json else [_flat(row) for row in rows], as_json=json, columns=_LABEL_COLUMNS)
        return
    shown = _call(home, "GET", "labels/show", params={"object": object_, "kind": kind})
    if not json:
        label = shown.pop("label") or {}
        versions = shown.pop("versions")
        shown = {**label, **shown, "versions": len(versions)}
    console.output(shown, as_json=json)


@app.command("set")
def set_label(
    object_: _Object,
    domain: Annotated[str, typer.Option(help="r_and_d, production, maintenance, management, external …")],
    grade: Annotated[int, typer.Option(min=1, max=3, help="Grade of 2020: 1, 2 or 3 (highest).")],
    grade_2022: Annotated[Literal["general", "important", "core"], typer.Option(help="Grade of 2022.")] = "general",
    purpose: Annotated[str, typer.Option(help="What the data are for.")] = "",
    owner: Annotated[str, typer.Option(help="Who answers for them.")] = "",
    days: Annotated[int | None, typer.Option(help="Retention; without end where not given.")] = None,
    export: Annotated[
        Literal["allowed", "approval", "forbidden"], typer.Option(help="Whether they may leave.")
    ] = "allowed",
    reason: _Reason = "",
    kind: _Kind = "tag",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Label an object and what lies below it; in force at once."""
    body = {
        "object": object_, "kind": kind, "domain": domain, "grade_2020": grade, "grade_2022": grade_2022,
        "purpose": purpose, "owner": owner, "retention_days": days, "export": export, "reason": reason,
    }  # fmt: skip
    made = _call(home, "PUT", "labels", body)
    console.output(made if json else _flat(made), as_json=json)


@app.command()
def propose(
    prefix: Annotated[str, typer.Argument(help="Propose for all tags below this path.")] = "",
    owner: Annotated[str, typer.Option(help="Who answers for them.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Let the rules propose labels, and list what waits for a person."""
    _call(home, "POST", "labels/propose", {"prefix": prefix, "owner": owner})
    rows = _pages(home, "labels/proposals")
    console.output(
        rows if json else [{**_flat(row), "reason": row["reason"]} for row in rows], as_json=json,
        columns=(*_LABEL_COLUMNS[:5], ("reason", "why")), empty=say("Nothing waits.", "没有待确认的标签。"),
    )  # fmt: skip


@app.command()
def confirm(
    objects: Annotated[
        list[str] | None, typer.Argument(help="Objects; all that wait below --prefix where none.")
    ] = None,
    prefix: Annotated[str, typer.Option(help="All that wait below this path.")] = "",
    reject: Annotated[bool, typer.Option("--reject", help="Reject instead.")] = False,
    kind: _Kind = "tag",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Confirm what the rules proposed; who did is kept with it."""
    body = {"objects": objects or [], "prefix": prefix, "kind": kind, "confirm": not reject}
    console.output(_call(home, "POST", "labels/decide", body), as_json=json)


@app.command()
def withdraw(
    object_: _Object, reason: _Reason = "", kind: _Kind = "tag", home: HomeOption = None, json: JsonOption = False
) -> None:
    """End an object's own label."""
    made = _call(home, "POST", "labels/withdraw", {"object": object_, "kind": kind, "reason": reason})
    console.output(made if json else _flat(made), as_json=json)


@app.command()
def catalogue(
    file: Annotated[Path | None, typer.Argument(help="Write it as CSV to this file.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show or write the catalogue of data for filing."""
    if file is not None:
        from lineshaft.client import connect

        with (
            connect(home=home) as client,
            client.stream("GET", f"{_ROOT}/labels/catalogue", params=[("format", "csv")]) as answer,
        ):
            file.write_bytes(b"".join(answer.iter_bytes()))
        console.note(say(f"Wrote {file}.", f"已写入 {file}。"))
        return
    found = _call(home, "GET", "labels/catalogue")
    headings = tuple(found["headings"].items())
    console.output(found if json else found["items"], as_json=json, columns=headings)


@app.command()
def approve(
    object_: _Object,
    recipient: Annotated[str, typer.Option("--for", help="Who may get it.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the approval.")],
    purpose: Annotated[str, typer.Option(help="For what, as one word.")] = "operation",
    days: Annotated[int, typer.Option(min=1, max=366, help="How long.")] = 30,
    kind: _Kind = "tag",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Approve that somebody else exports an object to a recipient."""
    body = {
        "object": object_, "kind": kind, "recipient": recipient, "purpose": purpose, "reason": reason, "days": days,
    }  # fmt: skip
    console.output(_call(home, "POST", "labels/approvals", body), as_json=json)


@app.command()
def exports(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what left, to whom, newest first."""
    items = _call(home, "GET", "labels/exports", params={"limit": limit})["items"]
    names = ("time", "principal", "recipient", "purpose", "what", "rows", "bytes", "grade_2020", "grade_2022", "whole")
    console.output(items, as_json=json, columns=[(name, name) for name in names])


# -- holds --------------------------------------------------------------------------------------------------------------


@app.command()
def hold(
    object_: _Object,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the hold.")],
    kind: _Kind = "dataset",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Keep an object, and what lies below it, from being erased."""
    body = {"object": object_, "kind": kind, "reason": reason}
    console.output(_call(home, "POST", "holds", body), as_json=json)


@app.command()
def holds(home: HomeOption = None, json: JsonOption = False) -> None:
    """List legal holds, released ones too."""
    items = _call(home, "GET", "holds")["items"]
    names = ("id", "kind", "object", "reason", "author", "created", "released")
    console.output(items, as_json=json, columns=[(name, name) for name in names])


@app.command()
def release(
    hold: Annotated[str, typer.Argument(help="Id of the hold, as `labels holds` shows it, or its object.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept with the hold.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """End a legal hold."""
    items = _call(home, "GET", "holds")["items"]
    found = next((item["id"] for item in items if item["object"] == hold and item["released"] is None), hold)
    console.output(_call(home, "POST", f"holds/{quote(found, safe='')}/release", {"reason": reason}), as_json=json)


# -- datasets -----------------------------------------------------------------------------------------------------------


@app.command()
def datasets(home: HomeOption = None, json: JsonOption = False) -> None:
    """List datasets, erased ones too."""
    items = _call(home, "GET", "datasets")["items"]
    console.output(
        items, as_json=json, columns=[(name, name) for name in ("name", "place", "created", "erased", "key")]
    )


@app.command()
def encrypt(
    file: Annotated[Path, typer.Argument(help="File to encrypt; it stays.", exists=True, dir_okay=False)],
    dataset: _Dataset,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="[default: FILE.enc]")] = None,
    place: Annotated[str, typer.Option(help="Where the files of a new dataset are kept, in words.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Encrypt a file under its dataset's key; a dataset that is not there yet is made."""
    from lineshaft.access.labels.envelope import FileKey
    from lineshaft.access.labels.envelope import encrypt as seal

    names = {item["name"] for item in _call(home, "GET", "datasets")["items"]}
    if dataset not in names:
        _call(home, "POST", "datasets", {"name": dataset, "place": place})
    given = _call(home, "POST", f"datasets/{quote(dataset, safe='')}/file-keys")
    fresh = FileKey(
        dataset=given["dataset"], key=given["key"], file_key=base64.b64decode(given["file_key"]),
        wrapped=base64.b64decode(given["wrapped"]),
    )  # fmt: skip
    target = output or file.with_name(f"{file.name}.enc")
    size = seal(file, target, fresh)
    console.output({"file": str(target), "bytes": size, "dataset": dataset, "key": fresh.key}, as_json=json)


@app.command()
def decrypt(
    file: Annotated[Path, typer.Argument(help="File that `labels encrypt` wrote.", exists=True, dir_okay=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    dataset: Annotated[str | None, typer.Option(help="Dataset; what the file says where not given.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Decrypt a file; refused once its dataset is erased."""
    from lineshaft.access.labels.envelope import Header
    from lineshaft.access.labels.envelope import decrypt as unseal

    def open_key(header: Header) -> bytes:
        name = quote(dataset or header.dataset, safe="")
        body = {"key": header.key, "wrapped": header.wrapped}
        return base64.b64decode(_call(home, "POST", f"datasets/{name}/file-keys/open", body)["file_key"])

    size = unseal(file, output, open_key)
    console.output({"file": str(output), "bytes": size}, as_json=json)


@app.command()
def erase(
    dataset: Annotated[str, typer.Argument(help="Dataset.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; stands in the receipt.")],
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Destroy a dataset's key: no copy of its files can be decrypted any more."""
    console.confirm(say(f"Erase {dataset} for ever?", f"永久擦除 {dataset}？"), yes=yes)
    console.output(_call(home, "POST", f"datasets/{quote(dataset, safe='')}/erase", {"reason": reason}), as_json=json)


# -- leaks --------------------------------------------------------------------------------------------------------------


@leak_app.command("list")
def list_leaks(home: HomeOption = None, json: JsonOption = False) -> None:
    """List leak notices and their clocks."""
    items = _call(home, "GET", "leaks")["items"]
    names = ("id", "title", "state", "opened", "due", "overdue", "reported")
    console.output(items, as_json=json, columns=[(name, name) for name in names])


@leak_app.command("open")
def open_leak(
    title: Annotated[str, typer.Argument(help="What may have leaked, in short.")],
    text: Annotated[str, typer.Option(help="What is known.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Open a leak notice; its clock starts."""
    console.output(_step(_call(home, "POST", "leaks", {"title": title, "text": text}), json=json), as_json=json)


@leak_app.command("step")
def move_leak(
    leak: Annotated[str, typer.Argument(help="Id of the notice.")],
    state: Annotated[Literal["assessed", "reported", "closed"], typer.Argument(help="What it is now.")],
    text: Annotated[str, typer.Option("--text", help="What was found, or to whom it was reported.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Take a leak notice one step further."""
    moved = _call(home, "POST", f"leaks/{quote(leak, safe='')}/steps", {"state": state, "text": text})
    console.output(_step(moved, json=json), as_json=json)


@app.command()
def trace(
    file: Annotated[Path, typer.Argument(help="A copy that was found.", exists=True, dir_okay=False)],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Find out for whom a copy of exported data was made."""
    from lineshaft.access.labels.canaries import Canary
    from lineshaft.access.labels.canaries import trace as look

    planted = [Canary(**item) for item in _call(home, "GET", "labels/canaries")["items"]]
    rows = [
        {"recipient": one.recipient, "exported": one.exported, "found": one.found, "planted": one.planted, "export": one.egress}
        for one in look(file, planted)
    ]  # fmt: skip
    console.output(rows, as_json=json, empty=say("No planted row is in it.", "文件中没有植入的记录。"))


# -- inside -------------------------------------------------------------------------------------------------------------


def _call(home: Path | None, method: str, path: str, body: Any = None, params: Any = None) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{_ROOT}/{path}", json=body, params=params)


def _pages(home: Path | None, path: str) -> list[dict[str, Any]]:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return list(client.pages(f"{_ROOT}/{path}", {"limit": 1000}))


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """A label version as one row of a table."""
    return {
        **row["label"],
        "object": row["object"],
        "kind": row["kind"],
        "version": row["version"],
        "state": row["state"],
    }


def _step(leak: dict[str, Any], *, json: bool) -> dict[str, Any]:
    return leak if json else {**leak, "steps": len(leak["steps"])}
