"""Quality words and severities, against the standard's own list as asyncua carries it."""

import re

import numpy as np
import pytest

from lineshaft.core import quality


@pytest.fixture(scope="module")
def standard():
    """Code → symbol, from an independent copy of the standard's table."""
    from asyncua.ua.status_codes import StatusCodes

    return {value: name for name, value in vars(StatusCodes).items() if not name.startswith("_")}


def test_every_named_code_has_the_number_the_standard_gives_it(standard):
    for number, symbol in quality.known_codes().items():
        assert standard.get(number, symbol) == symbol, hex(number)


def test_the_codes_of_a_lost_connection_are_the_standards(standard):
    assert standard[quality.UNCERTAIN_NO_COMMUNICATION_LAST_USABLE] == "UncertainNoCommunicationLastUsableValue"
    assert standard[quality.BAD_NO_COMMUNICATION] == "BadNoCommunication"
    assert standard[quality.BAD_DECODING] == "BadDecodingError"
    assert standard[quality.BAD_OUT_OF_RANGE] == "BadOutOfRange"
    assert standard[quality.BAD_TYPE_MISMATCH] == "BadTypeMismatch"
    assert standard[quality.BAD_NOT_SUPPORTED] == "BadNotSupported"
    assert standard[quality.BAD_NODE_ID_UNKNOWN] == "BadNodeIdUnknown"


@pytest.mark.parametrize(
    ("q", "expected"),
    [(0, "good"), (0x00000480, "good"), (0x40000000, "uncertain"), (0x408F0000, "uncertain"),
     (0x7FFFFFFF, "uncertain"), (0x80000000, "bad"), (0xBFFFFFFF, "bad"), (0xC0000000, "bad"), (0xFFFFFFFF, "bad")],
)  # fmt: skip
def test_severity_is_the_top_two_bits(q, expected):
    assert quality.severity(q) == expected
    array = np.array([q], np.uint32)
    assert bool(quality.is_good(array)[0]) == (expected == "good")
    assert bool(quality.is_bad(array)[0]) == (expected == "bad")


@pytest.mark.parametrize(
    ("q", "en", "zh"),
    [
        (0, "good", "良好"),
        (0x80310000, "bad: no communication", "坏：无通信"),
        (0x408F0000, "uncertain: no communication last usable value", "不确定：通信中断，最后可用值"),
        (0x00000480, "good (overflow)", "良好（溢出）"),
        (0x00000400 | 0x100, "good (limit low)", "良好（下限）"),
        (0x00000400 | 0x300 | 0x80 | 0x4000, "good (semantics changed, limit constant, overflow)", "良好（语义已变、恒定、溢出）"),
        (0x80AB0000, "bad: 0x80AB0000", "坏：0x80AB0000"),
    ],
)  # fmt: skip
def test_words_say_code_and_remarks(q, en, zh):
    assert quality.words(q) == en
    assert quality.words(q, "zh") == zh


def test_every_code_has_chinese_words_that_begin_with_its_severity():
    for number in quality.known_codes():
        start = {"good": "良好", "uncertain": "不确定", "bad": "坏"}[quality.severity(number)]
        assert quality.words(number, "zh").startswith(start), hex(number)
        assert not re.search("[A-Za-z]", quality.words(number, "zh"))


def test_overflow_needs_the_data_value_info_type():
    assert quality.has_overflow(0x00000480)
    assert not quality.has_overflow(0x00000080)  # without the info type the bit means nothing
    assert list(quality.overflowed(np.array([0, 0x80, 0x480, 0x40000480], np.uint32))) == [False, False, True, True]


def test_the_code_is_kept_apart_from_its_remarks():
    assert quality.code(0x80310480) == 0x80310000
    assert quality.name(0x80310480) == "BadNoCommunication"
    assert quality.name(0x80AB0000) == "Bad_0x80AB0000"
