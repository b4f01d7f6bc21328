"""The guard as a part of the gateway, and its commands."""

from types import SimpleNamespace

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner

from lineshaft.core.errors import InvalidInput, LineshaftError, NotFound
from lineshaft.core.home import Home
from lineshaft.edge.board import Board
from lineshaft.edge.columns import BOOLEAN, Columns
from lineshaft.edge.guard import cli, part
from lineshaft.edge.guard.model import GuardPrincipal, State
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.model import Device, GatewayConfig

ADA = GuardPrincipal(id="99/ada", name="ada", roles=frozenset({"engineer"}))
NORTH = 'permit (principal, action, resource in Place::"acme/north");'
CONFIG = GatewayConfig(
    gateway="gateway", version=3, created="",
    devices=(Device(name="press", path="acme/north/press", driver="modbus", endpoint=""),),
)  # fmt: skip


def write(device="press", value=1.0):
    return Operation.of([value], protocol="modbus", device=device, function="write_single_register", space="holding")


class Recorder:
    def __init__(self):
        self.noted = []

    async def note(self, facts):
        self.noted.append(facts)


@pytest.fixture
async def guard_part(tmp_path):
    here = SimpleNamespace(
        context=SimpleNamespace(home=Home(tmp_path)), gateway="gateway", tools=SimpleNamespace(board=Board())
    )
    made = part.GuardPart(here)
    made.recorder = Recorder()
    yield made
    await made.close()


def allowed(made, operation, who=ADA):
    (verdict,) = made.check([operation], who, State())
    return verdict.allowed


async def test_it_enforces_its_default_from_the_first_moment(guard_part):
    assert allowed(guard_part, write())
    assert not allowed(guard_part, write(), GuardPrincipal(id="10.0.0.9", foreign=True))
    await guard_part.apply(None, CONFIG)
    assert allowed(guard_part, write())
    assert guard_part.status()["mode"] == "enforce"


async def test_a_document_is_applied_as_a_whole_and_recorded(guard_part, monkeypatch):
    monkeypatch.setattr(part, "_ROUND_SECONDS", 3600)  # the denials are one event only while they wait together
    await guard_part.apply({"policy": NORTH}, CONFIG)
    assert allowed(guard_part, write())
    assert not allowed(guard_part, write("boiler"))
    with pytest.raises(InvalidInput, match="line 2"):
        await guard_part.apply({"mode": "shadow", "policy": f"{NORTH}\npermit (fly);"}, CONFIG)
    assert not allowed(guard_part, write("boiler")), "what was in force stays"
    await guard_part.close()
    configured, denied = guard_part.recorder.noted
    assert (configured["action"], configured["mode"], configured["version"]) == ("guard.configured", "enforce", 3)
    assert (denied["action"], denied["count"], denied["device"]) == ("guard.denied", 2, "boiler")


async def test_learning_proposes_what_the_policy_does_not_permit(guard_part):
    await guard_part.apply({"mode": "learn", "policy": NORTH}, CONFIG)
    assert allowed(guard_part, write())
    assert allowed(guard_part, write("boiler"))
    status = guard_part.status()
    (text,) = status["proposed"].values()
    assert 'Device::"boiler"' in text
    assert msgspec.json.encode(status)
    assert "nothing is denied" in guard_part.checks()[0].detail
    await guard_part.apply({"policy": f"{NORTH}\n{text}"}, CONFIG)
    assert guard_part.status()["proposed"] == {}
    assert allowed(guard_part, write("boiler"))


async def test_a_statement_of_presence_that_does_not_count_is_shown(guard_part):
    assert all(check.ok for check in guard_part.checks())
    file = guard_part._presence._file
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    guard_part.guard.present_person()
    assert "does not count" in guard_part.checks()[1].detail
    assert not guard_part.checks()[1].ok


async def test_the_plant_mode_comes_from_a_point(guard_part):
    board = guard_part._here.tools.board
    slots = board.slots(["plc/manual"])
    document = {
        "policy": 'permit (principal, action, resource) when { context.mode == "True" };',
        "plant_mode_point": "plc/manual",
    }
    await guard_part.apply(document, CONFIG)
    assert not allowed(guard_part, write()), "the point has no value yet"
    for moment, (value, q, may) in enumerate([(1, 0, True), (0, 0, False), (1, 0x80000000, False)], 1):
        columns = Columns(1)
        columns.add(0, moment, moment, q, BOOLEAN, value)
        board.take(np.asarray(slots), columns)
        assert allowed(guard_part, write()) == may


