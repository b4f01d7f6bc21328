"""The latest-value table: newest by source time, the last of equals, not fooled by a clock that ran ahead."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.history.latest import AHEAD_US, NEVER, LatestTable
from lineshaft.history.testing import START_US, listed, rows_of

SECOND = 1_000_000
VALUES = st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5) | st.booleans()


def test_the_newest_source_time_wins_whatever_comes_last():
    table = LatestTable()
    table.update(rows_of([(1, START_US + 5, 5.0), (2, START_US, 1.0)]))
    table.update(rows_of([(1, START_US + 4, 4.0), (2, START_US + 1, 2.0)]))
    assert listed(table.rows()) == [(1, START_US + 5, 5.0, 0), (2, START_US + 1, 2.0, 0)]


def test_of_two_samples_with_one_time_the_later_one_wins():
    table = LatestTable()
    table.update(rows_of([(1, START_US, 1.0), (1, START_US, 2.0)]))
    assert listed(table.rows()) == [(1, START_US, 2.0, 0)]
    table.update(rows_of([(1, START_US, 3.0)]))
    assert listed(table.rows()) == [(1, START_US, 3.0, 0)]


def test_update_names_the_tags_that_changed():
    table = LatestTable()
    assert table.update(rows_of([(7, START_US, 1.0), (3, START_US, 1.0)])).tolist() == [3, 7]
    assert table.update(rows_of([(7, START_US - 1, 9.0), (3, START_US + 1, 1.0)])).tolist() == [3]
    assert table.update(rows_of([])).tolist() == []


def test_a_time_far_ahead_of_the_bus_does_not_hide_what_comes_after():
    table = LatestTable()
    table.update(rows_of([(1, START_US + 400 * 86400 * SECOND, 1.0)]), START_US)
    table.update(rows_of([(1, START_US + SECOND, 2.0)]), START_US + SECOND)
    assert listed(table.rows()) == [(1, START_US + SECOND, 2.0, 0)]
    table.update(rows_of([(1, START_US + AHEAD_US, 3.0)]), START_US + SECOND)
    table.update(rows_of([(1, START_US + 2 * SECOND, 4.0)]), START_US + 2 * SECOND)
    assert listed(table.rows()) == [(1, START_US + AHEAD_US, 3.0, 0)], "a clock a little ahead is believed"


def test_what_is_sealed_is_ordered_by_source_time_alone():
    table = LatestTable(believe_any_time=True)
    table.update(rows_of([(1, START_US + 400 * 86400 * SECOND, 1.0)]), START_US)
    table.update(rows_of([(1, START_US + SECOND, 2.0)]), START_US + SECOND)
    assert table.newest_us(np.array([1, 2])).tolist() == [START_US + 400 * 86400 * SECOND, NEVER]


def test_numbers_that_nobody_allocates_are_passed_over_and_cost_no_memory():
    table = LatestTable(maximum=5000)
    table.update(rows_of([(0, START_US, 1.0), (-5, START_US, 1.0), (2**31 - 1, START_US, 1.0), (5000, START_US, 1.0)]))
    assert table.known().tolist() == [5000]
    assert len(table.kind) < 10_000


def test_asking_for_unknown_tags_gives_those_that_are_known():
    table = LatestTable()
    table.update(rows_of([(3, START_US, True)]))
    assert listed(table.rows([999_999, 3, -1, 4])) == [(3, START_US, True, 0)]
    assert len(table.rows([4])) == 0


def test_a_value_may_change_its_kind_and_nan_keeps_its_quality():
    table = LatestTable()
    for step, value in enumerate([1.5, 7, "open", True, float("nan")]):
        table.update(rows_of([(1, START_US + step, value)]))
        ((tag, ts, found, _),) = listed(table.rows())
        assert (tag, ts) == (1, START_US + step)
        assert found is value or found == value or (math.isnan(value) and math.isnan(found))
    assert table.rows().column("v").null_count == 0, "NaN is a value, not a null"


def test_holds_tells_a_repetition_from_another_content():
    table = LatestTable()
    table.update(rows_of([(1, START_US, 1.0), (2, START_US, "a"), (3, START_US, True), (4, START_US, float("nan"))]))
    same = [(1, START_US, 1.0), (2, START_US, "a"), (3, START_US, True), (4, START_US, float("nan"))]
    assert table.holds(rows_of(same, arrival_us=5)).tolist() == [True] * 4, "the arrival time is not content"
    other = [(1, START_US, 1), (2, START_US, "b"), (3, START_US, False), (4, START_US, float("nan"), 0x80000000),
             (1, START_US + 1, 1.0), (9999, START_US, 1.0), (1, START_US, 1.0, 0x40000000)]  # fmt: skip
    assert table.holds(rows_of(other)).tolist() == [False] * 7


def test_a_copy_is_apart_and_differing_finds_what_changed():
    table = LatestTable()
    table.update(rows_of([(1, START_US, 1.0), (2, START_US, "a"), (3, START_US, 1)]))
    twin = table.copy()
    twin.update(rows_of([(2, START_US, "b"), (2000, START_US, 1.0)]))
    assert listed(table.rows([2])) == [(2, START_US, "a", 0)]
    assert twin.differing(table).tolist() == [2, 2000]
    assert table.differing(twin).tolist() == [2]
    assert table.differing(table.copy()).tolist() == []


def test_a_loaded_table_goes_on_as_the_one_it_was_saved_from():
    table = LatestTable()
    table.update(rows_of([(1, START_US + 400 * 86400 * SECOND, 1.0), (2, START_US, 2.0)]), START_US)
    loaded = LatestTable()
    loaded.update(rows_of([(1, START_US + 500 * 86400 * SECOND, 0.0, 0)]))
    loaded.load(table.rows(), table.rank[table.known()])
    assert loaded.differing(table).tolist() == []
    loaded.update(rows_of([(1, START_US + SECOND, 5.0)]), START_US + SECOND)
    assert listed(loaded.rows([1])) == [(1, START_US + SECOND, 5.0, 0)]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9), VALUES), max_size=12), max_size=8))
def test_any_course_of_updates_ends_as_a_dictionary_would(batches):
    table, expected = LatestTable(), {}
    for batch in batches:
        for tag, ts, value in batch:
            if tag not in expected or ts >= expected[tag][0]:
                expected[tag] = (ts, value)
        table.update(rows_of([(tag, START_US + ts, value) for tag, ts, value in batch]), START_US)
    found = {tag: (ts - START_US, value) for tag, ts, value, _ in listed(table.rows())}
    assert found == expected
    assert {tag: type(value) for tag, (_, value) in found.items()} == {tag: type(v) for tag, (_, v) in expected.items()}


@given(st.lists(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 6), st.integers(0, 99)), max_size=6), max_size=8))
def test_what_was_noted_gives_the_same_as_one_after_the_other(batches: list[list[tuple[int, int, int]]]):
    noted, plain = LatestTable(), LatestTable()
    for number, batch in enumerate(batches):
        rows = rows_of([(tag, START_US + ts * AHEAD_US // 2, float(value)) for tag, ts, value in batch])
        plain.update(rows, START_US + number)
        noted.note(rows, START_US + number)
    noted.settle()
    assert noted.rows().equals(plain.rows())
    assert noted.rank.tolist() == plain.rank.tolist()
