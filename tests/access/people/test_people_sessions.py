"""Sessions get new secrets in time, are listed, and are ended one by one or all others at once."""

import pytest

from lineshaft.access import Actor, sessions
from lineshaft.access.messages import SetRoles, SignIn
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError

ROOT = "/api/v1/access"
COOKIE = "lineshaft_session"
PASSWORD = "rivers run under nine bridges"
HERE = "192.0.2.10"
MINUTE = 60 * clock.MICROSECONDS


async def refused(attempt):
    with pytest.raises(LineshaftError) as refusal:
        await attempt
    return refusal.value


def after(microseconds):
    moment = clock.now_us() + microseconds
    return clock.fixed(lambda: moment)


async def due(office, cookie):
    office.access.forget_sessions()
    return (await office.access.principal_of_session(cookie))[1].due


async def test_a_session_is_due_for_a_new_secret_after_an_hour(office):
    bob = await office.person("bob", "operator")
    assert not await due(office, bob.cookie)
    with after(59 * MINUTE):
        assert not await due(office, bob.cookie)
    with after(60 * MINUTE):
        assert await due(office, bob.cookie)


async def test_changed_roles_make_it_due_at_once(office):
    bob = await office.person("bob", "operator")
    actor = Actor.of(office.principal("local"))
    await office.administration.set_roles(SetRoles(actor=actor, name="bob", roles=["engineer"]))
    assert await due(office, bob.cookie)


async def test_the_new_secret_is_the_same_session_and_the_old_one_ends_within_half_a_minute(office):
    bob = await office.person("bob", "operator")
    renewed = await office.access.renew_session(bob.cookie)
    assert renewed not in (None, bob.cookie)
    for cookie in (renewed, bob.cookie):
        person, session = await office.access.principal_of_session(cookie)
        assert (person.id, session.id, session.csrf) == (bob.principal.id, bob.session.id, bob.session.csrf)
        assert not session.due
    with after(sessions.OLD_SECRET_US + 1):
        # The old one is refused although it was believed a moment ago.
        assert (await refused(office.access.principal_of_session(bob.cookie))).code == "access.session_over"
        assert (await office.access.principal_of_session(renewed))[0].name == "bob"
        office.access.forget_sessions()
        assert (await refused(office.access.principal_of_session(bob.cookie))).code == "access.session_over"


async def test_the_csrf_token_stays_over_any_number_of_secrets(office):
    bob = await office.person("bob", "operator")
    cookie = bob.cookie
    for _ in range(3):
        cookie = await office.access.renew_session(cookie)
    assert (await office.access.principal_of_session(cookie))[1].csrf == bob.session.csrf


async def test_an_old_secret_is_not_renewed_and_a_clock_that_steps_back_does_not_bring_it_back(office):
    bob = await office.person("bob", "operator")
    await office.access.renew_session(bob.cookie)
    assert await office.access.renew_session(bob.cookie) is None
    with after(-10 * MINUTE):
        office.access.forget_sessions()
        assert (await refused(office.access.principal_of_session(bob.cookie))).code == "access.session_over"


async def test_of_two_requests_at_once_one_gets_the_new_secret(office):
    import asyncio

    bob = await office.person("bob", "operator")
    got = await asyncio.gather(*(office.access.renew_session(bob.cookie) for _ in range(5)))
    assert len([cookie for cookie in got if cookie]) == 1


async def test_signing_out_with_the_old_secret_ends_the_session(office):
    bob = await office.person("bob", "operator")
    renewed = await office.access.renew_session(bob.cookie)
    await office.access.end_session(bob.cookie)
    office.access.forget_sessions()
    assert (await refused(office.access.principal_of_session(renewed))).code == "access.session_over"


async def test_a_cookie_given_before_sign_in_is_never_kept(office):
    bob = await office.person("bob", "operator")
    for planted in ("planted-by-a-stranger", bob.cookie):
        asked = SignIn(name="bob", password=PASSWORD, address=HERE, previous=planted)
        assert (await office.desk.sign_in(asked)).cookie != planted
        office.access.forget_sessions()
        assert (await refused(office.access.principal_of_session(planted))).status == 401


async def signed_in(site, browser):
    answer = await browser.post(f"{ROOT}/session", json={"name": "ada", "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    browser.headers["x-csrf-token"] = answer.json()["csrf"]
    return browser.cookies[COOKIE]


async def test_the_browser_gets_the_new_cookie_with_an_ordinary_answer(site):
    await site.office.first_administrator()
    async with site.browser() as browser:
        before = await signed_in(site, browser)
        site.office.database.transact(sessions.make_due, site.office.principal("ada").id)
        answer = await browser.get(f"{ROOT}/session")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
        assert browser.cookies[COOKIE] != before
        # The page knows only the CSRF token it had: that is good for the new cookie too.
        made = await browser.post(f"{ROOT}/principals", json={"name": "bob", "roles": ["viewer"]})
        assert made.status_code == 201, made.text
        assert "set-cookie" not in made.headers


async def test_a_route_that_gives_or_takes_the_cookie_has_the_last_word(site):
    await site.office.first_administrator()
    async with site.browser() as browser:
        await signed_in(site, browser)
        site.office.database.transact(sessions.make_due, site.office.principal("ada").id)
        out = await browser.delete(f"{ROOT}/session")
        assert (out.status_code, len(out.headers.get_list("set-cookie"))) == (204, 1)
        assert "Max-Age=0" in out.headers["set-cookie"]
        assert (await browser.get(f"{ROOT}/session")).status_code == 401
    assert await site.office.database.query(sessions.list_of, site.office.principal("ada").id) != []  # the first one


async def test_one_sees_ones_sessions_and_ends_one_or_all_others(site, condition):
    await site.office.first_administrator()
    async with site.browser() as one, site.browser() as two, site.browser() as three:
        for browser in (one, two, three):
            await signed_in(site, browser)
        listed = (await one.get(f"{ROOT}/sessions")).json()["items"]
        assert len(listed) == 4  # with the one of the one-time link
        assert [item["current"] for item in listed].count(True) == 1
        other = next(item["id"] for item in (await two.get(f"{ROOT}/sessions")).json()["items"] if item["current"])
        assert (await one.delete(f"{ROOT}/sessions/{other}")).status_code == 204

        async def is_out(browser):
            return (await browser.get(f"{ROOT}/session")).status_code == 401

        await condition(lambda: is_out(two))
        assert (await one.delete(f"{ROOT}/sessions/{other}")).status_code == 404
        assert (await one.delete(f"{ROOT}/sessions")).json() == {"ended": 2}
        await condition(lambda: is_out(three))
        assert (await one.get(f"{ROOT}/session")).status_code == 200
    assert len(await site.office.audit("access:end_session")) == 2


async def test_nobody_ends_another_persons_session(site):
    ada = await site.office.first_administrator()
    bob = await site.office.person("bob", "viewer")
    async with site.browser() as browser:
        answer = await browser.post(f"{ROOT}/session", json={"name": "bob", "password": PASSWORD})
        browser.headers["x-csrf-token"] = answer.json()["csrf"]
        refusal = await browser.delete(f"{ROOT}/sessions/{ada.session.id}")
        assert (refusal.status_code, refusal.json()["code"]) == (404, "access.session_unknown")
    assert (await site.office.access.principal_of_session(ada.cookie))[0].name == "ada"
    assert bob.principal.name == "bob"
