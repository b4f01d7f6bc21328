"""Whose credentials on a gateway are: their maker's project's, before any device uses them; and what of parts is shown."""

import pytest

from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import Conflict
from lineshaft.edge.parts.views import reduced
from lineshaft.edge.secret_records import SecretRecord, SecretRecords, foreign


@pytest.fixture
def records(database):
    return SecretRecords(database, Subjects("main", "box"))


def record(project, name="plc", gateway="east"):
    return SecretRecord(gateway=gateway, name=name, project=project, author=f"99/{project}", changed=1)


async def test_a_secret_belongs_to_its_makers_project_before_any_device_uses_it(records, database):
    assert await records.take(record("north")) is None
    with pytest.raises(Conflict, match="another project"):
        await records.take(record("south"))
    with pytest.raises(Conflict):
        await records.check("east", "plc", "south")
    assert await database.query(foreign, "main", ["plc", "other"], "south") == {"plc"}
    assert await database.query(foreign, "main", ["plc"], "north") == set()
    await records.take(record("south", gateway="west"))


async def test_it_is_listed_for_its_project_and_gone_when_it_is_forgotten(records):
    await records.take(record("north"))
    await records.take(record("south", "pump"))
    assert [(each.name, each.project) for each in await records.list("east", None)] == [
        ("plc", "north"),
        ("pump", "south"),
    ]
    assert [each.name for each in await records.list("east", ("south",))] == ["pump"]
    with pytest.raises(Conflict):
        await records.forget("east", "plc", "south")
    await records.forget("east", "plc", "north")
    assert [each.name for each in await records.list("east", None)] == ["pump"]


async def test_what_a_gateway_did_not_take_is_undone(records):
    await records.take(record("north"))
    changed = record("north")
    before = await records.take(changed)
    assert before is not None
    await records.put_back(changed, before)
    assert len(await records.list("east", None)) == 1
    fresh = record("north", "new")
    await records.put_back(fresh, await records.take(fresh))
    assert [each.name for each in await records.list("east", None)] == ["plc"]


def test_who_may_not_configure_sees_where_a_part_is_and_not_who_gets_in():
    proxy = {"listeners": [{"port": 5020, "device": "meter", "clients": ["10.0.0.1"], "tls": {"identity": "x.pem"}}]}
    assert reduced("modbus_proxy", proxy) == {"listeners": [{"port": 5020, "device": "meter"}]}
    server = {"port": 4841, "users": ["scada"], "clients": ["ab"], "points": ["*"]}
    assert reduced("opcua_server", server) == {"port": 4841, "points": ["*"]}
    assert reduced("guard", {"mode": "enforce", "policy": "x"}) == {"mode": "enforce", "policy": "x"}
    assert reduced("what comes later", {"password": "x"}) == {}
