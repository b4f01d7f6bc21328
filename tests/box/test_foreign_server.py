"""The whole path against a foreign server: node-opcua with a thousand counting items, while parts are killed."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from lineshaft.cli.testing import running_box
from lineshaft.core import clock
from lineshaft.edge.testing import foreign_server, install_peers

pytestmark = [pytest.mark.peer("node", "npm"), pytest.mark.timeout(300)]  # a whole box starts within a test's time

PEERS = Path(__file__).parent.parent / "peers"
ITEMS = 1000
HERTZ = 5


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    modules = install_peers(PEERS)
    folder = tmp_path_factory.mktemp("foreign")
    options = {"items": ITEMS, "hz": HERTZ, "password": "right"}
    with foreign_server(PEERS / "opcua_server.js", modules, folder, **options) as running:
        yield running


@pytest.fixture(scope="module")
def box(tmp_path_factory, server):
    """A box whose gateway reads the foreign server, set up as a newcomer would."""
    with running_box(tmp_path_factory.mktemp("box") / "home", demo=False, settings=["history.seal_seconds=8"]) as box:
        keep_password(box, "wrong")
        box.lineshaft(
            "device", "add", "press", "--endpoint", server.url, "--path", "acme/north/hall/line/cell/press",
            "--secret", "press", "--period", "200",
        )  # fmt: skip
        yield box


def keep_password(box, password):
    subprocess.run(
        [sys.executable, "-m", "lineshaft.cli.main", "device", "secret", "press", "--user", "operator"],
        input=f"{password}\n", text=True, check=True, capture_output=True,
        env={**box._environment},
    )  # fmt: skip


def refusal(box):
    done = box.lineshaft("device", "test", "press", check=False)
    assert done.returncode != 0
    return done.stderr


@pytest.fixture(scope="module")
def connected(box):
    """An unknown certificate, then a wrong password, then the right one; then all thousand points."""
    said = refusal(box)
    assert "[edge.server_untrusted]" in said
    (certificate,) = box.json("device", "certificates")
    assert certificate["fingerprint"] in said
    box.lineshaft("device", "trust", certificate["fingerprint"])
    said = refusal(box)
    assert "[edge.user_refused]" in said
    assert "lineshaft device secret" in said
    keep_password(box, "right")
    report = box.json("device", "import", "press", "--match", "*s=C[0-9]*")
    assert len(report["imported"]) == ITEMS
    box.until(lambda: box.good_values() == ITEMS, "all thousand values are live")
    return box


def test_setting_up_refuses_clearly_and_then_shows_a_thousand_values(connected):
    device = next(row for row in connected.json("device", "list") if row["name"] == "press")
    assert (device["state"], device["points"]) == ("connected", ITEMS)


def test_nothing_is_lost_or_doubled_while_parts_are_killed(connected, server):
    run_kills(connected, server, ["bus", "history", "bus", "history"], random.Random(7))


def test_what_a_killed_gateway_missed_is_in_its_gaps(connected, server):
    run_kills(connected, server, ["gateway", "history", "gateway"], random.Random(8))


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_hundreds_of_kills(connected, server):
    chance = random.Random(20)
    for count in range(25):
        names = [chance.choice(["gateway", "bus", "history"]) for _ in range(10)]
        run_kills(connected, server, names, chance)
        print(f"{(count + 1) * 10} kills: nothing lost, nothing doubled, gaps true", flush=True)


def run_kills(box, server, names, chance):
    """Kill parts at random moments while the items count, then hold what is stored against what was counted."""
    begun = clock.now_us()
    server.order("start")
    for name in names:
        time.sleep(chance.uniform(0.3, 2.0))  # the moment of the kill is what is random here
        box.kill(name)
    box.until(lambda: "connected" in {row["state"] for row in box.json("device", "list")}, "the device is back")
    time.sleep(1.0)  # some undisturbed counting at the end
    last = server.ask("stop")["stopped"]["ticks"]
    ended = clock.now_us()
    box.until(lambda: newest(box) == last, "the last count is stored")
    box.lineshaft("history", "seal")
    frame = stored(box, begun)
    assert frame.height == frame.select("tag", "ts").unique().height, "a (tag, time) is in the table twice"
    missed = set(range(int(frame["value"].min()), last + 1))
    counts = frame.group_by("value").len()
    complete = set(counts.filter(pl.col("len") >= ITEMS)["value"].cast(pl.Int64))
    missed -= complete
    gaps = box.json("history", "gaps", "--from", clock.rfc3339(begun - 5_000_000))
    assert covered(frame, missed, gaps), (sorted(missed), gaps)
    assert sum(gap["cause"] == "restart" for gap in gaps if in_run(gap, begun, ended)) == names.count("gateway")
    if "gateway" not in names:
        assert missed == set()
        assert [gap for gap in gaps if in_run(gap, begun, ended)] == []
    assert answered(box, begun) == frame.filter(pl.col("tag") == frame["tag"].min())["value"].to_list()


def in_run(gap, begun, ended):
    return begun <= clock.parse_time(gap["to"]) <= ended + 10_000_000


def newest(box):
    rows = box.json("history", "latest", "C0000")
    return int(rows[0]["value"]) if rows and rows[0]["value"] is not None else None


def stored(box, begun):
    """All rows since `begun` as a foreign reader of the table sees them; only counts, not marks of lost connections."""
    value = pl.coalesce(pl.col("v"), pl.col("vi") * pl.col("mul") / pl.col("div"))
    start = pl.lit(clock.to_datetime(begun)).cast(pl.Datetime("us", "UTC"))
    frame = pl.scan_delta(str(box.home.path / "history" / "samples")).filter(
        (pl.col("ts") >= start) & (pl.col("q") == 0)
    )
    return frame.select("tag", "ts", value.alias("value")).sort("tag", "ts").collect()


def covered(frame, missed, gaps):
    """Whether each missing count falls into a gap: its time lies between those of its neighbours."""
    times = dict(frame.group_by("value").agg(pl.col("ts").min()).iter_rows())
    spans = [(clock.parse_time(gap["from"]), clock.parse_time(gap["to"])) for gap in gaps]
    slack = 2_000_000 // HERTZ
    for count in missed:
        before = max((clock.to_us(times[value]) for value in times if value < count), default=None)
        after = min((clock.to_us(times[value]) for value in times if value > count), default=None)
        if before is None or after is None:
            continue  # before the first or after the last: counted before the run began
        if not any(start <= before + slack and after - slack <= end for start, end in spans):
            return False
    return True


def answered(box, begun):
    """The same of one tag as the product answers."""
    done = box.lineshaft("history", "query", "C0000", "--from", clock.rfc3339(begun), "--limit", "1000000", "--json")
    return [row["value"] for row in json.loads(done.stdout) if row["code"] == 0]
