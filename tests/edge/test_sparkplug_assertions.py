"""Every normative assertion of Sparkplug 3.0 is mapped to a test of ours or to a reason; see sparkplug_assertions.csv."""

import csv
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SPECIFICATION = HERE.parents[2] / "shared" / "data" / "edge-sparkplug-spec" / "assertions.csv"


def mapping():
    with (HERE / "sparkplug_assertions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not SPECIFICATION.exists(), reason="the specification's assertions are not beside the project")
def test_every_assertion_of_the_specification_is_mapped_once():
    with SPECIFICATION.open(newline="") as file:
        wanted = [row["id"] for row in csv.DictReader(file)]
    assert sorted(row["id"] for row in mapping()) == sorted(wanted)


def test_each_has_a_test_that_exists_or_a_reason():
    tests = {
        f"{file.name}::{name}"
        for file in HERE.glob("test_sparkplug_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(), re.MULTILINE)
    }
    for row in mapping():
        assert bool(row["test"]) != bool(row["reason"]), row["id"]
        assert not row["test"] or row["test"] in tests, row
