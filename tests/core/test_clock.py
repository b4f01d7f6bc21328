"""Time: whole microseconds, UTC, exact both ways."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput

MOMENTS = st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)


@given(MOMENTS)
def test_microseconds_survive_datetime_and_text(moment):
    assert clock.to_us(clock.to_datetime(moment)) == moment
    assert clock.parse_time(clock.rfc3339(moment)) == moment


def test_offsets_count_from_now():
    now = clock.to_us(datetime(2026, 1, 1, tzinfo=UTC))
    assert clock.parse_time("-15m", now=now) == now - 900_000_000
    assert clock.parse_time("-1.5h", now=now) == now - 5_400_000_000
    assert clock.parse_time("now", now=now) == now


@pytest.mark.parametrize("text", ["", "yesterday", "2026-01-01T00:00:00", "-5x", "-m", "12", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_with_a_zone_is_refused_by_field(text):
    with pytest.raises(InvalidInput) as refused:
        clock.parse_time(text, field="from")
    assert refused.value.facts == {"field": "from", "value": text}


def test_a_test_may_set_the_time_and_gives_it_back():
    with clock.fixed(lambda: 42):
        assert clock.now_us() == 42
    assert clock.now_us() > 1_700_000_000_000_000


@pytest.mark.parametrize("text", ["+²h", f"+{'9' * 400}d", "-99999999999d", "+99999999999999999d"])
def test_an_offset_that_leads_to_no_time_is_refused(text):
    with pytest.raises(InvalidInput) as refused:
        clock.parse_time(text)
    assert refused.value.code == "core.time_unreadable"
