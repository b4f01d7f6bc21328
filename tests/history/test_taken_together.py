"""Messages that are alike are taken in at once, scans are sorted by turning them: with the same outcome as one by one."""

import random

import numpy as np
import pyarrow as pa
import pytest

from lineshaft.bus.telemetry import decode, decode_alike, encode
from lineshaft.history.intake import take_in_together
from lineshaft.history.latest import LatestTable
from lineshaft.history.model import Gap as Missing
from lineshaft.history.schema import ROWS
from lineshaft.history.sorting import in_order, order_of, scan_of
from lineshaft.history.testing import BAD, START_US, LaneMessages, listed, rows_of, samples, table_rows

TAGS = range(1, 8)


def scan(n, tags=TAGS, shift=0.0):
    return [(tag, START_US + n * 1000, tag + n / 8 + shift) for tag in tags]


def course(chance):
    """What two gateways may send: scans mostly, and everything else in between, repeats and losses too."""
    count = iter(range(1, 10_000)).__next__
    lanes = [LaneMessages(name, position=count) for name in ("north", "south")]
    messages = []
    for n in range(120):
        lane = chance.choice(lanes)
        tags = TAGS if lane is lanes[0] else range(100, 104)
        odd = chance.random()
        if odd < 0.03:
            lane.restart()
        elif odd < 0.06:
            lane.seq += 2  # lost on the way
        elif odd < 0.12 and lane.seq:
            messages.append(lane.next(scan(n, tags), seq=lane.seq, arrival_us=START_US))  # sent again
        elif odd < 0.14:
            messages.append(lane.next(data=b"rubbish"))
        elif odd < 0.16:
            messages.append(lane.next([(tags[0], START_US + n * 1000, "text")]))
        elif odd < 0.18:
            messages.append(lane.next([(0, START_US, 1.0)], arrival_us=START_US))
        elif odd < 0.2:
            messages.append(lane.next(scan(n, tags), arrival_us=-5))
        elif odd < 0.22:
            messages.append(lane.next([], data=b""))
        messages.append(lane.next(scan(n, tags), arrival_us=None if odd > 0.9 else START_US + n))
    return messages


async def outcome(writer, folder):
    await writer.seal()
    return (
        writer.counts, writer.lanes.state(), listed(writer.latest.rows()), writer.committed, table_rows(folder),
        writer.latest.arrival.tolist(), writer.latest.rank.tolist(),
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
async def test_together_and_one_by_one_come_to_the_same(writers, tmp_path, seed):
    chance = random.Random(seed)
    messages = course(chance)
    gaps: list[list[Missing]] = []
    single = await writers.open()
    for message in messages:
        await single.take(message)
    gaps.append(single.pending_gaps())
    expected, dead = await outcome(single, writers.folder), list(writers.dead)
    writers.dead.clear()
    writers.folder = tmp_path / "other"
    writers.storage = type(writers.storage)(writers.folder)
    several, at, steps = await writers.open(), 0, 0
    while at < len(messages):
        at += await several.take_some(messages[at : at + chance.randrange(1, 17)])
        steps += 1
    gaps.append(several.pending_gaps())
    assert steps < len(messages)
    assert await outcome(several, writers.folder) == expected
    assert gaps[0] == gaps[1]
    assert writers.dead == dead


async def test_a_message_given_again_is_passed_over(writers):
    writer, lane = await writers.open(), LaneMessages()
    messages = [lane.next(scan(n)) for n in range(6)]
    assert await writer.take_some(messages[:1]) == 1
    for start in (0, 3):
        at = start
        while at < 6:
            at += await writer.take_some(messages[at:])
    assert (writer.sequence, writer.counts.rows) == (6, 6 * len(TAGS))


def test_alike_are_the_messages_up_to_the_first_that_is_not():
    numbers = [encode(samples(scan(n), START_US)) for n in range(5)]
    other = encode(samples([(1, START_US, "text")], START_US))
    wrong = samples([(1, START_US, float("nan"), BAD)], START_US)
    decode(numbers[0])
    batch, counts = decode_alike([*numbers[:3], other, *numbers[3:]])
    assert counts == [len(TAGS)] * 3
    assert batch.equals(pa.concat_batches([decode(data) for data in numbers[:3]]))
    assert decode_alike([numbers[0], other]) is None
    assert decode_alike([]) is None
    bad = encode(wrong)
    decode(bad)
    at = bad.index(np.uint32(BAD).tobytes())
    assert decode_alike([bad, bad[:at] + bytes(4) + bad[at + 4 :]]) is None, "not a number, and good"


def test_what_is_said_by_people_is_not_taken_together():
    lane = LaneMessages("web")
    messages = [lane.next(scan(n), arrival_us=START_US) for n in range(3)]
    decode(messages[0].data)
    assert take_in_together(messages, 1000) is None
    assert take_in_together([LaneMessages("gateway").next(scan(1), arrival_us=START_US)] * 2, 3) is None, "tag 7"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [([1, 2, 3] * 4, 3), ([1, 2, 3], 0), ([1, 1, 1], 0), ([1, 2, 1, 3], 0), ([1, 2, 1], 0), ([], 0), ([2, 1, 2, 1], 0)],
)
def test_a_scan_is_the_same_ascending_tags_over_and_over(tags, expected):
    assert scan_of(np.array(tags, np.int32)) == expected


def mixed_scans(scans, columns):
    """Scans whose tags hold every kind of value, some of them null in part."""
    values = {1: 0.5, 2: 7, 3: "text", 4: True, 5: -0.0}
    return [rows_of([(tag, START_US + n, values[tag]) for tag in columns]) for n in scans]


@pytest.mark.parametrize("columns", [(1, 5), (2, 4), (1, 2, 3, 4, 5), (3,), (1, 3)])
def test_scans_are_sorted_as_any_rows_are(columns):
    batches = mixed_scans(range(9), columns)
    found = in_order(batches).rows
    rows = pa.concat_batches(batches)
    order = order_of(rows.column("tag").to_numpy(), rows.column("ts").cast(pa.int64()).to_numpy())
    assert found.schema == ROWS
    assert found.equals(rows.take(pa.array(order)))
    found.validate(full=True)


def test_scans_out_of_their_turn_or_repeated_go_the_long_way():
    batches = mixed_scans([0, 2, 1, 2], (1, 2))
    found = in_order(batches)
    assert [row[:2] for row in listed(found.rows)] == [(tag, START_US + n) for tag in (1, 2) for n in (0, 1, 2)]
    assert len(found.displaced) == 2


def test_the_newest_of_scans_is_the_last_one_unless_times_go_back():
    for scans, newest in (((0, 1, 2), 2), ((0, 2, 1), 2), ((1, 1), 1)):
        table = LatestTable()
        for number, n in enumerate(scans):
            table.note(rows_of(scan(n, shift=float(number))), START_US + 1000 * n)
        table.settle()
        last = max(number for number, n in enumerate(scans) if n == newest)
        assert listed(table.rows()) == [(*row, 0) for row in scan(newest, shift=float(last))]
