"""Translations by key.

English sentences stand where they are said; other languages are JSON files: `zh.json` by error code,
`{"edge.device_unknown": {"message": "没有设备 {device}。", "hint": "…"}}`, `zh.settings.json` by a setting's name,
`zh.drivers.json` by a driver's, and `zh.phrases.json` by the English sentence with `{names}` for what is filled in,
under the kind of job that says it, or under `checks`.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "zh")
_PLACE = re.compile(r"\{(\w+)\}")


@cache
def catalogue(language: str, part: str = "") -> dict[str, Any]:
    """All texts of one language, or those of a part of them; empty for English, whose sentences stand in the code."""
    if language == "en" or language not in LANGUAGES:
        return {}
    name = f"{language}.{part}.json" if part else f"{language}.json"
    entries: dict[str, Any] = json.loads(resources.files(__name__).joinpath(name).read_text("utf-8"))
    return entries


def render(language: str, key: str, message: str, hint: str, facts: Mapping[str, Any]) -> tuple[str, str]:
    """Message and hint for `key`, with `facts` filled in; the given English ones where there is no entry."""
    entry = catalogue(language).get(key)
    if entry is None:
        return message, hint
    try:
        return entry["message"].format_map(facts), entry.get("hint", hint).format_map(facts)
    except KeyError:  # a fact that this raise site does not carry: the English sentence is whole, use it
        return message, hint


def setting(language: str, name: str, description: str) -> str:
    """What a setting means; its English description where there is no text."""
    return str(catalogue(language, "settings").get(name, description))


def driver(language: str, name: str, field: str, text: str) -> str:
    """A field of what a driver says of itself: `title`, `endpoint` or `address`; `text` where there is no other."""
    return str(catalogue(language, "drivers").get(name, {}).get(field, text))


def phrase(language: str, part: str, sentence: str) -> str:
    """An English sentence in another language, what was filled in left as it is; itself where nobody translated it."""
    for pattern, text in _phrases(language, part):
        if found := pattern.fullmatch(sentence):
            return text.format_map(found.groupdict())
    return sentence


@cache
def _phrases(language: str, part: str) -> list[tuple[re.Pattern[str], str]]:
    """Patterns of a part's sentences and what they become; those with the most words of their own first."""
    phrases: dict[str, str] = catalogue(language, "phrases").get(part, {})
    by_words = sorted(phrases, key=lambda phrase: len(_PLACE.sub("", phrase)), reverse=True)
    return [(_pattern(phrase), phrases[phrase]) for phrase in by_words]


def _pattern(phrase: str) -> re.Pattern[str]:
    parts = _PLACE.split(phrase)  # words and names of places in turn
    pieces = [f"(?P<{part}>.+?)" if place % 2 else re.escape(part) for place, part in enumerate(parts)]
    return re.compile("".join(pieces), re.DOTALL)


def preferred(accept_language: str) -> str:
    """The supported language an HTTP `Accept-Language` value or a POSIX locale asks for first; English otherwise."""
    for part in accept_language.replace("_", "-").split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return "en"
