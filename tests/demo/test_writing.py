"""Valves by OPC UA: the one who may sign in may write them, within their range and type, and nothing else."""

import math

import pytest
import pytest_asyncio
from asyncua import ua

from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.demo.model import Scan
from lineshaft.demo.plant import GOOD
from lineshaft.demo.server import NAMESPACE_INDEX
from lineshaft.demo.signals import SIGNALS

on_the_servers_loop = pytest.mark.asyncio(loop_scope="module")


class Hands:
    """Stands for the plant: keeps what it was told, refuses what a plant refuses."""

    def __init__(self):
        self.held, self.stands = [], False

    def __call__(self, name, value):
        if self.stands:
            raise Conflict("demo.plant_not_running", "it stands")
        if not 0 <= value <= 100:
            raise InvalidInput("demo.valve_out_of_range", "no")
        self.held.append((name, value))


@pytest.fixture(scope="module")
def hands():
    return Hands()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def writable(certificates, server_of, hands):
    async with server_of(certificates, hands) as server:
        await server.publish(Scan(1_800_000_000_000_000, GOOD, [10.0] * len(SIGNALS)))
        yield server


def node_of(client, name):
    return client.get_node(f"ns={NAMESPACE_INDEX};s={name}")


@on_the_servers_loop
async def test_a_written_valve_is_held_and_read_back_at_once(writable, client_of, hands):
    async with client_of(writable) as client:
        await node_of(client, "XMV_07").write_value(38.25, ua.VariantType.Double)
        assert hands.held[-1] == ("XMV_07", 38.25)
        assert await node_of(client, "XMV_07").read_value() == 38.25
        level = await node_of(client, "XMV_07").read_attribute(ua.AttributeIds.UserAccessLevel)
        assert level.Value.Value == ua.AccessLevel.CurrentRead.mask | ua.AccessLevel.CurrentWrite.mask


@on_the_servers_loop
@pytest.mark.parametrize(
    ("name", "value", "kind", "refused"),
    [
        ("XMV_07", 100.5, ua.VariantType.Double, ua.uaerrors.BadOutOfRange),
        ("XMV_07", -1.0, ua.VariantType.Double, ua.uaerrors.BadOutOfRange),
        ("XMV_07", math.nan, ua.VariantType.Double, ua.uaerrors.BadOutOfRange),
        ("XMV_07", "wide open", ua.VariantType.String, ua.uaerrors.BadTypeMismatch),
        ("XMV_07", [1.0, 2.0], ua.VariantType.Double, ua.uaerrors.BadTypeMismatch),
        ("XMEAS_07", 1.0, ua.VariantType.Double, ua.uaerrors.BadUserAccessDenied),
        ("State", "running", ua.VariantType.String, ua.uaerrors.BadUserAccessDenied),
        ("XMV_07.EURange", 1.0, ua.VariantType.Double, ua.uaerrors.BadUserAccessDenied),
        ("XMV_99", 1.0, ua.VariantType.Double, ua.uaerrors.BadUserAccessDenied),
    ],
)
async def test_what_cannot_be_written_leaves_the_plant_alone(writable, client_of, hands, name, value, kind, refused):
    before = list(hands.held)
    async with client_of(writable) as client:
        with pytest.raises(refused):
            await node_of(client, name).write_value(value, kind)
    assert hands.held == before


@on_the_servers_loop
async def test_one_refused_value_does_not_touch_the_others_of_a_write(writable, client_of, hands):
    values = [ua.DataValue(ua.Variant(value, ua.VariantType.Double)) for value in (1.0, 101.0, 3.0)]
    async with client_of(writable) as client:
        nodes = [node_of(client, name).nodeid for name in ("XMV_01", "XMV_02", "XMV_03")]
        codes = await client.uaclient.write_attributes(nodes, values, ua.AttributeIds.Value)
    assert [code.name for code in codes] == ["Good", "BadOutOfRange", "Good"]
    assert hands.held[-2:] == [("XMV_01", 1.0), ("XMV_03", 3.0)]


@on_the_servers_loop
async def test_a_plant_that_stands_says_so(writable, client_of, hands):
    hands.stands = True
    try:
        async with client_of(writable) as client:
            with pytest.raises(ua.uaerrors.BadInvalidState):
                await node_of(client, "XMV_07").write_value(1.0, ua.VariantType.Double)
    finally:
        hands.stands = False
