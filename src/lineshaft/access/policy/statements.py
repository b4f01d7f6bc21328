"""Policy text as people write it: cut into statements, and the place of what Cedar does not understand.

Cedar says what is wrong, but not where. The place of a mistake in the grammar is the first token after which what was
read so far can no longer become a policy.
"""

import re
from collections.abc import Iterator
from typing import Final

import cedarpy
import msgspec

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)
      | (?P<token>"(?:[^"\\\n]|\\.)*" | [A-Za-z_][A-Za-z0-9_]* | [0-9]+ | :: | == | != | <= | >= | && | \|\| | .)""",
    re.VERBOSE | re.DOTALL,
)
LONGEST: Final = 16 * 1024
"""Characters of one statement."""
DEEPEST: Final = 32
"""Brackets within brackets. Cedar's reader recurses once per bracket and operator: beyond a thousand brackets, or some ten
thousand operators, it would end the process."""
_NOT_CODE: Final = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*')
_QUOTED: Final = re.compile(r"`([^`]+)`")
_END: Final = ";"
_UNFINISHED: Final = "unexpected end of input"


class Statement(msgspec.Struct, frozen=True):
    """One policy of a text."""

    text: str
    start: int
    """Where it begins in the whole text."""


class Place(msgspec.Struct, frozen=True):
    """Line and column, both from 1."""

    line: int
    column: int


def oversize(statement: Statement) -> str:
    """Why a statement must not be handed to Cedar's reader; empty where it may."""
    if len(statement.text) > LONGEST or _depth(statement.text) > DEEPEST:
        return f"a policy is longer than {LONGEST:,} characters or nested deeper than {DEEPEST} brackets"
    return ""


def _depth(text: str) -> int:
    """How deep brackets are nested, whatever kind they are."""
    depth = deepest = 0
    for character in _NOT_CODE.sub("", text):
        depth += (character in "([{") - (character in ")]}")
        deepest = max(deepest, depth)
    return deepest


def split(text: str) -> list[Statement]:
    """The statements of a text; what follows the last semicolon is one too. Comments stay with what they precede."""
    found = []
    start: int | None = None
    for token, position in _tokens(text):
        start = position if start is None else start
        if token == _END:
            found.append(Statement(text[start : position + 1], start))
            start = None
    if start is not None:
        found.append(Statement(text[start:].rstrip(), start))
    return found


def place(text: str, position: int) -> Place:
    """Line and column of a position."""
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def where_unreadable(statement: Statement, message: str) -> int:
    """Position in the whole text of what Cedar could not read, `message` being what it said."""
    tokens = list(_tokens(statement.text))
    if message != _UNFINISHED and not message.startswith("unexpected token"):
        named = _named(statement, message)
        if named is not None:
            return named
    for token, position in tokens:
        if _complaint(statement.text[: position + len(token)]) not in ("", _UNFINISHED):
            return statement.start + position
    return statement.start + (tokens[-1][1] if tokens else 0)


def where_invalid(statement: Statement, message: str) -> int:
    """Position in the whole text of the first name in backquotes of `message`; else the statement's beginning."""
    named = _named(statement, message)
    return statement.start if named is None else named


def _named(statement: Statement, message: str) -> int | None:
    names = _QUOTED.findall(message) + message.rsplit(": ", 1)[1:]
    for name in names:
        bare = name.strip().rsplit("::", 1)[-1].strip('"@')
        for token, position in _tokens(statement.text):
            if bare and token.strip('"') == bare:
                return statement.start + position
    return None


def _complaint(text: str) -> str:
    try:
        cedarpy.PolicySet.from_str(text)
    except ValueError as error:
        return str(error)
    return ""


def _tokens(text: str) -> Iterator[tuple[str, int]]:
    for match in _TOKEN.finditer(text):
        if match.lastgroup == "token":
            yield match.group(), match.start()
