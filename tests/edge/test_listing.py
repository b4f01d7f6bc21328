"""The list of devices: searched, filtered, sorted and paged by the records, for whoever may see them."""

import pytest
from msgspec.structs import replace

from lineshaft.access.projects import store as projects
from lineshaft.bus.subjects import Subjects
from lineshaft.core.errors import InvalidInput
from lineshaft.core.ids import HandleMinter
from lineshaft.edge.listing import LONGEST_SEARCH, Wanted
from lineshaft.edge.model import Device, Point
from lineshaft.edge.store import Change, Devices
from lineshaft.history import Tags

BY = Change(author="99.1/person.1")
NAMES = ("saw", "press", "oven", "kiln")


@pytest.fixture
async def devices(database):
    minter = HandleMinter("99.1")
    made = Devices(database, Tags(database, minter), Subjects("main", "box"), minter)
    for number, name in enumerate(NAMES):
        points = tuple(Point(name=f"P{index}", address=f"ns=2;s=P{index}") for index in range(number % 3))
        device = Device(
            name=name, path=f"acme/{'north' if number < 2 else 'south'}/hall/line/cell/{name}", driver="opcua",
            endpoint=f"opc.tcp://10.0.0.{number}:4840", description=f"The {name.upper()} of 100%", points=points,
            options={"secret": f"{name}-key"},
        )  # fmt: skip
        await made.put(device, BY, gateway="gateway" if number else "far")
    return made


async def names(devices, limit=100, **wanted):
    """Names on all pages, in order."""
    found, after = [], None
    while True:
        page = await devices.page(Wanted(**wanted), after=after, limit=limit)
        found += [each.name for each in page.items]
        if len(page.items) < limit:
            return found
        after = page.items[-1].key(wanted.get("sort", "name"))


async def test_by_name_with_what_a_list_shows(devices):
    page = await devices.page(Wanted())
    assert [each.name for each in page.items] == sorted(NAMES)
    assert page.total == 4
    (press,) = [each for each in page.items if each.name == "press"]
    assert (press.driver, press.endpoint, press.points) == ("opcua", "opc.tcp://10.0.0.1:4840", 1)
    assert (press.gateway, press.project, press.description) == ("gateway", "main", "The PRESS of 100%")


async def test_one_by_its_name_which_is_not_searched_for(devices):
    assert await names(devices, name="press") == ["press"]
    assert await names(devices, name="pre") == []
    by_state = await devices.page_by_state(Wanted(name="press"), {"press": "lost"})
    assert [(each.name, each.state) for each in by_state.items] == [("press", "lost")]


@pytest.mark.parametrize(
    ("search", "found"),
    [("Press", ["press"]), ("10.0.0.2 oven", ["oven"]), ("oven press", []), ("NORTH/", ["press", "saw"]), ("of 100%", sorted(NAMES)),
     ("_", []), ("%%", []), ("*", []), ("?", []), ("[p]ress", []), (".*", []), ("(saw|press)", [])],
)  # fmt: skip
async def test_every_word_must_be_somewhere_and_stands_for_itself(devices, search, found):
    assert await names(devices, search=search) == found


@pytest.mark.parametrize("search", ["ÖL", "öl", "Öl tank", "ÖL TANK", "СКЛАД", "склад"])
async def test_letters_of_every_script_are_found_in_whatever_case(devices, search):
    device = (await devices.get("oven")).device
    await devices.put(replace(device, description="ÖL Tank, Склад"), BY)
    assert await names(devices, search=search) == ["oven"]
    assert [each.name for each in (await devices.page_by_state(Wanted(search=search), {})).items] == ["oven"]


async def test_filters_narrow_the_list_and_its_total(devices):
    assert await names(devices, gateway="far") == ["saw"]
    assert await names(devices, driver="modbus") == []
    assert await names(devices, below="acme/south") == ["kiln", "oven"]
    assert await names(devices, below="acme/sou") == []
    assert await names(devices, below="acme/south/hall/line/cell/kiln") == ["kiln"]
    assert (await devices.page(Wanted(below="acme/north"), limit=1)).total == 2


