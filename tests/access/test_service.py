"""The access service on a real bus: who may ask it, who is cut off and how fast, what goes on without it."""

import errno
import os
import time

import pytest

from lineshaft.access import Actor
from lineshaft.access.messages import (
    CreatedPrincipal,
    CreatePrincipal,
    CreateToken,
    Credentials,
    Done,
    OfPrincipal,
    Redeem,
    RevokeToken,
    SetRoles,
    SignIn,
)
from lineshaft.access.model import Member, NewInvitation, NewToken, SignedIn
from lineshaft.access.requests import ask_to_change, ask_to_sign_in
from lineshaft.bus import CONFIG, DEADLETTER, EVENTS, TELEMETRY
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError, Unauthenticated, Unavailable

PASSWORD = "rivers run under nine bridges"
HERE = "192.0.2.10"
CUT_OFF_SECONDS = 5.0 if os.environ.get("LINESHAFT_SOAK") == "1" else 60.0
"""Five is the promise; with others on the machine nobody can hold it to the second."""

# The statements are tested on both engines next door; here one is enough, but for the first test.
sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
async def running(plant):
    """A plant with the access service, a web connection, and an administrator."""
    plant.access = await plant.start_access()
    plant.web = await plant.connect("web")
    asked = Redeem(invitation=plant.office.started.invitation, name="ada", password=PASSWORD, address=HERE)
    plant.ada = await ask_to_sign_in(plant.web, "redeem", asked, SignedIn)
    plant.actor = Actor.of(plant.ada.principal)
    return plant


async def code_of(attempt):
    with pytest.raises(LineshaftError) as refusal:
        await attempt
    return refusal.value.code


@sqlite_only
async def test_a_person_comes_in_through_web(running):
    signed_in = await ask_to_sign_in(
        running.web, "sign_in", SignIn(name="ada", password=PASSWORD, address=HERE), SignedIn
    )
    principal, _ = await running.office.access.principal_of_session(signed_in.cookie)
    assert principal.name == "ada"
    wrong = SignIn(name="ada", password="not the password", address=HERE)
    with pytest.raises(Unauthenticated) as refusal:
        await ask_to_sign_in(running.web, "sign_in", wrong, SignedIn)
    assert refusal.value.code == "access.sign_in_refused"


async def test_every_verb_answers(running):
    web, actor = running.web, running.actor
    asked = CreatePrincipal(actor=actor, name="bob", kind="person", roles=["viewer"])
    made = await ask_to_change(web, "create_principal", asked, CreatedPrincipal)
    assert made.member.name == "bob"
    of_bob = OfPrincipal(actor=actor, name="bob")
    assert (await ask_to_change(web, "invite", of_bob, NewInvitation)).name == "bob"
    roles = SetRoles(actor=actor, name="bob", roles=["operator"])
    assert (await ask_to_change(web, "set_roles", roles, Member)).roles == ["operator"]
    token = CreateToken(actor=actor, name="bob", label="x", scopes=["history:read"], days=None)
    made_token = await ask_to_change(web, "create_token", token, NewToken)
    assert (await running.office.access.principal_of_token(made_token.text)).name == "bob"
    gone = RevokeToken(actor=actor, token=made_token.token.id)
    assert (await ask_to_change(web, "revoke_token", gone, Done)).done
    assert (await ask_to_change(web, "revoke", of_bob, Member)).revoked is not None
    assert (await ask_to_change(web, "reinstate", of_bob, Member)).revoked is None
    assert (
        await code_of(ask_to_change(web, "revoke", OfPrincipal(actor=actor, name="ada"), Member))
        == "access.revoke_self"
    )


@sqlite_only
async def test_a_body_that_is_none_is_refused_without_repeating_it(running):
    with pytest.raises(InvalidInput) as refusal:
        await running.web.request("access", "sign_in", {"name": "ada", "password": 12345678, "address": HERE}, SignedIn)
    assert "password" in refusal.value.message
    assert "12345678" not in repr((refusal.value.message, refusal.value.facts))


