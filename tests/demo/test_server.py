"""The plant's OPC UA server: what it publishes is exact, and nobody gets in who should not."""

import asyncio
import contextlib

import pytest
import uvloop
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256

from lineshaft.core import clock, quality
from lineshaft.demo.model import PlantStatus, Scan
from lineshaft.demo.plant import BAD_OUT_OF_SERVICE, BAD_WAITING_FOR_INITIAL_DATA, GOOD
from lineshaft.demo.server import NAMESPACE_INDEX
from lineshaft.demo.signals import NAMESPACE, SIGNALS

on_the_servers_loop = pytest.mark.asyncio(loop_scope="module")
NAMES = [signal.name for signal in SIGNALS]
MOMENT = 1_800_000_000_123_457
"""A source time with every microsecond used."""


def node_id(name):
    return f"ns={NAMESPACE_INDEX};s={name}"


def scan(offset=0.0, moment=MOMENT):
    return Scan(moment, GOOD, [offset + index / 7 for index in range(len(NAMES))])


async def read(client, name):
    return await client.get_node(node_id(name)).read_data_value(raise_on_bad_status=False)


class Collector:
    """Keeps what a subscription brings."""

    def __init__(self):
        self.values = {}
        self.count = 0

    def datachange_notification(self, node, value, data):
        self.values[node.nodeid.Identifier] = data.monitored_item.Value
        self.count += 1

    def value_of(self, name):
        return self.values[name].Value.Value if name in self.values else None


@on_the_servers_loop
async def test_published_values_arrive_exactly_with_their_source_time(server, client_of):
    await server.publish(scan(1000.0))
    async with client_of(server) as client:
        for index, name in enumerate(NAMES):
            value = await read(client, name)
            assert value.Value.Value == 1000.0 + index / 7
            assert value.Value.VariantType == ua.VariantType.Double
            assert clock.to_us(value.SourceTimestamp) == MOMENT
            assert value.StatusCode.value == GOOD
            assert abs(clock.to_us(value.ServerTimestamp) - clock.now_us()) < 60_000_000


@on_the_servers_loop
async def test_a_subscription_gets_every_scan_of_all_53(server, client_of, until):
    await server.publish(scan(0.0))
    async with client_of(server) as client:
        collector = Collector()
        subscription = await client.create_subscription(50, collector)
        await subscription.subscribe_data_change([client.get_node(node_id(name)) for name in NAMES])
        await until(lambda: collector.count >= 53)
        for number in (1, 2, 3):
            await server.publish(scan(float(number), MOMENT + number))
            await until(lambda number=number: collector.count >= 53 * (number + 1))
        assert {name: value.Value.Value for name, value in collector.values.items()} == {
            name: 3.0 + index / 7 for index, name in enumerate(NAMES)
        }
        assert collector.count == 53 * 4


@on_the_servers_loop
@pytest.mark.parametrize("code", [BAD_OUT_OF_SERVICE, BAD_WAITING_FOR_INITIAL_DATA])
async def test_a_plant_without_values_is_bad_on_every_tag_and_recovers(server, client_of, code):
    await server.publish(Scan(MOMENT, code, None))
    async with client_of(server) as client:
        for name in NAMES:
            value = await read(client, name)
            assert value.StatusCode.value == code
            assert quality.severity(code) == "bad"
            assert value.Value.Value is None
            assert clock.to_us(value.SourceTimestamp) == MOMENT
        await server.publish(scan(5.0))
        assert (await read(client, "XMEAS_01")).Value.Value == 5.0


@on_the_servers_loop
async def test_the_state_stands_beside_the_signals(server, client_of):
    status = PlantStatus(
        state="tripped", reason="High reactor pressure", since="", run=2, simulated_hours=3.25, speed=10.0,
        left_out_seconds=0.0, disturbances=["idv_01", "idv_06"], seed=0,
    )  # fmt: skip
    await server.show(status)
    async with client_of(server) as client:
        names = ("State", "Reason", "SimulatedHours", "Speed", "Disturbances")
        values = [(await read(client, name)).Value.Value for name in names]
    assert values == ["tripped", "High reactor pressure", 3.25, 10.0, "idv_01 idv_06"]


@on_the_servers_loop
async def test_every_signal_is_found_by_browsing_with_unit_range_and_description(server, client_of):
    async with client_of(server) as client:
        assert (await client.get_namespace_array())[NAMESPACE_INDEX] == NAMESPACE
        plant = await client.nodes.objects.get_child([f"{NAMESPACE_INDEX}:Plant"])
        nodes = []
        for folder in ("Measurements", "ManipulatedVariables"):
            nodes += await (await plant.get_child([f"{NAMESPACE_INDEX}:{folder}"])).get_variables()
        assert [node.nodeid.Identifier for node in nodes] == NAMES
        for node, signal in zip(nodes, SIGNALS, strict=True):
            properties = {
                (await each.read_browse_name()).Name: await each.read_value() for each in await node.get_properties()
            }
            assert properties["EngineeringUnits"].DisplayName.Text == signal.unit.symbol
            assert properties["EngineeringUnits"].UnitId == signal.unit.number
            assert (await node.read_description()).Text == signal.description
            assert ("EURange" in properties) == (signal.low is not None)
            if signal.low is not None:
                assert (properties["EURange"].Low, properties["EURange"].High) == (0.0, 100.0)


@on_the_servers_loop
async def test_a_wrong_password_is_refused(server, client_of):
    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
        async with client_of(server, password="correct horse battery stapler"):
            pass


