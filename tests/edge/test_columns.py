"""Columns: rows survive growing, cutting and joining unchanged."""

from hypothesis import given
from hypothesis import strategies as st

from lineshaft.edge.columns import BOOLEAN, INTEGER, NUMBER, TEXT, Columns

_VALUES = st.one_of(
    st.tuples(st.just(NUMBER), st.floats(allow_nan=False)),
    st.tuples(st.just(INTEGER), st.integers(-(2**63), 2**63 - 1)),
    st.tuples(st.just(BOOLEAN), st.booleans()),
    st.tuples(st.just(TEXT), st.text(max_size=5)),
)
_ROWS = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), st.integers(-(2**62), 2**62), st.integers(0, 2**32 - 1), _VALUES), max_size=40
)


def _filled(rows, capacity=1):
    columns = Columns(capacity)
    for key, ts, q, (kind, value) in rows:
        columns.add(key, ts, ts + 1, q, kind, value)
    return columns


def _expected(rows):
    return [(key, ts, ts + 1, q, value) for key, ts, q, (_, value) in rows]


@given(_ROWS)
def test_rows_read_back_as_written_however_often_the_memory_grew(rows):
    assert list(_filled(rows)) == _expected(rows)


@given(_ROWS, st.data())
def test_keeping_rows_keeps_exactly_those(rows, data):
    columns = _filled(rows)
    wanted = data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    columns.keep(wanted)
    assert list(columns) == [row for row, keep in zip(_expected(rows), wanted, strict=True) if keep]


@given(_ROWS, _ROWS)
def test_extending_appends_with_the_keys_given(first, second):
    columns = _filled(first)
    columns.extend(_filled(second), [row[0] ^ 1 for row in second])
    assert list(columns) == _expected(first) + [(row[0] ^ 1, *row[1:]) for row in _expected(second)]


def test_cleared_columns_hold_nothing_of_before():
    columns = _filled([(1, 2, 3, (TEXT, "old"))])
    columns.clear()
    columns.add(1, 2, 3, 0, NUMBER, 1.5)
    assert list(columns) == [(1, 2, 3, 0, 1.5)]
    assert columns.texts == {}


def test_a_row_can_be_put_in_place():
    columns = _filled([(1, 2, 0, (NUMBER, 1.0)), (2, 2, 0, (NUMBER, 2.0))])
    columns.put(0, _filled([(9, 8, 7, (TEXT, "x"))]))
    assert list(columns) == [(9, 8, 9, 7, "x"), (2, 2, 3, 0, 2.0)]
