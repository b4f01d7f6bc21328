"""`lineshaft policy`: what works on files alone, and on a running server."""

import asyncio
import json

import pytest
import structlog
from typer.testing import CliRunner

from lineshaft.access.policy.cli import app
from lineshaft.core.errors import InvalidInput, LineshaftError

FORBID = 'forbid (principal in Role::"operator", action == Action::"demo:control", resource in Zone::"reaction");\n'


@pytest.fixture(autouse=True)
def logs_elsewhere():
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


def run(*arguments, status=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if isinstance(result.exception, LineshaftError):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.stdout


@pytest.fixture
def policy(tmp_path):
    file = tmp_path / "dark.cedar"
    file.write_text(FORBID)
    return file


def test_check_lists_policies_or_names_the_line(policy, tmp_path):
    assert json.loads(run("check", policy, "--json")) == [{"policy": "dark/1", "effect": "forbid", "line": 1}]
    policy.write_text(FORBID + "\npermit (principal, action, where);")
    with pytest.raises(InvalidInput) as refusal:
        run("check", policy)
    assert refusal.value.facts["line"] == 3
    with pytest.raises(InvalidInput):
        run("check", tmp_path / "nothing.cedar")


def test_the_schema_needs_nothing_running():
    assert 'action "history:read" in [read]' in run("show", "schema")


def test_diff_shows_exactly_the_decisions_that_change(policy):
    changes = json.loads(run("diff", policy, "--defaults", "--json"))
    assert {(one["who"], one["action"], one["to_zone"], one["before"], one["after"]) for one in changes} == {
        (role, "demo:control", "reaction", "allow", "deny") for role in ("operator", "engineer", "administrator")
    }
    assert {one["from_zone"] for one in changes} == {"", "reaction"}
    policy.write_text("// nothing\n")
    assert json.loads(run("diff", policy, "--defaults", "--json")) == []


def cases(tmp_path, *, expect="deny", zone="reaction"):
    file = tmp_path / "cases.toml"
    file.write_text(
        f"""
        policies = ["dark.cedar"]
        [[case]]
        name = "kept out"
        principal = {{ roles = ["operator"], zone = "packing" }}
        action = "demo:control"
        resource = {{ id = "reactor", zone = "{zone}" }}
        context = {{ method = "POST" }}
        expect = "{expect}"
        decided_by = ["dark/1"]
        [[case]]
        principal = {{ roles = ["engineer"], scopes = ["history:read"] }}
        action = "demo:control"
        expect = "deny"
        obligations = []
        """
    )
    return file


def test_cases_are_tried_and_a_failing_one_ends_with_status_1(policy, tmp_path):
    results = json.loads(run("test", cases(tmp_path), "--json"))
    assert [(one["case"], one["passed"]) for one in results] == [("kept out", True), ("case 2", True)]
    (result, _) = json.loads(run("test", cases(tmp_path, zone="packing"), "--json", status=1))
    assert (result["expected"], result["got"]) == ("deny by dark/1", "allow by roles/operator")
    run("test", cases(tmp_path, expect="allow"), status=1)
    other = tmp_path / "none.cedar"
    other.write_text("// nothing\n")
    run("test", cases(tmp_path), "--policy", other, status=1)


@pytest.mark.parametrize(
    "text", ["[[case]]\n", "case = 3", "= =", '[[case]]\naction="a"\nexpect="maybe"\nprincipal={}']
)
def test_a_file_that_holds_no_cases_is_refused(tmp_path, text):
    file = tmp_path / "cases.toml"
    file.write_text(text)
    with pytest.raises(InvalidInput) as refusal:
        run("test", file)
    assert refusal.value.code == "access.policy_cases"


async def test_policies_are_applied_explained_compared_and_withdrawn_on_a_running_server(site, policy):
    await site.office.first_administrator()

    async def on_site(*arguments, **options):
        return await asyncio.to_thread(run, *arguments, "--home", site.plant.home.path, **options)

    assert "services" in await on_site("list")
    assert "operator" in await on_site("show", "roles")
    assert json.loads(await on_site("apply", "dark", policy, "--json"))["version"] == 1
    assert json.loads(await on_site("diff", policy, "--json")) == []
    told = await on_site("explain", "ada", "demo:control", "reactor", "--zone", "reaction")
    assert told.startswith("denied: forbidden by dark/1")
    assert FORBID.strip() in told
    assert "roles/operator" in told
    assert "its condition does not hold" in told
    file = cases(policy.parent)
    file.write_text(file.read_text().replace('policies = ["dark.cedar"]', ""))
    await on_site("test", file)
    await on_site("withdraw", "dark", "--yes")
    await on_site("test", file, status=1)
    assert json.loads(await on_site("approvals", "--json")) == []
    with pytest.raises(LineshaftError) as refusal:
        await on_site("approve", "nothing")
    assert refusal.value.code == "access.approval_unknown"
    with pytest.raises(LineshaftError):
        await on_site("refuse", "nothing")
