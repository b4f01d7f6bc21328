"""The routes, through the real web server, gate, bus and access service."""

import pytest

from lineshaft.access.browser import COOKIE
from lineshaft.core.errors import Unauthenticated

PASSWORD = "rivers run under nine bridges"
OTHER = "seven lamps along the quay"
ROOT = "/api/v1/access"

# The statements are tested on both engines next door; here one is enough.
pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


async def redeem(site, browser, name="ada"):
    """Become the first administrator; the browser then sends its CSRF token."""
    body = {"invitation": site.office.started.invitation, "name": name, "password": PASSWORD}
    answer = await browser.post(f"{ROOT}/invitations/redeem", json=body)
    assert answer.status_code == 201, answer.text
    browser.headers["x-csrf-token"] = answer.json()["csrf"]
    return answer


async def sign_in(browser, name, password=PASSWORD):
    answer = await browser.post(f"{ROOT}/session", json={"name": name, "password": password})
    if answer.status_code == 201:
        browser.headers["x-csrf-token"] = answer.json()["csrf"]
    return answer


async def make(browser, name, *roles, kind="person"):
    answer = await browser.post(f"{ROOT}/principals", json={"name": name, "kind": kind, "roles": list(roles)})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_from_the_one_time_link_to_signing_out(site):
    async with site.browser() as browser:
        text = site.office.started.invitation
        described = await browser.post(f"{ROOT}/invitations/describe", json={"invitation": text})
        assert (described.status_code, described.json()["name"]) == (200, None)
        answer = await redeem(site, browser)
        assert answer.json()["roles"] == ["administrator"]
        cookie = answer.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        me = (await browser.get(f"{ROOT}/session")).json()
        assert (me["name"], me["csrf"]) == ("ada", answer.json()["csrf"])
        assert "access:manage" in me["actions"]
        out = await browser.delete(f"{ROOT}/session")
        assert out.status_code == 204
        assert "Max-Age=0" in out.headers["set-cookie"]
        browser.cookies.set(COOKIE, cookie.split(";")[0].split("=", 1)[1])
        assert (await browser.get(f"{ROOT}/session")).status_code == 401
        assert (await sign_in(browser, "ada", "not the password")).json()["code"] == "access.sign_in_refused"
        assert (await sign_in(browser, "ada")).status_code == 201


async def test_no_secret_is_in_an_address_a_list_or_the_audit_trail(site):
    async with site.browser() as browser:
        await redeem(site, browser)
        bob = await make(browser, "bob", "viewer")
        assert bob["invitation"]["path"].startswith("/#invite=")  # browsers keep the fragment to themselves
        made = (await browser.post(f"{ROOT}/tokens", json={"label": "x", "scopes": ["history:read"]})).json()
        lists = [
            await browser.get(f"{ROOT}/{path}") for path in ("tokens", "principals", "audit?limit=1000", "session")
        ]
        text = "".join(answer.text for answer in lists)
        assert all(answer.status_code == 200 for answer in lists)
        cookie = browser.cookies[COOKIE]
        for secret in (PASSWORD, made["text"].split("_", 2)[2], bob["invitation"]["path"].split("=")[1], cookie):
            assert secret not in text


async def test_an_unsafe_request_with_the_cookie_needs_our_page_and_its_token(site):
    async with site.browser() as browser:
        await redeem(site, browser)
        body = {"name": "bob", "roles": ["viewer"]}
        for headers, code in (
            ({"x-csrf-token": ""}, "access.csrf_refused"),
            ({"x-csrf-token": "wrong"}, "access.csrf_refused"),
            ({"origin": "https://evil.example"}, "access.origin_foreign"),
            ({"origin": "null"}, "access.origin_foreign"),
        ):
            answer = await browser.post(f"{ROOT}/principals", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, code)
        assert (await browser.get(f"{ROOT}/principals/bob")).status_code == 404


async def test_a_foreign_page_cannot_sign_anybody_in(site):
    async with site.browser() as browser:
        await redeem(site, browser)
    async with site.browser() as browser:
        browser.headers["origin"] = "https://evil.example"
        answer = await sign_in(browser, "ada")
        assert (answer.status_code, answer.json()["code"]) == (403, "access.origin_foreign")
        assert "set-cookie" not in answer.headers


