"""Sessions: hashed, ended by time, by signing out, by revocation; and how long anything verified is believed."""

import pytest
from sqlalchemy import select

from lineshaft.access import Access, Actor
from lineshaft.access.access import BELIEVED_SECONDS
from lineshaft.access.messages import OfPrincipal, SetRoles
from lineshaft.access.sessions import PER_PRINCIPAL, sweep
from lineshaft.access.store import SESSION
from lineshaft.core import clock
from lineshaft.core.errors import Unauthenticated

MINUTE = 60 * clock.MICROSECONDS


@pytest.fixture
def ticks(monkeypatch):
    """A monotonic clock that the test moves."""
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    return now


def fresh(office):
    """Another process's library: it believes nothing yet."""
    return Access(office.database, office.identity, office.settings)


async def ended(access, cookie):
    with pytest.raises(Unauthenticated) as refusal:
        await access.principal_of_session(cookie)
    return refusal.value.code == "access.session_over"


async def test_the_records_hold_no_cookie(office):
    signed_in = await office.first_administrator()
    with office.database.read() as connection:
        rows = repr(connection.execute(select(SESSION)).all())
    assert signed_in.cookie not in rows
    assert signed_in.session.csrf not in rows
    assert len(signed_in.cookie) * 6 >= 256


async def test_anything_else_is_no_session(office):
    signed_in = await office.first_administrator()
    for cookie in (
        "",
        "x",
        signed_in.cookie[:-1],
        signed_in.cookie + "x",
        signed_in.session.id,
        signed_in.cookie.swapcase(),
    ):
        assert await ended(office.access, cookie)


async def test_a_session_ends_at_its_time_however_busy(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        signed_in = await office.first_administrator()
        end = signed_in.session.expires
        while now < end - 30 * MINUTE:
            now += 30 * MINUTE
            await office.access.principal_of_session(signed_in.cookie)
        now = end
        assert await ended(office.access, signed_in.cookie)
        assert await ended(fresh(office), signed_in.cookie)


async def test_a_session_ends_idle_and_use_keeps_it(office):
    now = clock.now_us()
    idle = office.settings.session_idle_minutes * MINUTE
    with clock.fixed(lambda: now):
        signed_in = await office.first_administrator()
        now += idle
        await office.access.principal_of_session(signed_in.cookie)
        now += idle
        await fresh(office).principal_of_session(signed_in.cookie, touch=False)
        now += MINUTE
        assert await ended(office.access, signed_in.cookie)
        assert await ended(fresh(office), signed_in.cookie)


async def test_looking_without_touching_does_not_keep_it(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        signed_in = await office.first_administrator()
        for _ in range(office.settings.session_idle_minutes // 30):
            now += 30 * MINUTE
            await office.access.principal_of_session(signed_in.cookie, touch=False)
        now += 30 * MINUTE
        assert await ended(office.access, signed_in.cookie)


async def test_a_session_from_a_future_the_clock_has_left_is_over(office):
    signed_in = await office.first_administrator()
    yesterday = clock.now_us() - 24 * 60 * MINUTE
    with clock.fixed(lambda: yesterday):
        assert await ended(office.access, signed_in.cookie)
    with clock.fixed(lambda: signed_in.session.created - MINUTE):
        await office.access.principal_of_session(signed_in.cookie)


async def test_signing_out_ends_it_at_once_and_only_it(office):
    first = await office.first_administrator()
    second = await office.sign_in("ada")
    await office.access.principal_of_session(first.cookie)
    await office.access.end_session(first.cookie)
    assert await ended(office.access, first.cookie)
    await office.access.principal_of_session(second.cookie)
    await office.access.end_session("no session")
    assert [entry.outcome for entry in await office.audit("access:sign_out")] == ["done"]


async def test_revocation_is_felt_after_what_is_believed(office, ticks):
    await office.first_administrator()
    bob = await office.person("bob", "viewer")
    await office.access.principal_of_session(bob.cookie)
    await office.administration.revoke(OfPrincipal(actor=Actor.of(office.principal("ada")), name="bob"))
    ticks[0] += BELIEVED_SECONDS + 0.01
    assert await ended(office.access, bob.cookie)
    assert await ended(fresh(office), bob.cookie)


async def test_a_changed_role_is_felt_after_what_is_believed(office, ticks):
    await office.first_administrator()
    bob = await office.person("bob", "engineer")
    await office.access.principal_of_session(bob.cookie)
    actor = Actor.of(office.principal("ada"))
    await office.administration.set_roles(SetRoles(actor=actor, name="bob", roles=["viewer"]))
    ticks[0] += BELIEVED_SECONDS + 0.01
    principal, _ = await office.access.principal_of_session(bob.cookie)
    assert principal.roles == {"viewer"}


def test_what_is_believed_is_short():
    assert BELIEVED_SECONDS <= 2


async def test_verified_sessions_cost_no_query_while_believed(office, ticks, monkeypatch):
    signed_in = await office.first_administrator()
    await office.access.principal_of_session(signed_in.cookie)
    monkeypatch.setattr(office.database, "query", None)
    await office.access.principal_of_session(signed_in.cookie)


async def test_the_oldest_sessions_of_a_person_make_room(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        first = await office.first_administrator()
        for _ in range(PER_PRINCIPAL):
            now += clock.MICROSECONDS
            last = await office.sign_in("ada")
        assert await ended(fresh(office), first.cookie)
        await fresh(office).principal_of_session(last.cookie)


async def test_sweeping_drops_only_what_has_ended(office):
    signed_in = await office.first_administrator()
    idle = office.settings.session_idle_minutes * MINUTE
    assert office.database.transact(sweep, idle) == 0
    with clock.fixed(lambda: signed_in.session.created + idle + MINUTE):
        assert office.database.transact(sweep, idle) == 1