@on_the_servers_loop
@pytest.mark.parametrize("user", ["admin", "Admin", "gateway "])
async def test_a_wrong_user_is_refused_whatever_the_password(server, client_of, user):
    with pytest.raises(ua.uaerrors.BadUserAccessDenied):
        async with client_of(server, user=user):
            pass


@on_the_servers_loop
async def test_anonymous_is_refused(server, client_of):
    with pytest.raises(ua.uaerrors.BadIdentityTokenRejected):
        async with client_of(server, user=None):
            pass


@on_the_servers_loop
async def test_an_untrusted_certificate_is_refused_before_any_session(server, client_of):
    with pytest.raises(ua.uaerrors.BadSecurityChecksFailed):
        async with client_of(server, who="stranger"):
            pass


@on_the_servers_loop
async def test_an_unencrypted_channel_is_refused(server, client_of):
    with pytest.raises(ua.uaerrors.BadSecurityModeInsufficient):
        async with client_of(server, encrypted=False):
            pass


@on_the_servers_loop
async def test_a_channel_that_only_signs_is_refused(server, certificates):
    gateway = certificates["gateway"]
    client = Client(server.url, timeout=5)
    await client.set_security(
        SecurityPolicyBasic256Sha256, str(gateway.file), str(gateway.key),
        server_certificate=str(certificates["plant"].file), mode=ua.MessageSecurityMode.Sign,
    )  # fmt: skip
    with pytest.raises((ua.UaError, ConnectionError, TimeoutError)):
        async with client:
            pass


@on_the_servers_loop
async def test_discovery_offers_one_endpoint_encrypted_with_user_name(server):
    endpoints = await Client(server.url, timeout=30).connect_and_get_server_endpoints()
    assert [(each.SecurityMode, each.SecurityPolicyUri.rsplit("#", 1)[1]) for each in endpoints] == [
        (ua.MessageSecurityMode.SignAndEncrypt, "Basic256Sha256")
    ]
    assert [token.TokenType for token in endpoints[0].UserIdentityTokens] == [ua.UserTokenType.UserName]


@on_the_servers_loop
async def test_a_guessed_session_is_of_no_use_and_its_owner_does_not_notice(server, client_of, until):
    await server.publish(scan(0.0))
    async with client_of(server) as owner:
        collector = Collector()
        subscription = await owner.create_subscription(50, collector)
        await subscription.subscribe_data_change(owner.get_node(node_id("XMEAS_01")))
        await until(lambda: collector.count == 1)
        thief = Client(server.url, timeout=30)
        await thief.connect_socket()
        try:
            await thief.send_hello()
            await thief.open_secure_channel()
            thief.uaclient.protocol.authentication_token = owner.uaclient.protocol.authentication_token
            with pytest.raises(ua.uaerrors.BadSecurityModeInsufficient):
                await thief.uaclient.activate_session(ua.ActivateSessionParameters())
            with pytest.raises(ua.uaerrors.BadSecurityModeInsufficient):
                await thief.get_node(node_id("XMEAS_01")).read_value()
        finally:
            thief.disconnect_socket()
        await server.publish(scan(1.0))
        await until(lambda: collector.count == 2)


@on_the_servers_loop
async def test_a_client_can_neither_write_nor_add(server, client_of):
    await server.publish(scan(0.0))
    async with client_of(server) as client:
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await client.get_node(node_id("XMEAS_01")).write_value(1.0)
        assert (await read(client, "XMEAS_01")).Value.Value == 0.0


def test_a_lost_connection_does_not_end_its_subscription(certificates, server_of, client_of, until):
    """Under uvloop, as the service runs: there, writing into a closed connection is an error."""

    async def scenario():
        async with server_of(certificates) as server:
            subscriptions = server._server.iserver.subscription_service.subscriptions
            with contextlib.suppress(ConnectionError):
                async with client_of(server) as client:
                    collector = Collector()
                    subscription = await client.create_subscription(20, collector)
                    await subscription.subscribe_data_change([client.get_node(node_id(name)) for name in NAMES[:3]])
                    await server.publish(scan(1.0))
                    await until(lambda: collector.value_of("XMEAS_01") == 1.0)
                    client.uaclient.protocol.transport.abort()
                    await until(lambda: not server._server.bserver.clients)
                    (kept,) = subscriptions.values()
                    for number in range(2, 7):
                        await server.publish(scan(float(number)))
                        await asyncio.sleep(0.05)  # publishing intervals go by
                    assert not kept._task.done()
                    waiting = next(iter(kept._triggered_datachanges.values()))
                    assert [item.Value.Value.Value for item in waiting] == [2.0, 3.0, 4.0, 5.0, 6.0]

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(scenario())


@on_the_servers_loop
async def test_sessions_are_counted(server, client_of, until):
    async with client_of(server):
        await until(lambda: server.sessions == 1)
    await until(lambda: server.sessions == 0)


@on_the_servers_loop
async def test_a_taken_port_is_said_clearly(server, certificates):
    from lineshaft.core.errors import Unavailable
    from lineshaft.demo.server import PlantServer
    from lineshaft.edge.opcua_server.guarded import NamedUsers

    plant = certificates["plant"]
    port = int(server.url.split(":")[2].split("/")[0])
    second = PlantServer(
        port=port, certificate=plant.file, key=plant.key, application_uri=plant.uri,
        user=NamedUsers({"gateway": "x"}), trusted=lambda _: False, hold=lambda _name, _value: None,
    )  # fmt: skip
    with pytest.raises(Unavailable) as caught:
        await second.start()
    assert caught.value.code == "demo.port_taken"
    assert str(port) in caught.value.message
    await asyncio.wait_for(second.stop(), 30)
