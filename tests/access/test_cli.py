"""`lineshaft access …` against the real web server, and `recover` with nothing running."""

import asyncio
import json
import os
from pathlib import Path

import pytest
import structlog
from typer.testing import CliRunner

from lineshaft.access.cli import app
from lineshaft.core.errors import LineshaftError
from lineshaft.records.settings import RecordsSettings

sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def logs_elsewhere():
    """The access service logs in this process: not into what the commands print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


def run(home, *arguments, ok=True):
    """What a command printed; errors of ours are raised as `main` gets them."""
    result = CliRunner().invoke(app, [*arguments, "--home", str(home.path)])
    if isinstance(result.exception, LineshaftError):
        raise result.exception
    assert (result.exit_code == 0) is ok, result.output
    return result.stdout


def configure(office):
    """Let the home's settings name the test's database, beside tables that access knows nothing of."""
    url = office.database.engine.url.render_as_string(hide_password=False)
    office.home.settings_file.write_text(
        f'[records]\nurl = "{url}"\n[web]\nport = 0\n[access]\ninvitation_minutes = 7\n'
    )


async def test_recover_needs_nothing_running(office):
    await office.first_administrator()
    configure(office)
    made = json.loads(await asyncio.to_thread(run, office.home, "recover", "ada", "--json"))
    assert made["path"].startswith("/#invite=")
    signed_in = await office.redeem(made["path"].removeprefix("/#invite="))
    assert signed_in.principal.name == "ada"
    (entry,) = await office.audit("access:recover")
    assert entry.facts["user"]


async def test_recover_prints_the_whole_link_where_the_address_is_known(office):
    configure(office)
    (office.home.run / "web.json").write_text(json.dumps({"url": "https://plant.example:8420", "public_url": ""}))
    printed = await asyncio.to_thread(run, office.home, "recover")
    assert printed.startswith("https://plant.example:8420/#invite=")
    assert (await office.redeem(printed.strip().split("=")[1], "grace")).principal.name == "grace"


@sqlite_only
async def test_recover_in_another_users_home_is_refused(office, monkeypatch):
    """It would leave files that the services cannot write."""
    configure(office)
    stat = Path.stat

    def foreign(self, **kwargs):
        found = stat(self, **kwargs)
        if self == office.home.path:
            return os.stat_result([*found[:4], 4711, *found[5:10]])
        return found

    monkeypatch.setattr(Path, "stat", foreign)
    with pytest.raises(LineshaftError) as refusal:
        await asyncio.to_thread(run, office.home, "recover")
    assert refusal.value.code == "access.recover_foreign_home"
    assert refusal.value.facts["owner"] == "4711"


def test_recover_where_nothing_was_ever_started_says_so(home):
    with pytest.raises(LineshaftError) as refusal:
        run(home, "recover")
    assert refusal.value.code == "core.home_missing"
    home.prepare()
    with pytest.raises(LineshaftError) as refusal:
        run(home, "recover")
    assert refusal.value.code == "access.recover_too_early"
    assert RecordsSettings().url == ""


@sqlite_only
async def test_the_life_of_people_and_tokens_on_the_command_line(site):
    home = site.plant.home

    def story():
        me = json.loads(run(home, "whoami", "--json"))
        assert (me["name"], me["roles"]) == ("local", ["administrator"])
        ada = json.loads(run(home, "create", "ada", "--role", "administrator", "--json"))
        assert ada["principal"]["roles"] == ["administrator"]
        printed = run(home, "create", "bob", "-r", "viewer", "-r", "operator")
        assert f"{site.url}/#invite=" in printed
        assert json.loads(run(home, "roles", "bob", "engineer", "--json"))["roles"] == ["engineer"]
        assert f"{site.url}/#invite=" in run(home, "invite", "bob")
        json.loads(run(home, "create", "mes", "--kind", "app", "--json"))
        token = json.loads(run(home, "token", "create", "reports", "--for", "mes", "-s", "history:read", "--json"))
        assert token["text"].startswith("ls_")
        assert token["text"] not in run(home, "token", "list", "--for", "mes")
        run(home, "token", "revoke", token["token"]["id"])
        assert json.loads(run(home, "token", "list", "--for", "mes", "--json")) == []
        assert json.loads(run(home, "revoke", "bob", "--yes", "--json"))["revoked"] is not None
        assert json.loads(run(home, "reinstate", "bob", "--json"))["revoked"] is None
        press = run(home, "create", "press1", "--kind", "service", "--template", "gateway")
        assert "press1" in press
        assert "BEGIN NATS USER JWT" in run(home, "credentials", "press1", "--yes")
        listed = {row["name"] for row in json.loads(run(home, "list", "--json"))}
        assert {"ada", "bob", "mes", "press1", "local", "gateway"} <= listed

    await asyncio.to_thread(story)


@sqlite_only
async def test_a_question_not_answered_with_yes_changes_nothing(site):
    with pytest.raises(LineshaftError) as refusal:
        await asyncio.to_thread(run, site.plant.home, "revoke", "gateway")
    assert refusal.value.code == "core.not_confirmed"
    assert (await site.office.access.member("gateway")).revoked is None
