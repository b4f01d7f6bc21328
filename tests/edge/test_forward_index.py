"""What may leave the store: only what the history has, oldest first, whatever order it learnt of it in."""

import asyncio

import msgspec
import pytest

from lineshaft.bus import Stored, StoredMessage, StreamState, read_batch_header
from lineshaft.bus.envelopes import Gap
from lineshaft.bus.settings import MIB
from lineshaft.core import logs
from lineshaft.edge.forward import forwarder as sending
from lineshaft.edge.forward.drops import Drops
from lineshaft.edge.forward.index import Index, holds
from lineshaft.edge.forward.keeper import Keeper
from lineshaft.edge.settings import EdgeSettings
from lineshaft.history.lanes import Lanes
from lineshaft.history.model import Held, HeldBoot
from lineshaft.history.testing import LaneMessages

CREATED = "2026-01-01T00:00:00Z"


def known(*boots):
    return Held(gateway="east", boots=[HeldBoot(**boot) for boot in boots])


def noted(*batches, first=1):
    index = Index()
    for position, (boot, seq) in enumerate(batches, start=first):
        index.note(position, boot, seq)
    return index


def test_nothing_is_held_before_the_history_has_said_so():
    assert noted(("a", 1), ("a", 2)).held_up_to(known()) == 0


def test_batches_are_held_up_to_the_first_that_is_missing():
    index = noted(("a", 1), ("a", 2), ("a", 3), ("a", 4))
    assert index.held_up_to(known({"boot": "a", "seq": 2, "ahead": [(4, 4)]})) == 2
    assert index.held_up_to(known({"boot": "a", "seq": 1, "ahead": [(3, 4)]})) == 1


def test_what_the_line_has_not_read_yet_is_not_held():
    index = noted(("a", 1))
    index.note(3, "a", 3)
    assert index.held_up_to(known({"boot": "a", "seq": 3})) == 1
    index.note(2, "a", 2)
    assert index.held_up_to(known({"boot": "a", "seq": 3})) == 3


def test_boots_before_one_whose_turn_has_come_are_held_even_where_they_are_forgotten():
    index = noted(("a", 1), ("b", 1), ("c", 1), ("c", 2))
    assert index.held_up_to(known({"boot": "c", "seq": 1})) == 3


def test_a_boot_that_came_ahead_holds_nothing_before_it():
    index = noted(("a", 1), ("c", 1))
    assert index.held_up_to(known({"boot": "c", "seq": 0, "pending": True, "ahead": [(1, 1)]})) == 0


def test_positions_where_nothing_lies_do_not_stop_it():
    index = noted(("a", 1))
    index.void(2, 4)
    index.note(4, "a", 2)
    assert index.held_up_to(known({"boot": "a", "seq": 2})) == 4


def test_after_what_has_left_the_count_goes_on():
    index = noted(("a", 5), ("a", 6), ("a", 7), first=10)
    index.forget(10)
    assert index.held_up_to(known({"boot": "a", "seq": 5})) == 0
    assert index.held_up_to(known({"boot": "a", "seq": 6})) == 11
    index.forget(12)
    assert index.held_up_to(known({"boot": "a", "seq": 9})) == 0


def test_a_single_batch_is_looked_up_in_runs_as_well():
    held = known({"boot": "a", "seq": 2, "ahead": [(5, 6)]})
    assert [holds(held, "a", seq) for seq in range(1, 8)] == [True, True, False, False, True, True, False]
    assert not holds(held, "b", 1)


@pytest.fixture
def lane():
    return LaneMessages("east")


def batch(lane, *, gap=None, last=False) -> StoredMessage:
    return lane.next([(1, 1000 * (lane.seq + 1), 1.0), (1, 1000 * (lane.seq + 1) + 1, 2.0)], gap=gap, last=last)


