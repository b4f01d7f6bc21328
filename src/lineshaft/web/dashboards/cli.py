"""`lineshaft dashboard`: dashboards as texts, in and out."""

import sys
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import InvalidInput, NotFound

app = console.application("Dashboards of the console as texts: list, show, apply, export, versions, diff, go back.")

_ROOT = "/api/v1/dashboards"
_Name = Annotated[str, typer.Argument(help="Name of the dashboard.")]
_Version = Annotated[int, typer.Argument(help="Number of the version.")]
_HEADINGS = {
    "name": ("name", "名称"), "title": ("title", "标题"), "project": ("project", "项目"), "owner": ("of", "所有者"),
    "shared": ("shared", "共享"), "widgets": ("widgets", "组件数"), "version": ("version", "版本"),
    "changed": ("changed", "更改时间"), "author": ("by", "作者"), "created": ("saved", "保存时间"),
    "comment": ("why", "说明"), "id": ("widget", "组件"), "kind": ("kind", "类型"), "shows": ("shows", "显示"),
    "change": ("", ""), "where": ("where", "位置"), "before": ("before", "之前"), "after": ("after", "之后"),
}  # fmt: skip


def _path(name: str, *more: Any) -> str:
    return "/".join((_ROOT, quote(name, safe=""), *map(str, more)))


def _columns(*keys: str) -> list[tuple[str, str]]:
    return [(key, say(*_HEADINGS[key])) for key in keys]


@app.command("list")
def list_dashboards(
    everybodys: Annotated[
        bool, typer.Option("--everybodys", help="Also what others share with nobody; for administrators.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List your own dashboards and those shared with you."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = list(client.pages(_ROOT, {"everybodys": "true"} if everybodys else {}))
    empty = say(
        "No dashboards yet: make one in the console, or with `lineshaft dashboard apply FILE`.",
        "还没有看板：在控制台中创建，或用 lineshaft dashboard apply 文件。",
    )
    columns = _columns("name", "title", "project", "owner", "shared", "widgets", "version", "changed")
    console.output(rows, as_json=json, columns=columns, empty=empty)


@app.command()
def show(name: _Name, home: HomeOption = None, json: JsonOption = False) -> None:
    """Show what stands on a dashboard."""
    from msgspec.json import decode

    from lineshaft.client import connect

    with connect(home=home) as client:
        found = client.request("GET", _path(name))
    if json:
        console.output(found, as_json=True)
        return
    document = decode(found["text"])
    rows = [
        {**widget, "title": widget.get("title", ""), "shows": ", ".join(_shown(widget))}
        for widget in document.get("widgets", [])
    ]
    version = found["version"]
    console.note(say(f"{found['title']}, version {version}, of {found['owner']}",
                     f"{found['title']}，版本 {version}，所有者 {found['owner']}"))  # fmt: skip
    empty = say("Nothing stands on it yet.", "上面还没有组件。")
    console.output(rows, as_json=False, columns=_columns("id", "kind", "title", "shows"), empty=empty)


def _shown(widget: dict[str, Any]) -> list[str]:
    """The last levels of the tags that a widget shows."""
    nodes: list[dict[str, Any]] = widget.get("nodes", [])
    paths = [*widget.get("tags", []), *(node["tag"] for node in nodes if node.get("tag"))]
    return [path.rpartition("/")[2] for path in paths]


@app.command()
def export(
    name: _Name,
    out: Annotated[Path | None, typer.Option("--out", help="File to write, instead of standard output.")] = None,
    version: Annotated[int | None, typer.Option("--version", help="Another version than the newest.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write a dashboard's text, which is JSON."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        found = client.request("GET", _path(name) if version is None else _path(name, "versions", version))
    if json:
        console.output(found, as_json=True)
    elif out is None:
        sys.stdout.write(found["text"])
    else:
        out.write_text(found["text"], encoding="utf-8")
        console.note(say(f"Wrote {out}.", f"已写入 {out}。"))


@app.command()
def apply(
    file: Annotated[Path, typer.Argument(help="File with a dashboard's text; - is standard input.")],
    comment: Annotated[str, typer.Option("--comment", help="Why; kept with the version.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a dashboard from a text, or save it as the next version of the one that has its name."""
    from lineshaft.client import connect

    text = sys.stdin.read() if str(file) == "-" else _read(file)
    body = {"text": text, "comment": comment}
    with connect(home=home) as client:
        try:
            kept = client.request("PUT", _path(_name_in(text)), json=body)
        except NotFound:
            kept = client.request("POST", _ROOT, json=body)
    if json:
        console.output(kept, as_json=True)
        return
    console.note(
        say(f"{kept['name']} is version {kept['version']} now.", f"{kept['name']} 现为版本 {kept['version']}。")
    )


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(
            "web.dashboard_file_unreadable", f"{file} cannot be read: {error}", "Name a file with a dashboard's text.",
            field="file", value=str(file), reason=str(error),
        ) from error  # fmt: skip


def _name_in(text: str) -> str:
    """The dashboard's name; what is no dashboard at all is left to the server to refuse."""
    import msgspec

    try:
        name = msgspec.json.decode(text)["name"]
    except (msgspec.DecodeError, KeyError, TypeError):
        return "-"
    return str(name) or "-"


@app.command()
def versions(name: _Name, home: HomeOption = None, json: JsonOption = False) -> None:
    """List versions, newest first."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = list(client.pages(_path(name, "versions"), {}))
    console.output(rows, as_json=json, columns=_columns("version", "created", "author", "comment"))


@app.command()
def diff(
    name: _Name,
    version: _Version,
    against: Annotated[int | None, typer.Option("--against", help="Another version than the one before.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show what a version changed."""
    from lineshaft.client import connect

    params = {} if against is None else {"against": against}
    with connect(home=home) as client:
        rows = client.request("GET", _path(name, "versions", version, "diff"), params=params)["items"]
    empty = say("Nothing differs.", "没有差异。")
    console.output(rows, as_json=json, columns=_columns("change", "where", "before", "after"), empty=empty)


@app.command()
def restore(
    name: _Name, version: _Version, yes: YesOption = False, home: HomeOption = None, json: JsonOption = False
) -> None:
    """Make a dashboard as it was in a version; that is a new version."""
    from lineshaft.client import connect

    console.confirm(say(f"Go back to version {version}?", f"恢复到版本 {version}？"), yes=yes)
    with connect(home=home) as client:
        kept = client.request("POST", _path(name, "versions", version, "restore"))
    if json:
        console.output(kept, as_json=True)
        return
    console.note(say(f"This is version {kept['version']} now.", f"现为版本 {kept['version']}。"))


@app.command()
def delete(name: _Name, yes: YesOption = False, home: HomeOption = None) -> None:
    """Delete a dashboard with all its versions."""
    from lineshaft.client import connect

    console.confirm(
        say(f"Delete {name} and all its versions?", f"删除 {name} 及其所有版本？"), yes=yes
    )  # fmt: skip
    with connect(home=home) as client:
        client.request("DELETE", _path(name))