@pytest.mark.parametrize(
    "document",
    [
        {"mode": "off"}, {"reads": "maybe"}, {"policy": "permit (fly);"}, {"policy": 7}, {"modes": "learn"},
        {"time_zone": "Moon/Crater"}, {"time_zone": "../etc"}, {"plant_mode_point": "mode"},
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_is_refused(document):
    with pytest.raises(LineshaftError):
        part.check(document)


# -- commands -------------------------------------------------------------------------------------------------------------


class Server:
    """What `lineshaft guard` asks of the web process, answered from memory."""

    def __init__(self, document=None, proposed=None):
        self.document, self.proposed, self.tags = document, proposed or {}, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def stream(self, _method, path):
        assert path == "/api/v1/edge/gateways/gateway/parts/guard"
        if self.document is None:
            raise NotFound("edge.part_not_configured", "not configured")
        return Answer({"document": self.document})

    def request(self, method, path, *, json=None, headers=None, params=None):
        if method == "GET":
            assert (path, params) == ("/api/v1/edge/status", {"gateway": "gateway"})
            return {"parts": {"guard": {"proposed": self.proposed}}}
        part.check(json)
        self.document = json
        self.tags.append(headers)
        return None


class Answer:
    def __init__(self, body):
        self.body, self.headers = body, {"etag": '"7"'}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def read(self):
        return b""

    def json(self):
        return self.body


@pytest.fixture
def server(monkeypatch):
    made = Server()
    monkeypatch.setattr(cli, "_client", lambda _home: made)
    return made


def run(*words):
    return CliRunner().invoke(cli.app, [*words])


def test_a_file_is_checked_without_a_server(tmp_path):
    file = tmp_path / "press.cedar"
    file.write_text(NORTH)
    assert run("check", str(file), "--json").exit_code == 0
    file.write_text("permit (fly);")
    done = run("check", str(file))
    assert isinstance(done.exception, InvalidInput)
    assert done.exception.facts["line"] == 1


def test_a_verdict_is_explained_with_the_lines_of_its_rules(tmp_path):
    file = tmp_path / "press.cedar"
    file.write_text(f'// first\n@id("north") {NORTH}')
    words = ["explain", "press", "modbus.write_single_register", "--value", "1", "-p", str(file), "--json"]
    told = msgspec.json.decode(run(*words, "--place", "acme/north/press").stdout)
    assert told == {"allowed": True, "reason": "permitted by north", "rules": ["north (line 2)"]}
    assert not msgspec.json.decode(run(*words, "--place", "acme").stdout)["allowed"]
    assert not msgspec.json.decode(run(*words[:4], "nan", *words[5:], "--place", "acme/north").stdout)["allowed"]
    assert "write_single_coil" in run("explain", "press", "modbus.fly", "-p", str(file)).exception.hint


def test_learned_rules_come_into_force_by_a_person_only(server):
    rule = '@id("learned-1")\npermit (principal, action in Action::"write", resource == Device::"boiler");\n'
    server.document, server.proposed = {"mode": "learn", "policy": NORTH}, {"learned-1": rule}
    assert '+@id("learned-1")' in run("learn").stdout
    assert run("approve").exit_code != 0, "nobody agreed"
    assert server.document["policy"] == NORTH
    assert isinstance(run("approve", "--rule", "learned-2", "--yes").exception, InvalidInput)
    assert run("approve", "--rule", "learned-1", "--yes").exit_code == 0
    assert server.document["policy"] == f"{NORTH}\n\n{rule}"
    assert (server.document["mode"], server.tags) == ("learn", [{"If-Match": '"7"'}])


def test_the_mode_is_changed_and_letting_everything_through_is_asked_for(server):
    assert run("mode", "shadow").exit_code != 0
    assert server.document is None
    assert run("mode", "shadow", "--yes").exit_code == 0
    assert (server.document["mode"], server.tags) == ("shadow", [None])
    assert run("mode", "enforce").exit_code == 0
    assert "enforce" in run("mode").stdout
    assert isinstance(run("mode", "off").exception, InvalidInput)


def test_a_policy_is_put_into_force_after_it_compiled(server, tmp_path):
    file = tmp_path / "press.cedar"
    file.write_text("permit (fly);")
    assert isinstance(run("put", str(file), "--yes").exception, InvalidInput)
    assert server.document is None
    file.write_text(NORTH)
    assert run("put", str(file), "--yes").exit_code == 0
    assert server.document["policy"] == NORTH
    assert NORTH in run("show").stdout


def test_presence_is_said_in_the_home_of_an_installation_only(tmp_path):
    assert run("presence", "--reason", "x", "--home", str(tmp_path / "none")).exit_code != 0
    Home(tmp_path / "home").prepare()
    place = ["--home", str(tmp_path / "home")]
    assert run("presence", "--reason", "stuck", *place).exit_code == 0
    assert (tmp_path / "home" / "edge" / "guard" / "presence.json").stat().st_mode & 0o777 == 0o600
    assert run("presence", "--end", *place).exit_code == 0
