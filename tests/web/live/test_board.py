"""What changed, tick by tick: the board against a plain model, and the values as JSON shows them."""

import json
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.bus.telemetry import SCHEMA
from lineshaft.history import LatestTable
from lineshaft.web.live.board import Board
from lineshaft.web.live.values import rows_of


def batch(*samples):
    """Rows of (tag, µs, value, q)."""
    columns = {"v": [], "vi": [], "vs": [], "vb": []}
    for _, _, value, _ in samples:
        kind = {bool: "vb", int: "vi", str: "vs", float: "v"}[type(value)]
        for name, column in columns.items():
            column.append(value if name == kind else None)
    tags, times, _, codes = zip(*samples, strict=True)
    return pa.RecordBatch.from_pydict(
        {"tag": tags, "ts": times, "arrival": times, **columns, "q": codes}, schema=SCHEMA
    )


def take(board, table, *samples):
    board.mark(table.update(batch(*samples)))


@pytest.fixture
def table():
    return LatestTable()


@pytest.fixture
def board(table):
    return Board(table)


def test_a_row_is_path_time_value_and_quality(board, table):
    board.watch({7: "a/b"})
    take(board, table, (7, 1_000_001, 2.5, 0x80310000))
    assert {number: json.loads(row) for number, row in board.close_tick().items()} == {
        7: ["a/b", 1_000_001, 2.5, 0x80310000]
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1.5, 1.5), (math.nan, None), (math.inf, None), (2**62, 2**62), (-1, -1), (True, True), (False, False),
     ('天轴 "],["\n\t\x00', '天轴 "],["\n\t\x00'), ("", ""), (-0.0, 0.0), (5e-324, 5e-324)],
)  # fmt: skip
def test_every_kind_of_value_reaches_json_exactly(board, table, value, shown):
    board.watch({1: '天/轴"\\'})
    take(board, table, (1, 5, value, 0))
    (row,) = board.present([1])
    path, _, read, _ = json.loads(row)
    assert path == '天/轴"\\'
    assert read == shown
    assert type(read) is type(shown)


def test_mixed_kinds_in_one_tick_keep_their_tags(board, table):
    values = {1: 1.5, 2: 7, 3: "x", 4: True, 5: "y", 6: -2.0}
    board.watch({number: f"t{number}" for number in values})
    take(board, table, *((number, 5, value, 0) for number, value in values.items()))
    shown = {row[0]: row[2] for row in map(json.loads, board.close_tick().values())}
    assert shown == {f"t{number}": value for number, value in values.items()}


def test_only_the_last_of_several_values_in_a_tick_is_given(board, table):
    board.watch({1: "a"})
    for step in range(5):
        take(board, table, (1, step, float(step), 0))
    assert [json.loads(row)[2] for row in board.close_tick().values()] == [4.0]
    assert board.close_tick() == {}


def test_a_value_older_than_the_one_shown_changes_nothing(board, table):
    board.watch({1: "a"})
    take(board, table, (1, 100, 1.0, 0))
    board.close_tick()
    take(board, table, (1, 50, 2.0, 0))
    assert board.close_tick() == {}


def test_tags_that_nobody_watches_are_not_encoded(board, table):
    board.watch({1: "a", 2: "b"})
    board.unwatch([2])
    take(board, table, (1, 5, 1.0, 0), (2, 5, 2.0, 0), (999_999, 5, 3.0, 0))
    assert list(board.close_tick()) == [1]


def test_a_tag_watched_twice_stays_watched_when_one_leaves(board, table):
    board.watch({1: "a"})
    board.watch({1: "a"})
    board.unwatch([1])
    take(board, table, (1, 5, 1.0, 0))
    assert list(board.close_tick()) == [1]
    board.unwatch([1])
    take(board, table, (1, 6, 1.0, 0))
    assert board.close_tick() == {}


def test_a_tag_without_a_value_yet_is_watched_until_it_has_one(board, table):
    board.watch({5000: "far"})
    assert board.present([5000]) == []
    assert board.close_tick() == {}
    take(board, table, (5000, 5, 1.0, 0))
    assert list(board.close_tick()) == [5000]


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("value"), st.integers(1, 5000)),
            st.tuples(st.just("tick"), st.just(0)),
        ),
        max_size=60,
    ),
    st.sets(st.integers(1, 5000), min_size=1, max_size=20),
    st.integers(0, 10),
)
def test_what_a_late_reader_is_given_is_what_changed_since_its_tick(steps, watched, since):
    """Against a plain model: numbers changed in tick `since` or later, up to the last one closed."""
    table = LatestTable()
    board = Board(table)
    board.watch({number: str(number) for number in watched})
    changed = {}
    time = 0
    for kind, number in steps:
        if kind == "value":
            time += 1
            take(board, table, (number, time, float(time), 0))
            changed[number] = board.tick
        else:
            fresh = board.close_tick()
            assert set(fresh) == {tag for tag in watched if changed.get(tag) == board.tick - 1}
    board.close_tick()
    selection = board.selection(sorted(watched))
    given_rows = {int(json.loads(row)[0]) for row in board.changed_since(selection, since)}
    assert given_rows == {tag for tag in watched if changed.get(tag, -1) >= since}


def test_rows_are_taken_in_the_order_asked_for(table):
    table.update(batch((3, 1, 3.0, 0), (1, 1, 1.0, 0), (2, 1, "two", 0)))
    assert [row[0] for row in rows_of(table, np.array([3, 9, 2, 1, 10**6]))] == [3, 2, 1]