async def test_over_tls_the_cookie_is_secure(site):
    async with site.browser() as browser:
        plain = await redeem(site, browser)
        assert "Secure" not in plain.headers["set-cookie"]
    # Behind a proxy that speaks TLS the browser's origin tells; the gate must know that origin.
    from litestar import Request

    from lineshaft.access.answers import is_secure

    def request(scheme, *headers):
        return Request(
            {
                "type": "http",
                "scheme": scheme,
                "headers": list(headers),
                "path": "/",
                "query_string": b"",
                "server": ("h", 1),
            }
        )

    assert is_secure(request("https"))
    assert is_secure(request("http", (b"origin", b"https://plant.example")))
    assert not is_secure(request("http", (b"origin", b"http://plant.example")))


async def test_every_route_needs_its_role(site):
    """A viewer gets to nothing but what concerns oneself."""
    async with site.browser() as ada, site.browser() as bob:
        await redeem(site, ada)
        link = (await make(ada, "bob", "viewer"))["invitation"]["path"].split("=")[1]
        body = {"invitation": link, "password": PASSWORD}
        answer = await bob.post(f"{ROOT}/invitations/redeem", json=body)
        bob.headers["x-csrf-token"] = answer.json()["csrf"]
        for method, path, content in (
            ("GET", "principals", None),
            ("POST", "principals", {"name": "x", "roles": ["viewer"]}),
            ("GET", "principals/ada", None),
            ("PUT", "principals/bob/roles", {"roles": ["administrator"]}),
            ("POST", "principals/ada/revoke", None),
            ("POST", "principals/ada/reinstate", None),
            ("POST", "principals/ada/invitation", None),
            ("POST", "principals/gateway/credentials", None),
            ("GET", "tokens?name=ada", None),
            ("POST", "tokens", {"label": "x", "scopes": ["history:read"], "name": "ada"}),
            ("GET", "audit", None),
        ):
            answer = await bob.request(method, f"{ROOT}/{path}", json=content)
            assert (answer.status_code, answer.json()["code"]) == (403, "access.denied"), (method, path)
        for method, path in (("GET", "session"), ("GET", "tokens"), ("GET", "roles")):
            assert (await bob.request(method, f"{ROOT}/{path}")).status_code == 200
    async with site.browser() as nobody:
        for method, path in (("GET", "session"), ("GET", "principals"), ("POST", "tokens"), ("DELETE", "session")):
            assert (await nobody.request(method, f"{ROOT}/{path}")).status_code == 401


async def test_a_token_is_for_programs_and_only_what_it_says(site):
    async with site.browser() as browser:
        await redeem(site, browser)
        body = {"label": "reports", "scopes": ["access:self", "access:audit"], "days": 2}
        made = (await browser.post(f"{ROOT}/tokens", json=body)).json()
        async with site.program(made["text"]) as program:
            me = (await program.get(f"{ROOT}/session")).json()
            assert (me["name"], me["csrf"], me["actions"]) == ("ada", None, ["access:self", "access:audit"])
            assert (await program.get(f"{ROOT}/audit")).status_code == 200
            assert (await program.get(f"{ROOT}/principals")).status_code == 403
            answer = await program.post(f"{ROOT}/tokens", json={"label": "x", "scopes": ["access:audit"]})
            assert answer.json()["code"] == "access.token_cannot_mint"
            answer = await program.post(f"{ROOT}/password", json={"old": PASSWORD, "new": OTHER})
            assert answer.json()["code"] == "access.password_not_yours"
        assert (await browser.delete(f"{ROOT}/tokens/{made['token']['id']}")).status_code == 204
        assert (await browser.get(f"{ROOT}/tokens")).json()["items"] == []


async def test_the_cookie_of_a_browser_does_not_make_a_token_more(site):
    async with site.browser() as browser:
        await redeem(site, browser)
        body = {"label": "x", "scopes": ["access:self"]}
        token = (await browser.post(f"{ROOT}/tokens", json=body)).json()["text"]
        headers = {"authorization": f"Bearer {token}"}
        assert (await browser.get(f"{ROOT}/principals", headers=headers)).status_code == 403
        assert (await browser.get(f"{ROOT}/session", headers=headers)).json()["csrf"] is None


