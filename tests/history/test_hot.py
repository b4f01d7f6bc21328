"""Hot rows: all of them in every answer, whether joined yet or not, and little around few."""

import numpy as np
import pytest

from lineshaft.history.hot import HotRows
from lineshaft.history.testing import START_US, listed, rows_of


@pytest.mark.parametrize("each", [1, 700])
def test_rows_come_out_as_they_went_in_while_batches_are_joined(each: int):
    hot, given = HotRows(), []
    for number in range(300):
        batch = [(1 + row % 7, START_US + number * 1000 + row, float(number)) for row in range(each)]
        given += batch
        hot.append(rows_of(batch))
        if number in (63, 150, 299):
            batches = hot.batches()
            assert len(batches) < 2 * 64
            assert [row[:3] for row in listed(batches)] == given
    assert hot.rows == len(given)
    assert len(hot.freeze()) < 2 * 64
    hot.append(rows_of([(9, START_US, 1.0)]))
    assert [row[0] for row in listed(hot.select(np.array([9]), 0, 2**62))] == [9]
    assert len(hot.select(None, 0, 2**62)) == len(given) + 1


def test_many_batches_of_one_row_are_not_kept_as_they_came():
    hot = HotRows()
    for number in range(1000):
        hot.append(rows_of([(1, START_US + number, 1.0)]))
    assert len(hot.freeze()) < 2 * 64
