"""Security headers, caching, conditional requests, and the pages they protect."""

import re
from importlib import resources

import pytest
from litestar import Response, get

from lineshaft.web.headers import POLICY, SecurityHeaders
from lineshaft.web.testing import everything

PUBLIC = {"public": "a test"}
PAGES = resources.files("lineshaft.web").joinpath("pages")


@get("/tagged", opt=PUBLIC)
async def tagged() -> Response[str]:
    return Response("x", headers={"etag": '"v1"', "cache-control": "private"})


@pytest.mark.parametrize("path", ["/", "/api/docs", "/healthz", "/nowhere", "/api/v1/system/status", "/tagged"])
async def test_every_answer_carries_the_security_headers(serve, path):
    async with serve(tagged) as server, server.client() as client:
        headers = (await client.get(path)).headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers


async def test_a_body_refused_before_any_route_carries_them_too(serve):
    async with serve(body_bytes=1024) as server, server.client() as client:
        answer = await client.post("/", content=b"x" * 2000)
    assert answer.status_code == 413
    assert answer.headers["content-security-policy"] == POLICY


def test_the_policy_admits_no_inline_script_no_eval_and_no_other_host():
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY
    assert not re.search(r"https?:|\*|data:", POLICY)


async def test_transport_security_is_asked_for_over_tls_only():
    assert b"strict-transport-security" in dict(SecurityHeaders(None, tls=True).missing([]))
    assert b"strict-transport-security" not in dict(SecurityHeaders(None, tls=False).missing([]))


async def test_answers_are_not_kept_unless_they_say_so(serve):
    async with serve(tagged) as server, server.client() as client:
        assert (await client.get("/healthz")).headers["cache-control"] == "no-store"
        assert (await client.get("/tagged")).headers["cache-control"] == "private"
        assert (await client.get("/")).headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("given", ['"v1"', 'W/"v1"', '"v0", "v1"'])
async def test_a_known_etag_is_answered_without_a_body(serve, given):
    async with serve(tagged) as server, server.client() as client:
        answer = await client.get("/tagged", headers={"if-none-match": given})
    assert (answer.status_code, answer.content) == (304, b"")
    assert answer.headers["etag"] == '"v1"'
    assert answer.headers["content-security-policy"] == POLICY


@pytest.mark.parametrize("given", ['"v2"', "v1", ""])
async def test_another_etag_is_answered_whole(serve, given):
    async with serve(tagged) as server, server.client() as client:
        answer = await client.get("/tagged", headers={"if-none-match": given})
    assert (answer.status_code, answer.text) == (200, "x")


async def test_every_file_of_the_pages_is_served_with_its_kind(serve):
    kinds = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    async with serve() as server, server.client() as client:
        for name in (entry.name for entry in PAGES.iterdir()):
            path = {"index.html": "/", "docs.html": "/api/docs"}.get(name, f"/pages/{name}")
            answer = await client.get(path)
            assert answer.status_code == 200, path
            assert answer.headers["content-type"].startswith(kinds[name.rsplit(".", 1)[1]])
            assert answer.content == PAGES.joinpath(name).read_bytes()
            assert (await client.get(path, headers={"if-none-match": answer.headers["etag"]})).status_code == 304


@pytest.mark.parametrize(
    "path",
    [
        "/pages/",
        "/pages/../settings.py",
        "/pages/%2e%2e/settings.py",
        "/pages/..%2fsettings.py",
        "/pages/live.css%00.js",
    ],
)
async def test_nothing_but_those_files_is_served(serve, path):
    async with serve() as server:
        import asyncio

        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
        answer = await everything(reader)
        writer.close()
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer[:100]


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "/tagged/", "//tagged", "/?next=//evil.example"])
async def test_nothing_redirects(serve, path):
    async with serve(tagged) as server, server.client() as client:
        answer = await client.get(server.url + path)
    assert not 300 <= answer.status_code < 400
    assert "location" not in answer.headers


@pytest.mark.parametrize("page", ["index.html", "docs.html"])
def test_the_pages_obey_their_policy(page):
    """Nothing inline, nothing from elsewhere; every input has its label, every text its words."""
    html = PAGES.joinpath(page).read_text("utf-8")
    assert not re.search(r"\son\w+=|\sstyle=|<style|javascript:", html)
    assert all(re.search(r'src="/pages/', tag) for tag in re.findall(r"<script[^>]*>", html))
    assert not re.search(r"https?://", html)
    labels = set(re.findall(r'<label for="([^"]+)"', html))
    inputs = set(re.findall(r'<input id="([^"]+)"', html))
    assert inputs <= labels
    script = PAGES.joinpath("texts.js").read_text("utf-8")
    for key in re.findall(r'data-text="([^"]+)"', html):
        assert len(re.findall(rf"\b{key}:", script)) == 2, f"{key} is not in both languages"


def test_every_text_a_script_asks_for_is_in_both_languages():
    texts = PAGES.joinpath("texts.js").read_text("utf-8")
    english, chinese = texts.split("  zh: {")
    keys = set(re.findall(r"\b(\w+): [\"“]", english)) - {"en"}
    assert keys == set(re.findall(r"\b(\w+): [\"“]", chinese))
    for script in ("page.js", "docs.js", "server.js"):
        for key in re.findall(r'text\("(\w+)"', PAGES.joinpath(script).read_text("utf-8")):
            assert key in keys, key


def test_no_script_writes_markup_or_code():
    for entry in PAGES.iterdir():
        if entry.name.endswith(".js"):
            assert not re.search(
                r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", entry.read_text()
            )
