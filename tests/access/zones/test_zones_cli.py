"""`lineshaft zones …` against the real web server."""

import asyncio
import json

import pytest
import structlog
from typer.testing import CliRunner

from lineshaft.access.zones.cli import app
from lineshaft.core.errors import InvalidInput, LineshaftError, NotFound

PLAN = {
    "hub": "control",
    "zones": [{"name": "control"}, {"name": "press", "security_level": 3, "members": ["gateway"]}],
    "conduits": [{"name": "up", "from": "press", "to": "control", "flows": [{"kind": "telemetry"}], "both_ways": True}],
}
sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
pytestmark = sqlite_only


@pytest.fixture(autouse=True)
def logs_elsewhere():
    """The access service logs in this process: not into what the commands print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(site, tmp_path):
    """Run a command on the site; what it printed. Errors of ours are raised as `main` gets them."""

    async def command(*words: str, plan=None) -> str:
        arguments = [*words, "--home", str(site.plant.home.path)]
        if plan is not None:
            file = tmp_path / "plan.json"
            file.write_text(json.dumps(plan))
            arguments.insert(1, str(file))
        result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
        if isinstance(result.exception, LineshaftError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return command


async def test_what_show_prints_apply_takes(run):
    shown = json.loads(await run("show", "--json"))
    assert [zone["name"] for zone in shown["zones"]] == ["site"]
    assert "Version 1 is in force" in await run("apply", plan=PLAN)
    again = json.loads(await run("show", "--json"))
    assert "Version 2 is in force" in await run("apply", plan=again)
    assert json.loads(await run("show", "--json")) == again


async def test_show_draws_zones_and_conduits(run):
    assert "No conduits" in await run("show")
    await run("apply", plan=PLAN)
    table = await run("show")
    assert "press <-> control" in table
    assert "telemetry" in table


async def test_check_says_whom_a_plan_concerns(run):
    assert "gateway" in await run("check", plan=PLAN)
    assert "nobody's rules change" in await run("check", plan=json.loads(await run("show", "--json")))


async def test_render_prints_rules_as_they_are(run):
    await run("apply", plan=PLAN)
    assert json.loads(await run("render", "nats"))["gateway"]["publish"] != []
    assert (await run("render", "nftables")).startswith("# Written by Lineshaft")
    assert '@id("zone-press")' in await run("render", "cedar")
    with pytest.raises(NotFound, match="zone_renderer_unknown"):
        await run("render", "nosuch")


async def test_a_wrong_file_is_refused_before_it_travels(run, tmp_path):
    with pytest.raises(InvalidInput, match="zone_plan_invalid"):
        await run("check", plan=PLAN | {"hub": "nowhere"})
    with pytest.raises(NotFound, match="zone_file_unreadable"):
        await run("apply", str(tmp_path / "none.json"))
