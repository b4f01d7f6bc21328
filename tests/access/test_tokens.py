"""API tokens: shown once, hashed, scoped, expiring, felt when revoked."""

import pytest
from sqlalchemy import select

from lineshaft.access import Access, Actor
from lineshaft.access.access import BELIEVED_SECONDS
from lineshaft.access.messages import CreatePrincipal, CreateToken, OfPrincipal, RevokeToken, SetRoles
from lineshaft.access.store import TOKEN
from lineshaft.access.tokens import DAY_US, PER_PRINCIPAL
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError, NotFound, Unauthenticated

DAY = 24 * 3600 * clock.MICROSECONDS


@pytest.fixture
async def bob(office):
    await office.first_administrator()
    return (await office.person("bob", "operator")).principal


async def make(office, principal, *scopes, days=None, name="", label="a machine"):
    asked = CreateToken(
        actor=Actor.of(principal), name=name, label=label, scopes=list(scopes or ["history:read"]), days=days
    )
    return await office.administration.create_token(asked)


async def test_a_token_is_its_owner_narrowed_to_its_scopes(office, bob):
    made = await make(office, bob, "history:read", "edge:read")
    principal = await office.access.principal_of_token(made.text)
    assert (principal.id, principal.name) == (bob.id, "bob")
    assert office.access.authorize(principal, "history:read").allowed
    assert not office.access.authorize(principal, "demo:control").allowed
    assert office.access.authorize(bob, "demo:control").allowed
    with pytest.raises(Forbidden):
        await office.access.require(principal, "demo:control")


async def test_the_records_and_lists_hold_no_secret(office, bob):
    made = await make(office, bob)
    secret = made.text.split("_", 2)[2]
    assert made.text == f"ls_{made.token.id}_{secret}"
    with office.database.read() as connection:
        assert secret not in repr(connection.execute(select(TOKEN)).all())
    assert secret not in repr(await office.access.tokens_of(bob.id))
    assert secret not in await office.everything_recorded()
    assert len(secret) * 6 >= 256


async def test_whatever_is_wrong_with_a_token_the_words_are_the_same(office, bob):
    made = await make(office, bob)
    _, token, secret = made.text.split("_", 2)
    other = (await make(office, bob)).text.split("_", 2)
    wrong = ["", "ls_", "x", secret, made.text[:-1], made.text + "x", made.text.lower(), f"ls_{other[1]}_{secret}",
             f"ls_{token}_{other[2]}", f"ls_{'0' * 26}_{secret}", f" {made.text}", f"{made.text}\n"]  # fmt: skip
    for text in wrong:
        with pytest.raises(Unauthenticated) as refusal:
            await office.access.principal_of_token(text)
        assert (refusal.value.code, refusal.value.facts) == ("access.token_refused", {})
        assert secret not in str(refusal.value)


async def test_every_token_expires(office, bob):
    for days, expected in ((None, office.settings.token_days), (1, 1), (366, 366)):
        made = await make(office, bob, days=days)
        assert made.token.expires - made.token.created == pytest.approx(expected * DAY, abs=60 * clock.MICROSECONDS)
    for days in (0, -1, 367, 10**6):
        with pytest.raises(InvalidInput) as refusal:
            await make(office, bob, days=days)
        assert (refusal.value.code, refusal.value.facts["value"]) == ("access.token_days", days)


async def test_an_expired_token_is_refused_even_while_believed(office, bob):
    made = await make(office, bob, days=1)
    await office.access.principal_of_token(made.text)
    with clock.fixed(lambda: made.token.expires), pytest.raises(Unauthenticated) as refusal:
        await office.access.principal_of_token(made.text)
    assert refusal.value.code == "access.token_expired"
    with clock.fixed(lambda: made.token.expires - 1):
        await office.access.principal_of_token(made.text)


async def test_a_clock_that_steps_ahead_and_back_costs_no_token(office, bob):
    made = await make(office, bob)
    with clock.fixed(lambda: clock._system_now_us() + 1000 * DAY), pytest.raises(Unauthenticated):
        await office.access.principal_of_token(made.text)
    await office.access.principal_of_token(made.text)


