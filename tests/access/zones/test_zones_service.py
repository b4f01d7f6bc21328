"""A new zone plan is felt: on the bus, at gateways, in the records; and nothing is half-done."""

import msgspec
from sqlalchemy import select

from lineshaft.access import Access
from lineshaft.access.credentials import void_keys
from lineshaft.access.installation import bootstrap
from lineshaft.access.principals import find_row, from_row
from lineshaft.access.zones import store
from lineshaft.access.zones.model import DEFAULT
from lineshaft.bus import Bus
from lineshaft.bus.client import credentials_file
from lineshaft.core.errors import Forbidden, Unavailable
from lineshaft.core.principals import Resource
from lineshaft.edge.model import decode_config
from lineshaft.records.store import OUTBOX

ZONES = "/api/v1/access/zones"
APART = {
    "hub": "control",
    "zones": [
        {"name": "control", "networks": ["10.20.0.0/24"]},
        {"name": "press", "security_level": 3, "networks": ["10.30.1.0/24"], "members": ["gateway"]},
    ],
    "conduits": [{"name": "up", "from": "press", "to": "control", "flows": [{"kind": "telemetry"}]}],
}


def shut() -> dict:
    return APART | {"conduits": []}


async def publishes(bus: Bus) -> bool | None:
    """Whether the gateway may send telemetry now; None while it is cut off, to come back with other credentials."""
    try:
        await bus.publish_stored(bus.subjects.data("gateway", "main"), b"x")
    except Forbidden:
        return False
    except Unavailable:
        return None
    return True


async def put(browser, plan, **headers):
    return await browser.put(ZONES, json=plan, headers=headers)


async def test_a_new_box_keeps_nothing_apart(site):
    async with site.local() as local:
        answer = await local.get(ZONES)
    assert answer.json()["version"] == 0
    assert msgspec.convert(answer.json()["plan"], type(DEFAULT)) == DEFAULT


async def test_a_gateway_is_held_to_a_new_plan_within_seconds_and_let_go_again(site, condition):
    gateway = await site.plant.connect("gateway")
    assert await condition_true(lambda: publishes(gateway), condition)

    async with site.local() as local:
        assert (await put(local, shut())).status_code == 200

        async def refused():
            return await publishes(gateway) is False

        await condition(refused)
        assert (await put(local, APART)).status_code == 200

        async def admitted():
            return await publishes(gateway) is True

        await condition(admitted)


async def condition_true(holds, condition) -> bool:
    await condition(holds)
    return True


async def test_only_whom_a_plan_concerns_gets_new_credentials(site):
    def texts() -> dict[str, str]:
        return {name: credentials_file(site.plant.home, name).read_text() for name in ("gateway", "history", "web")}

    before = texts()
    async with site.local() as local:
        await put(local, shut())
    after = texts()
    assert {name for name in before if before[name] != after[name]} == {"gateway"}


async def test_principals_and_their_zone_change_together(site):
    async with site.local() as local:
        await put(local, shut())
        with site.office.database.read() as connection:
            assert find_row(connection, site.office.identity.tenant, "gateway").zone == "press"
        await put(local, {"zones": [{"name": "site"}]})
    with site.office.database.read() as connection:
        assert find_row(connection, site.office.identity.tenant, "gateway").zone == ""


async def test_a_gateway_gets_its_rules_with_its_configuration(site):
    async with site.local() as local:
        await put(local, shut())
    with site.office.database.read() as connection:
        message = connection.execute(select(OUTBOX).where(OUTBOX.c.subject.like("%.config.gateway"))).one()
    rules = decode_config(message.payload).rules
    assert rules is not None
    assert rules.allows("10.30.1.5", 4840)
    assert not rules.allows("10.20.0.5", 4840)


async def test_a_change_on_an_older_plan_is_refused(site):
    async with site.local() as local:
        tag = (await local.get(ZONES)).headers["etag"]
        assert (await put(local, APART, **{"If-Match": tag})).status_code == 200
        late = await put(local, shut(), **{"If-Match": tag})
        assert late.status_code == 412
        assert (await local.get(ZONES)).json()["plan"]["conduits"] != []