@sqlite_only
async def test_only_web_may_ask(running):
    """The server refuses it by the signed credentials; the service would too."""
    gateway = await running.connect("gateway")
    asked = SignIn(name="ada", password=PASSWORD, address=HERE)
    with pytest.raises(Forbidden) as refusal:
        await gateway.request("access", "sign_in", asked, SignedIn)
    assert refusal.value.code == "bus.forbidden"
    handler = running.access._answer("sign_in", SignIn, running.office.desk.sign_in)
    with pytest.raises(Forbidden) as refusal:
        await handler("gateway", b"{}")
    assert refusal.value.code == "access.denied"
    (entry,) = await running.office.audit("access:sign_in")
    assert (entry.outcome, entry.principal) == ("denied", running.office.principal("gateway").id)
    with pytest.raises(Unauthenticated):
        await handler("stranger", b"{}")


@sqlite_only
async def test_web_cannot_pretend_to_be_another_caller(running):
    with pytest.raises(Forbidden):
        await running.web.publish_stored(running.web.subjects.service("access", "sign_in", "gateway"), b"{}")


# -- subjects that are not one's own ------------------------------------------------------------------------------------


@sqlite_only
async def test_foreign_subjects_are_refused(running):
    subjects = running.web.subjects
    gateway = await running.connect("gateway")
    history = await running.connect("history")
    plant = await running.connect("plant")
    stored = await gateway.publish_stored(subjects.data("gateway", "fast"), b"x")
    assert stored.sequence == 1
    for bus, subject in (
        (gateway, subjects.data("press1", "fast")),
        (gateway, subjects.event("access", "revoked")),
        (gateway, subjects.config("gateway")),
        (history, subjects.data("gateway", "fast")),
        (plant, subjects.data("gateway", "fast")),
        (running.web, subjects.data("gateway", "fast")),
        (running.web, f"$JS.API.STREAM.PURGE.{TELEMETRY}"),
        (gateway, f"$JS.API.STREAM.DELETE.{TELEMETRY}"),
        (history, f"$JS.API.STREAM.DELETE.{TELEMETRY}"),
        (history, f"$JS.API.CONSUMER.CREATE.{TELEMETRY}.web"),
        (gateway, "$SYS.REQ.CLAIMS.UPDATE"),
    ):
        with pytest.raises(Forbidden):
            await bus.publish_stored(subject, b"x", timeout=30)

    async def ignore(message):
        raise AssertionError(message)

    for bus, subject in (
        (gateway, "_INBOX_web.>"),
        (gateway, ">"),
        (gateway, subjects.all_data()),
        (plant, subjects.service_of_all("access", "sign_in")),
        (running.web, subjects.service_of_all("access", "sign_in")),
        (running.web, "_INBOX_access.>"),
        (running.web, "$SYS.>"),
    ):
        with pytest.raises(Forbidden):
            await bus.subscribe(subject, ignore)


@sqlite_only
async def test_what_each_service_needs_is_allowed(running, condition):
    history, gateway = await running.connect("history"), await running.connect("gateway")
    subjects = running.web.subjects
    await gateway.publish_stored(subjects.data("gateway", "fast"), b"1")
    await gateway.publish_stored(subjects.dead("edge"), b"1")
    await gateway.publish_event("edge", "guard", {}, about="gateway")
    async for batch in history.read_stream(TELEMETRY, 1):
        assert [message.data for message in batch] == [b"1"]
        break
    assert await history.trim(TELEMETRY, 1) == 1
    await history.publish_event("history", "committed", {})
    await running.web.publish_stored(subjects.config("gateway"), b"configuration")
    found = await gateway.last_message(CONFIG, subjects.config("gateway"))
    assert found is not None
    assert found.data == b"configuration"
    heard = []

    async def hear(message):
        heard.append(message.data)

    await gateway.subscribe(subjects.config("gateway"), hear)
    await running.web.publish_stored(subjects.config("gateway"), b"newer")
    await condition(lambda: heard == [b"newer"])

    async def latest(caller, body):
        return caller.encode()

    async def hot(caller, body):
        yield {}, b"rows"

    await history.serve("history", "latest", latest)
    await history.serve_stream("history", "hot", hot)
    assert await running.web.request("history", "latest") == b"web"
    assert [data async for _, data in running.web.request_stream("history", "hot")] == [b"rows"]
    with pytest.raises(Forbidden):
        await gateway.request("history", "latest")


@sqlite_only
async def test_the_streams_are_there_with_their_limits(running):
    admin = await running.connect("access")
    for stream in (TELEMETRY, EVENTS, CONFIG, DEADLETTER):
        assert (await admin.stream_info(stream)).messages == 0


