"""One-time links: once, soon, and for whom they are meant."""

import asyncio

import pytest

from lineshaft.access import Actor
from lineshaft.access.messages import CreatePrincipal, OfPrincipal
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, TooMany, Unauthenticated

PASSWORD = "rivers run under nine bridges"
HERE = "192.0.2.10"


async def invited(office, name="bob", roles=("viewer",)):
    made = await office.administration.create_principal(
        CreatePrincipal(actor=Actor.of(office.principal("local")), name=name, kind="person", roles=list(roles))
    )
    return made.invitation.text


async def test_the_first_link_makes_an_administrator_of_the_chosen_name(office):
    signed_in = await office.first_administrator("grace")
    assert signed_in.principal.name == "grace"
    assert signed_in.principal.roles == {"administrator"}
    await office.sign_in("grace")


async def test_a_link_works_once(office):
    await office.first_administrator()
    with pytest.raises(Unauthenticated) as refusal:
        await office.redeem(office.started.invitation, "eve")
    assert refusal.value.code == "access.invitation_refused"


async def test_of_two_at_once_one_wins(office):
    text = await invited(office)
    outcomes = await asyncio.gather(*(office.redeem(text) for _ in range(4)), return_exceptions=True)
    won = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    lost = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(won) == 1
    assert {getattr(error, "code", repr(error)) for error in lost} == {"access.invitation_refused"}
    await office.access.principal_of_session(won[0].cookie)


async def test_of_two_first_administrators_at_once_one_wins(office):
    names = ("ada", "eve", "mallory")
    outcomes = await asyncio.gather(
        *(office.redeem(office.started.invitation, name) for name in names), return_exceptions=True
    )
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    members = [member.name for member in await office.access.members() if member.kind == "person"]
    assert len(members) == 1


async def test_a_refused_password_or_name_does_not_use_the_link_up(office):
    text = office.started.invitation
    from lineshaft.access.messages import Redeem

    with pytest.raises(InvalidInput) as refusal:
        await office.desk.redeem(Redeem(invitation=text, name="ada", password="short", address=HERE))
    assert refusal.value.code == "access.password_length"
    for name in ("", "web", "no name"):
        with pytest.raises(InvalidInput):
            await office.redeem(text, name)
    await office.redeem(text, "ada")


async def test_a_link_expires(office):
    now = clock.now_us()
    with clock.fixed(lambda: now):
        text = await invited(office)
        now += office.settings.invitation_minutes * 60 * clock.MICROSECONDS
        with pytest.raises(Unauthenticated):
            await office.redeem(text)
        now -= 1
        await office.redeem(text)


async def test_a_link_from_a_future_the_clock_has_left_is_refused(office):
    text = await invited(office)
    earlier = clock.now_us() - 24 * 3600 * clock.MICROSECONDS
    with clock.fixed(lambda: earlier), pytest.raises(Unauthenticated):
        await office.redeem(text)


async def test_a_newer_link_replaces_the_older(office):
    old = await invited(office)
    actor = Actor.of(office.principal("local"))
    new = await office.administration.invite(OfPrincipal(actor=actor, name="bob"))
    with pytest.raises(Unauthenticated):
        await office.redeem(old)
    assert (await office.redeem(new.text)).principal.name == "bob"


async def test_a_link_is_for_its_person_only(office):
    text = await invited(office)
    with pytest.raises(InvalidInput) as refusal:
        await office.redeem(text, "mallory")
    assert refusal.value.code == "access.invitation_for_another"
    assert (await office.redeem(text, "BOB")).principal.name == "bob"


async def test_a_link_ends_with_its_persons_revocation(office):
    await office.first_administrator()
    text = await invited(office)
    await office.administration.revoke(OfPrincipal(actor=Actor.of(office.principal("ada")), name="bob"))
    with pytest.raises(Unauthenticated):
        await office.redeem(text)
    await office.administration.reinstate(OfPrincipal(actor=Actor.of(office.principal("ada")), name="bob"))
    with pytest.raises(Unauthenticated):
        await office.redeem(text)


async def test_a_free_link_takes_over_nobody(office):
    """The link of the first start chooses its name: it must not become a password for somebody who is there."""
    text = await invited(office, "bob")
    await office.redeem(text)
    for name in ("bob",):
        with pytest.raises(Conflict) as refusal:
            await office.redeem(office.started.invitation, name)
        assert refusal.value.code == "access.name_not_administrator"
    await office.redeem(office.started.invitation, "ada")


async def test_a_new_password_ends_the_sessions_of_the_old(office):
    old = await office.first_administrator()
    link = await office.administration.invite(OfPrincipal(actor=Actor.of(office.principal("local")), name="ada"))
    await office.redeem(link.text)
    with pytest.raises(Unauthenticated):
        await office.access.principal_of_session(old.cookie)


async def test_guessing_links_locks_the_address(office):
    limit = office.settings.lockout_attempts * 4
    for number in range(limit):
        with pytest.raises(Unauthenticated):
            await office.redeem(f"guess {number}")
    with pytest.raises(TooMany):
        await office.redeem(office.started.invitation, "ada")
    assert (await office.redeem(office.started.invitation, "ada", "203.0.113.5")).principal.name == "ada"
    assert len([entry for entry in await office.audit("access:redeem") if entry.outcome == "refused"]) == limit


async def test_the_holder_may_look_at_it_without_using_it_up(office):
    text = await invited(office, roles=("engineer",))
    for _ in range(2):
        found = await office.access.invitation(text)
        assert (found.name, found.roles) == ("bob", ["engineer"])
    assert (await office.access.invitation(office.started.invitation)).name is None
    with pytest.raises(Unauthenticated):
        await office.access.invitation("guess")


async def test_only_people_get_links(office):
    actor = Actor.of(office.principal("local"))
    for name, code in (("web", "access.link_not_for_person"), ("nobody-here", "access.principal_unknown")):
        with pytest.raises(LineshaftError) as refusal:
            await office.administration.invite(OfPrincipal(actor=actor, name=name))
        assert refusal.value.code == code