def test_dropped_batches_of_a_boot_become_one_record_with_their_rows_and_times(tmp_path, lane):
    drops = Drops(tmp_path / "dropped.json", CREATED)
    for _ in range(3):
        drops.add(batch(lane))
        drops.keep(lane.seq)
    (told,) = drops.to_tell()
    assert (told.boot, told.from_seq, told.to_seq, told.rows) == (lane.boot, 1, 3, 6)
    assert (told.from_ts, told.to_ts) == (1000, 3001)


def test_records_outlive_a_kill_and_go_when_the_hub_has_been_told(tmp_path, lane):
    file = tmp_path / "dropped.json"
    drops = Drops(file, CREATED)
    drops.add(batch(lane))
    assert not drops.waiting, "what is not written down has not been dropped"
    drops.keep(7)
    again = Drops(file, CREATED)
    assert (again.waiting, again.up_to) == (True, 7)
    again.told(again.to_tell())
    assert not Drops(file, CREATED).waiting


def test_a_store_made_anew_keeps_the_records_and_forgets_the_position(tmp_path, lane):
    file = tmp_path / "dropped.json"
    drops = Drops(file, CREATED)
    drops.add(batch(lane))
    drops.keep(7)
    other = Drops(file, "2027-01-01T00:00:00Z")
    assert (other.waiting, other.up_to) == (True, 0)


def test_a_record_that_is_being_told_does_not_grow_under_way(tmp_path, lane):
    drops = Drops(tmp_path / "dropped.json", CREATED)
    drops.add(batch(lane))
    drops.keep(1)
    told = drops.to_tell()
    drops.add(batch(lane))
    drops.keep(2)
    drops.told(told)
    (left,) = drops.to_tell()
    assert (left.from_seq, left.to_seq) == (2, 2)


def test_a_batch_that_stands_apart_joins_no_record_of_an_earlier_look_either(tmp_path, lane):
    drops = Drops(tmp_path / "dropped.json", CREATED)
    drops.add(batch(lane))
    drops.keep(1)
    drops.add(batch(lane), apart=True)
    drops.add(batch(lane))
    drops.keep(3)
    drops.add(batch(lane))
    drops.keep(4)
    assert [(entry.from_seq, entry.to_seq) for entry in drops.to_tell()] == [(1, 1), (2, 4)]


class FullStore:
    """Ten batches, read in chunks of four."""

    def __init__(self, lane):
        self.messages = [msgspec.structs.replace(batch(lane), sequence=number) for number in range(1, 11)]
        self.trimmed = 0

    async def state(self):
        return StreamState(first=1, last=10, messages=10, bytes=10_000, created=CREATED, first_us=0)

    async def read(self, first, reader, *, created):
        for at in range(first - 1, 10, 4):
            yield self.messages[at : at + 4]

    async def trim(self, position):
        self.trimmed = position


class Forwarder:
    """The hub has 1 and 2 by the line and 7 by the live lane; 3 and 4 are on their way."""

    def has_sent(self, position):
        return None if position in {3, 4} else position in {1, 2, 7}

    def gone(self, position):
        pass


async def test_what_the_hub_has_may_have_and_does_not_have_stand_in_records_of_their_own(tmp_path, lane):
    store, drops = FullStore(lane), Drops(tmp_path / "dropped.json", CREATED)
    settings = EdgeSettings(store_seconds=3600 * 24 * 365 * 100, store_bytes=MIB)
    keeper = Keeper(store, drops, settings, Forwarder(), logs.get("edge"))
    await keeper._drop(await store.state(), excess=2**40)
    assert store.trimmed == 9, "the newest stays"
    assert [(entry.from_seq, entry.to_seq) for entry in drops.to_tell()] == [
        (1, 2),
        (3, 3),
        (4, 4),
        (5, 6),
        (7, 7),
        (8, 9),
    ]


class Hub:
    """Takes everything."""

    connected = True

    def __init__(self):
        self.taken = []
        self.headers = []
        self.open = asyncio.Event()

    async def wait_connected(self):
        await self.open.wait()

    async def publish_stored(self, subject, payload, headers, message_id, *, timeout):
        self.taken.append(int(message_id.rpartition(":")[2]))
        self.headers.append(read_batch_header(subject, headers))
        return Stored(sequence=len(self.taken), duplicate=False)


