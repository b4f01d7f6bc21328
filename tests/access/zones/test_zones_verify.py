"""The packet filter does what the plan says: witness packets through a real kernel, and broken rulesets are found."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from lineshaft.access.zones import cli, nftables, witness
from lineshaft.access.zones.model import DEFAULT, Conduit, Flow, Zone, ZonePlan
from lineshaft.access.zones.packets import Ports, accepts
from lineshaft.core.errors import Unavailable

PLAN = ZonePlan(
    hub="control",
    zones=(
        Zone(name="control", networks=("10.20.0.0/24", "fd00:20::/64"), interface="lan0"),
        Zone(name="press", networks=("10.30.1.0/24", "fd00:30::/64"), members=("gateway",)),
        Zone(name="office", networks=("10.40.0.7/32", "fd00:40::7/128")),
    ),
    conduits=(
        Conduit(name="up", source="press", target="control", flows=(Flow(kind="telemetry"), Flow(kind="icmp"))),
        Conduit(
            name="down", source="control", target="press",
            flows=(Flow(kind="tcp", ports=(102, 4840)), Flow(kind="udp", ports=(123,))),
        ),
        Conduit(name="office", source="office", target="control", flows=(Flow(kind="api"),)),
    ),
)  # fmt: skip
PORTS = Ports()

kernel = [
    pytest.mark.peer("nft"),
    pytest.mark.peer("ip"),
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
]


def on_the_kernel(test):
    for mark in kernel:
        test = mark(test)
    return test


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """A packet that a busy machine delivers late has passed all the same."""
    monkeypatch.setattr(witness, "_LOST_SECONDS", 2.0)


@pytest.fixture
def sound(monkeypatch):
    """With a ruleset that is right: what must arrive does, so that nothing is waited for in vain."""
    monkeypatch.setattr(witness, "_ARRIVES_SECONDS", 30.0)


def wrong(ruleset: str, plan: ZonePlan = PLAN) -> list[dict]:
    rows = [witness.row(result) for result in witness.verify(plan, PORTS, ruleset)]
    return [row for row in rows if not row["right"]]


def namespaces(mark: str) -> set[str]:
    """Network namespaces, but our own, that processes with a mark in their environment are in now: others have some, too."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (process / "environ").read_bytes():
                found.add(str((process / "ns" / "net").readlink()))
    return found - {str(Path("/proc/self/ns/net").readlink())}


# -- what the plan lets pass --------------------------------------------------------------------------------------------


def test_members_open_the_connections_over_which_telemetry_commands_and_requests_travel():
    def passing(kind, source, target):
        conduit = Conduit(name="c", source=source, target=target, flows=(Flow(kind=kind),))
        made = accepts(msgspec.structs.replace(PLAN, conduits=(conduit,)), PORTS)
        return {(each.source, each.target, each.protocol, each.ports) for each in made}

    assert passing("telemetry", "press", "control") == {("press", "control", "tcp", (4222,))}
    assert passing("command", "control", "press") == {("press", "control", "tcp", (4222,))}
    assert passing("api", "office", "control") == {("office", "control", "tcp", (4222, 8420))}
    assert passing("command", "office", "press") == {
        ("office", "control", "tcp", (4222,)), ("press", "control", "tcp", (4222,)),
    }  # fmt: skip


def test_witnesses_show_what_must_pass_and_what_must_not_in_both_families():
    sent = list(witness.witnesses(PLAN, PORTS))
    for version in (4, 6):
        for kind in ("tcp", "udp", "icmp"):
            found = {each.passes for each in sent if (each.version, each.kind) == (version, kind) and not each.forged}
            assert found == {True, False}, (version, kind)
    assert {each.source for each in sent if each.kind == "nd"} == {"control", "press", "office"}


def test_a_plan_without_networks_filters_nothing():
    assert "policy drop" not in nftables.ruleset(DEFAULT, PORTS)
    assert list(witness.witnesses(DEFAULT, PORTS)) == []


# -- in the kernel ------------------------------------------------------------------------------------------------------


@on_the_kernel
@pytest.mark.usefixtures("sound")
def test_the_rendered_ruleset_does_what_the_plan_says():
    assert wrong(nftables.ruleset(PLAN, PORTS)) == []


