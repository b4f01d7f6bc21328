"""`lineshaft audit`: search the trail, prove an entry, verify all of it, take a copy that verifies anywhere, prune."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import Corrupt

app = console.application("The audit trail: search, prove, verify, export.")

_ROOT = "/api/v1/access/audit"
_COLUMNS = (
    ("seq", "seq"), ("time", "time"), ("who", "who"), ("action", "action"), ("resource", "what"),
    ("outcome", "outcome"),
)  # fmt: skip


@app.command()
def search(
    name: Annotated[str | None, typer.Argument(help="Only what this principal did.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Such as edge:configure, or access:* for all that begin so.")
    ] = None,
    resource: Annotated[str | None, typer.Option(help="Handle or path of what was concerned.")] = None,
    outcome: Annotated[
        Literal["asked", "done", "refused", "denied", "locked"] | None, typer.Option(help="What came of it.")
    ] = None,
    kind: Annotated[
        Literal["sign_in", "denial", "change", "command", "export", "deletion", "alarm", "general"] | None,
        typer.Option(help="What kind of act it was."),
    ] = None,
    trace: Annotated[str | None, typer.Option(help="Everything that one request caused.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="RFC 3339 or an offset such as -2h.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="RFC 3339 or an offset such as -2h.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Entries to show.")] = 50,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show entries, newest first."""
    given = {
        "name": name, "action": action, "resource": resource, "outcome": outcome, "kind": kind, "trace": trace,
        "from": start, "to": end, "limit": limit,
    }  # fmt: skip
    params = {key: value for key, value in given.items() if value is not None}
    items = _get(home, _ROOT, params)["items"]
    rows = items if json else [{**item, "who": item["name"] or item["principal"]} for item in items]
    empty = say("No entry is like that.", "没有符合条件的条目。")
    console.output(rows, as_json=json, columns=_COLUMNS, empty=empty)


@app.command()
def prove(
    entry: Annotated[str, typer.Argument(help="Id of an entry, or its place in the ledger.")],
    out: Annotated[Path | None, typer.Option(help="Write the proof to this file.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one entry and check the proof that it is in the signed log."""
    import msgspec

    from lineshaft.access.trail.proofs import check

    document = _get(home, f"{_ROOT}/{quote(entry, safe='')}")
    check(document, document["key"])
    if out is not None:
        out.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n")
    if json:
        console.output(document, as_json=True)
        return
    console.output(document["body"], as_json=False)
    console.note(
        say(
            f"Entry {document['seq']} is in the signed log of {document['size']} entries.",
            f"条目 {document['seq']} 在共 {document['size']} 条的已签名日志中。",
        )
    )


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(help="A proof that `prove --out` wrote; else the whole trail.")] = None,
    key: Annotated[str | None, typer.Option(help="The log's verifier key, from where you trust it.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Verify one proof offline, or every entry of the running box's trail."""
    if file is not None:
        _verify_proof(file, key, as_json=json)
        return
    with tempfile.TemporaryDirectory() as folder:
        _copy(home, Path(folder) / "audit")
        _verify_copy(Path(folder) / "audit", key, as_json=json)


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="A new folder.")], home: HomeOption = None, json: JsonOption = False
) -> None:
    """Copy the trail, its tiles and its checkpoint: `lineshaft ledger verify FOLDER` proves it on any machine."""
    size = _copy(home, folder)
    console.output({"folder": str(folder), "entries": size}, as_json=json)


@app.command()
def prune(
    before: Annotated[str | None, typer.Option(help="RFC 3339 or an offset such as -200d.")] = None,
    yes: YesOption = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Delete the bodies of entries past their retention, never less than 180 days; the ledger stays whole."""
    from lineshaft.client import connect

    console.confirm(say("Delete old entries for ever?", "永久删除旧条目？"), yes=yes)
    with connect(home=home) as client:
        console.output(client.request("POST", f"{_ROOT}:prune", json={"before": before}), as_json=json)


# -- inside -------------------------------------------------------------------------------------------------------------


def _get(home: Path | None, path: str, params: Any = None) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request("GET", path, params=params)


def _copy(home: Path | None, folder: Path) -> int:
    from rich.progress import Progress

    from lineshaft.access.trail.copy import download
    from lineshaft.client import connect

    with connect(home=home) as client, Progress(transient=True, disable=not sys.stderr.isatty()) as bars:
        bar = bars.add_task(say("Copying", "复制"))
        return download(client, folder, lambda done, total: bars.update(bar, completed=done, total=total))


def _verify_copy(folder: Path, key: str | None, *, as_json: bool) -> None:
    from lineshaft.access.trail.copy import missing
    from lineshaft.ledger.verify import verify_folder

    keys = [key or (folder / "key").read_text("utf-8").strip()]
    report = verify_folder(folder, keys)
    absent = missing(folder, report.size)
    answer = {
        "size": report.size, "ok": report.ok and not absent.lost, "problems": [each.text(console.language()) for each in report.problems],
        "bodies_pruned": absent.pruned, "bodies_lost": absent.lost,
    }  # fmt: skip
    console.output(answer if as_json else _for_people(answer), as_json=as_json)
    if not answer["ok"]:
        raise Corrupt(
            "access.audit_not_proven", "the audit trail does not agree with its ledger",
            "The problems above name file and place. Keep a copy of the home as it is, and ask who could write there.",
        )  # fmt: skip


def _for_people(answer: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "entries": answer["size"],
        "result": say("as it was signed", "与签名一致") if answer["ok"] else say("NOT as it was signed", "与签名不一致"),
        "bodies pruned": answer["bodies_pruned"], "bodies lost": len(answer["bodies_lost"]),
    }  # fmt: skip
    return shown | ({} if answer["ok"] else {"problems": answer["problems"], "lost": answer["bodies_lost"]})


def _verify_proof(file: Path, key: str | None, *, as_json: bool) -> None:
    from lineshaft.access.trail.proofs import check, read

    document = read(file)
    check(document, key or document["key"])
    if key is None:
        console.note(
            say(
                f"Warning: no --key given. The key {document['key']} is taken from the proof itself: whoever made it may "
                "have made the key too. Compare it with the one you know.",
                f"警告：未给出 --key。密钥 {document['key']} 取自证明本身：制作证明的人也可能制作了密钥。请与您已知的密钥核对。",
            )
        )
    console.output({"seq": document["seq"], "size": document["size"], "ok": True}, as_json=as_json)
