"""A browser's session stays its own: CSRF token, origin, cookie flags, redirects."""

import pytest

from lineshaft.access.browser import check_csrf, check_origin, clear_cookie, csrf_of, local_path, set_cookie
from lineshaft.access.model import Session
from lineshaft.access.secret_texts import new_secret
from lineshaft.core.errors import Forbidden

OWN = ["https://plant.example:8420"]


@pytest.fixture
def session():
    return Session(id="1", created=0, expires=1, csrf=csrf_of("cookie"))


def test_the_csrf_token_belongs_to_the_cookie_and_does_not_tell_it():
    cookie = new_secret()
    assert csrf_of(cookie) == csrf_of(cookie) != csrf_of(new_secret())
    assert cookie not in csrf_of(cookie)


def test_safe_methods_pass_without_token(session):
    for method in ("GET", "HEAD", "OPTIONS", "get"):
        check_csrf(session, method, None, "https://evil.example", "cross-site", OWN)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "anything"])
def test_our_own_page_with_the_token_passes(session, method):
    check_csrf(session, method, session.csrf, OWN[0], "same-origin", OWN)
    check_csrf(session, method, session.csrf, OWN[0].upper(), None, OWN)


@pytest.mark.parametrize("header", [None, "", "wrong", csrf_of("another cookie"), "ü"])
def test_a_missing_or_wrong_token_is_refused(session, header):
    with pytest.raises(Forbidden) as refusal:
        check_csrf(session, "POST", header, OWN[0], "same-origin", OWN)
    assert refusal.value.code == "access.csrf_refused"


@pytest.mark.parametrize(
    ("origin", "fetch_site"),
    [
        ("https://evil.example", None),
        ("null", None),
        ("http://plant.example:8420", "same-origin"),
        ("https://plant.example", None),
        ("https://plant.example:8420.evil.example", None),
        ("", None),
        (None, "cross-site"),
        (None, "same-site"),
    ],
)
def test_a_foreign_origin_is_refused_even_with_the_token(session, origin, fetch_site):
    with pytest.raises(Forbidden) as refusal:
        check_csrf(session, "POST", session.csrf, origin, fetch_site, OWN)
    assert refusal.value.code == "access.origin_foreign"


def test_a_socket_with_a_cookie_must_say_where_it_comes_from():
    check_origin(None, None, OWN)
    check_origin(OWN[0], None, OWN, required=True)
    with pytest.raises(Forbidden):
        check_origin(None, None, OWN, required=True)


def test_the_cookie_is_out_of_reach_of_scripts_other_sites_and_plain_text():
    cookie = set_cookie("value", secure=True, seconds=60)
    assert cookie.startswith("lineshaft_session=value; ")
    assert {"HttpOnly", "SameSite=Strict", "Secure", "Path=/", "Max-Age=60"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert "Secure" not in set_cookie("value", secure=False, seconds=60)
    assert "Max-Age=0" in clear_cookie(secure=True)


@pytest.mark.parametrize("target", ["/", "/devices?x=1#y", "/a//b"])
def test_a_path_of_this_server_is_followed(target):
    assert local_path(target) == target


@pytest.mark.parametrize(
    "target",
    [
        None, "", "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "javascript:alert(1)",
        "/\t/evil.example", "/a\r\nSet-Cookie: x", " /a", "devices",
    ],
)  # fmt: skip
def test_anything_else_leads_home(target):
    assert local_path(target) == "/"