async def test_scopes_beyond_the_owners_role_are_refused(office, bob):
    with pytest.raises(InvalidInput) as refusal:
        await make(office, bob, "history:read", "edge:configure")
    assert refusal.value.code == "access.scope_beyond_role"
    with pytest.raises(InvalidInput):
        await make(office, bob, "*")


async def test_a_token_never_does_more_than_its_owner_may_now(office, bob):
    made = await make(office, bob, "demo:control")
    actor = Actor.of(office.principal("ada"))
    await office.administration.set_roles(SetRoles(actor=actor, name="bob", roles=["viewer"]))
    principal = await Access(office.database, office.identity, office.settings).principal_of_token(made.text)
    assert not office.access.authorize(principal, "demo:control").allowed


async def test_a_token_cannot_make_tokens(office, bob):
    """What was stolen must not outlive its expiry by renewing itself."""
    made = await make(office, bob, "access:self", "history:read")
    stolen = await office.access.principal_of_token(made.text)
    with pytest.raises(Forbidden) as refusal:
        await make(office, stolen, "history:read")
    assert refusal.value.code == "access.token_cannot_mint"


async def test_an_administrator_makes_tokens_for_apps_and_people(office, bob):
    ada = office.principal("ada")
    await office.administration.create_principal(
        CreatePrincipal(actor=Actor.of(ada), name="mes", kind="app", roles=["viewer"])
    )
    made = await make(office, ada, name="mes")
    assert (await office.access.principal_of_token(made.text)).kind == "app"
    with pytest.raises(Forbidden):
        await make(office, bob, name="mes")
    for name in ("web", "local", "gateway"):
        with pytest.raises(Conflict) as refusal:
            await make(office, ada, name=name)
        assert refusal.value.code == "access.not_a_person"


async def test_revoked_means_refused_after_what_is_believed(office, bob, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    made = await make(office, bob)
    await office.access.principal_of_token(made.text)
    await office.administration.revoke_token(RevokeToken(actor=Actor.of(bob), token=made.token.id))
    now[0] += BELIEVED_SECONDS + 0.01
    with pytest.raises(Unauthenticated):
        await office.access.principal_of_token(made.text)


async def test_only_its_owner_or_an_administrator_revokes_a_token(office, bob):
    made = await make(office, bob)
    eve = (await office.person("eve", "engineer")).principal
    with pytest.raises(Forbidden):
        await office.administration.revoke_token(RevokeToken(actor=Actor.of(eve), token=made.token.id))
    ada = Actor.of(office.principal("ada"))
    await office.administration.revoke_token(RevokeToken(actor=ada, token=made.token.id))
    with pytest.raises(NotFound):
        await office.administration.revoke_token(RevokeToken(actor=ada, token=made.token.id))


async def test_the_owners_revocation_ends_the_tokens_for_good(office, bob):
    made = await make(office, bob)
    ada = Actor.of(office.principal("ada"))
    await office.administration.revoke(OfPrincipal(actor=ada, name="bob"))
    await office.administration.reinstate(OfPrincipal(actor=ada, name="bob"))
    with pytest.raises(Unauthenticated):
        await Access(office.database, office.identity, office.settings).principal_of_token(made.text)


async def test_use_is_noted_roughly(office, bob):
    made = await make(office, bob)
    for _ in range(3):
        await office.access.principal_of_token(made.text)
    (token,) = await office.access.tokens_of(bob.id)
    assert token.used == pytest.approx(clock.now_us(), abs=60 * clock.MICROSECONDS)


async def test_a_principal_holds_a_bounded_number(office, bob):
    for _ in range(PER_PRINCIPAL):
        await make(office, bob)
    with pytest.raises(LineshaftError) as refusal:
        await make(office, bob)
    assert refusal.value.code == "access.tokens_too_many"
    assert DAY_US == DAY
