"""The console's files and pages: each found where it should be, kept as long as it may, and nothing else given away."""

import gzip
import os
import re

import httpx
import pytest

from lineshaft.web.console import Console, built
from lineshaft.web.headers import PERMISSIONS

INDEX = b'<!doctype html><meta property="csp-nonce" nonce="__NONCE__"><script nonce="__NONCE__" src="/assets/a-1.js"></script>'
SCRIPT = b"export const one = 1;" * 100
PAGE = {"accept": "text/html,application/xhtml+xml"}


async def behind(scope, receive, send):
    """What stands behind the console: says that it was reached."""
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"behind"})


@pytest.fixture
def folder(tmp_path):
    files = tmp_path / "static"
    (files / "assets").mkdir(parents=True)
    (files / ".vite").mkdir()
    (files / "index.html").write_bytes(INDEX)
    (files / "icon.svg").write_bytes(b"<svg/>")
    (files / ".vite" / "manifest.json").write_bytes(b"{}")
    (files / "assets" / "a-1.js").write_bytes(SCRIPT)
    (files / "assets" / "a-1.js.gz").write_bytes(gzip.compress(SCRIPT))
    (files / "assets" / "a-1.js.br").write_bytes(b"as brotli packs it")
    (tmp_path / "secret").write_bytes(b"not yours")
    return files


@pytest.fixture
async def client(folder):
    app = Console(behind, folder, {"api", "healthz"})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://box") as client:
        yield client


async def test_only_the_consoles_own_page_may_use_the_camera(client):
    page = await client.get("/identifiers", headers=PAGE)
    assert "camera=(self)" in page.headers["permissions-policy"]
    assert "microphone=()" in page.headers["permissions-policy"]
    assert "camera=()" in PERMISSIONS
    assert "permissions-policy" not in (await client.get("/assets/a-1.js")).headers


@pytest.mark.parametrize("path", ["/", "/devices", "/devices/press-7", "/trends?tag=a/b&from=-1h"])
async def test_every_address_of_the_console_is_its_one_page(client, path):
    answer = await client.get(path, headers=PAGE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "/assets/a-1.js" in answer.text


async def test_each_visitor_gets_a_nonce_of_their_own_for_styles_and_nothing_inline_for_scripts(client):
    seen = set()
    for _ in range(2):
        answer = await client.get("/", headers=PAGE)
        policy = answer.headers["content-security-policy"]
        (nonce,) = re.findall(r"style-src 'self' 'nonce-([\w-]+)'", policy)
        assert set(re.findall(r'nonce="([^"]+)"', answer.text)) == {nonce}
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        seen.add(nonce)
    assert len(seen) == 2


@pytest.mark.parametrize("path", ["/api/v1/nowhere", "/healthz", "/.well-known/est", "/.vite/manifest.json"])
async def test_what_is_somebody_elses_is_never_the_page(client, path):
    assert (await client.get(path, headers=PAGE)).text == "behind"


async def test_programs_hear_that_there_is_nothing(client):
    assert (await client.get("/nowhere", headers={"accept": "application/json"})).text == "behind"
    assert (await client.post("/devices", headers=PAGE)).text == "behind"


async def test_a_target_that_is_no_path_is_handed_on(folder):
    answered = []

    async def send(event):
        answered.append(event.get("body"))

    scope = {"type": "http", "method": "GET", "path": "*", "headers": [(b"accept", b"application/json")]}
    await Console(behind, folder, {"api"})(scope, None, send)
    assert answered[-1] == b"behind"


@pytest.mark.parametrize(
    "path",
    ["/assets/../../secret", "/assets/%2e%2e/%2e%2e/secret", "/secret", "/assets/", "/assets/a-1.js.gz", "/index.html"],
)
async def test_only_what_the_build_serves_is_served(client, path):
    assert (await client.get(path, headers={"accept": "*/*"})).text == "behind"


async def test_hashed_files_are_kept_for_ever_and_others_for_minutes(client):
    script = await client.get("/assets/a-1.js", headers={"accept-encoding": "identity"})
    assert (script.content, script.headers["content-type"]) == (SCRIPT, "text/javascript; charset=utf-8")
    assert script.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await client.get("/icon.svg")).headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize(
    ("accepted", "sent"),
    [
        ("gzip, br", "br"),
        ("gzip;q=0.8, deflate", "gzip"),
        ("identity", None),
        ("", None),
        ("br;q=0, gzip", "gzip"),
        ("BR; Q=0.0, GZIP;q=0.000", None),
        ("br;q=0.01", "br"),
    ],
)
async def test_a_file_goes_out_in_the_smallest_form_that_the_browser_takes(client, accepted, sent):
    async with client.stream("GET", "/assets/a-1.js", headers={"accept-encoding": accepted}) as answer:
        body = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == sent
    assert answer.headers["vary"] == "accept-encoding"
    assert int(answer.headers["content-length"]) == len(body)


async def test_head_tells_the_same_without_the_body(client):
    answer = await client.head("/assets/a-1.js", headers={"accept-encoding": "identity"})
    assert (answer.content, answer.headers["content-length"]) == (b"", str(len(SCRIPT)))


async def test_a_new_build_takes_the_old_ones_place(client, folder):
    (folder / "assets" / "b-2.js").write_bytes(b"two")
    for name in ("a-1.js", "a-1.js.gz", "a-1.js.br"):
        (folder / "assets" / name).unlink()
    (folder / "index.html").write_bytes(INDEX.replace(b"a-1", b"b-2"))
    os.utime(folder / "index.html", ns=(1, 1))
    assert (await client.get("/assets/a-1.js")).text == "behind"
    assert "/assets/b-2.js" in (await client.get("/", headers=PAGE)).text
    assert (await client.get("/assets/b-2.js")).text == "two"


async def test_while_a_build_is_under_way_the_last_page_will_do(client, folder):
    (folder / "index.html").unlink()
    assert "/assets/a-1.js" in (await client.get("/", headers=PAGE)).text


def test_without_a_build_there_is_no_console(folder, tmp_path):
    assert built(folder)
    assert not built(tmp_path)
