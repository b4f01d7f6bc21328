"""Devices: each change commits a whole configuration with tags, and the message that carries it, or nothing at all."""

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed, TooLarge
from lineshaft.core.ids import HandleMinter
from lineshaft.edge import store
from lineshaft.edge.commands.store import COMMAND
from lineshaft.edge.model import Device, Point, decode_config
from lineshaft.edge.parts.store import PART
from lineshaft.edge.profiles.store import PROFILE
from lineshaft.edge.secret_records import SECRET
from lineshaft.edge.store import Change, Devices
from lineshaft.edge.tables import METADATA
from lineshaft.history import Tags
from lineshaft.history.owners import decode as decode_owners
from lineshaft.records.store import OUTBOX
from lineshaft.records.testing import assert_migrations_match

BY = Change(author="99.1/person.1", comment="test")
PATH = "acme/north/hall/line/cell/press"


@pytest.fixture
def devices(database):
    minter = HandleMinter("99.1")
    return Devices(database, Tags(database, minter), Subjects("main", "box"), minter)


def press(*names, name="press", path=PATH, **changes):
    points = tuple(Point(name=point, address=f"ns=2;s={point}") for point in names)
    options = {"secret": "plant"}
    return Device(
        name=name, path=path, driver="opcua", endpoint="opc.tcp://h:1", options=options, points=points, **changes
    )


async def sent(database):
    """Configurations in the outbox, oldest first."""
    rows = await database.query(lambda c: c.execute(select(OUTBOX).order_by(OUTBOX.c.number)).all())
    rows = [row for row in rows if row.subject != "ls.main.box.config.history.tags"]
    assert all(row.subject == "ls.main.box.config.gateway" for row in rows)
    return [decode_config(row.payload) for row in rows]


def test_migrations_make_what_the_code_expects(database):
    assert COMMAND.metadata is PART.metadata is PROFILE.metadata is SECRET.metadata is METADATA
    assert_migrations_match("edge", METADATA, database)


async def test_a_new_device_gets_handle_tags_and_a_configuration_on_its_way(devices, database):
    stored = await devices.put(press("A", "B"), BY)
    assert stored.device.handle.startswith("99.1/device.")
    assert [point.tag for point in stored.device.points] == [1, 2]
    (config,) = await sent(database)
    assert (config.version, config.devices) == (1, (stored.device,))
    assert (await devices.get("press")).device == stored.device


async def test_a_change_keeps_the_tags_of_points_that_stay(devices, database):
    before = (await devices.put(press("A", "B"), BY)).device
    after = (await devices.put(press("B", "C"), BY)).device
    assert after.handle == before.handle
    assert {point.name: point.tag for point in after.points} == {"B": 2, "C": 3}
    back = (await devices.put(press("A"), BY)).device
    assert back.points[0].tag == 1, "a point that comes back has its old tag"
    assert [config.version for config in await sent(database)] == [1, 2, 3]


async def test_a_change_that_changes_nothing_makes_no_version(devices, database):
    for _ in range(2):
        await devices.put(press("A"), BY)
    assert len(await sent(database)) == 1
    assert len(await devices.versions("gateway")) == 1


async def test_a_removed_device_leaves_the_configuration_and_its_tags_stay_known(devices, database):
    await devices.put(press("A"), BY)
    await devices.remove("press", BY)
    assert (await sent(database))[-1].devices == ()
    with pytest.raises(NotFound):
        await devices.get("press")
    found = await Tags(database, HandleMinter("99.1")).find("main", [f"{PATH}/A"])
    assert found[f"{PATH}/A"].removed is not None


async def test_a_stale_change_is_refused(devices):
    first = await devices.put(press("A"), BY)
    await devices.put(press("A", "B"), BY, if_match=first.etag)
    with pytest.raises(PreconditionFailed):
        await devices.put(press("C"), BY, if_match=first.etag)
    with pytest.raises(PreconditionFailed):
        await devices.remove("press", BY, if_match=first.etag)


async def test_names_and_paths_are_taken_once(devices):
    await devices.put(press("A"), BY, new=True)
    with pytest.raises(Conflict, match="already"):
        await devices.put(press("A"), BY, new=True)
    with pytest.raises(Conflict) as refused:
        await devices.put(press("A", name="other"), BY)
    assert refused.value.facts["device"] == "press"


@pytest.mark.parametrize(
    "wrong",
    [
        press("A", path="acme/north"),
        press("a/b"),
        press("A", "A"),
        replace(press("A"), endpoint="http://h"),
        replace(press("A"), options={"secret": "plant", "securty": "auto"}),
        replace(press("A"), driver="telepathy"),
    ],
)
async def test_a_device_that_cannot_be_is_refused_and_nothing_is_written(devices, database, wrong):
    with pytest.raises((InvalidInput, NotFound)):
        await devices.put(wrong, BY)
    assert await devices.list() == []
    assert await sent(database) == []
    assert await Tags(database, HandleMinter("99.1")).list("main") == []


async def test_a_configuration_too_large_for_a_message_is_refused_whole(devices, database, monkeypatch):
    monkeypatch.setattr(store, "MAXIMUM_CONFIG_BYTES", 300)
    with pytest.raises(TooLarge) as refused:
        await devices.put(press(*(f"P{number}" for number in range(200))), BY)
    assert refused.value.facts["maximum"] == 300
    assert await sent(database) == []
    assert await Tags(database, HandleMinter("99.1")).list("main") == []


async def test_lists_page_by_name_and_versions_newest_first(devices):
    for name in ("b", "c", "a"):
        await devices.put(press("A", name=name, path=f"acme/north/hall/line/cell/{name}"), BY)
    page = await devices.list(limit=2)
    assert [stored.device.name for stored in page] == ["a", "b"]
    assert [stored.device.name for stored in await devices.list(after="b")] == ["c"]
    assert [entry.version for entry in await devices.versions("gateway", limit=2)] == [3, 2]


async def test_whose_tags_are_whose_is_said_before_a_gateway_hears_of_them_and_never_taken_back(devices, database):
    await devices.put(press("A", "B"), BY)
    await devices.put(press("B"), BY)
    await devices.remove("press", BY)
    await devices.put(press("B", "C"), BY, gateway="other")
    rows = await database.query(lambda c: c.execute(select(OUTBOX).order_by(OUTBOX.c.number)).all())
    subjects = [row.subject.removeprefix("ls.main.box.config.") for row in rows]
    assert subjects == [*["history.tags", "gateway"] * 3, "history.tags", "other"]
    assert [decode_owners(row.payload) for row in rows[0:6:2]] == [{"gateway": ((1, 2),)}] * 3
    assert decode_owners(rows[6].payload) == {"gateway": ((1, 2),), "other": ((2, 3),)}
