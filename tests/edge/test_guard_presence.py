"""Physical presence: said on the machine, for a limited time, recorded; nothing else counts."""

import pytest

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.edge.guard.guard import Guard
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.presence import Presence, end_presence, state_presence, statement_file

VIEWER = GuardPrincipal(id="99/vera")
"""Nobody whom the shipped policy lets write otherwise."""
STRANGER = GuardPrincipal(id="10.0.0.9", foreign=True)
WRITE = Operation.of([1], protocol="modbus", device="press", function="write_single_coil", space="coil")


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def times(monkeypatch):
    """Wall and monotonic clock, both moved by the test: [microseconds, seconds]."""
    now = [1_800_000_000_000_000, 100.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[1])
    with clock.fixed(lambda: now[0]):
        yield now


def wait(times, seconds):
    times[0] += int(seconds * 1e6)
    times[1] += seconds


def guard(home):
    return Guard("gateway", presence=Presence(statement_file(home)))


def allowed(made):
    return made.check([WRITE], VIEWER)[0].allowed


def actions(made):
    return [event["action"] for event in made.events._waiting.values()]


def test_it_permits_for_its_time_and_is_recorded(home, times):
    made = guard(home)
    assert not allowed(made)
    state_presence(home, "eva", 10, "valve is stuck")
    wait(times, 1)
    assert allowed(made)
    wait(times, 601)
    assert not allowed(made)
    assert actions(made) == ["guard.denied", "guard.presence", "guard.override", "guard.presence_ended"]
    stated = [event for event in made.events._waiting.values() if event["action"] == "guard.presence"]
    assert (stated[0]["user"], stated[0]["reason"]) == ("eva", "valve is stuck")


def test_what_rules_permit_anyway_is_no_override(home, times):
    made = guard(home)
    state_presence(home, "eva", 10, "looking")
    made.check([WRITE], GuardPrincipal(id="99/1", roles=frozenset({"operator"})))
    assert actions(made) == ["guard.presence"]


def test_it_can_be_taken_back(home, times):
    made = guard(home)
    state_presence(home, "eva", 10, "valve")
    assert allowed(made)
    assert end_presence(home)
    wait(times, 1)
    assert not allowed(made)
    assert not end_presence(home)


def test_setting_the_clock_back_makes_it_no_longer(home, times):
    made = guard(home)
    state_presence(home, "eva", 10, "valve")
    assert allowed(made)
    times[0] -= 3_600_000_000
    times[1] += 2
    assert not allowed(made)
    times[0] += 3_600_000_000
    times[1] += 700
    assert not allowed(made)


def test_a_file_that_others_may_have_written_does_not_count(home, times):
    state_presence(home, "eva", 10, "valve")
    file = statement_file(home)
    file.chmod(0o640)
    presence = Presence(file)
    assert presence.now() is None
    assert "nobody else" in presence.refused
    link = file.with_name("link.json")
    link.symlink_to(file)
    file.chmod(0o600)
    assert Presence(file).now() is not None
    assert Presence(link).now() is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"user": "eva"}', b'{"user":"e","reason":"r","since":0,"until":9e18}']
)
def test_a_file_that_cannot_be_read_does_not_count(home, times, content):
    file = statement_file(home)
    file.parent.mkdir()
    file.write_bytes(content)
    file.chmod(0o600)
    presence = Presence(file)
    assert presence.now() is None
    assert presence.refused


@pytest.mark.parametrize(("minutes", "reason"), [(0, "x"), (241, "x"), (10, " ")])
def test_it_needs_a_reason_and_an_end(home, minutes, reason):
    with pytest.raises(InvalidInput, match=r"--(minutes|reason)"):
        state_presence(home, "eva", minutes, reason)
    assert not statement_file(home).exists()


def test_it_is_none_for_clients_of_proxies(home, times):
    made = guard(home)
    state_presence(home, "eva", 10, "valve")
    assert allowed(made)
    assert not made.check([WRITE], STRANGER)[0].allowed
