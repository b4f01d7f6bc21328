"""What a password must be: long, not the name, not one that everybody tries first. Nothing about classes of characters.

The refusal never repeats the password.
"""

import string
import unicodedata
from typing import Final

from lineshaft.core.errors import InvalidInput

MAXIMUM_CHARACTERS: Final = 256
FEWEST_DIFFERENT: Final = 5

# Stems people reach for when twelve characters are asked for, compared without case, digits' leet forms and separators.
_COMMON_TEXT = """
password passwort passphrase letmein welcome changeme iloveyou administrator admin root operator engineer viewer
lineshaft tianzhou gateway historian factory machine scada plant industrial maintenance default secret nopassword
qwertyuiop qwerty asdfghjkl zxcvbnm qazwsxedc correcthorsebatterystaple trustno monkey dragon football baseball
sunshine princess superman batman starwars woaini nihao mima mimamima guanliyuan shengchan zhongguo
"""
_COMMON: Final = frozenset(_COMMON_TEXT.split())
_AROUND: Final = string.digits + string.punctuation + string.whitespace
_LEET: Final = str.maketrans("0134578@$!", "oieastbasi")
_ROWS: Final = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p")
_DIGITS: Final = "01234567890123456789"


def normalise(password: str) -> str:
    """One form for the ways in which keyboards enter the same characters (NFKC, RFC 8265 4.2)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, name: str, minimum: int, *, field: str = "password") -> str:
    """A password that may be set for `name`, normalised.

    Raises:
        InvalidInput: too short or long, made of few characters, the name, a sequence, or a common one.
    """
    password = normalise(password)
    if not minimum <= len(password) <= MAXIMUM_CHARACTERS:
        raise InvalidInput(
            "access.password_length", f"{field} has {len(password)} characters, outside {minimum} to {MAXIMUM_CHARACTERS}",
            "Several words in a row are long and easy to remember.",
            field=field, length=len(password), minimum=minimum, maximum=MAXIMUM_CHARACTERS,
        )  # fmt: skip
    if len(set(password)) < FEWEST_DIFFERENT:
        raise InvalidInput(
            "access.password_monotonous", f"{field} has fewer than {FEWEST_DIFFERENT} different characters",
            "Several words in a row are long and easy to remember.", field=field, minimum=FEWEST_DIFFERENT,
        )  # fmt: skip
    if _resembles(password, name):
        raise InvalidInput(
            "access.password_is_name", f"{field} is little more than the name",
            "Choose one that does not contain the name you sign in with.", field=field,
        )  # fmt: skip
    if _common(password):
        raise InvalidInput(
            "access.password_common", f"{field} is one that is tried first",
            "Choose one that is no keyboard row, no sequence and no common word with digits.", field=field,
        )  # fmt: skip
    return password


def _resembles(password: str, name: str) -> bool:
    """True where at most a few characters are left beside the name, forwards or backwards."""
    plain, name = password.casefold(), name.casefold()
    return len(name) >= 3 and any(
        form in plain and len(plain.replace(form, "")) < FEWEST_DIFFERENT for form in (name, name[::-1])
    )


def _common(password: str) -> bool:
    text = password.casefold()
    plain = "".join(character for character in text if character.isalnum())
    if any(plain in row * 2 or plain in row[::-1] * 2 for row in (*_ROWS, _DIGITS)):
        return True
    core = text.strip(_AROUND)
    forms = (text, core, core.translate(_LEET))
    return any(_made_of("".join(filter(str.isalpha, form)), _COMMON) for form in forms)


def _made_of(text: str, words: frozenset[str]) -> bool:
    """True where `text` is nothing but words of the list, one after another."""
    reached = [True] + [False] * len(text)
    for end in range(1, len(text) + 1):
        reached[end] = any(
            end >= len(word) and reached[end - len(word)] and text[end - len(word) : end] == word for word in words
        )
    return bool(text) and reached[-1]
