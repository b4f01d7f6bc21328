"""The right to maintain tables in an object store: renewed while it is held, and lost without harm."""

import threading
import time

import msgspec
import pytest

from lineshaft.core import clock
from lineshaft.core.errors import Conflict
from lineshaft.history.commits import Commit
from lineshaft.history.maintenance import lease, work
from lineshaft.history.maintenance.plan import OWNERS
from lineshaft.history.maintenance.work import Options
from lineshaft.history.segment import write_segment
from lineshaft.history.sorting import ordered
from lineshaft.history.storage import LocalFolder
from lineshaft.history.table import Table
from lineshaft.history.testing import START_US, rows_of

DEADLINE_SECONDS = 60


class Bucket:
    """A folder that is as an object store is: without locks. It can stop to answer."""

    folder = None

    def __init__(self, path):
        self.place = LocalFolder(path)
        self.down = False
        self.refused = 0
        self._one_at_a_time = threading.Lock()

    def __getattr__(self, name):
        return getattr(self.place, name)

    def read(self, name):
        if self.down:
            self.refused += 1
            raise OSError("no answer")
        return self.place.read(name)

    def replace(self, name, data):
        if self.down:
            raise OSError("no answer")
        with self._one_at_a_time:  # a folder's replacing is for one thread of a process
            self.place.replace(name, data)

    def lease(self):
        return msgspec.json.decode(self.place.read(lease.NAME), type=lease.Lease)

    def give_to(self, holder, seconds=600):
        """Put another's lease in the place of whatever is there; a renewal under way may still replace it."""
        until_us = clock.now_us() + seconds * 1_000_000
        self.replace(lease.NAME, msgspec.json.encode(lease.Lease(holder=holder, until_us=until_us)))


@pytest.fixture
def bucket(tmp_path):
    place = Bucket(tmp_path / "bucket")
    place.prepare()
    return place


def until(holds):
    """Wait for what stays true once it is."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def lost(right):
    try:
        right.check()
    except Conflict as error:
        return error.code == "history.maintenance_lease_lost"
    return False


def test_a_lease_is_renewed_while_it_is_held_and_others_are_kept_out(bucket):
    with lease.held(bucket, seconds=3600, every=0.01) as right:
        first = bucket.lease()
        until(lambda: bucket.lease().until_us > first.until_us)
        assert bucket.lease().holder == first.holder
        right.check()
        with pytest.raises(Conflict) as caught, lease.held(bucket):
            pass
        assert caught.value.code == "history.maintenance_busy"
        assert lease.was_interrupted(bucket)
    assert not lease.was_interrupted(bucket)
    with lease.held(bucket):
        pass


def test_a_lease_that_ran_out_is_anybodys(bucket):
    bucket.give_to("gone", seconds=-1)
    with lease.held(bucket, seconds=3600, every=3600) as right:
        right.check()
        assert bucket.lease().holder != "gone"


def test_a_lease_in_anothers_hands_is_lost_and_left_to_him(bucket):
    with lease.held(bucket, seconds=3600, every=0.01) as right:
        until(lambda: bucket.give_to("another") or lost(right))
    assert bucket.lease().holder == "another"


def test_a_store_that_does_not_answer_costs_the_lease_only_when_it_has_run_out(bucket):
    with lease.held(bucket, seconds=3600, every=0.01) as right:
        bucket.down = True
        until(lambda: bucket.refused > 0)
        right.check()
        bucket.down = False
    with lease.held(bucket, seconds=0.2, every=0.01) as right:
        bucket.down = True
        until(lambda: lost(right))
    bucket.down = False


def renewing():
    return any(thread.name == lease.THREAD for thread in threading.enumerate())


def test_maintenance_that_lost_its_lease_ends_and_deletes_nothing(bucket, monkeypatch):
    """Files that a later maintainer has not committed yet look like what an earlier run left behind."""
    place, samples = bucket, bucket.child("samples")
    table = Table(samples, "samples")
    added = write_segment(samples, "writer-0", ordered([rows_of([(1, START_US + n, float(n)) for n in range(10)])]))
    samples.sync()
    table.commit(Commit(fence=table.claim("stream@now/0"), sequence=1, add=added, remove=[]))
    held = lease.held
    monkeypatch.setattr(lease, "held", lambda storage: held(storage, seconds=3600, every=0.01))
    orphan = f"{OWNERS['day']}-later.parquet"
    told = []

    def report(done, total, message):
        if not told:
            until(lambda: place.give_to("another") or not renewing())
            place.child("samples").replace(orphan, b"of the later one")
        told.append(message)

    with pytest.raises(Conflict) as caught:
        work.run(place, Options(settle_us=0), report)
    assert caught.value.code == "history.maintenance_lease_lost"
    assert len(told) == 1
    assert orphan in {stored.name for stored in place.child("samples").names()}
    assert place.lease().holder == "another"
    place.delete(lease.NAME)
    outcome = work.run(place, Options(settle_us=0), lambda *_: None)
    assert outcome.rolled_rows == 10
