"""Translations by key.

English sentences stand where an error is raised; other languages are one JSON file each, keyed by error code:
`{"edge.device_unknown": {"message": "没有设备 {device}。", "hint": "…"}}`.
"""

import json
from functools import cache
from importlib import resources
from typing import Any

LANGUAGES = ("en", "zh")


@cache
def catalogue(language: str) -> dict[str, dict[str, str]]:
    """All texts of one language; empty for English, whose sentences stand in the code."""
    if language == "en" or language not in LANGUAGES:
        return {}
    text = resources.files(__name__).joinpath(f"{language}.json").read_text("utf-8")
    entries: dict[str, dict[str, str]] = json.loads(text)
    return entries


def render(language: str, key: str, message: str, hint: str, facts: dict[str, Any]) -> tuple[str, str]:
    """Message and hint for `key`, with `facts` filled in; the given English ones where there is no entry."""
    entry = catalogue(language).get(key)
    if entry is None:
        return message, hint
    try:
        return entry["message"].format_map(facts), entry.get("hint", hint).format_map(facts)
    except KeyError:  # a fact that this raise site does not carry: the English sentence is whole, use it
        return message, hint


def preferred(accept_language: str) -> str:
    """The supported language an HTTP `Accept-Language` value or a POSIX locale asks for first; English otherwise."""
    for part in accept_language.replace("_", "-").split(","):
        name = part.split(";")[0].strip().lower()[:2]
        if name in LANGUAGES:
            return name
    return "en"