# -- cut off ------------------------------------------------------------------------------------------------------------


@sqlite_only
async def test_a_revoked_service_is_cut_off_within_seconds_and_stays_out(running, condition):
    gateway, history = await running.connect("gateway"), await running.connect("history")
    subject = running.web.subjects.data("gateway", "fast")
    await gateway.publish_stored(subject, b"x")
    began = time.monotonic()
    await ask_to_change(running.web, "revoke", OfPrincipal(actor=running.actor, name="gateway"), Member)
    await condition(lambda: not gateway.connected, CUT_OFF_SECONDS)
    assert time.monotonic() - began < CUT_OFF_SECONDS
    assert await code_of(gateway.publish_stored(subject, b"x")) == "bus.refused"
    again = await running.connect("gateway", wait=1.0)
    assert not again.connected
    assert history.connected
    assert running.web.connected


@sqlite_only
async def test_a_revoked_service_stays_out_over_restarts_of_bus_and_access(running, condition):
    await ask_to_change(running.web, "revoke", OfPrincipal(actor=running.actor, name="gateway"), Member)
    await running.access.stop()
    await running.stop_server()
    await running.start_server()  # with the configuration of the first start, which knows of no revocation
    history = await running.connect("history")
    assert history.connected
    gateway = await running.connect("gateway", wait=1.0)
    assert not gateway.connected


@sqlite_only
async def test_a_revocation_while_the_clock_is_behind_holds_over_a_restart_of_the_bus(running):
    """A restarting server keeps the account's token that bears the later time."""
    yesterday = clock.now_us() - 24 * 3600 * clock.MICROSECONDS
    with clock.fixed(lambda: yesterday):
        await running.access._administration.revoke(OfPrincipal(actor=running.actor, name="gateway"))
        await running.access._push()
    await running.access.stop()
    await running.stop_server()
    await running.start_server()
    assert (await running.connect("history")).connected
    assert not (await running.connect("gateway", wait=1.0)).connected


@sqlite_only
async def test_a_revocation_made_while_the_bus_is_down_is_pushed_when_it_returns(running, condition):
    gateway = await running.connect("gateway")
    await running.stop_server()
    await condition(lambda: not gateway.connected)
    asked = OfPrincipal(actor=running.actor, name="gateway")
    assert await code_of(running.access._revoke(asked)) == "access.cut_off_pending"
    assert (await running.office.access.member("gateway")).revoked is not None

    async def pushed(expected):
        checks = {check.name: check.ok for check in await running.access.checks()}
        return checks["revocations"] is expected

    await condition(lambda: pushed(expected=False))
    await running.start_server()
    await condition(lambda: pushed(expected=True))
    assert not (await running.connect("gateway", wait=1.0)).connected
    await condition(lambda: running.web.connected)


async def test_a_revocation_committed_just_before_a_kill_is_pushed_at_the_next_start(running, condition):
    gateway = await running.connect("gateway")
    await running.access.stop()
    await running.office.administration.revoke(OfPrincipal(actor=running.actor, name="gateway"))
    assert gateway.connected
    await running.start_access()
    await condition(lambda: not gateway.connected, CUT_OFF_SECONDS)


@sqlite_only
async def test_a_reinstated_service_comes_back_by_itself_with_a_new_key(running, condition):
    gateway = await running.connect("gateway")
    asked = OfPrincipal(actor=running.actor, name="gateway")
    await ask_to_change(running.web, "revoke", asked, Member)
    await condition(lambda: not gateway.connected, CUT_OFF_SECONDS)
    await ask_to_change(running.web, "reinstate", asked, Member)
    await condition(lambda: gateway.connected)
    await gateway.publish_stored(running.web.subjects.data("gateway", "fast"), b"x")


@sqlite_only
async def test_new_credentials_cut_off_the_old_and_reach_this_homes_file(running, condition):
    history = await running.connect("history")
    before = (running.home.keys / "history.creds").read_text()
    asked = OfPrincipal(actor=running.actor, name="history")
    made = await ask_to_change(running.web, "issue_credentials", asked, Credentials)
    assert (running.home.keys / "history.creds").read_text() == made.text != before
    await condition(lambda: history.connected)
    (running.home.keys / "history.creds").write_text(before)
    stale = await running.connect("history", wait=1.0)
    assert not stale.connected


