"""What the reference server was asked over HTTP, asked of ours: same status, same headers that matter, same body."""

import json
import re

import httpx
import pytest

TIME = re.compile(r'"timestamp":"[^"]*"')
MINTED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TOTAL = re.compile(r'"totalCount":"\d+"')
SESSION = re.compile(r'"sessionId":"\w+","nonce":"[A-Za-z0-9+/]{22}=="')
CHALLENGE = re.compile(r'Handle sessionId="\w+", nonce="[A-Za-z0-9+/]{22}=="')


def masked(text):
    for pattern in (TIME, MINTED, TOTAL, SESSION, CHALLENGE):
        text = pattern.sub("*", text)
    return text


@pytest.fixture
def asked(reference_node):
    with httpx.Client(verify=False, timeout=60) as client:  # a certificate of this test

        def ask(entry):
            base = reference_node.secure if entry["scheme"] == "https" else reference_node.plain
            path = entry["path"] if entry["path"].startswith("/") else f"/api/handles/{entry['path']}"
            auth = ("300%3A88.1000.1/ADMIN", "secret") if entry["auth"] else None
            body = None if entry["body"] is None else json.dumps(entry["body"])
            return client.request(entry["method"], base + path, content=body, auth=auth, headers=entry["headers"])

        yield ask


def test_every_exchange_is_answered_alike(http_exchanges, asked):
    assert len(http_exchanges) == 18
    gone = {**http_exchanges["delete missing"]}
    for name, entry in http_exchanges.items():
        if name == "delete missing":
            assert asked(gone).status_code == 200  # the recording had deleted it before
        if name == "list page":
            continue
        found = asked(entry)
        assert (name, found.status_code) == (name, entry["status"])
        assert masked(found.text) == masked(entry["resp"]), name
        for header, value in entry["resp_headers"].items():
            assert masked(found.headers[header]) == masked(value), name


def test_a_page_of_handles_is_listed_alike(http_exchanges, asked):
    entry = http_exchanges["list page"]
    found, expected = asked(entry).json(), json.loads(entry["resp"])
    assert found["handles"] == ["88.1000.1/ADMIN", "88.1000.1/ALIAS", "88.1000.1/BIG"]
    assert found["totalCount"] == "9"
    assert [*found] == [*expected]
    everything = asked({**entry, "path": "/api/handles?prefix=88.1000.1"}).json()
    assert len(everything["handles"]) == 9
    assert (everything["page"], everything["pageSize"]) == (-1, -1)
    third = asked({**entry, "path": "/api/handles?prefix=0.NA/88.1000.1&page=2&pageSize=4"}).json()
    assert third["handles"] == everything["handles"][8:]
    assert asked({**entry, "auth": None}).status_code == 401
