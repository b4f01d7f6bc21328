"""Identifiers are unique, sortable, and paths keep their rules."""

import itertools

import pytest

from lineshaft.core import clock, ids
from lineshaft.core.errors import InvalidInput


def test_ids_sort_by_time_and_never_repeat():
    moments = iter(range(1_700_000_000_000_000, 1_700_000_100_000_000, 1000))
    with clock.fixed(lambda: next(moments)):
        minted = [ids.new_id() for _ in range(1000)]
    assert sorted(minted) == minted
    assert len(set(minted)) == 1000
    assert all(len(one) == 26 for one in minted)


def test_a_handle_stands_under_the_installations_own_prefix():
    prefix = ids.new_provisional_prefix()
    assert prefix.startswith("99.")
    assert ids.HandleMinter(prefix).mint("device").startswith(f"{prefix}/device.")
    assert ids.new_provisional_prefix() != prefix


@pytest.mark.parametrize("path", ["a", "企业/工厂", "a/b c/d.e", "x" * 255])
def test_a_good_path_is_returned_unchanged(path):
    assert ids.check_path(path) == path


@pytest.mark.parametrize("path", ["", "a//b", "/a", "a/", "a/b+c", "a/#", "$sys/a", "a/\x00", "a/" + "x" * 256])
def test_a_level_that_breaks_the_rule_is_named(path):
    with pytest.raises(InvalidInput) as refused:
        ids.check_path(path)
    assert refused.value.code == "core.path_level_invalid"
    assert refused.value.facts["level"] in path


def test_the_number_of_levels_is_checked_where_asked():
    with pytest.raises(InvalidInput) as refused:
        ids.check_path("a/b", levels=7)
    assert refused.value.facts["levels"] == 7


def test_ids_grow_in_the_order_they_were_made_even_while_the_clock_is_set_back():
    now = clock.now_us()
    made = [ids.new_id() for _ in range(1000)]
    with clock.fixed(lambda: now - 60 * clock.MICROSECONDS):
        made += [ids.new_id() for _ in range(1000)]
    assert made == sorted(set(made))


def test_ids_of_one_millisecond_cannot_be_guessed_from_one_another():
    with clock.fixed(lambda: 1_700_000_000_000_000):
        values = [ids.new_id() for _ in range(1000)]
    numbers = [
        sum("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit) << 5 * place for place, digit in enumerate(value[::-1]))
        for value in values
    ]
    assert len({later - earlier for earlier, later in itertools.pairwise(numbers)}) > 990
