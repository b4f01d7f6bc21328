"""`lineshaft demo`: each command makes the call it names and shows the answer."""

import json

import pytest
from typer.testing import CliRunner

from lineshaft.demo.cli import app

STATUS = {
    "state": "running",
    "reason": "",
    "run": 1,
    "disturbances": ["idv_01"],
    "restart_in_seconds": None,
    "speed": 2.0,
}


class Client:
    """Stands for `lineshaft.client.Client`: keeps the calls, answers with one status."""

    def __init__(self):
        self.calls = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def request(self, method, path, *, json=None):
        self.calls.append((method, path.removeprefix("/api/v1/demo/"), json))
        return {"items": [{"name": "idv_01", "on": True, "description": "x"}]} if "disturbances" in path else STATUS


@pytest.fixture
def client(monkeypatch):
    client = Client()
    monkeypatch.setattr("lineshaft.client.connect", lambda **_: client)
    monkeypatch.setenv("LINESHAFT_LANGUAGE", "en")
    return client


@pytest.mark.parametrize(
    ("words", "call"),
    [
        (["status"], ("GET", "status", None)),
        (["status", "--all"], ("GET", "disturbances", None)),
        (["disturb", "idv_01"], ("POST", "disturb", {"disturbances": ["idv_01"]})),
        (["disturb", "idv_01", "6"], ("POST", "disturb", {"disturbances": ["idv_01", "6"]})),
        (["calm"], ("POST", "calm", {"disturbances": []})),
        (["calm", "idv_01"], ("POST", "calm", {"disturbances": ["idv_01"]})),
        (["speed", "10"], ("POST", "speed", {"speed": 10.0})),
        (["restart"], ("POST", "restart", None)),
        (["auto"], ("POST", "auto", {"valves": []})),
        (["auto", "XMV_09"], ("POST", "auto", {"valves": ["XMV_09"]})),
    ],
)
def test_each_command_makes_its_call(client, words, call):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert client.calls == [call]


def test_people_see_what_is_there_and_programs_see_all(client):
    shown = CliRunner().invoke(app, ["status"]).output
    assert "running" in shown
    assert "restart_in_seconds" not in shown
    assert json.loads(CliRunner().invoke(app, ["status", "--json"]).output) == STATUS


@pytest.mark.parametrize("words", [["disturb"], ["speed"], ["speed", "fast"]])
def test_a_missing_or_unreadable_argument_is_refused_without_a_call(client, words):
    assert CliRunner().invoke(app, words).exit_code == 2
    assert client.calls == []
