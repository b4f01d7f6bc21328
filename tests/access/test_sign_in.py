"""Signing in, and what a guesser learns and how often they may try."""

import asyncio

import pytest

from lineshaft.access import AccessSettings, Actor
from lineshaft.access.administration import Administration
from lineshaft.access.messages import ChangePassword, OfPrincipal
from lineshaft.access.passwords import PasswordHasher
from lineshaft.access.people.admission import KNOWN_ADDRESSES
from lineshaft.access.sign_in import SignInDesk
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError, TooMany, Unauthenticated

PASSWORD = "rivers run under nine bridges"
OTHER = "seven lamps along the quay"
HERE, ELSEWHERE = "192.0.2.10", "198.51.100.7"
MINUTE = 60 * clock.MICROSECONDS


async def refused(attempt):
    with pytest.raises(LineshaftError) as refusal:
        await attempt
    return refusal.value


async def fail(office, name, times, address=ELSEWHERE):
    for _ in range(times):
        error = await refused(office.sign_in(name, "not the password", address))
        assert error.code == "access.sign_in_refused"


async def test_the_right_name_and_password_begin_a_session(office):
    await office.first_administrator()
    signed_in = await office.sign_in(" Ada ")
    principal, session = await office.access.principal_of_session(signed_in.cookie)
    assert principal == signed_in.principal
    assert session == signed_in.session
    assert principal.roles == {"administrator"}


async def test_wrong_name_wrong_password_and_revoked_look_alike(office):
    await office.first_administrator()
    await office.person("bob", "viewer")
    await office.administration.revoke(OfPrincipal(actor=Actor.of(office.principal("ada")), name="bob"))
    errors = [
        await refused(office.sign_in("ada", "not the password")),
        await refused(office.sign_in("nobody-here")),
        await refused(office.sign_in("bob")),
        await refused(office.sign_in("local")),
        await refused(office.sign_in("web")),
        await refused(office.sign_in("not a name\0 at all")),
        await refused(office.sign_in("")),
    ]
    assert {type(error) for error in errors} == {Unauthenticated}
    assert {(error.code, error.message, error.hint, repr(error.facts)) for error in errors} == {
        (errors[0].code, errors[0].message, errors[0].hint, "{}")
    }


async def test_each_of_them_verifies_one_hash(office, monkeypatch):
    await office.first_administrator()
    verified = []
    verify = PasswordHasher.verify

    async def counted(self, stored, password):
        verified.append(stored is not None)
        return await verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    await refused(office.sign_in("ada", "not the password"))
    await refused(office.sign_in("nobody-here"))
    assert verified == [True, False]


async def test_every_sign_in_is_recorded_and_nothing_typed_by_a_stranger_is(office):
    await office.first_administrator()
    signed_in = await office.sign_in("ada")
    await refused(office.sign_in("ada", "not the password"))
    await refused(office.sign_in(PASSWORD))  # typed into the wrong field
    unknown, wrong, right = await office.audit("access:sign_in")
    assert (right.outcome, right.principal) == ("done", signed_in.principal.id)
    assert (wrong.outcome, wrong.principal) == ("refused", signed_in.principal.id)
    assert (unknown.outcome, unknown.principal, unknown.resource) == ("refused", "", "")
    recorded = await office.everything_recorded()
    for secret in (PASSWORD, "not the password", signed_in.cookie, signed_in.session.csrf, office.started.invitation):
        assert secret not in recorded


async def test_a_session_planted_beforehand_is_worth_nothing(office):
    await office.first_administrator()
    first = await office.sign_in("ada")
    from lineshaft.access.messages import SignIn

    second = await office.desk.sign_in(SignIn(name="ada", password=PASSWORD, address=HERE, previous=first.cookie))
    assert second.cookie != first.cookie
    with pytest.raises(Unauthenticated):
        await office.access.principal_of_session(first.cookie)
    await office.access.principal_of_session(second.cookie)


async def test_a_weaker_hash_is_renewed_at_sign_in(office):
    await office.first_administrator()
    stronger = PasswordHasher(time_cost=2, memory_kib=64)
    desk = SignInDesk(office.database, office.identity, office.settings, stronger)
    office.desk = desk
    charged = await office.database.write(desk._charge, "ada", HERE)
    assert stronger.outdated(charged.hash)
    await office.sign_in("ada")
    charged = await office.database.write(desk._charge, "ada", HERE)
    stronger.close()
    assert not stronger.outdated(charged.hash)


# -- locks --------------------------------------------------------------------------------------------------------------


