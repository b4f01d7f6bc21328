"""Versions of a configuration: what differs is said in the engineer's words; going back is one new version."""

import pytest

from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import Conflict, NotFound
from lineshaft.core.ids import HandleMinter
from lineshaft.edge.model import Device, Point
from lineshaft.edge.parts import model as parts_model
from lineshaft.edge.parts.store import PartDocuments
from lineshaft.edge.store import Change, Devices
from lineshaft.edge.versions.store import Versions
from lineshaft.history import Tags

CHANGE = Change(author="99/alice", comment="test")


@pytest.fixture
def devices(database):
    minter = HandleMinter("99.1")
    return Devices(database, Tags(database, minter), Subjects("main", "box"), minter)


@pytest.fixture
def documents(database, monkeypatch):
    monkeypatch.setattr(parts_model, "CHECKS", {"motor": "builtins:len"})
    return PartDocuments(database, Subjects("main", "box"))


@pytest.fixture
def versions(database, devices):
    return Versions(database, devices, Subjects("main", "box"))


def press(*points, name="press", **changes):
    made = tuple(Point(name=point, address=f"ns=2;s={point}", **changes) for point in points)
    return Device(
        name=name, path=f"acme/east/hall/line/cell/{name}", driver="opcua", endpoint="opc.tcp://h:1",
        options={"secret": "plant"}, points=made,
    )  # fmt: skip


async def test_differences_name_device_point_and_field(devices, documents, versions):
    await devices.put(press("torque", "speed"), CHANGE)
    await devices.put(press("torque", "power", unit="W"), CHANGE)
    await devices.put(press("heat", name="oven"), CHANGE)
    await documents.put("gateway", "motor", {"speed": 3}, CHANGE)
    said = [(each.change, each.where) for each in await versions.diff("gateway", 1, 2)]
    assert said == [
        ("added", "devices/press/points/power"),
        ("removed", "devices/press/points/speed"),
        ("added", "devices/press/points/torque/unit"),
    ]
    (torque,) = [each for each in await versions.diff("gateway", 2, 1) if each.where.endswith("unit")]
    assert (torque.before, torque.after) == ("WTT", None)
    assert [each.where for each in await versions.diff("gateway", 2, 4)] == ["devices/oven", "parts/motor"]
    assert await versions.diff("gateway", 3, 3) == []
    with pytest.raises(NotFound, match="configuration 9"):
        await versions.diff("gateway", 1, 9)


async def test_going_back_is_one_new_version_and_keeps_tags(devices, documents, versions):
    first = (await devices.put(press("torque"), CHANGE)).device
    await devices.put(press("torque", "speed"), CHANGE)
    await devices.put(press("heat", name="oven"), CHANGE)
    await documents.put("gateway", "motor", {"speed": 3}, CHANGE)
    made = await versions.restore("gateway", 1, CHANGE)
    assert made.version == 5
    assert made.devices == (first,)
    assert made.parts == {}
    assert [stored.device for stored in await devices.list()] == [first]
    again = await versions.restore("gateway", 4, CHANGE)
    assert again.version == 6
    assert again.parts == {"motor": {"speed": 3}}
    assert {device.name for device in again.devices} == {"press", "oven"}
    assert await versions.diff("gateway", 4, 6) == []


async def test_going_back_to_what_cannot_be_changes_nothing(devices, versions):
    await devices.put(press("torque"), CHANGE)
    await devices.remove("press", CHANGE)
    taken = Device(
        name="lathe", path="acme/east/hall/line/cell/press", driver="opcua", endpoint="opc.tcp://h:1",
        options={"secret": "plant"},
    )  # fmt: skip
    await devices.put(taken, CHANGE, gateway="other")
    with pytest.raises(Conflict, match="lathe"):
        await versions.restore("gateway", 1, CHANGE)
    assert [stored.device.name for stored in await devices.list()] == ["lathe"]
