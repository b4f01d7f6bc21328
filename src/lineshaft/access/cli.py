"""`lineshaft access`: people, apps and services, roles, API tokens, one-time links, the audit trail, the way back in."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import quote

import typer

from lineshaft.access.people.cli import app as break_glass_app
from lineshaft.access.projects.cli import app as project_app
from lineshaft.access.projects.cli import tenant_app
from lineshaft.core import console
from lineshaft.core.console import HomeOption, JsonOption, YesOption, say
from lineshaft.core.errors import Forbidden, Unavailable
from lineshaft.core.home import Home, read_json

app = console.application("People, services, roles and tokens.")
token_app = console.application("API tokens for programs.")
app.add_typer(token_app, name="token")
app.add_typer(break_glass_app, name="break-glass")
app.add_typer(project_app, name="project")
app.add_typer(tenant_app, name="tenant")

_ROOT = "/api/v1/access"
_Name = Annotated[str, typer.Argument(help="Name of a person, app or service.")]
_Roles = Annotated[list[str], typer.Argument(help="viewer, operator, engineer, administrator.")]
_COLUMNS = (
    ("name", "name"), ("kind", "kind"), ("roles", "roles"), ("projects", "projects"), ("can_sign_in", "password"),
    ("revoked", "revoked"),
)  # fmt: skip


@app.command()
def whoami(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show who the command line acts as, and what it may do."""
    console.output(_call(home, "GET", "session"), as_json=json)


@app.command("list")
def list_principals(home: HomeOption = None, json: JsonOption = False) -> None:
    """List people, apps and services, revoked ones too."""
    from lineshaft.client import connect

    with connect(home=home) as client:
        rows = list(client.pages(f"{_ROOT}/principals", {"limit": 1000}))
    console.output(rows, as_json=json, columns=_COLUMNS)


