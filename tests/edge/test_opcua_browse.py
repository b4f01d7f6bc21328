"""Looking at what a foreign server has: everything once, within limits, in portions, and told what cannot be a point."""

import msgspec
import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.address_space import BrowseRequest, BrowseState
from lineshaft.edge.driver import find_driver

pytestmark = pytest.mark.peer("node", "npm")

NS = "nsu=urn:lineshaft:test:peer"


@pytest.fixture
async def source(peer, trust, tools, make_device):
    await trust(peer.url)
    driver = find_driver("opcua")
    source = driver.source(driver.plan(make_device(peer.url)), tools)
    await source.open()
    yield source
    await source.close()


async def walk(source, state=None, **request):
    return [page async for page in source.browse(BrowseRequest(**request), state or BrowseState())]


def found_in(pages):
    return {found.address: found for page in pages for found in page.found}


async def test_everything_is_found_once_in_spite_of_loops_and_portions(source):
    pages = await walk(source)
    everything = [found.address for page in pages for found in page.found]
    assert len(everything) == len(set(everything))
    assert {f"{NS};s=C{number}" for number in range(1000)} <= set(everything)
    assert not [address for address in everything if address.startswith("i=")]  # not the server's own diagnostics
    last = pages[-1]
    assert (last.pending, last.beyond, last.stopped) == (0, 0, "")


async def test_names_types_units_ranges_and_descriptions_are_told(source):
    found = found_in(await walk(source, root=f"{NS};s=Types"))
    pressure = found[f"{NS};s=Pressure"]
    assert (pressure.name, pressure.path, pressure.data_type, pressure.kind) == (
        "Pressure",
        ("Pressure",),
        "Double",
        "number",
    )
    assert (pressure.unit, pressure.description, pressure.low, pressure.high) == (
        "KPA",
        "Reactor pressure",
        0.0,
        3000.0,
    )
    kinds = {found.name: (found.data_type, found.kind) for found in found.values()}
    assert kinds["Boolean"] == ("Boolean", "boolean")
    assert kinds["UInt64"] == ("UInt64", "integer")
    assert kinds["String"] == ("String", "text")
    assert kinds["DateTime"] == ("DateTime", "text")


async def test_what_cannot_be_a_point_is_found_with_the_reason(source):
    found = found_in(await walk(source, root=f"{NS};s=Types"))
    assert found[f"{NS};s=Array"].refused == "it is an array; a sample is a single value"
    assert [one.address for one in found.values() if one.refused] == [f"{NS};s=Array"]


async def test_the_limit_of_nodes_ends_it_and_is_told(source):
    pages = await walk(source, nodes=200)
    assert pages[-1].stopped == "nodes"
    assert pages[-1].seen <= 200 + 1  # the diagnostics object counts as seen so that it is not looked at
    assert found_in(pages)


async def test_the_limit_of_depth_tells_how_much_lies_deeper(source):
    pages = await walk(source, depth=2)  # Line/Counters, not what is in it
    assert found_in(pages) == {}
    assert pages[-1].beyond > 1000
    assert pages[-1].stopped == ""


async def test_the_limit_of_time_ends_it_between_two_calls(source):
    pages = await walk(source, seconds=1e-6)
    assert len(pages) == 1
    assert pages[-1].stopped == "seconds"
    assert pages[-1].pending > 0


async def test_a_walk_broken_off_goes_on_from_its_kept_state(source):
    whole = found_in(await walk(source))
    state, found = BrowseState(), {}
    while not state.begun or state.pending:
        walking = source.browse(BrowseRequest(), state)
        found |= found_in([await anext(walking)])
        await walking.aclose()
        state = msgspec.json.decode(msgspec.json.encode(state), type=BrowseState)
    assert found == whole


async def test_the_servers_own_diagnostics_are_there_when_asked_for(source):
    found = found_in(await walk(source, root="i=2253", standard=True))
    assert found["i=2258"].name == "CurrentTime"
    assert found["i=2258"].kind == "text"


async def test_single_nodes_are_looked_up_in_the_order_asked(source):
    asked = [f"{NS};s=Pressure", f"{NS};s=Nowhere", "nsu=urn:other;s=x", "no address", f"{NS};s=Array", "i=85"]
    found = await source.inspect(asked)
    assert [one.address for one in found] == asked
    assert (found[0].unit, found[0].refused) == ("KPA", "")
    assert "no variable of that address" in found[1].refused
    assert "has not the namespace" in found[2].refused
    assert "not the address of a node" in found[3].refused
    assert "array" in found[4].refused
    assert "no variable of that address" in found[5].refused


async def test_a_root_that_is_no_address_is_refused(source):
    with pytest.raises(InvalidInput, match="'Line' is not the address of a node"):
        await walk(source, root="Line")


async def test_the_server_says_what_it_is_and_how_the_connection_is_secured(source):
    about = await source.about()
    assert about["product"] == "NodeOPCUA-Server"
    assert about["security"] == "Aes256Sha256RsaPss SignAndEncrypt"
    assert len(about["fingerprint"]) == 64
