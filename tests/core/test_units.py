"""The table of units: codes of UNECE Recommendation 20, found by code, symbol and other spellings."""

import csv
from pathlib import Path

import pytest

from lineshaft.core import units

UNECE = Path(__file__).parents[2] / "../shared/data/edge-opcua-nodesets/UNECE_to_OPCUA.csv"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("°C", "CEL"), ("℃", "CEL"), ("Cel", "CEL"), ("degC", "CEL"), ("kPa", "KPA"), ("m3/h", "MQH"), ("m³/h", "MQH"),
        ("%", "P1"), ("N·m", "NU"), ("N.m", "NU"), ("Nm", "NU"), ("kWh", "KWH"), ("kW·h", "KWH"), ("kW.h", "KWH"),
        ("um", "4H"), ("μm", "4H"), ("L/min", "L2"), ("l/min", "L2"), ("mg/L", "M1"), ("m^2", "MTK"), ("m/s^2", "MSK"),
        ("/min", "C94"), ("rpm", "RPM"), ("GJ", "GV"), ("mW", "C31"), ("MW", "MAW"), ("B", "AD"), ("KPA", "KPA"),
    ],
)  # fmt: skip
def test_a_unit_is_found_by_code_symbol_and_spelling(said: str, code: str) -> None:
    found = units.find(said)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("said", ["", "foo", "MA", "Mm", "kscmh"])
def test_what_is_not_known_or_would_be_another_size_is_not_guessed(said: str) -> None:
    assert units.find(said) is None


def test_a_device_that_says_a_symbol_means_the_symbol() -> None:
    """`HP` is a code (millimetre of water) and no symbol of ours: from a device it is not taken for that."""
    assert units.spelled("HP") is None
    assert units.spelled("KPA") is not None


def test_every_symbol_leads_back_to_its_unit() -> None:
    assert len(units.units()) >= 250
    for unit in units.units():
        assert units.spelled(unit.symbol) == unit
        assert unit.name
        assert unit.name_zh
        assert unit.quantity
        assert unit.quantity_zh
        assert units.code_of_number(units.number_of(unit.code)) == unit.code
    assert len({unit.code for unit in units.units()}) == len(units.units())


def test_gauge_pressure_says_more_than_bar() -> None:
    assert units.says_more("barg")
    assert units.says_more("mol %")
    assert not units.says_more("bar")


def test_near_names_are_proposed() -> None:
    assert any("kPa (KPA" in each for each in units.nearest("kpas"))
    assert any("MQH" in each for each in units.nearest("m3/hour"))


def test_numbers_of_codes_are_their_characters() -> None:
    assert (units.number_of("KPA"), units.number_of("P1"), units.number_of("")) == (4935745, 20529, -1)
    assert [units.code_of_number(number) for number in (4935745, 0, -1, 1, 1 << 31)] == ["KPA", "", "", "", ""]


@pytest.mark.skipif(not UNECE.exists(), reason="the UNECE list is not in ../shared/data/edge-opcua-nodesets")
def test_the_table_agrees_with_the_list_of_unece() -> None:
    """Codes are there, numbers are equal, symbols are the list's but for its notes and our shorter ones."""
    with UNECE.open(encoding="utf-8-sig", newline="") as file:
        listed = {row["UNECECode"]: row for row in csv.DictReader(file)}
    own = {
        "P1",
        "DZN",
        "H87",
        "D61",
        "D62",
        "NM3",
        "SM3",
        "Q37",
        "Q38",
        "Q39",
        "Q40",
        "DTN",
        "CTM",
        "B35",
        "D34",
        "HJ",
        "MAR",
    }

    def plain(text: str) -> str:
        return text.replace("·", "").replace(" ", "").replace("\N{OHM SIGN}", "Ω")

    for unit in units.units():
        row = listed[unit.code]
        assert units.number_of(unit.code) == int(row["UnitId"]), unit
        assert unit.code in own or plain(unit.symbol) == plain(row["DisplayName"]), (unit, row)