@pytest.mark.parametrize("limit", [1, 3, 100])
async def test_sorted_either_way_pages_join_without_gap_or_repetition(devices, limit):
    assert await names(devices, limit, sort="points") == ["kiln", "saw", "press", "oven"]
    assert await names(devices, limit, sort="points", descending=True) == ["oven", "press", "kiln", "saw"]
    assert await names(devices, limit, sort="endpoint") == [*NAMES]
    assert await names(devices, limit, sort="changed") == [*NAMES]
    assert await names(devices, limit, sort="name", descending=True) == sorted(NAMES, reverse=True)


async def test_a_changed_device_is_listed_as_it_is_now(devices):
    device = (await devices.get("oven")).device
    await devices.put(replace(device, description="cold", points=()), BY)
    (oven,) = (await devices.page(Wanted(search="cold"))).items
    assert (oven.name, oven.points) == ("oven", 0)


async def test_other_projects_devices_are_neither_listed_nor_counted(devices, database):
    database.transact(projects.create, HandleMinter("99.1"), "main", "night", "")
    device = (await devices.get("kiln")).device
    await devices.put(device, BY, project="night")
    assert [each.name for each in (await devices.page(Wanted(), projects=("night",))).items] == ["kiln"]
    page = await devices.page(Wanted(), projects=("main",))
    assert (page.total, "kiln" in [each.name for each in page.items]) == (3, False)
    assert (await devices.page(Wanted(), projects=())).total == 0


async def test_a_search_too_long_is_refused(devices):
    with pytest.raises(InvalidInput, match="search has 201 characters"):
        await devices.page(Wanted(search="x" * (LONGEST_SEARCH + 1)))


STATES = {"saw": "lost", "press": "connected", "oven": "refused"}


async def by_state(devices, limit=100, **wanted):
    """Names on all pages, in order, and how many there are in each state."""
    found, after, sort = [], None, wanted.get("sort", "name")
    while True:
        page = await devices.page_by_state(Wanted(**wanted), STATES, after=after, limit=limit)
        found += [each.name for each in page.items]
        if len(page.items) < limit:
            return found, page
        after = page.items[-1].key(sort)


@pytest.mark.parametrize("limit", [1, 2, 100])
async def test_sorted_by_state_what_needs_somebody_comes_first(devices, limit):
    found, page = await by_state(devices, limit, sort="state")
    assert found == ["oven", "saw", "kiln", "press"]  # of the kiln no gateway says anything
    assert page.states == {"lost": 1, "connected": 1, "refused": 1, "unknown": 1}
    assert (await by_state(devices, limit, sort="state", descending=True))[0] == ["press", "kiln", "saw", "oven"]


@pytest.mark.parametrize("limit", [1, 100])
@pytest.mark.parametrize("sort", ["name", "points", "path"])
async def test_filtered_by_state_the_list_keeps_its_order_and_says_how_many_are_in_each(devices, limit, sort):
    for descending in (False, True):
        everything = await names(devices, sort=sort, descending=descending)
        for state, name in (("lost", "saw"), ("refused", "oven"), ("unknown", "kiln")):
            found, page = await by_state(devices, limit, state=state, sort=sort, descending=descending)
            assert (found, page.total, sum(page.states.values())) == ([name], 1, 4)
        assert (await by_state(devices, limit, sort=sort, descending=descending))[0] == everything


async def test_states_are_counted_among_what_is_searched_and_seen(devices):
    page = await devices.page_by_state(Wanted(search="north/"), STATES)
    assert page.states == {"lost": 1, "connected": 1}
    page = await devices.page_by_state(Wanted(), STATES, projects=["nobody"])
    assert (page.items, page.total, page.states) == ([], 0, {})


async def test_gateways_are_listed_with_how_many_devices_they_run(devices):
    assert await devices.gateways() == {"gateway": 3, "far": 1}
