"""What an attacker on the wire or with a stolen secret tries, over real sockets against the running services."""

import asyncio
import json
import re

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select

from lineshaft.access import AccessSettings, denials, principals, sessions, tokens
from lineshaft.access.store import AUDIT
from lineshaft.core import ids
from lineshaft.web.testing import everything, running_house

SESSION = "/api/v1/access/session"
UNSAFE = "/api/v1/system/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/cancel"
DEADLINE_SECONDS = 30.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory):
    async with running_house(tmp_path_factory.mktemp("house")) as house:
        yield house


pytestmark = pytest.mark.asyncio(loop_scope="module")


def client(house, **headers):
    return httpx.AsyncClient(base_url=house.url, headers=headers, trust_env=False, timeout=60)


async def talk(house, request):
    """Send bytes and read until the server hangs up."""
    host, port = house.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        return await asyncio.wait_for(everything(reader), DEADLINE_SECONDS)
    finally:
        writer.close()


async def is_out(browser):
    """Wait until whoever calls is nobody any more."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while (await browser.get(SESSION)).status_code == 200:  # noqa: ASYNC110 (a server sends no event)
            await asyncio.sleep(0.05)


def signed_in(house, *roles):
    person = house.principal(f"p{ids.new_id().lower()}", *roles)
    return house.database.transact(sessions.start, person, "127.0.0.1", AccessSettings()), person


# -- a stolen token -----------------------------------------------------------------------------------------------------


async def test_a_revoked_token_is_refused_everywhere_within_seconds_and_for_good(house):
    text = house.token("viewer")
    async with client(house, authorization=f"Bearer {text}") as thief:
        assert (await thief.get(SESSION)).status_code == 200
        house.database.transact(tokens.remove, text.split("_")[1])
        await is_out(thief)
        for _ in range(3):
            answer = await thief.get(SESSION)
            assert (answer.status_code, answer.json()["code"]) == (401, "access.token_refused")


async def test_a_token_changed_in_one_character_is_none(house):
    text = house.token("viewer")
    for spoiled in (text[:-1] + ("A" if text[-1] != "A" else "B"), text.upper(), text + "A", text[:-1], f"x{text}"):
        async with client(house, authorization=f"Bearer {spoiled}") as thief:
            assert (await thief.get(SESSION)).status_code == 401


def _refusals(house):
    with house.database.read() as connection:
        return list(connection.execute(select(AUDIT).where(AUDIT.c.action == "access:token").order_by(AUDIT.c.id)))


async def test_refused_tokens_are_recorded_without_their_secret_and_within_bounds(house, monkeypatch):
    monkeypatch.setattr(denials, "_MINUTE_SECONDS", float("inf"))  # that of this test does not end in its middle
    text = house.token("viewer")
    token, secret = text.split("_")[1], text.split("_", 2)[2]
    house.database.transact(tokens.remove, token)
    before = len(_refusals(house))
    async with client(house, authorization=f"Bearer {text}") as thief:
        for _ in range(denials.LISTED + 5):
            assert (await thief.get(SESSION)).status_code == 401
        entries = _refusals(house)
        assert denials.LISTED >= len(entries) - before > 0 or before >= denials.LISTED
        for _ in range(5):
            assert (await thief.get(SESSION)).status_code == 401
    assert len(_refusals(house)) == len(entries)
    assert {entry.outcome for entry in entries} == {"refused"}
    assert secret not in repr(entries)


# -- a stolen or planted session ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", ["planted", "a" * 43, "", "x; lineshaft_session=y", '"quoted"', "a" * 600])
async def test_a_planted_cookie_is_nobody_and_is_never_confirmed(house, planted):
    async with client(house, cookie=f"lineshaft_session={planted}") as victim:
        answer = await victim.get(SESSION)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert (await victim.get("/")).headers.get("set-cookie") is None


async def test_a_stolen_cookie_ends_with_its_session_within_seconds(house):
    session, person = signed_in(house, "viewer")
    async with client(house, cookie=f"lineshaft_session={session.cookie}") as thief:
        assert (await thief.get(SESSION)).status_code == 200
        house.database.transact(principals.revoke, house.identity.tenant, person.id)
        await is_out(thief)


async def test_two_cookies_of_our_name_do_not_make_a_session_of_the_wrong_one(house):
    session, _ = signed_in(house, "viewer")
    for cookie in (f"lineshaft_session=planted; lineshaft_session={session.cookie}",
                   f"lineshaft_session={session.cookie}; lineshaft_session=planted"):  # fmt: skip
        async with client(house, cookie=cookie) as browser:
            answer = await browser.get(SESSION)
            assert answer.status_code in (200, 401)
            if answer.status_code == 200:
                assert answer.json()["csrf"] == session.session.csrf


# -- other sites' pages -------------------------------------------------------------------------------------------------


async def test_a_foreign_page_changes_nothing_with_the_cookie(house):
    session, _ = signed_in(house, "operator")
    cookie, csrf, own = f"lineshaft_session={session.cookie}", session.session.csrf, house.url
    attempts = [
        {"origin": own},
        {"origin": own, "x-csrf-token": ""},
        {"origin": own, "x-csrf-token": csrf[:-1]},
        {"origin": own, "x-csrf-token": session.cookie},
        {"origin": "https://evil.example", "x-csrf-token": csrf},
        {"origin": "null", "x-csrf-token": csrf},
        {"origin": f"{own}.evil.example", "x-csrf-token": csrf},
        {"origin": own.replace("http:", "https:"), "x-csrf-token": csrf},
        {"sec-fetch-site": "cross-site", "x-csrf-token": csrf},
        {"sec-fetch-site": "same-site", "x-csrf-token": csrf},
    ]
    for headers in attempts:
        async with client(house, cookie=cookie, **headers) as page:
            answer = await page.post(UNSAFE)
            assert answer.status_code == 403, headers
            assert answer.json()["code"] in ("access.csrf_refused", "access.origin_foreign")
            assert "access-control-allow-origin" not in answer.headers
    async with client(house, cookie=cookie, origin=own, **{"x-csrf-token": csrf}) as page:
        assert (await page.post(UNSAFE)).status_code == 404  # let in: there is no such job


async def test_no_page_of_another_site_is_told_that_it_may_ask(house):
    async with client(house, origin="https://evil.example") as page:
        asked = await page.options(
            SESSION, headers={"access-control-request-method": "POST", "access-control-request-headers": "x-csrf-token"}
        )
        read = await page.get("/api/openapi.json")
    assert not [name for answer in (asked, read) for name in answer.headers if name.startswith("access-control")]


# -- requests on whose end or target two servers could disagree -------------------------------------------------------------


_NEXT = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"POST " + SESSION.encode() + b" HTTP/1.1\r\nHost: %HOST%\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        pytest.param(HEAD + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG", id="CL.TE"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + _NEXT, id="TE.CL"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n" + _NEXT, id="TE.TE"),
        pytest.param(HEAD + b"Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n" + _NEXT, id="TE unknown"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + _NEXT, id="TE not last"),
        pytest.param(HEAD + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + _NEXT, id="TE vertical tab"),
        pytest.param(HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + _NEXT, id="two lengths"),
        pytest.param(HEAD + b"Content-Length: 2, 2\r\n\r\n{}" + _NEXT, id="length list"),
        pytest.param(HEAD + b"Content-Length: 0x2\r\n\r\n{}" + _NEXT, id="length hexadecimal"),
        pytest.param(HEAD + b"Content-Length: -1\r\n\r\n{}" + _NEXT, id="length negative"),
        pytest.param(HEAD + b"Content-Length : 2\r\n\r\n{}" + _NEXT, id="blank before colon"),
        pytest.param(HEAD + b"X: a\r\n Content-Length: 2\r\n\r\n{}" + _NEXT, id="folded line"),
        pytest.param(HEAD.replace(b"\r\n", b"\n") + b"\n" + _NEXT, id="bare LF"),
        pytest.param(HEAD + b"X: a\rContent-Length: 2\r\n\r\n{}" + _NEXT, id="bare CR"),
        pytest.param(HEAD + b"X: a\x00b\r\n\r\n" + _NEXT, id="NUL"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;x=\n\r\n{}\r\n0\r\n\r\n" + _NEXT, id="chunk extension"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n10000000000000002\r\n{}\r\n0\r\n\r\n", id="chunk size"),
        pytest.param(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2 \n{}\r\n0\r\n\r\n" + _NEXT, id="chunk size LF"),
        pytest.param(HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _NEXT,
                     id="chunked in 1.0"),
        pytest.param(b"GET http://evil.example/ HTTP/1.1\r\nHost: %HOST%\r\n\r\n", id="other host in target"),
        pytest.param(b"GET http://%HOST%/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", id="target and Host differ"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: %HOST%\r\nHost: evil.example\r\n\r\n", id="two hosts"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no host"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", id="host with a blank"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: user@evil.example\r\n\r\n", id="host with a user"),
        pytest.param(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", id="CONNECT"),
    ],
)  # fmt: skip
async def test_an_ambiguous_request_is_refused_once_and_nothing_after_it_is_read(house, request_):
    host = house.url.removeprefix("http://").encode()
    answer = await talk(house, request_.replace(b"%HOST%", host))
    assert answer.startswith(b"HTTP/1.1 4"), answer
    assert answer.count(b"HTTP/1.1 ") == 1, answer
    assert b"smuggled" not in answer


async def test_an_ordinary_request_in_absolute_form_is_answered(house):
    host = house.url.removeprefix("http://")
    answer = await talk(
        house, f"GET http://{host}/healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer.startswith(b"HTTP/1.1 200")


async def test_requests_one_after_another_are_answered_each_for_itself(house):
    host = house.url.removeprefix("http://")
    one = f"GET /healthz HTTP/1.1\r\nHost: {host}\r\n\r\n"
    last = f"GET {SESSION} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    answer = await talk(house, (one + one + last).encode())
    assert re.findall(rb"HTTP/1\.1 (\d{3}) ", answer) == [b"200", b"200", b"401"]


@pytest.mark.parametrize("method", ["TRACE", "TRACK", "DEBUG", "PROPFIND"])
async def test_methods_that_echo_or_that_nobody_uses_are_refused(house, method):
    async with client(house, **{"x-secret": "do not echo"}) as stranger:
        answer = await stranger.request(method, "/")
    assert 400 <= answer.status_code < 500
    assert "do not echo" not in answer.text


# -- headers, paths, sizes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/%0d%0aset-cookie:%20lineshaft_session=planted", "/api/v1/access/oidc/start?next=/%0d%0aset-cookie:%20x=y",
        "/pages/%0d%0ax:y", "/api/v1/access/oidc/callback?code=a%0d%0ax:y&state=%0d%0ax:y&error=%0d%0ax:y",
    ],
)  # fmt: skip
async def test_nothing_a_stranger_sends_becomes_a_header(house, path):
    host = house.url.removeprefix("http://")
    answer = await talk(
        house, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/html\r\nConnection: close\r\n\r\n".encode()
    )
    head = answer.split(b"\r\n\r\n")[0].lower()
    assert b"\r\nset-cookie: lineshaft_session=planted" not in head
    assert b"\r\nx:y" not in head
    assert b"\r\nset-cookie: x=y" not in head


@pytest.mark.parametrize(
    "path",
    [
        "/pages/../settings.py", "/pages/../../../../../../etc/passwd", "/pages/%2e%2e/settings.py",
        "/pages/%2e%2e%2f%2e%2e%2fsettings.py", "/pages/..%5c..%5csettings.py", "/pages/....//settings.py",
        "/pages//etc/passwd", "/pages/%00index.html", "/pages/live.js%00.html", "/pages/%252e%252e/settings.py",
        "/pages/", "/pages", "//etc/passwd", "/..", "/pages/page.js/../../settings.py", "/static/../keys",
    ],
)  # fmt: skip
async def test_no_path_leads_to_a_file_that_is_no_page(house, path):
    host = house.url.removeprefix("http://")
    answer = await talk(house, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer
    assert b"root:" not in answer
    assert b"Settings of" not in answer


async def test_cookies_beyond_measure_are_refused_and_the_server_goes_on(house):
    host = house.url.removeprefix("http://")
    for cookies, statuses in (
        (b"Cookie: " + b"a=b; " * 20_000, (b"431",)),
        (b"Cookie: lineshaft_session=" + b"a" * 50_000, (b"401",)),
        (b"\r\n".join(b"Cookie: c%d=x" % number for number in range(150)), (b"431",)),
        (b"Cookie: " + b"=" * 10_000 + b'; lineshaft_session="', (b"401",)),
        (b"Cookie: lineshaft_session=\xff\xfe\x01", (b"401", b"400")),
    ):
        request = b"GET %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n%b\r\n\r\n"
        answer = await talk(house, request % (SESSION.encode(), host.encode(), cookies))
        assert answer.split(b" ")[1] in statuses, (cookies[:40], answer[:80])
    async with client(house) as stranger:
        assert (await stranger.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "%2f%2fevil.example",
     "/%2f%2fevil.example", "javascript:alert(1)", "/%5cevil.example", "///evil.example", " //evil.example"],
)  # fmt: skip
async def test_no_link_to_us_leads_elsewhere(house, target):
    async with client(house, accept="text/html") as victim:
        for path in ("/api/v1/access/oidc/start", "/api/v1/access/oidc/callback", "/", SESSION):
            answer = await victim.get(path, params={"next": target, "state": "x", "code": "y"})
            place = answer.headers.get("location", "/")
            assert place[:1] == "/", (path, place)
            assert place[1:2] not in ("/", "\\"), (path, place)


async def test_a_document_from_a_stranger_is_refused_whatever_its_form(house):
    bodies = [
        b"[" * 100_000, b"{" + b'"a":{' * 50_000, b"\xff\xfe", json.dumps({"name": "a" * 10_000}).encode(), b"null",
        b'{"name": "a", "password": "b", "__proto__": 1}', b"NaN",
    ]  # fmt: skip
    async with client(house, **{"content-type": "application/json", "origin": house.url}) as stranger:
        for body in bodies:
            answer = await stranger.post(SESSION, content=body)
            assert answer.status_code == 400, body[:40]
            assert len(answer.content) < 4096
