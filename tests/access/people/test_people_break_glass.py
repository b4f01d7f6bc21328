"""The emergency code: sealed, good once, for a limited time, and never unnoticed."""

import asyncio
import json
import re

import pytest
import structlog
from sqlalchemy import select
from typer.testing import CliRunner

from lineshaft.access import Actor
from lineshaft.access.cli import app
from lineshaft.access.messages import CreateToken, OfPrincipal
from lineshaft.access.people import break_glass
from lineshaft.access.people.messages import OfBreakGlass, UseBreakGlass
from lineshaft.access.store import AUDIT
from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.records.store import OUTBOX

HERE, ELSEWHERE = "192.0.2.10", "198.51.100.7"
HOUR = 3600 * clock.MICROSECONDS


@pytest.fixture(autouse=True)
def logs_elsewhere():
    """The access service logs in this process: not into what the commands print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


async def refused(attempt):
    with pytest.raises(LineshaftError) as refusal:
        await attempt
    return refusal.value


def local(office):
    return OfBreakGlass(actor=Actor.of(office.principal("local")))


async def make(office, glass):
    return (await glass.create(local(office))).code


async def use(glass, code, address=HERE):
    return await glass.use(UseBreakGlass(code=code, address=address))


async def test_the_account_is_disabled_until_the_code_is_used(office, glass):
    code = await make(office, glass)
    assert len(code.replace("-", "")) == 32
    assert (await office.access.member("break-glass")).revoked is not None
    assert (await office.database.query(break_glass.state, office.identity.tenant)).state == "sealed"
    signed_in = await use(glass, code)
    person, session = await office.access.principal_of_session(signed_in.cookie)
    assert office.access.authorize(person, "access:manage").allowed
    assert HOUR - 60 * clock.MICROSECONDS < session.expires - session.created <= HOUR
    assert (await office.access.member("break-glass")).revoked is None


async def test_the_records_and_the_audit_trail_hold_no_code(office, glass):
    code = await make(office, glass)
    await use(glass, code)
    await refused(use(glass, "AAAA-BBBB"))
    assert code not in await office.everything_recorded()
    assert code.replace("-", "") not in await office.everything_recorded()


async def test_the_code_is_read_as_people_type_it_and_good_once(office, glass):
    code = await make(office, glass)
    await use(glass, f" {code.lower().replace('-', ' ')} ")
    error = await refused(use(glass, code))
    wrong = await refused(use(glass, "AAAA-BBBB-CCCC-DDDD"))
    assert (error.code, error.message) == (wrong.code, wrong.message)
    assert error.code == "access.break_glass_refused"


async def test_a_newer_code_makes_the_one_before_void(office, glass):
    old = await make(office, glass)
    new = await make(office, glass)
    assert (await refused(use(glass, old))).code == "access.break_glass_refused"
    await use(glass, new)


async def test_its_use_is_an_alarm_in_the_trail_on_the_bus_and_in_the_health(office, glass):
    code = await make(office, glass)
    assert glass.check().ok
    signed_in = await use(glass, code, ELSEWHERE)
    with office.database.read() as connection:
        (kind,) = connection.scalars(select(AUDIT.c["class"]).where(AUDIT.c.action == "access:break_glass"))
        (message,) = connection.execute(select(OUTBOX))
    assert kind == "alarm"
    assert message.subject.endswith(".event.access.alarm")
    event = json.loads(message.payload)
    assert (event["what"], event["address"], event["principal"]) == ("break_glass", ELSEWHERE, signed_in.principal.id)
    check = glass.check()
    assert not check.ok
    assert ELSEWHERE in check.detail
    assert "acknowledge" in check.hint


async def test_the_alarm_stands_over_a_restart_until_another_administrator_acknowledges_it(office, glass):
    signed_in = await use(glass, await make(office, glass))
    own = OfBreakGlass(actor=Actor(id=signed_in.principal.id))
    assert (await refused(glass.acknowledge(own))).code == "access.break_glass_own_alarm"
    viewer = await office.person("vera", "viewer")
    assert (await refused(glass.acknowledge(OfBreakGlass(actor=Actor(id=viewer.principal.id))))).status == 403
    later = clock.now_us() + 30 * 24 * HOUR
    with clock.fixed(lambda: later):
        assert (await glass.tend()).state == "used"
        assert not glass.check().ok
    assert (await refused(glass.create(local(office)))).code == "access.break_glass_unacknowledged"
    assert (await glass.acknowledge(local(office))).state == "acknowledged"
    assert glass.check().ok
    assert (await refused(glass.acknowledge(local(office)))).code == "access.break_glass_quiet"
    (entry,) = await office.audit("access:break_glass_acknowledge")
    assert entry.principal == office.principal("local").id


async def test_when_its_time_is_over_nothing_of_the_account_is_left(office, glass):
    signed_in = await use(glass, await make(office, glass))
    actor = Actor(id=signed_in.principal.id)
    token = await office.administration.create_token(
        CreateToken(actor=actor, name="", label="x", scopes=["access:self"], days=1)
    )
    invited = await office.administration.invite(OfPrincipal(actor=actor, name="break-glass"))
    kept = await office.redeem(invited.text)
    await glass.tend()
    assert (await office.access.principal_of_session(kept.cookie))[0].name == "break-glass"
    later = clock.now_us() + HOUR
    with clock.fixed(lambda: later):
        await glass.tend()
        office.access.forget_sessions()
        for cookie in (signed_in.cookie, kept.cookie):
            assert (await refused(office.access.principal_of_session(cookie))).status == 401
        assert (await refused(office.access.principal_of_token(token.text))).status == 401
        assert (await refused(office.sign_in("break-glass"))).code == "access.sign_in_refused"
    member = await office.access.member("break-glass")
    assert (member.can_sign_in, member.revoked is None) == (False, False)
    assert len(await office.audit("access:break_glass_end")) == 1


async def test_an_account_brought_back_otherwise_is_disabled_again(office, glass):
    await make(office, glass)
    await office.administration.reinstate(OfPrincipal(actor=Actor.of(office.principal("local")), name="break-glass"))
    await glass.tend()
    assert (await office.access.member("break-glass")).revoked is not None


async def test_only_an_administrator_makes_a_code(office, glass):
    bob = await office.person("bob", "engineer")
    assert (await refused(glass.create(OfBreakGlass(actor=Actor(id=bob.principal.id))))).status == 403


async def test_guesses_lock_their_address_and_nobody_elses(office, glass):
    code = await make(office, glass)
    errors = [await refused(use(glass, f"GUESS{number}")) for number in range(office.settings.lockout_attempts * 4 + 1)]
    assert errors[-1].code == "access.sign_in_locked"
    await use(glass, code, ELSEWHERE)


async def test_over_http(site):
    async with site.local() as local, site.browser() as browser:
        assert (await local.get("/api/v1/access/break-glass")).json()["state"] == "none"
        made = await local.post("/api/v1/access/break-glass")
        assert made.status_code == 201, made.text
        signed_in = await browser.post("/api/v1/access/session:break-glass", json={"code": made.json()["code"]})
        assert (signed_in.status_code, signed_in.json()["roles"]) == (201, ["administrator"])
        age = int(re.search(r"; Max-Age=(\d+);", signed_in.headers["set-cookie"])[1])
        assert 3600 - 60 <= age <= 3600  # an hour from its use on, less what the answer took
        checks = {check.name: check for check in await site.service.checks()}
        assert not checks["break_glass"].ok
        assert (await local.get("/api/v1/access/break-glass")).json()["state"] == "in_use"
        assert (await local.post("/api/v1/access/break-glass/acknowledge")).status_code == 200
        checks = {check.name: check for check in await site.service.checks()}
        assert checks["break_glass"].ok
        again = await browser.post("/api/v1/access/session:break-glass", json={"code": made.json()["code"]})
        assert (again.status_code, again.json()["code"]) == (401, "access.break_glass_refused")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
async def test_by_the_command_line(site):
    def run(*arguments):
        done = CliRunner().invoke(app, ["break-glass", *arguments, "--json", "--home", str(site.plant.home.path)])
        if isinstance(done.exception, LineshaftError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    code = (await asyncio.to_thread(run, "create", "--yes"))["code"]
    assert (await asyncio.to_thread(run, "status"))["state"] == "sealed"
    async with site.browser() as browser:
        assert (await browser.post("/api/v1/access/session:break-glass", json={"code": code})).status_code == 201
    assert (await asyncio.to_thread(run, "status"))["address"] == "127.0.0.1"
    assert (await asyncio.to_thread(run, "acknowledge"))["state"] == "acknowledged"
    with pytest.raises(LineshaftError) as refusal:
        await asyncio.to_thread(run, "acknowledge")
    assert refusal.value.code == "access.break_glass_quiet"
