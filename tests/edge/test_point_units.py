"""Units of points: codes in a configuration, text with a note from a device, EUInformation both ways."""

import msgspec
import pytest
from asyncua import ua

from lineshaft.bus.subjects import Subjects
from lineshaft.core import units as table
from lineshaft.core.errors import InvalidInput
from lineshaft.core.ids import HandleMinter
from lineshaft.edge.address_space import Found
from lineshaft.edge.attempts import settled
from lineshaft.edge.imports import table as csv_table
from lineshaft.edge.model import Device, Point
from lineshaft.edge.opcua_server.address_space import variable
from lineshaft.edge.profiles.model import DeviceProfile
from lineshaft.edge.store import Change, Devices, check_device
from lineshaft.edge.units import kept, of_information, shown
from lineshaft.history import Tags


def press(**given):
    point = Point(name="torque", address="ns=2;s=T", **given)
    return Device(
        name="press", path="acme/east/hall/line/cell/press", driver="opcua", endpoint="opc.tcp://h:1",
        options={"secret": "plant"}, points=(point,),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "unit", "text"),
    [
        ({"unit": "kPa"}, "KPA", ""), ({"unit": "KPA"}, "KPA", ""), ({"unit": "m3/h"}, "MQH", ""), ({}, "", ""),
        ({"unit": "barg"}, "BAR", "barg"), ({"unit": "BAR", "unit_text": "barg"}, "BAR", "barg"),
        ({"unit": "P1", "unit_text": "% of rating"}, "P1", "% of rating"), ({"unit_text": "kscmh"}, "", "kscmh"),
        ({"unit": "H57", "unit_text": "in/rev"}, "H57", "in/rev"),
    ],
)  # fmt: skip
def test_a_configuration_has_codes(given, unit, text):
    (point,) = check_device(press(**given)).points
    assert (point.unit, point.unit_text) == (unit, text)
    assert check_device(press(unit=unit, unit_text=text)).points == (point,)


def test_what_is_no_unit_is_refused_with_near_ones_and_with_every_other_fault():
    with pytest.raises(InvalidInput) as caught:
        check_device(msgspec.structs.replace(press(unit="kpas", low=2, high=1), endpoint="http://h"))
    assert caught.value.code == "edge.device_invalid"
    message = caught.value.message
    assert "points.torque.unit is 'kpas'" in message
    assert "kPa (KPA, kilopascal)" in message
    assert "points.torque.low" in message


async def test_a_profile_has_codes_as_well(database):
    from lineshaft.edge.profiles.store import Profiles

    minter = HandleMinter("99.1")
    devices = Devices(database, Tags(database, minter), Subjects("main", "box"), minter)
    profiles = Profiles(database, devices, Subjects("main", "box"))
    stored = await profiles.put(DeviceProfile(name="p", driver="opcua", points=press(unit="°C").points))
    assert stored.profile.points[0].unit == "CEL"
    with pytest.raises(InvalidInput, match="furlongs"):
        await profiles.put(DeviceProfile(name="p", driver="opcua", points=press(unit="furlongs").points))


async def test_a_tag_shows_the_symbol(database):
    minter = HandleMinter("99.1")
    tags = Tags(database, minter)
    devices = Devices(database, tags, Subjects("main", "box"), minter)
    await devices.put(press(unit="CEL"), Change(author="99/alice"))
    (tag,) = (await tags.find("main", ["acme/east/hall/line/cell/press/torque"])).values()
    assert tag.unit == "°C"


def test_what_a_device_says_is_mapped_or_kept_with_a_note():
    assert settled(Found(address="a", name="a", unit="kPa")).unit == "KPA"
    odd = settled(Found(address="a", name="a", unit="wibbles"))
    assert (odd.unit, odd.unit_text) == ("", "wibbles")
    assert "wibbles" in odd.note
    (point,) = check_device(press(unit=odd.unit, unit_text=odd.unit_text)).points
    assert shown(point.unit, point.unit_text) == "wibbles"


def test_a_table_takes_codes_and_symbols_and_keeps_the_rest():
    imported = csv_table.points_of(
        "name,address,unit\na,holding:1,HP\nb,holding:2,kPa\nc,holding:3,wibbles\n", file="t.csv"
    )
    assert [(point.unit, point.unit_text) for point in imported.points] == [("HP", ""), ("KPA", ""), ("", "wibbles")]
    assert [note.name for note in imported.notes] == ["c"]


def test_a_configuration_from_before_units_had_codes_comes_back():
    (point,) = check_device(kept(press(unit="wibbles"))).points
    assert (point.unit, point.unit_text) == ("", "wibbles")


@pytest.mark.parametrize(
    ("number", "namespace", "text", "unit", "more"),
    [
        (4935745, table.NAMESPACE, "kPa", "KPA", ""), (20529, table.NAMESPACE, "mol %", "P1", "mol %"),
        (-1, "", "kPa", "KPA", ""), (1, "", "kPa", "KPA", ""), (4935745, "", "", "KPA", ""),
        (4935745, "urn:vendor", "wibbles", "", "wibbles"), (-1, "urn:vendor", "bar", "BAR", ""),
        (4732215, table.NAMESPACE, "in/revolution", "H57", "in/revolution"), (-1, "", "", "", ""),
    ],
)  # fmt: skip
def test_the_units_of_opc_ua_servers(number, namespace, text, unit, more):
    found = settled(Found(address="a", name="a", **of_information(number, namespace, text)))
    assert (found.unit, found.unit_text) == (unit, more)


@pytest.mark.parametrize(
    ("given", "number", "namespace", "text"),
    [
        ({"unit": "KPA"}, 4935745, table.NAMESPACE, "kPa"), ({"unit": "kPa"}, 4935745, table.NAMESPACE, "kPa"),
        ({"unit": "BAR", "unit_text": "barg"}, 4342098, table.NAMESPACE, "barg"),
        ({"unit_text": "kscmh"}, -1, "urn:lineshaft:tags", "kscmh"),
    ],
)  # fmt: skip
def test_our_server_tells_the_unit_by_the_codes_number(given, number, namespace, text):
    device = press(**given)
    (unit,) = [item.NodeAttributes.Value.Value for item in variable(device, device.points[0])[1:]]
    assert isinstance(unit, ua.EUInformation)
    assert (unit.UnitId, unit.NamespaceUri, unit.DisplayName.Text) == (number, namespace, text)