async def test_a_name_is_locked_after_too_many_failures_even_for_the_right_password(office):
    await office.first_administrator()
    await fail(office, "ada", office.settings.lockout_attempts)
    error = await refused(office.sign_in("ada", PASSWORD, "203.0.113.5"))
    assert isinstance(error, TooMany)
    assert error.code == "access.sign_in_locked"
    assert error.facts["retry_seconds"] == 15 * 60
    locked = [entry.outcome for entry in await office.audit("access:sign_in")]
    assert locked[0] == "locked"


async def test_a_name_nobody_has_is_locked_likewise(office):
    await fail(office, "nobody-here", office.settings.lockout_attempts)
    assert (await refused(office.sign_in("NOBODY-here"))).code == "access.sign_in_locked"


async def test_strangers_who_lock_a_name_do_not_lock_its_owner_out_at_the_usual_place(office):
    await office.first_administrator()  # from HERE
    await fail(office, "ada", office.settings.lockout_attempts)
    assert (await refused(office.sign_in("ada", PASSWORD, ELSEWHERE))).code == "access.sign_in_locked"
    await office.sign_in("ada", PASSWORD, HERE)


async def test_the_usual_place_is_locked_by_its_own_failures(office):
    await office.first_administrator()
    await fail(office, "ada", office.settings.lockout_attempts, HERE)
    assert (await refused(office.sign_in("ada", PASSWORD, HERE))).code == "access.sign_in_locked"


async def test_an_address_that_tries_many_names_is_locked(office):
    for number in range(office.settings.lockout_attempts * 4):
        assert (await refused(office.sign_in(f"name{number}", "wrong", ELSEWHERE))).code == "access.sign_in_refused"
    assert (await refused(office.sign_in("name99", "wrong", ELSEWHERE))).code == "access.sign_in_locked"
    assert (await refused(office.sign_in("name99", "wrong", "203.0.113.5"))).code == "access.sign_in_refused"


async def test_ipv6_neighbours_share_one_count(office):
    for number in range(office.settings.lockout_attempts * 4):
        await refused(office.sign_in(f"name{number}", "wrong", f"2001:db8:1:2::{number:x}"))
    assert (await refused(office.sign_in("name99", "wrong", "2001:db8:1:2:ffff::1"))).code == "access.sign_in_locked"
    assert (await refused(office.sign_in("name99", "wrong", "2001:db8:1:3::1"))).code == "access.sign_in_refused"


async def test_signing_in_does_not_win_the_address_new_guesses(office):
    """Somebody with an account of their own signs in between guesses at others."""
    await office.person("mallory", "viewer")
    limit = office.settings.lockout_attempts * 4
    for number in range(limit - 1):
        await refused(office.sign_in(f"name{number}", "wrong", ELSEWHERE))
    await office.sign_in("mallory", PASSWORD, ELSEWHERE)
    assert (await refused(office.sign_in("name98", "wrong", ELSEWHERE))).code == "access.sign_in_refused"
    assert (await refused(office.sign_in("name99", "wrong", ELSEWHERE))).code == "access.sign_in_locked"


async def test_guesses_at_once_are_no_more_than_guesses_in_a_row(office, monkeypatch):
    await office.first_administrator()
    monkeypatch.setattr("lineshaft.access.passwords.WAITING_PER_SOURCE", 100)
    guesses = [refused(office.sign_in("ada", f"guess {number}", ELSEWHERE)) for number in range(12)]
    codes = [error.code for error in await asyncio.gather(*guesses)]
    assert codes.count("access.sign_in_refused") == office.settings.lockout_attempts
    assert codes.count("access.sign_in_locked") == 12 - office.settings.lockout_attempts