@app.command()
def create(
    name: _Name,
    role: Annotated[list[str] | None, typer.Option("--role", "-r", help="May be given several times.")] = None,
    kind: Annotated[
        Literal["person", "app", "service", "device", "node"], typer.Option(help="app: a program with API tokens.")
    ] = "person",
    template: Annotated[str, typer.Option(help="For a service: whose grants it gets, such as gateway.")] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a person, and the one-time link to give them; or an app, a service, a device, a node."""
    roles = role if role is not None else (["viewer"] if kind in {"person", "app"} else [])
    made = _call(home, "POST", "principals", {"name": name, "kind": kind, "roles": roles, "template": template})
    if json:
        console.output(made, as_json=True)
        return
    console.output(made["principal"], as_json=False)
    if made["invitation"] is not None:
        show_link(base_of(home), made["invitation"])


@app.command()
def roles(name: _Name, roles: _Roles, home: HomeOption = None, json: JsonOption = False) -> None:
    """Replace somebody's roles."""
    console.output(_call(home, "PUT", _principal(name, "roles"), {"roles": roles}), as_json=json)


@app.command()
def clearance(
    name: _Name,
    grade: Annotated[int, typer.Argument(min=1, max=3, help="Highest grade of data that they may see.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Set the highest grade of data that somebody may see."""
    console.output(_call(home, "PUT", _principal(name, "clearance"), {"clearance": grade}), as_json=json)


@app.command()
def erase(name: _Name, yes: YesOption = False, home: HomeOption = None, json: JsonOption = False) -> None:
    """Destroy the keys of a revoked person's own data, in the audit trail too. It cannot be undone."""
    console.confirm(say(f"Erase {name} for ever?", f"永久清除 {name}？"), yes=yes)
    console.output(_call(home, "POST", _principal(name, "erase")), as_json=json)


@app.command()
def revoke(name: _Name, yes: YesOption = False, home: HomeOption = None, json: JsonOption = False) -> None:
    """End somebody's sessions, tokens, links and bus connections within seconds."""
    console.confirm(say(f"Cut {name} off?", f"切断 {name}？"), yes=yes)
    console.output(_call(home, "POST", _principal(name, "revoke")), as_json=json)


@app.command()
def reinstate(name: _Name, home: HomeOption = None, json: JsonOption = False) -> None:
    """Let somebody back in who was revoked."""
    console.output(_call(home, "POST", _principal(name, "reinstate")), as_json=json)


@app.command()
def invite(name: _Name, home: HomeOption = None, json: JsonOption = False) -> None:
    """Make a one-time link with which a person sets a new password."""
    made = _call(home, "POST", _principal(name, "invitation"))
    if json:
        console.output(made, as_json=True)
    else:
        show_link(base_of(home), made)


@app.command()
def credentials(name: _Name, yes: YesOption = False, home: HomeOption = None) -> None:
    """Print new bus credentials for a service elsewhere; those it had are void at once."""
    console.confirm(say(f"Void the present credentials of {name}?", f"使 {name} 现有的凭据失效？"), yes=yes)
    console.output(_call(home, "POST", _principal(name, "credentials"))["text"], as_json=False)


@app.command()
def recover(
    name: Annotated[str | None, typer.Argument(help="Who gets a new password; else the link's holder chooses.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make a one-time administrator link on this machine; needs nothing running, and is recorded."""
    from lineshaft.access.installation import recover as make_link
    from lineshaft.access.settings import AccessSettings
    from lineshaft.access.views import new_invitation_view
    from lineshaft.core.settings import Settings
    from lineshaft.records import Database, RecordsSettings, pending

    place = console.home_of(home)
    identity = place.identity()
    _check_owner(place)
    settings = Settings.load([RecordsSettings, AccessSettings], file=place.settings_file, partial=True)
    database = Database.open(settings.of(RecordsSettings), place)
    try:
        if pending(database, ["access"]):
            raise Unavailable(
                "access.recover_too_early", f"the installation in {place.path} has not been started with this release yet",
                "`lineshaft up` completes it, and prints a one-time link where nobody can sign in.", path=str(place.path),
            )  # fmt: skip
        made = make_link(identity, database, settings.of(AccessSettings), name=name, by=_user())
    finally:
        database.close()
    view = {"path": new_invitation_view(made).path, "expires": new_invitation_view(made).expires}
    if json:
        console.output(view, as_json=True)
    else:
        show_link(base_of(home), view)


# -- API tokens ---------------------------------------------------------------------------------------------------------


@token_app.command("create")
def create_token(
    label: Annotated[str, typer.Argument(help="What it is for.")],
    scope: Annotated[list[str], typer.Option("--scope", "-s", help="Action it admits, such as history:read; several.")],
    name: Annotated[str, typer.Option("--for", help="Person or app that it belongs to.")],
    days: Annotated[int | None, typer.Option(help="Its life; the installation's default where not given.")] = None,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Make an API token; its text is shown this once."""
    made = _call(home, "POST", "tokens", {"label": label, "scopes": scope, "days": days, "name": name})
    if json:
        console.output(made, as_json=True)
        return
    expires = made["token"]["expires"]
    console.note(say(f"Shown this once; expires {expires}:", f"仅显示这一次；{expires} 过期："))
    console.output(made["text"], as_json=False)


@token_app.command("list")
def list_tokens(
    name: Annotated[str, typer.Option("--for", help="Person or app.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """List somebody's API tokens, without their secrets."""
    items = _call(home, "GET", "tokens", params={"name": name})["items"]
    columns = (("id", "id"), ("label", "label"), ("scopes", "scopes"), ("expires", "expires"), ("used", "last used"))
    console.output(items, as_json=json, columns=columns)


@token_app.command("revoke")
def revoke_token(
    token: Annotated[str, typer.Argument(help="Id of the token, as `token list` shows it.")], home: HomeOption = None
) -> None:
    """End an API token within seconds."""
    _call(home, "DELETE", f"tokens/{quote(token, safe='')}")


# -- inside -------------------------------------------------------------------------------------------------------------


def _call(home: Path | None, method: str, path: str, body: Any = None, params: Any = None) -> Any:
    from lineshaft.client import connect

    with connect(home=home) as client:
        return client.request(method, f"{_ROOT}/{path}", json=body, params=params)


def _principal(name: str, verb: str) -> str:
    return f"principals/{quote(name, safe='')}/{verb}"


def base_of(home: Path | None) -> str:
    """The server's address as people reach it; empty where nothing runs."""
    listening = read_json(console.home_of(home).run / "web.json") or {}
    return str(listening.get("public_url") or listening.get("url") or "").rstrip("/")


def show_link(base: str, invitation: Mapping[str, Any]) -> None:
    """Print a one-time link."""
    expires = invitation["expires"]
    console.note(
        say(
            f"One-time link, shown this once; valid until {expires}:", f"一次性链接，仅显示这一次；有效期至 {expires}："
        )
    )
    if not base:
        console.note(say("Put the server's address before it.", "请在前面加上服务器地址。"))
    console.output(f"{base}{invitation['path']}", as_json=False)


def _check_owner(home: Home) -> None:
    """Refuse to leave files of another user in the home: the services could not write them any more."""
    owner = home.path.stat().st_uid
    if owner != os.getuid():
        name = _user(owner)
        raise Forbidden(
            "access.recover_foreign_home", f"the home {home.path} belongs to the user {name}",
            f"Run it as that user: sudo -u {name} lineshaft access recover.", path=str(home.path), owner=name,
        )  # fmt: skip


def _user(number: int | None = None) -> str:
    """Name of a user of this machine; the number where it has none."""
    number = os.getuid() if number is None else number
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)
