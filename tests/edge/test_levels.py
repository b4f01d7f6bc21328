"""The plant level by level: what lies right below a path, with how many devices and how they stand."""

import pytest

from lineshaft.access.projects import store as projects
from lineshaft.bus.subjects import Subjects
from lineshaft.core.ids import HandleMinter
from lineshaft.edge.levels import PlantLevel
from lineshaft.edge.model import Device, Point
from lineshaft.edge.store import Change, Devices
from lineshaft.history import Tags

BY = Change(author="99.1/person.1")
PATHS = (
    "acme/north/hall/line-1/cell/saw", "acme/north/hall/line-1/cell/press", "acme/north/hall/line-10/cell/oven",
    "acme/south/yard/line/cell/kiln",
)  # fmt: skip
STATES = {"saw": "lost", "press": "connected", "oven": "connected"}


@pytest.fixture
async def devices(database):
    minter = HandleMinter("99.1")
    made = Devices(database, Tags(database, minter), Subjects("main", "box"), minter)
    for path in PATHS:
        device = Device(
            name=path.rpartition("/")[2], path=path, driver="opcua", endpoint="opc.tcp://10.0.0.1:4840",
            points=(Point(name="P", address="ns=2;s=P"),), options={"secret": path.replace("/", ".")},
        )  # fmt: skip
        await made.put(device, BY, gateway="gateway")
    return made


def level(path, devices, well):
    return PlantLevel(path=path, devices=devices, well=well)


async def test_a_plant_begins_where_its_devices_part(devices):
    (root,) = (await devices.below("", STATES)).items
    assert root == level("acme", 4, 2)
    assert (await devices.below("acme", STATES)).items == [
        level("acme/north/hall", 3, 2), level("acme/south/yard/line/cell", 1, 0),
    ]  # fmt: skip


async def test_names_that_begin_alike_are_two(devices):
    found = await devices.below("acme/north/hall", STATES)
    assert found.items == [level("acme/north/hall/line-1/cell", 2, 1), level("acme/north/hall/line-10/cell", 1, 1)]


async def test_below_the_last_level_are_devices(devices):
    saw, press = reversed((await devices.below("acme/north/hall/line-1/cell/", STATES)).items)
    assert (saw.device, saw.state, saw.points, saw.devices, saw.well) == ("saw", "lost", 1, 1, 0)
    assert (press.device, press.state, press.well) == ("press", "connected", 1)
    (kiln,) = (await devices.below("acme/south/yard/line/cell", STATES)).items
    assert (kiln.device, kiln.state) == ("kiln", "unknown")  # no gateway says anything of it
    assert (await devices.below("acme/south/yard/line/cell/kiln", STATES)).items == []


async def test_where_there_are_many_the_first_are_shown_and_all_counted(devices):
    found = await devices.below("acme", STATES, limit=1)
    assert ([each.path for each in found.items], found.total) == (["acme/north/hall"], 2)
    assert (await devices.below("nowhere", STATES)).total == 0


async def test_other_projects_devices_are_not_counted(devices, database):
    database.transact(projects.create, HandleMinter("99.1"), "main", "night", "")
    await devices.put((await devices.get("saw")).device, BY, project="night")
    assert (await devices.below("acme", STATES, projects=("night",))).items == [
        level("acme/north/hall/line-1/cell", 1, 0)
    ]
    assert [each.devices for each in (await devices.below("acme", STATES, projects=("main",))).items] == [2, 1]