async def test_a_lock_ends_comes_back_longer_and_never_exceeds_the_maximum(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        await office.first_administrator()
        lengths = []
        for _ in range(4):
            await fail(office, "ada", office.settings.lockout_attempts)
            error = await refused(office.sign_in("ada", PASSWORD, ELSEWHERE))
            lengths.append(error.facts["minutes"])
            now += error.facts["minutes"] * MINUTE + 1
        assert lengths == [15, 30, 60, 60]
        await office.sign_in("ada", PASSWORD, ELSEWHERE)


async def test_attempts_while_locked_do_not_prolong_the_lock(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        await office.first_administrator()
        await fail(office, "ada", office.settings.lockout_attempts)
        for _ in range(20):
            assert (await refused(office.sign_in("ada", "wrong", ELSEWHERE))).code == "access.sign_in_locked"
            now += MINUTE // 2
        now += 5 * MINUTE + 1
        await office.sign_in("ada", PASSWORD, ELSEWHERE)


async def test_failures_far_apart_do_not_add_up(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        for _ in range(3 * office.settings.lockout_attempts):
            await fail(office, "ada", 1)
            now += 4 * MINUTE + office.settings.lockout_window_minutes * MINUTE // office.settings.lockout_attempts


async def test_a_clock_that_steps_back_does_not_lock_for_years(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        await office.first_administrator()
        await fail(office, "ada", office.settings.lockout_attempts)
        now -= 365 * 24 * 60 * MINUTE
        await office.sign_in("ada", PASSWORD, ELSEWHERE)


async def test_failures_from_a_future_the_clock_has_left_do_not_count(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        await office.first_administrator()
        await fail(office, "ada", office.settings.lockout_attempts - 1)
        now -= 365 * 24 * 60 * MINUTE
        await fail(office, "ada", office.settings.lockout_attempts - 1)
        await office.sign_in("ada", PASSWORD, ELSEWHERE)


async def test_a_person_is_known_at_the_last_few_places_only(office):
    await office.first_administrator()
    for number in range(KNOWN_ADDRESSES):
        await office.sign_in("ada", PASSWORD, f"203.0.113.{number}")
    await fail(office, "ada", office.settings.lockout_attempts)
    await office.sign_in("ada", PASSWORD, "203.0.113.1")
    assert (await refused(office.sign_in("ada", PASSWORD, HERE))).code == "access.sign_in_locked"


async def test_a_new_password_by_link_opens_a_locked_name(office):
    await office.first_administrator()
    await fail(office, "ada", office.settings.lockout_attempts)
    link = await office.administration.invite(OfPrincipal(actor=Actor.of(office.principal("local")), name="ada"))
    await office.redeem(link.text, address=ELSEWHERE)
    await office.sign_in("ada", PASSWORD, "203.0.113.5")


# -- changing the password ----------------------------------------------------------------------------------------------


async def change(office, signed_in, old=PASSWORD, new=OTHER, scopes=None):
    actor = Actor(id=signed_in.principal.id, scopes=scopes)
    return await office.desk.change_password(ChangePassword(actor=actor, old=old, new=new, address=HERE))


async def test_a_changed_password_ends_all_other_sessions(office):
    first = await office.first_administrator()
    second = await office.sign_in("ada")
    third = await change(office, second)
    for cookie in (first.cookie, second.cookie):
        with pytest.raises(Unauthenticated):
            await office.access.principal_of_session(cookie)
    await office.access.principal_of_session(third.cookie)
    assert (await refused(office.sign_in("ada", PASSWORD))).code == "access.sign_in_refused"
    await office.sign_in("ada", OTHER)


async def test_it_needs_the_old_password_and_few_tries(office):
    signed_in = await office.first_administrator()
    for _ in range(office.settings.lockout_attempts):
        error = await refused(change(office, signed_in, old="not the password"))
        assert (type(error), error.code) == (Forbidden, "access.old_password_wrong")
    assert (await refused(change(office, signed_in))).code == "access.sign_in_locked"
    assert {entry.outcome for entry in await office.audit("access:change_password")} == {"refused"}


async def test_a_token_cannot_change_the_password(office):
    signed_in = await office.first_administrator()
    error = await refused(change(office, signed_in, scopes=["access:self"]))
    assert (type(error), error.code) == (Forbidden, "access.password_not_yours")


@pytest.mark.parametrize(("new", "code"), [(PASSWORD, "access.password_same"), ("short", "access.password_length")])
async def test_the_new_one_follows_the_rules_and_is_new(office, new, code):
    signed_in = await office.first_administrator()
    error = await refused(change(office, signed_in, new=new))
    assert (type(error), error.code, error.facts["field"]) == (InvalidInput, code, "new")
    await office.access.principal_of_session(signed_in.cookie)


async def test_a_revocation_during_the_check_wins(office, monkeypatch):
    """The password is right, but its owner is revoked while it is being verified."""
    await office.first_administrator()
    await office.person("bob", "viewer")
    verify = PasswordHasher.verify
    administration: Administration = office.administration

    async def revoked_meanwhile(self, stored, password):
        right = await verify(self, stored, password)
        await administration.revoke(OfPrincipal(actor=Actor.of(office.principal("ada")), name="bob"))
        return right

    monkeypatch.setattr(PasswordHasher, "verify", revoked_meanwhile)
    assert (await refused(office.sign_in("bob"))).code == "access.sign_in_refused"


def test_the_defaults_are_those_documented():
    settings = AccessSettings()
    assert (settings.lockout_attempts, settings.lockout_window_minutes, settings.password_minimum) == (5, 15, 12)