async def test_roles_have_an_etag_and_change_only_from_what_was_seen(site):
    async with site.browser() as browser:
        await redeem(site, browser)
        await make(browser, "bob", "viewer")
        seen = (await browser.get(f"{ROOT}/principals/bob")).headers["etag"]
        path = f"{ROOT}/principals/bob/roles"
        changed = await browser.put(path, json={"roles": ["operator"]}, headers={"if-match": seen})
        assert (changed.status_code, changed.json()["roles"]) == (200, ["operator"])
        again = await browser.put(path, json={"roles": ["engineer"]}, headers={"if-match": seen})
        assert again.status_code == 412
        now = await browser.put(path, json={"roles": ["engineer"]}, headers={"if-match": changed.headers["etag"]})
        assert now.json()["roles"] == ["engineer"]


async def test_a_changed_password_gives_this_browser_a_new_session(site):
    async with site.browser() as browser, site.browser() as elsewhere:
        await redeem(site, browser)
        await sign_in(elsewhere, "ada")
        before = browser.cookies[COOKIE]
        answer = await browser.post(f"{ROOT}/password", json={"old": PASSWORD, "new": OTHER})
        assert answer.status_code == 201
        assert browser.cookies[COOKIE] != before
        assert (await browser.get(f"{ROOT}/session")).status_code == 200
        with pytest.raises(Unauthenticated):  # asked of a library that believes nothing yet
            await site.office.access.principal_of_session(elsewhere.cookies[COOKIE])


async def test_lists_come_in_pages_and_foreign_cursors_are_refused(site):
    async with site.local() as client:
        names, cursor = [], ""
        while True:
            page = (await client.get(f"{ROOT}/principals?limit=2{cursor}")).json()
            names += [item["name"] for item in page["items"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert names == sorted(["access", "gateway", "history", "local", "plant", "web"])
        entries = (await client.get(f"{ROOT}/audit?limit=1")).json()
        assert (await client.get(f"{ROOT}/audit?limit=1&cursor={entries['next']}")).status_code == 200
        assert (await client.get(f"{ROOT}/audit?name=local")).status_code == 200
        for path in (f"audit?cursor={page_cursor('x')}", f"principals?cursor={page_cursor(1)}", "audit?cursor=ä"):
            answer = await client.get(f"{ROOT}/{path}")
            assert (answer.status_code, answer.json()["code"]) == (400, "core.cursor_invalid")


def page_cursor(*position):
    from lineshaft.core.http import encode_cursor

    return encode_cursor(*position)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("session", {"name": "ada"}),
        ("session", {"name": "ada", "password": "x", "admin": True}),
        ("session", {"name": "ada", "password": 17_17_17}),
        ("session", {"name": "ada", "password": "y" * 1025}),
        ("invitations/redeem", {"invitation": "", "password": "x"}),
        ("session", []),
    ],
)
async def test_a_body_that_breaks_a_rule_is_refused_without_repeating_it(site, path, body):
    async with site.browser() as browser:
        answer = await browser.post(f"{ROOT}/{path}", json=body)
        assert answer.status_code == 400
        assert "171717" not in answer.text
        assert "yyyy" not in answer.text


async def test_locked_out_says_when_to_come_back(site):
    async with site.browser() as browser:
        for _ in range(site.office.settings.lockout_attempts):
            assert (await sign_in(browser, "nobody-here", "wrong")).status_code == 401
        answer = await sign_in(browser, "nobody-here", "wrong")
        assert (answer.status_code, answer.json()["code"]) == (429, "access.sign_in_locked")
        assert answer.headers["retry-after"] == "900"


async def test_while_access_is_down_sessions_go_on_and_sign_in_says_why(site):
    async with site.browser() as browser:
        await redeem(site, browser)
        await site.service.stop()
        assert (await browser.get(f"{ROOT}/session")).status_code == 200
        async with site.browser() as other:
            answer = await sign_in(other, "ada")
            assert (answer.status_code, answer.json()["code"]) == (503, "access.unreachable")
            assert answer.json()["title"].startswith("Sign-in is not possible at the moment")
        answer = await browser.post(f"{ROOT}/principals", json={"name": "bob", "roles": ["viewer"]})
        assert (answer.status_code, answer.json()["code"]) == (503, "access.change_unconfirmed")
        assert (await browser.delete(f"{ROOT}/session")).status_code == 204
