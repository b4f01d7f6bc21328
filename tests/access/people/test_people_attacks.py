"""What an attacker tries at the door: guessing, locking others out, planting sessions; over real sockets."""

import httpx
import pytest
from sqlalchemy import func, select

from lineshaft.access import AccessSettings, Actor, sessions
from lineshaft.access.messages import SetRoles
from lineshaft.access.secret_texts import digest
from lineshaft.access.store import SESSION
from lineshaft.core import clock

ROOT = "/api/v1/access"
COOKIE = "lineshaft_session"
PASSWORD = "rivers run under nine bridges"
USUAL, FOREIGN, THIRD = "127.0.0.1", "127.0.0.2", "127.0.0.3"


@pytest.fixture
def settings():
    return AccessSettings(lockout_attempts=3)  # fewer hashes to wait for


@pytest.fixture
def at(site):
    """Makes browsers at another place of the network."""

    def make(address):
        headers = {"origin": site.url, "sec-fetch-site": "same-origin"}
        transport = httpx.AsyncHTTPTransport(local_address=address)
        return httpx.AsyncClient(base_url=site.url, headers=headers, transport=transport, trust_env=False, timeout=60)

    return make


async def sign_in(browser, name, password=PASSWORD):
    return await browser.post(f"{ROOT}/session", json={"name": name, "password": password})


def told(answer):
    """All that an answer to a guesser tells, but the moment and the number of the incident."""
    document = answer.json()
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    return answer.status_code, headers, {key: value for key, value in document.items() if key != "instance"}


async def test_known_and_unknown_names_get_the_same_answers_up_to_the_lock(site, at):
    await site.office.person("bob", "operator")
    attempts = site.office.settings.lockout_attempts
    async with at(FOREIGN) as one, at(THIRD) as other:
        for number in range(attempts + 2):
            known, unknown = await sign_in(one, "bob", f"wrong {number}"), await sign_in(other, "nobody-here", "wrong")
            assert told(known) == told(unknown)
            assert known.status_code == (401 if number < attempts else 429)
        assert "retry-after" in known.headers


async def test_a_stranger_who_locks_a_name_does_not_lock_its_owner_out(site, at):
    await site.office.person("bob", "operator")
    async with at(USUAL) as owner, at(FOREIGN) as stranger:
        assert (await sign_in(owner, "bob")).status_code == 201
        for _ in range(site.office.settings.lockout_attempts + 1):
            last = await sign_in(stranger, "bob", "wrong")
        assert last.status_code == 429
        assert (await sign_in(owner, "bob")).status_code == 201
        assert (await sign_in(stranger, "bob")).status_code == 429


async def test_a_stranger_who_tries_many_names_locks_only_their_own_address(site, at):
    for name in ("bob", "eve"):
        await site.office.person(name, "operator")
    limit = site.office.settings.lockout_attempts * 4
    async with at(FOREIGN) as stranger, at(USUAL) as owner, at(THIRD) as new_place:
        statuses = [(await sign_in(stranger, f"name-{number}", "wrong")).status_code for number in range(limit + 2)]
        assert statuses == [401] * limit + [429, 429]
        assert (await sign_in(stranger, "bob")).status_code == 429
        assert (await sign_in(owner, "bob")).status_code == 201
        assert (await sign_in(new_place, "eve")).status_code == 201


async def test_guesses_of_links_codes_and_passkeys_are_counted_together(site, at):
    limit = site.office.settings.lockout_attempts * 4
    guesses = [
        (f"{ROOT}/invitations/redeem", {"invitation": "guess", "name": "eve", "password": PASSWORD}),
        (f"{ROOT}/session:break-glass", {"code": "guess"}),
    ]
    async with at(FOREIGN) as stranger, at(THIRD) as another:
        answers = [await post(stranger, guesses[number % 2]) for number in range(limit + 1)]
        assert [answer.status_code for answer in answers] == [401] * limit + [429]
        for guess in guesses:
            assert (await post(stranger, guess)).status_code == 429
            assert (await post(another, guess)).status_code == 401
    text = await site.office.everything_recorded()
    assert "'guess'" not in text


async def post(browser, guess):
    path, body = guess
    return await browser.post(path, json=body)


@pytest.mark.parametrize("planted", ["planted-by-a-stranger", "a" * 43])
async def test_a_session_planted_before_sign_in_is_worth_nothing_after_it(site, planted):
    await site.office.first_administrator()
    async with site.browser() as victim, site.browser() as attacker:
        victim.cookies.set(COOKIE, planted)
        attacker.cookies.set(COOKIE, planted)
        answer = await sign_in(victim, "ada")
        assert answer.status_code == 201
        assert planted not in answer.headers["set-cookie"]
        assert (await attacker.get(f"{ROOT}/session")).status_code == 401


async def test_an_attackers_own_session_planted_before_sign_in_ends_with_it(site):
    await site.office.person("eve", "viewer")
    await site.office.first_administrator()
    async with site.browser() as attacker, site.browser() as victim:
        assert (await sign_in(attacker, "eve")).status_code == 201
        planted = attacker.cookies[COOKIE]
        victim.headers["cookie"] = f"{COOKIE}={planted}"
        answer = await sign_in(victim, "ada")
        assert (answer.status_code, answer.json()["name"]) == (201, "ada")
        site.office.access.forget_sessions()
        assert await site.office.database.query(_count, planted) == 0


def _count(connection, cookie):
    return connection.scalar(select(func.count()).where(SESSION.c.digest == digest(cookie)))


async def test_after_a_change_of_roles_a_copied_cookie_dies_with_the_next_request_of_its_owner(site, condition):
    await site.office.person("bob", "operator")
    async with site.browser() as owner, site.browser() as thief:
        assert (await sign_in(owner, "bob")).status_code == 201
        copied = owner.cookies[COOKIE]
        actor = Actor.of(site.office.principal("local"))
        await site.office.administration.set_roles(SetRoles(actor=actor, name="bob", roles=["engineer"]))

        async def renewed():
            await owner.get(f"{ROOT}/session")
            return owner.cookies[COOKIE] != copied

        await condition(renewed)  # what was believed of the session is at most two seconds old
        later = clock.now_us() + sessions.OLD_SECRET_US + 1
        with clock.fixed(lambda: later):
            thief.cookies.set(COOKIE, copied)
            assert (await thief.get(f"{ROOT}/session")).status_code == 401
            assert (await owner.get(f"{ROOT}/session")).status_code == 200


async def test_a_foreign_page_can_neither_sign_in_nor_begin_a_passkey_nor_use_the_code(site):
    async with site.browser() as page:
        page.headers.update({"origin": "https://evil.example", "sec-fetch-site": "cross-site"})
        for path, body in (
            ("session", {"name": "ada", "password": PASSWORD}), ("session:passkey-options", {}),
            ("session:passkey", {"credential": {}}), ("session:break-glass", {"code": "x"}),
        ):  # fmt: skip
            answer = await page.post(f"{ROOT}/{path}", json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "access.origin_foreign")
            assert "set-cookie" not in answer.headers
