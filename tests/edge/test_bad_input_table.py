"""Every kind of bad input that a gateway meets has a test; the table says which."""

import csv
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
with (Path(__file__).parent / "bad_input.csv").open(encoding="utf-8", newline="") as table:
    ROWS = list(csv.DictReader(table))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["input"])
def test_the_named_test_is_there(row):
    file, _, name = row["test"].partition("::")
    assert f"def {name}(" in (TESTS / file).read_text("utf-8")
