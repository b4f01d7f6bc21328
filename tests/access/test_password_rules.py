"""What a password must be; and that a refusal never repeats it."""

import pytest

from lineshaft.access.password_rules import MAXIMUM_CHARACTERS, check_password
from lineshaft.core.errors import InvalidInput


@pytest.mark.parametrize(
    "password",
    [
        "rivers run under nine bridges",
        "hunter2-hunter3",
        "天轴带动所有的机器和皮带轮转",
        "k7#vQ9!mZ2pL",
        "ada likes long walks",
    ],
)
def test_a_long_uncommon_password_is_taken(password):
    assert check_password(password, "ada", 12) == password


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("elevenchars", "access.password_length"),
        ("x" * 5 + "long enough " * 30, "access.password_length"),
        ("aaaabbbbaaaabbbb", "access.password_monotonous"),
        ("ada.lovelace1", "access.password_is_name"),
        ("1ecalevol.ada", "access.password_is_name"),
        ("ADA.Lovelace!", "access.password_is_name"),
        ("password1234", "access.password_common"),
        ("P@ssw0rd-2024!!", "access.password_common"),
        ("AdminAdmin123", "access.password_common"),
        ("lineshaft-2024", "access.password_common"),
        ("qwertyuiop123", "access.password_common"),
        ("abcdefghijklm", "access.password_common"),
        ("zyxwvutsrqpo", "access.password_common"),
        ("12345678901234", "access.password_common"),
        ("1qaz2wsx3edc4rfv", "access.password_common"),
        ("woaini-woaini-1", "access.password_common"),
    ],
)
def test_a_weak_one_is_refused_by_rule_and_not_repeated(password, code):
    with pytest.raises(InvalidInput) as refusal:
        check_password(password, "ada.lovelace", 12)
    assert refusal.value.code == code
    assert refusal.value.facts["field"] == "password"
    assert password not in repr((refusal.value.message, refusal.value.hint, refusal.value.facts))


def test_the_same_characters_from_another_keyboard_are_the_same_password():
    # "é" as one character and as "e" with an accent; full-width letters
    assert check_password("cafés in ｐａｒｉｓ", "ada", 12) == check_password("cafe\u0301s in paris", "ada", 12)


def test_length_is_counted_in_characters_up_to_the_maximum():
    assert check_password("längere Sätze" + "ab" * 120, "ada", 12)
    with pytest.raises(InvalidInput):
        check_password("längere Sätze" + "ab" * MAXIMUM_CHARACTERS, "ada", 12)
