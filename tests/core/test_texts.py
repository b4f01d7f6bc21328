"""Errors in both languages: every code that the sources raise has a Chinese text that its facts can fill."""

import ast
import string
from pathlib import Path

import pytest

from lineshaft.core import errors, texts
from lineshaft.core.errors import InvalidInput, LineshaftError

SOURCES = Path(errors.__file__).parents[1]
KINDS = {kind.__name__ for kind in [LineshaftError, *LineshaftError.__subclasses__()]} | {"Malformed"}


def raised():
    """(code, names of facts, place) of every error made in the sources."""
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in KINDS and node.args and isinstance(node.args[0], ast.Constant) and " " not in node.args[0].value:
                facts = {keyword.arg for keyword in node.keywords}
                yield node.args[0].value, facts, f"{path.relative_to(SOURCES)}:{node.lineno}"


RAISED = list(raised())


def test_the_walk_finds_errors():
    assert len(RAISED) > 20


def test_every_error_has_a_chinese_text_that_its_facts_fill():
    wrong = []
    for code, facts, place in RAISED:
        entry = texts.catalogue("zh").get(code)
        if entry is None:
            wrong.append(f"{place}: no Chinese text for {code}")
            continue
        needed = {name for text in entry.values() for _, name, _, _ in string.Formatter().parse(text) if name}
        if None not in facts and not needed <= facts:
            wrong.append(f"{place}: {code} lacks the facts {sorted(needed - facts)}")
    assert wrong == []


def test_no_text_is_left_over():
    assert set(texts.catalogue("zh")) - {code for code, _, _ in RAISED} == set()


def test_an_error_speaks_the_readers_language():
    error = InvalidInput("core.limit_out_of_range", "limit is 0", "Ask again.", field="limit", value=0, maximum=1000)
    assert error.text("en") == ("limit is 0", "Ask again.")
    assert "1000" in "".join(error.text("zh"))
    assert error.text("zh") != error.text("en")


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("zh-CN,zh;q=0.9", "zh"),
        ("zh_CN.UTF-8", "zh"),
        ("en-GB", "en"),
        ("de-DE,zh;q=0.5", "zh"),
        ("", "en"),
        ("C", "en"),
    ],
)
def test_the_first_language_we_have_is_taken(asked, language):
    assert texts.preferred(asked) == language
