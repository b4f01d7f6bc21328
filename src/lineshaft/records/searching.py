"""Words of a search in columns of text, in whatever case and script.

Neither engine's `lower` will do: SQLite's knows the letters of ASCII only, PostgreSQL's those of the database's locale.
So a word becomes a pattern that has both cases of each letter, in the form that the engine's own matching takes.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, or_

_GLOB_SIGNS = frozenset("*?[")
_REGULAR_SIGNS = frozenset(r"\.^$*+?()[]{}|")


def mentioned(connection: Connection, columns: Sequence[ColumnElement[Any]], search: str) -> list[ColumnElement[bool]]:
    """For each word of a search: that one of the columns holds it."""
    found = _in_glob if connection.dialect.name == "sqlite" else _in_regular
    return [or_(*(found(column, word) for column in columns)) for word in search.split()]


def _in_glob(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    letters = (_either(char) or (f"[{char}]" if char in _GLOB_SIGNS else char) for char in word)
    return column.op("GLOB", is_comparison=True)(f"*{''.join(letters)}*")


def _in_regular(column: ColumnElement[Any], word: str) -> ColumnElement[bool]:
    letters = (_either(char) or (f"\\{char}" if char in _REGULAR_SIGNS else char) for char in word)
    return column.op("~", is_comparison=True)("".join(letters))


def _either(char: str) -> str:
    """Both cases of a letter; nothing where it has one, or becomes several letters in the other."""
    cases = sorted({case for case in (char, char.lower(), char.upper()) if len(case) == 1})
    return f"[{''.join(cases)}]" if len(cases) > 1 else ""
