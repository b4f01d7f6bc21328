"""Device profiles: kept once, copied to devices, applied to all of them or none."""

import msgspec
import pytest

from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import Conflict, InvalidInput, NotFound, PreconditionFailed
from lineshaft.core.ids import HandleMinter
from lineshaft.edge.model import Device, Point
from lineshaft.edge.profiles.model import DeviceProfile
from lineshaft.edge.profiles.store import Profiles
from lineshaft.edge.store import Change, Devices
from lineshaft.history import Tags

CHANGE = Change(author="99/alice")
PRESS = DeviceProfile(
    name="acme-press", driver="opcua", title="Acme P1", options={"secret": "plant", "timeout_seconds": 5.0},
    points=(Point(name="torque", address="ns=2;s=T"),),
)  # fmt: skip


@pytest.fixture
def devices(database):
    minter = HandleMinter("99.1")
    return Devices(database, Tags(database, minter), Subjects("main", "box"), minter)


@pytest.fixture
def profiles(database, devices):
    return Profiles(database, devices, Subjects("main", "box"))


def bare(name, **options):
    return Device(
        name=name, path=f"acme/east/hall/line/cell/{name}", driver="", endpoint="opc.tcp://h:1", options=options,
    )  # fmt: skip


async def test_a_device_has_what_its_profile_says_and_its_own_options_on_top(profiles, devices):
    await profiles.put(PRESS)
    stored = await devices.put(PRESS.applied(bare("p1", timeout_seconds=9.0)), CHANGE)
    assert stored.device.points[0].address == "ns=2;s=T"
    assert stored.device.options == {"secret": "plant", "timeout_seconds": 9.0}
    assert stored.device.profile == "acme-press"
    assert [one.profile for one in await profiles.list()] == [PRESS]


async def test_applying_changes_every_device_and_keeps_their_tags(profiles, devices):
    await profiles.put(PRESS)
    before = [(await devices.put(PRESS.applied(bare(name)), CHANGE)).device for name in ("p1", "p2")]
    await devices.put(msgspec.structs.replace(PRESS.applied(bare("own")), profile=""), CHANGE)
    more = msgspec.structs.replace(PRESS, points=(*PRESS.points, Point(name="speed", address="ns=2;s=S")))
    await profiles.put(more)
    await profiles.apply(await profiles.get("acme-press"), await profiles.devices_of("acme-press"), CHANGE)
    after = {stored.device.name: stored.device for stored in await devices.list()}
    assert [len(after[name].points) for name in ("own", "p1", "p2")] == [1, 2, 2]
    assert after["p1"].points[0] == before[0].points[0]
    assert len(await devices.versions("gateway")) == 4  # three devices, and one change of two of them


async def test_one_device_that_cannot_have_it_keeps_all_as_they_are(profiles, devices):
    await profiles.put(PRESS)
    for name in ("p1", "p2"):
        await devices.put(PRESS.applied(bare(name)), CHANGE)
    await profiles.put(msgspec.structs.replace(PRESS, points=(Point(name="x", address="nonsense"),)))
    with pytest.raises(InvalidInput, match="nonsense"):
        await profiles.apply(await profiles.get("acme-press"), await profiles.devices_of("acme-press"), CHANGE)
    assert {stored.device.points[0].name for stored in await devices.list()} == {"torque"}


async def test_a_device_that_changed_meanwhile_is_noticed(profiles, devices):
    await profiles.put(PRESS)
    await devices.put(PRESS.applied(bare("p1")), CHANGE)
    chosen = await profiles.devices_of("acme-press")
    await devices.put(msgspec.structs.replace(PRESS.applied(bare("p1")), description="new"), CHANGE)
    with pytest.raises(PreconditionFailed):
        await profiles.apply(await profiles.get("acme-press"), chosen, CHANGE)


async def test_a_profile_in_use_stays_and_changes_are_noticed(profiles, devices):
    first = await profiles.put(PRESS)
    await devices.put(PRESS.applied(bare("p1")), CHANGE)
    with pytest.raises(Conflict, match="p1"):
        await profiles.remove("acme-press")
    await profiles.put(msgspec.structs.replace(PRESS, title="Acme P2"), if_match=first.etag)
    with pytest.raises(PreconditionFailed):
        await profiles.put(PRESS, if_match=first.etag)
    await devices.remove("p1", CHANGE)
    await profiles.remove("acme-press")
    with pytest.raises(NotFound, match="acme-press"):
        await profiles.get("acme-press")
