"""The routes for people: who may ask, and what comes where nothing is configured."""

import httpx
import pytest

from lineshaft.web.testing_installation import running_installation

RESOLVE, NODES = "/api/v1/resolution/resolve", "/api/v1/resolution/nodes"


@pytest.fixture
async def viewer(tmp_path):
    async with running_installation(tmp_path) as running:
        token = running.token(running.person("vera", "viewer"))
        headers = {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=running.url, headers=headers, timeout=60) as client:
            yield client


async def test_a_viewer_is_told_in_their_language_what_is_to_be_set(viewer):
    asked = {"identifier": "hdl:88.100.1/HELLO"}
    answer = await viewer.post(RESOLVE, json=asked, headers={"accept-language": "zh"})
    assert (answer.status_code, answer.json()["code"]) == (503, "resolution.no_roots")
    assert (await viewer.get(NODES)).json() == {"items": [], "configured": False}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"identifier": "no handle"}, "resolution.identifier_form"),
        ({"identifier": "88.1/" + "x" * 5000}, "resolution.handle_too_long"),
        ({"identifier": "88.1/" + "x" * 10_000}, "web.input_invalid"),
        ({"identifier": "1" + ".a" * 40 + " x/y"}, "resolution.identifier_form"),
        ({}, "web.input_invalid"),
        ({"identifier": "88.1/x", "at": "192.0.2.1"}, "web.input_invalid"),
    ],
)
async def test_what_is_no_identifier_is_refused(viewer, body, code):
    answer = await viewer.post(RESOLVE, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_nobody_asks_without_signing_in(viewer):
    del viewer.headers["authorization"]
    assert (await viewer.post(RESOLVE, json={"identifier": "88.1/x"})).status_code == 401
    assert (await viewer.get(NODES)).status_code == 401
