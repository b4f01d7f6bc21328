"""A gateway sends the tags that it has or had; those of another one are set aside, whatever its batch says."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.access.grants import bus_permissions
from lineshaft.access.zones.model import DEFAULT
from lineshaft.bus import DEADLETTER
from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Corrupt, LineshaftError
from lineshaft.core.principals import Principal
from lineshaft.history.owners import Owners, decode, encode, merge
from lineshaft.history.testing import START_US

RUNS = st.lists(st.integers(1, 60)).map(lambda numbers: merge((), numbers))


@given(RUNS, st.lists(st.integers(1, 60)))
def test_ranges_hold_what_was_put_in_and_nothing_else(ranges, numbers):
    merged = merge(ranges, numbers)
    held = [number for first, last in merged for number in range(first, last + 1)]
    before = {number for first, last in ranges for number in range(first, last + 1)}
    assert held == sorted(before | set(numbers))
    assert all(after[0] > one[1] + 1 for one, after in pairwise(merged))
    assert decode(encode({"gateway": merged})) == {"gateway": merged}


def test_what_is_no_word_on_owners_is_corrupt():
    for data in (b"", b"{}", encode({"a": "b"})):
        with pytest.raises(Corrupt):
            decode(data)


async def say(plant, **owned):
    subject = plant.bus.subjects.tag_owners()
    await plant.asker.publish_stored(subject, encode({name: merge((), numbers) for name, numbers in owned.items()}))


def row(tag, value, n=0):
    return (tag, START_US + n * 1_000_000, value)


async def test_rows_of_another_gateways_tags_are_set_aside_and_the_others_kept(plants):
    async with plants() as plant:
        mine = plant.lane.gateway
        await say(plant, **{mine: [1, 2], "other": [2, 3, 4]})
        await plant.publish([row(1, 1.0), row(3, 666.0), row(2, 2.0), row(9, 9.0)])
        await plant.taken()
        assert {(tag, value) for tag, _, value, *_ in await plant.raw()} == {(1, 1.0), (2, 2.0), (9, 9.0)}
        kept = await plant.asker.last_message(DEADLETTER, plant.bus.subjects.dead("history"))
        assert any("1 rows are of tags of other gateways" in value for value in kept.headers.values()), kept.headers
        (gap,) = plant.service.writer.pending_gaps()
        assert (gap.gateway, gap.cause, gap.rows) == (mine, "undecodable", 1)


async def test_a_tag_that_was_given_a_moment_ago_is_taken_and_one_that_becomes_anothers_is_not(plants):
    async with plants() as plant:
        mine = plant.lane.gateway
        await say(plant, other=[3])
        await plant.publish([row(3, 1.0), row(5, 1.0)])
        await plant.taken()
        await say(plant, **{mine: [3], "other": [3, 5]})
        await plant.publish([row(3, 2.0, 1), row(5, 2.0, 1)])
        await plant.taken()
        assert sorted((tag, value) for tag, _, value, *_ in await plant.raw()) == [(3, 2.0), (5, 1.0)]
        writer = plant.service.writer
        assert list(await writer._owners.foreign(mine, np.array([3, 5, 4, 2**24]))) == [False, True, False, False]


async def test_the_histories_own_permissions_reach_the_word_on_owners_and_a_gateways_do_not(tmp_path):
    async with embedded_bus(tmp_path) as bus:
        subjects = bus.subjects
        plain = ("history", "gateway", "web")
        service = {name: Principal(id=name, name=name, kind="service", tenant=subjects.tenant) for name in plain}
        granted = {name: bus_permissions(service[name], subjects, DEFAULT) for name in service}
        history, gateway, web = [await bus.connect(name, granted[name]) for name in service]
        owners = Owners(history)
        await owners.follow()
        await web.publish_stored(subjects.tag_owners(), encode({"other": ((7, 9),)}))
        assert list(await owners.foreign("gateway", np.array([6, 7, 9, 10]))) == [False, True, True, False]
        with pytest.raises(LineshaftError):
            await gateway.publish_stored(subjects.tag_owners(), encode({}))