async def test_a_member_that_is_nobody_is_refused_and_nothing_changes(site):
    plan = {"zones": [{"name": "site", "members": ["gateway", "nobody-here"]}]}
    async with site.local() as local:
        answer = await put(local, plan)
        assert answer.status_code == 400
        assert answer.json()["code"] == "access.zone_member_unknown"
        assert (await local.get(ZONES)).json()["version"] == 0
        assert (await local.post(f"{ZONES}:check", json=plan)).json()["code"] == "access.zone_member_unknown"


async def test_checking_says_whom_it_would_concern_and_changes_nothing(site):
    async with site.local() as local:
        found = (await local.post(f"{ZONES}:check", json=shut())).json()
        assert found == {"principals": ["gateway"], "gateways": ["gateway"]}
        assert (await local.get(ZONES)).json()["version"] == 0


async def test_only_administrators_see_or_change_the_plan(site):
    engineer = await site.office.person("erik", "engineer")
    async with site.browser() as browser:
        browser.cookies.set("lineshaft_session", engineer.cookie)
        for answer in (await browser.get(ZONES), await browser.get(f"{ZONES}/rules/nats")):
            assert answer.status_code == 403


async def test_every_kind_of_rules_can_be_read(site):
    async with site.local() as local:
        await put(local, APART)
        for name, part in (("nats", "data.gateway"), ("gateway", "10.30.1.0/24"), ("cedar", "zone-press"),
                           ("nftables", "policy drop")):  # fmt: skip
            answer = await local.get(f"{ZONES}/rules/{name}")
            assert part in answer.json()["text"], name
        assert (await local.get(f"{ZONES}/rules/nosuch")).status_code == 404


async def test_a_change_is_recorded_with_whom_it_concerned(site):
    async with site.local() as local:
        await put(local, shut())
    entry = (await site.office.audit("access:set_zones"))[0]
    assert entry.facts["principals"] == ["gateway"]
    assert entry.facts["version"] == 1


async def test_credentials_on_another_machine_are_void_and_named(site):
    credentials_file(site.plant.home, "gateway").unlink()
    async with site.local() as local:
        before = set(keys(site))
        assert (await put(local, shut())).json()["renew"] == ["gateway"]
    assert len(set(keys(site)) - before) == 1


def keys(site) -> list[str]:
    with site.office.database.read() as connection:
        return void_keys(connection, site.office.identity.tenant)


async def test_a_start_completes_a_change_that_was_killed_after_its_commit(office):
    """The plan and the void keys are in the records, the new credentials were never written."""
    file = credentials_file(office.home, "gateway")
    before = file.read_text()
    plan = msgspec.convert(shut(), type(DEFAULT))
    office.database.transact(store.put, office.identity.tenant, plan, "99.1/somebody")
    bootstrap(office.home, office.identity, office.database, ["access", "gateway"], office.settings)
    assert file.read_text() != before
    assert ".data.gateway" not in claims(file.read_text())


def claims(text: str) -> str:
    from lineshaft.bus.claims import read_claims

    return repr(read_claims(text.split("\n")[1])["nats"]["pub"])


async def test_who_stands_in_no_zone_with_a_conduit_cannot_configure_what_stands_there(site):
    """The plan speaks through the policies: by zone of whoever acts and of what is acted on."""
    engineer = (await site.office.person("erik", "engineer")).principal
    device = Resource(id="press-1", kind="device", zone="press")

    async def may() -> bool:
        return (await decided(site, engineer.name, device)).allowed

    async with site.local() as local:
        assert await may()
        await put(local, APART)
        assert not await may()
        await put(local, APART | {"zones": [APART["zones"][0], APART["zones"][1] | {"members": ["gateway", "erik"]}]})
        assert await may()
        down = {"name": "down", "from": "control", "to": "press", "flows": [{"kind": "api"}]}
        await put(local, APART | {"conduits": [*APART["conduits"], down]})
        assert await may()


async def decided(site, name: str, resource: Resource):
    """A decision by somebody who has just opened the records."""
    access = Access(site.office.database, site.office.identity, site.office.settings)
    await access.refresh_policies(now=True)
    with site.office.database.read() as connection:
        principal = from_row(find_row(connection, site.office.identity.tenant, name))
    return access.authorize(principal, "edge:configure", resource)