# -- without the access service -----------------------------------------------------------------------------------------


@sqlite_only
async def test_while_access_is_down_all_goes_on_but_signing_in(running):
    token = await running.office.administration.create_token(
        CreateToken(actor=running.actor, name="", label="x", scopes=["history:read"], days=1)
    )
    history = await running.connect("history")
    await running.access.stop()

    gateway = await running.connect("gateway")  # a new connection, with nobody to ask
    await gateway.publish_stored(running.web.subjects.data("gateway", "fast"), b"x")
    assert history.connected
    await running.office.access.principal_of_session(running.ada.cookie)
    await running.office.access.principal_of_token(token.text)

    asked = SignIn(name="ada", password=PASSWORD, address=HERE)
    with pytest.raises(Unavailable) as refusal:
        await ask_to_sign_in(running.web, "sign_in", asked, SignedIn)
    assert refusal.value.code == "access.unreachable"
    assert "Sign-in is not possible at the moment" in refusal.value.message
    with pytest.raises(Unavailable) as refusal:
        await ask_to_change(running.web, "revoke", OfPrincipal(actor=running.actor, name="gateway"), Member)
    assert refusal.value.code == "access.change_unconfirmed"
    await running.office.access.end_session(running.ada.cookie)

    await running.start_access()
    await ask_to_sign_in(running.web, "sign_in", asked, SignedIn)


@sqlite_only
async def test_access_starts_before_the_bus_and_serves_when_it_comes(plant, condition):
    await plant.stop_server()
    (plant.home.run / "bus.json").unlink(missing_ok=True)
    service = await plant.start_access()
    assert not all(check.ok for check in await service.checks())
    plant.server.prepare()
    await plant.start_server()

    async def ready():
        return all(check.ok for check in await service.checks())

    await condition(ready)
    web = await plant.connect("web")
    asked = Redeem(invitation=plant.office.started.invitation, name="ada", password=PASSWORD, address=HERE)
    assert (await ask_to_sign_in(web, "redeem", asked, SignedIn)).principal.name == "ada"


@sqlite_only
async def test_a_service_that_has_not_started_says_so(plant):
    from lineshaft.access.service import AccessService
    from lineshaft.core.service import Context

    checks = await AccessService(Context(plant.home, plant.settings)).checks()
    assert [check.ok for check in checks] == [False, False]


@sqlite_only
async def test_the_machines_own_token_is_renewed_in_time(running, condition, monkeypatch):
    from lineshaft.access import local_token

    file = running.home.run / "local.token"
    old = file.read_text()
    running.access._renew_local_token()
    assert file.read_text() == old
    ahead = clock._system_now_us() + local_token.LIFE_US * 2 // 3
    with clock.fixed(lambda: ahead):
        running.access._renew_local_token()
    new = file.read_text()
    assert new != old
    assert file.stat().st_mode & 0o777 == 0o600
    await running.office.access.principal_of_token(new)


@sqlite_only
async def test_a_full_disk_delays_a_cut_off_and_does_not_lose_it(running, condition, monkeypatch):
    """The account's token cannot be kept: the revocation waits, is reported, and happens when there is space again."""
    from lineshaft.access import files

    gateway = await running.connect("gateway")
    write = files.write_file
    monkeypatch.setattr(files, "write_file", full_disk)
    asked = OfPrincipal(actor=running.actor, name="gateway")
    assert await code_of(running.access._revoke(asked)) == "access.cut_off_pending"
    assert gateway.connected
    monkeypatch.setattr(files, "write_file", write)
    await condition(lambda: not gateway.connected)
    assert running.access.failure is None


@sqlite_only
async def test_a_background_task_that_fails_for_an_unknown_reason_ends_the_service(running, condition, monkeypatch):
    """The supervisor starts it anew; without its pusher it would revoke nobody."""

    async def broken():
        raise ZeroDivisionError

    monkeypatch.setattr(running.access, "_push", broken)
    running.access._to_push.set()
    await condition(running.access.stopping.is_set)
    assert isinstance(running.access.failure, ZeroDivisionError)


def full_disk(path, data):
    raise OSError(errno.ENOSPC, "No space left on device")