@on_the_kernel
@pytest.mark.parametrize(
    ("sound", "broken", "found"),
    [
        ("policy drop;", "policy drop; accept;", {"tcp", "udp", "icmp"}),
        ("tcp dport { 102, 4840 }", "tcp dport { 102 }", {"tcp"}),
        ("tcp dport { 4222 }", "tcp dport { 4222, 9 }", {"tcp"}),
        ("icmpv6 type echo-request", "icmpv6 type destination-unreachable", {"icmp"}),
        ("nd-neighbor-solicit, nd-neighbor-advert } accept", "nd-neighbor-solicit, nd-neighbor-advert } drop",
         {"nd", "tcp", "udp", "icmp"}),
        ("ct state established,related counter accept", "ct state established,related counter drop", {"tcp", "icmp"}),
        ("ip saddr @zone_control_v4 counter drop", "ip saddr @zone_control_v4 counter accept", {"forged"}),
        ("ct state established,related counter accept", "ct state established counter accept", {"pmtu"}),
        ("udp dport { 123 }", "udp dport { 124 }", {"udp"}),
    ],
    ids=["all", "missing", "more", "echo", "neighbours", "answers", "forged", "too-big", "other"],
)  # fmt: skip
def test_a_broken_ruleset_is_found(sound, broken, found):
    text = nftables.ruleset(PLAN, PORTS)
    assert sound in text
    rows = wrong(text.replace(sound, broken))
    assert {row["packet"].split()[0] for row in rows} >= found


@on_the_kernel
@pytest.mark.usefixtures("sound")
def test_neighbour_discovery_between_addresses_of_zones_passes_although_all_else_is_refused():
    alone = msgspec.structs.replace(PLAN, conduits=())
    assert wrong(nftables.ruleset(alone, PORTS), alone) == []


@on_the_kernel
def test_a_ruleset_that_cannot_be_loaded_is_said_with_its_own_words():
    with pytest.raises(Unavailable, match="syntax error") as caught:
        wrong("table inet nonsense { chain }")
    assert caught.value.code == "access.zones_stage_refused"


@on_the_kernel
@pytest.mark.usefixtures("sound")
def test_loading_the_ruleset_again_replaces_it():
    text = nftables.ruleset(PLAN, PORTS)
    assert wrong(text + text) == []


@on_the_kernel
def test_nothing_is_left_behind_even_after_an_interrupt(tmp_path):
    mark = f"LINESHAFT_TRIAL={tmp_path}"
    file = tmp_path / "plan.json"
    file.write_bytes(msgspec.json.encode(PLAN))
    program = f"from lineshaft.access.zones.cli import app; app(['verify', '--file', {str(file)!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "LINESHAFT_TRIAL": str(tmp_path)},
    ) as process:  # fmt: skip
        made, deadline = set(), time.monotonic() + 60
        while len(made) < len(PLAN.zones) and process.poll() is None and time.monotonic() < deadline:
            made |= namespaces(mark)
            time.sleep(0.01)
        assert made
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    deadline = time.monotonic() + 60
    while namespaces(mark) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert namespaces(mark) == set()


# -- the command --------------------------------------------------------------------------------------------------------


@on_the_kernel
@pytest.mark.usefixtures("sound")
def test_the_command_prints_every_witness_and_fails_on_any_difference(tmp_path):
    plan, rules = tmp_path / "plan.json", tmp_path / "rules.nft"
    plan.write_bytes(msgspec.json.encode(PLAN))
    good = CliRunner().invoke(cli.app, ["verify", "--file", str(plan), "--json"])
    assert good.exit_code == 0, good.output
    told = msgspec.json.decode(good.stdout)
    assert told["wrong"] == 0
    assert told["sent"] == len(told["witnesses"]) > 50
    rules.write_text(nftables.ruleset(PLAN, PORTS).replace("policy drop;", "policy drop; accept;"))
    bad = CliRunner().invoke(cli.app, ["verify", "--file", str(plan), "--rules", str(rules)])
    assert bad.exit_code == 1
    assert "WRONG" in bad.output


@pytest.mark.parametrize(("missing", "root"), [(["nft"], True), ([], False)])
def test_where_it_cannot_run_it_says_why(monkeypatch, missing, root):
    monkeypatch.setattr(witness.shutil, "which", lambda name: None if name in missing else f"/bin/{name}")
    monkeypatch.setattr(witness.os, "geteuid", lambda: 0 if root else 1000)
    with pytest.raises(Unavailable, match="nft not installed" if missing else "not root"):
        witness.check_possible()
