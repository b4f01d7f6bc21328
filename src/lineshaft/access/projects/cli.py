"""`lineshaft access project` and `lineshaft access tenant`."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say

app = console.application("Projects: whose objects are there for whom.")
tenant_app = console.application("Tenants beside the installation's own.")

_ROOT = "/api/v1/access/projects"
_TENANTS = "/api/v1/access/tenants"
_Project = Annotated[str, typer.Argument(help="Name of the project.")]
_Member = Annotated[str, typer.Argument(help="Name of a person or app.")]


@app.command("create")
def create(
    project: _Project,
    title: Annotated[str, typer.Option(help="What people read; the name where not given.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a project; its objects are there for its members and for administrators."""
    console.output(_call(home, "POST", "", {"name": project, "title": title}), as_json=json)


@app.command("list")
def list_projects(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the projects one is a member of; all of them for administrators."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = list(client.pages(_ROOT, {"limit": 1000}))
    columns = (("name", "project"), ("title", "title"), ("handle", "handle"), ("created", "made"))
    console.output(rows, as_json=json, columns=columns)


@app.command("delete")
def delete(project: _Project, yes: YesOption = False, home: HomeOption = None) -> None:
    """Delete a project that is empty; its name is not used again."""
    console.confirm(say(f"Delete the project {project}?", f"删除项目 {project}？"), yes=yes)
    _call(home, "DELETE", _path(project))


@app.command("members")
def members(project: _Project, home: HomeOption = None, json: JsonOption = False) -> None:
    """List who was made a member of a project; administrators are in every project besides."""
    rows = [{"name": name} for name in _call(home, "GET", f"{_path(project)}/members")["items"]]
    empty = say("Nobody but administrators.", "只有管理员。")
    console.output(rows, as_json=json, columns=(("name", "member"),), empty=empty)


@app.command("add-member")
def add_member(project: _Project, name: _Member, home: HomeOption = None, json: JsonOption = False) -> None:
    """Make somebody a member; who was in none but main by default is then in this one only."""
    _show(_call(home, "PUT", f"{_path(project)}/members/{quote(name, safe='')}"), as_json=json)


@app.command("remove-member")
def remove_member(project: _Project, name: _Member, home: HomeOption = None, json: JsonOption = False) -> None:
    """End a membership; felt within seconds."""
    _show(_call(home, "DELETE", f"{_path(project)}/members/{quote(name, safe='')}"), as_json=json)


def _call(home: Any, method: str, path: str, body: Any = None, *, root: str = _ROOT) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{root}{path}", json=body)


def _path(project: str) -> str:
    return f"/{quote(project, safe='')}"


def _show(member: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        console.output(member, as_json=True)
        return
    projects = member["projects"]
    all_of_them = say("all projects", "所有项目")
    none = say("no project", "没有项目")
    told = all_of_them if projects is None else ", ".join(projects) or none
    console.note(say(f"{member['name']} is now in: {told}.", f"{member['name']} 现在属于：{told}。"))


# -- tenants ------------------------------------------------------------------------------------------------------------


@tenant_app.command("create")
def create_tenant(
    name: Annotated[str, typer.Argument(help="Name of the tenant.")],
    title: Annotated[str, typer.Option(help="What people read; the name where not given.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a tenant, and the one-time link for its first administrator, who then signs in as name@tenant."""
    from lineshaft.access.cli import base_of, show_link

    made = _call(home, "POST", "", {"name": name, "title": title}, root=_TENANTS)
    if json:
        console.output(made, as_json=True)
        return
    console.output(made["tenant"], as_json=False)
    show_link(base_of(home), made["invitation"])


@tenant_app.command("list")
def list_tenants(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the tenants beside the installation's own."""
    empty = say("No other tenants.", "没有其他租户。")
    columns = (("name", "tenant"), ("title", "title"), ("handle", "handle"), ("created", "made"))
    console.output(_call(home, "GET", "", root=_TENANTS)["items"], as_json=json, columns=columns, empty=empty)