async def test_what_was_let_go_after_the_live_lane_had_read_it_is_not_sent(tmp_path, lane, until):
    store, drops, hub = FullStore(lane), Drops(tmp_path / "dropped.json", CREATED), Hub()
    settings = EdgeSettings(forward_in_flight=1)
    forwarder = sending.Forwarder(store, hub, drops, settings, logs.get("edge"))
    for message in store.messages[4:8]:
        drops.add(message)
    going = asyncio.create_task(forwarder._send_live(sending.Ahead(5, 5)))
    await until(lambda: forwarder._way)
    drops.keep(8)
    hub.open.set()
    await going
    await asyncio.gather(*forwarder._deliveries)
    assert hub.taken == [5, 9, 10]


async def test_what_a_message_has_no_room_to_tell_is_not_taken_for_missing(tmp_path, lane):
    messages = [msgspec.structs.replace(batch(lane), sequence=number) for number in range(1, 66)]
    drops, hub = Drops(tmp_path / "dropped.json", CREATED), Hub()
    forwarder = sending.Forwarder(FullStore(lane), hub, drops, EdgeSettings(), logs.get("edge"))
    for message in messages[:60]:
        drops.add(message, apart=True)
    drops.keep(60)
    hub.open.set()
    forwarder.position = 61
    for message in messages[60:]:
        await forwarder._in_turn(message)
    await asyncio.gather(*forwarder._deliveries)
    assert len(hub.headers[0].dropped) < 60
    assert hub.headers[0].oldest == (lane.boot, len(hub.headers[0].dropped) + 1)
    lanes = Lanes()
    gaps = [gap for number, each in enumerate(hub.headers) for gap in lanes.accept(each, number, number)]
    assert [(gap.cause, gap.from_seq, gap.to_seq) for gap in gaps] == [("dropped", n, n) for n in range(1, 61)]
    (boot,) = lanes.state()["east"]
    assert (boot.seq, boot.ahead) == (65, [])


async def test_what_is_told_by_a_message_under_way_is_not_missing_for_one_that_overtakes_it(tmp_path, lane):
    messages = [msgspec.structs.replace(batch(lane), sequence=number) for number in range(1, 5)]
    drops, hub = Drops(tmp_path / "dropped.json", CREATED), Hub()
    forwarder = sending.Forwarder(FullStore(lane), hub, drops, EdgeSettings(), logs.get("edge"))
    drops.add(messages[0])
    drops.keep(1)
    forwarder.position = 2
    await forwarder._in_turn(messages[1])
    forwarder.live = sending.Ahead(4, 4)
    forwarder._ahead = [forwarder.live]
    header = forwarder._header(messages[3])
    assert forwarder._oldest(4, header, []) == (lane.boot, 1)
    hub.open.set()
    await asyncio.gather(*forwarder._deliveries)
    assert forwarder._oldest(4, header, []) == (lane.boot, 2), "the line goes on behind what it sent last"


def test_what_dropped_batches_told_themselves_is_not_lost_with_them(tmp_path, lane):
    drops = Drops(tmp_path / "dropped.json", CREATED)
    drops.add(batch(lane, gap=Gap(cause="overflow", from_ts=1, to_ts=2, rows=5)))
    drops.add(batch(lane, last=True))
    drops.keep(2)
    (told,) = drops.to_tell()
    assert [gap.cause for gap in told.gaps] == ["overflow"]
    assert told.last


def test_a_message_tells_no_more_than_its_headers_hold(tmp_path):
    drops = Drops(tmp_path / "dropped.json", CREATED)
    for _ in range(150):
        lane = LaneMessages("east")
        drops.add(batch(lane))
    drops.keep(150)
    count = 0
    while drops.waiting:
        told = drops.to_tell()
        assert len(msgspec.json.encode(told)) < 9000
        count += len(told)
        drops.told(told)
    assert count == 150
