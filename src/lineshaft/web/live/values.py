"""Rows of the latest-value table as JSON shows them, taken column by column."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineshaft.history import LatestTable
from lineshaft.history.latest import BOOLEAN, INTEGER, NUMBER, TEXT

Row = tuple[int, int, Any, int]


def rows_of(table: LatestTable, numbers: NDArray[np.int64]) -> list[Row]:
    """(number, microseconds, value, StatusCode) of those among `numbers` that have a value."""
    known = numbers[numbers < len(table.kind)]
    known = known[table.kind[known] > 0]
    kinds, bits = table.kind[known], table.bits[known]
    values = _floats(bits) if np.all(kinds == NUMBER) else _mixed(table, known, kinds, bits)
    return list(zip(known.tolist(), table.ts[known].tolist(), values, table.q[known].tolist(), strict=True))


def _mixed(table: LatestTable, known: NDArray[Any], kinds: NDArray[Any], bits: NDArray[Any]) -> list[Any]:
    values = np.empty(len(known), object)
    for kind, convert in ((NUMBER, _floats), (INTEGER, np.ndarray.tolist), (BOOLEAN, _booleans)):
        chosen = kinds == kind
        values[chosen] = convert(bits[chosen])
    texts = known[kinds == TEXT]
    if len(texts):
        found = table.rows(texts)
        by_tag = dict(zip(found.column("tag").to_pylist(), found.column("vs").to_pylist(), strict=True))
        values[kinds == TEXT] = [by_tag[number] for number in texts.tolist()]
    return values.tolist()


def _floats(bits: NDArray[Any]) -> list[Any]:
    return bits.view(np.float64).tolist()


def _booleans(bits: NDArray[Any]) -> list[Any]:
    return (bits != 0).tolist()
