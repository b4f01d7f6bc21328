"""`lineshaft history`: names become paths, answers become tables, JSON or files."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from lineshaft import client as clients
from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput, NotFound
from lineshaft.history.cli import app
from lineshaft.history.testing import START_US

PLANT = "a/b/c/d/e/plant"


class Answers:
    """What a server would answer; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.rows = [
            {
                "path": f"{PLANT}/P", "time": clock.rfc3339(START_US + n), "arrival": clock.rfc3339(START_US + n),
                "value": n / 2, "unit": "kPa", "quality": 0x408F0000 if n == 2 else 0, "words": "",
            }
            for n in range(5)
        ]  # fmt: skip

    def tags(self) -> list[dict[str, Any]]:
        return [{"path": f"{PLANT}/{name}"} for name in ("P", "V")] + [{"path": "a/b/c/d/e/oven/V"}]

    def pages(self, path: str, params: Any) -> Iterator[dict[str, Any]]:
        self.asked.append((path, params))
        return iter([{"from": "x", "to": "y", "gateway": "press", "cause": "restart"}])

    def request(self, method: str, path: str, *, params: Any = ()) -> Any:
        self.asked.append((path, list(params)))
        if path.endswith("/latest"):
            return {"items": self.rows[-1:], "next": None}
        given = dict(params)
        first, size = int(given.get("cursor", 0)), int(given.get("limit", 1000))
        more = first + size < len(self.rows)
        return {"items": self.rows[first : first + size], "next": str(first + size) if more else None}

    @contextlib.contextmanager
    def stream(self, method: str, path: str, *, params: Any) -> Iterator[Any]:
        self.asked.append((path, list(params)))
        yield self

    def iter_bytes(self) -> Iterator[bytes]:
        yield b"\x00arrow"
        yield b"bytes"


@pytest.fixture
def server(monkeypatch) -> Answers:
    answers = Answers()

    @contextlib.contextmanager
    def connect(**_: Any) -> Iterator[Answers]:
        yield answers

    monkeypatch.setattr(clients, "connect", connect)
    monkeypatch.setenv("LINESHAFT_LANGUAGE", "en")
    return answers


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, list(arguments), catch_exceptions=True)


def test_a_last_level_is_enough_where_one_tag_has_it(server):
    rows = json.loads(run("query", "P", "--json").stdout)
    assert [row["value"] for row in rows] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert {row["tag"] for row in rows} == {f"{PLANT}/P"}
    assert (rows[0]["quality"], rows[2]["quality"]) == ("good", "uncertain: no communication last usable value")
    assert rows[2]["code"] == 0x408F0000
    assert ("tag", f"{PLANT}/P") in server.asked[-1][1]
    assert ("from", "-15m") in server.asked[-1][1]


def test_a_last_level_of_two_tags_or_none_is_refused(server):
    ambiguous, unknown = run("query", "V"), run("query", "X")
    assert isinstance(ambiguous.exception, InvalidInput)
    assert "2 tags end with 'V'" in str(ambiguous.exception)
    assert isinstance(unknown.exception, NotFound)


def test_more_rows_than_a_page_come_page_by_page_up_to_the_limit(server, monkeypatch):
    monkeypatch.setattr("lineshaft.history.cli._MAXIMUM_ROWS", 2)
    assert len(json.loads(run("query", "P", "--json").stdout)) == 5
    assert len(json.loads(run("query", "P", "--json", "--limit", "3").stdout)) == 3


def test_a_format_goes_to_standard_output_untouched(server):
    done = run("query", f"{PLANT}/P", "--format", "arrow", "--from", "-1h")
    assert done.stdout_bytes == b"\x00arrowbytes"
    assert server.asked[-1][1][-1] == ("format", "arrow")


def test_latest_and_gaps_are_tables_and_json(server):
    table = run("latest", f"{PLANT}/P").stdout
    assert "2.0" in table
    assert "kPa" in table
    assert json.loads(run("gaps", "--json", "--gateway", "press").stdout)[0]["cause"] == "restart"
    assert server.asked[-1][1]["gateway"] == "press"
