"""The gateway as a service: from a foreign server to the bus's stream, with its configuration from the bus or from disk."""

import subprocess
import sys

import pytest
from msgspec.structs import replace

from lineshaft.access.zones.endpoints import EndpointRules, Opening
from lineshaft.bus import CONFIG, TELEMETRY, read_batch_header, telemetry
from lineshaft.bus.testing import embedded_bus
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.edge import service as edge_service
from lineshaft.edge.address_space import BrowsePage, BrowseRequest
from lineshaft.edge.certificates import fingerprint
from lineshaft.edge.messages import (
    AskStatus,
    CertificateList,
    GatewayStatus,
    Inspect,
    Inspected,
    Look,
    NamedSecret,
    TestReport,
    Trust,
    Trusted,
    Try,
)
from lineshaft.edge.model import Device, GatewayConfig, Point, ScanGroup, decode_config, encode_config
from lineshaft.edge.secrets import Secret
from lineshaft.edge.service import GatewayService
from lineshaft.edge.settings import EdgeSettings

pytestmark = pytest.mark.peer("node", "npm")

NS = "nsu=urn:lineshaft:test:peer"
SETTINGS = EdgeSettings(flush_seconds=0.1, retry_seconds=0.05, retry_most_seconds=0.2, stop_seconds=20)


@pytest.fixture
async def box(tmp_path):
    async with embedded_bus(tmp_path) as box:
        yield box


@pytest.fixture
async def web(box):
    """Somebody who may configure the gateway and ask it."""
    return await box.connect("web")


@pytest.fixture
async def gateway(box):
    """Start gateways on the box's home; those that still run are stopped at the end."""
    services = []

    async def start():
        if not (box.home.keys / "gateway.creds").exists():
            box.issue("gateway")
        service = GatewayService(Context(box.home, Settings([box.settings, SETTINGS])))
        services.append(service)
        await service.start()
        return service

    yield start
    for service in services:
        await service.stop()


@pytest.fixture
async def stored(web):
    """Everything that has come into the telemetry stream: (header, batch) by sequence."""

    async def read():
        state = await web.stream_info(TELEMETRY)
        found = []
        if state.last >= state.first:
            async for messages in web.read_stream(TELEMETRY, state.first):
                found += [
                    (read_batch_header(each.subject, each.headers), telemetry.decode(each.data)) for each in messages
                ]
                if messages[-1].sequence >= state.last:
                    break
        return found

    return read


@pytest.fixture
def configured(peer, make_device):
    def make(version, *names, **device):
        points = [(name, f"{NS};s={name}") for name in names]
        device = make_device(peer.url, points, group=ScanGroup(period_ms=100), **device)
        return GatewayConfig(gateway="gateway", version=version, created="2026-01-01T00:00:00Z", devices=(device,))

    return make


@pytest.fixture
async def known(gateway, peer, make_device):
    """Have a gateway know the peer's password and trust its certificate, as two commands of an engineer do."""

    async def learn(web):
        await web.request(
            "edge",
            "secret",
            NamedSecret(name="plant", secret=Secret(user="operator", password="right")),
            gateway="gateway",
        )
        with pytest.raises(Conflict) as refused:
            await web.request(
                "edge", "test", Try(device=make_device(peer.url)), TestReport, timeout=60, gateway="gateway"
            )
        return await web.request(
            "edge", "trust", Trust(fingerprint=refused.value.facts["fingerprint"]), Trusted, gateway="gateway"
        )

    return learn


async def send(web, config):
    await web.publish_stored(web.subjects.config("gateway"), encode_config(config))


def values(found, tag):
    """Good values of a tag, in the order of the stream."""
    return [
        row["v"] for _, batch in found for row in batch.to_pylist() if row["tag"] == tag and row["q"] == 0
    ]  # fmt: skip


# -- zones --------------------------------------------------------------------------------------------------------------

OUTSIDE = EndpointRules(zone="press", named=(Opening(zone="control", networks=("127.0.0.0/8", "::1/128")),))
INSIDE = replace(OUTSIDE, openings=OUTSIDE.named)


async def test_a_device_outside_the_gateways_zones_is_left_and_taken_again_when_a_conduit_leads_there(
    gateway, known, web, configured, until
):
    service = await gateway()
    await known(web)
    await send(web, configured(1, "Float"))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])

    connected = service._runners["press"]

    await send(web, replace(configured(2, "Float"), rules=OUTSIDE))
    await until(lambda: service.status().version == 2)
    assert service._runners["press"] is not connected  # left at once, not when the connection breaks
    await until(lambda: [one.code for one in service.status().devices] == ["access.endpoint_outside_zone"])
    refused = service.status().devices[0]
    assert refused.state == "refused"
    assert "the zone control" in refused.message

    await send(web, replace(configured(3, "Float"), rules=INSIDE))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])


async def test_nobody_looks_through_a_gateway_at_what_lies_outside_its_zones(
    gateway, web, configured, peer, make_device, until
):
    service = await gateway()
    await send(web, GatewayConfig(gateway="gateway", version=1, created="2026-01-01T00:00:00Z", rules=OUTSIDE))
    await until(lambda: service.status().version == 1)
    device = make_device(peer.url)
    with pytest.raises(Forbidden, match="endpoint_outside_zone"):
        await web.request("edge", "test", Try(device=device), TestReport, timeout=60, gateway="gateway")
    with pytest.raises(Forbidden, match="endpoint_outside_zone"):
        await web.request(
            "edge",
            "inspect",
            Inspect(device=device, addresses=[f"{NS};s=Float"]),
            Inspected,
            timeout=60,
            gateway="gateway",
        )


async def test_a_gateway_that_starts_alone_keeps_to_its_rules(gateway, known, web, box, configured, until):
    service = await gateway()
    await known(web)
    await send(web, replace(configured(1, "Float"), rules=OUTSIDE))
    await until(lambda: (box.home.path / "edge" / "config.json").exists())
    await service.stop()
    await box.stop()
    alone = await gateway()
    await until(lambda: [one.code for one in alone.status().devices] == ["access.endpoint_outside_zone"])
    await box.start()


# -- configuration and values -----------------------------------------------------------------------------------------


async def test_a_configuration_on_the_bus_becomes_values_in_the_stream(
    gateway, known, web, box, configured, stored, until_async
):
    service = await gateway()
    await known(web)
    await send(web, configured(3, "Float", "Pressure"))
    found = await until_async(stored, lambda found: values(found, 1) and values(found, 2))
    assert (values(found, 1)[0], values(found, 2)[0]) == (0.5, 2700)
    header = found[0][0]
    assert (header.gateway, header.seq, header.first, header.config) == ("gateway", 1, True, 3)
    assert decode_config((box.home.path / "edge" / "config.json").read_bytes()).version == 3
    await service.stop()
    headers = [header for header, _ in await stored()]
    assert [header.seq for header in headers] == list(range(1, len(headers) + 1))
    assert [header.last for header in headers] == [False] * (len(headers) - 1) + [True]


async def test_a_new_version_starts_what_changed_and_leaves_the_rest_running(
    gateway, known, web, configured, make_device, peer, until, monkeypatch
):
    service = await gateway()
    await known(web)
    first = configured(1, "Float")
    other = replace(make_device(peer.url, [("Double", f"{NS};s=Double")]), name="other", path="a/b/c/d/e/other")
    await send(web, replace(first, devices=(*first.devices, other)))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"] * 2)
    with monkeypatch.context() as patch:
        patch.setattr(edge_service, "_NAME_BYTES", service._bus.max_payload)  # one device in each message
        parts = [service.status(AskStatus(states=True, after=after)) for after in ("", "other", "press")]
    assert [(dict(part.states), part.more) for part in parts] == [
        ({"connected": ["other"]}, "other"), ({"connected": ["press"]}, ""), ({}, ""),
    ]  # fmt: skip
    kept = service._runners["other"]
    await send(
        web, replace(configured(2, "Float", "Pressure"), devices=(*configured(2, "Float", "Pressure").devices, other))
    )
    await until(lambda: service.status().version == 2)
    assert service._runners["other"] is kept
    assert [one.points for one in service.status().devices if one.name == "press"] == [2]
    await until(lambda: service._runners["press"].intake.counts["gaps"] == 1)  # what it said between the two versions
    assert service._runners["other"].intake.counts["gaps"] == 0
    await send(web, replace(first, version=3, devices=(other,)))
    await until(lambda: service.status().version == 3)
    assert [one.name for one in service.status().devices] == ["other"]


async def test_a_gateway_starts_alone_with_the_copy_on_disk_and_delivers_when_the_bus_comes(
    gateway, known, web, box, counting, configured, stored, until, until_async
):
    service = await gateway()
    await known(web)
    await send(web, configured(1, "C0"))
    await until(lambda: service.status().version == 1)
    await until(lambda: (box.home.path / "edge" / "config.json").exists())
    await service.stop()
    before = len(await stored())
    await box.stop()
    alone = await gateway()
    await until(lambda: [one.state for one in alone.status().devices] == ["connected"])
    with counting:
        await until(lambda: alone.status().devices[0].counts.get("rows", 0) > 10)
    last = counting.ticks
    assert alone.status().waiting_bytes > 0
    await box.start()
    await web.wait_connected(30)
    found = await until_async(stored, lambda found: values(found[before:], 1)[-1:] == [last])
    counted = values(found[before:], 1)
    assert counted == list(range(int(counted[0]), last + 1))
    assert found[before][0].first


async def test_a_bus_that_is_killed_loses_nothing(
    gateway, known, web, box, counting, configured, stored, until, until_async
):
    service = await gateway()
    await known(web)
    await send(web, configured(1, *(f"C{number}" for number in range(100))))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])
    with counting:
        for _ in range(2):
            sent = service.status().sent
            await until(lambda sent=sent: service.status().sent > sent + 3)
            await box.kill()
            rows = service.status().devices[0].counts["rows"]
            await until(lambda rows=rows: service.status().devices[0].counts["rows"] > rows + 300)
            await box.start()
    last = counting.ticks
    await web.wait_connected(30)
    found = await until_async(stored, lambda found: values(found, 100)[-1:] == [last])
    for tag in (1, 50, 100):
        counted = values(found, tag)
        assert counted == list(range(int(counted[0]), last + 1))
    numbers = [header.seq for header, _ in found]
    assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize(("fault", "said"), [(None, [True]), (RuntimeError("a fault of its own"), [])])
async def test_only_a_stop_that_was_asked_for_says_that_it_was_the_last(gateway, stored, fault, said):
    service = await gateway()
    assert await stored() == []
    if fault is not None:
        service.fail(fault)
    await service.stop()
    assert [header.last for header, _ in await stored()] == said


async def test_a_configuration_of_a_newer_release_is_refused_and_the_present_one_runs_on(
    gateway, known, web, configured, until
):
    service = await gateway()
    await known(web)
    await send(web, configured(1, "Float"))
    await until(lambda: service.status().version == 1)
    await send(web, replace(configured(2, "Float", "Double"), format=99))
    await send(web, configured(3, "Pressure"))
    await until(lambda: service.status().version == 3)
    assert (await web.last_message(CONFIG, web.subjects.config("gateway"))) is not None


async def test_a_device_that_cannot_be_planned_is_told_and_the_others_run(gateway, known, web, configured, until):
    service = await gateway()
    await known(web)
    good = configured(1, "Float")
    bad = replace(good.devices[0], name="bad", options={"colour": "blue"})
    await send(web, replace(good, devices=(*good.devices, bad)))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])
    checks = {check.name: check for check in await service.checks()}
    assert not checks["configuration"].ok
    assert "bad" in checks["configuration"].detail
    assert "colour" in checks["configuration"].hint
    assert checks["bus"].ok


# -- what may be asked ------------------------------------------------------------------------------------------------


async def test_a_device_is_tried_with_a_clear_answer_at_each_step(gateway, web, make_device, peer):
    await gateway()
    points = [("Float", f"{NS};s=Float"), ("Nothing", f"{NS};s=Nothing"), ("Array", f"{NS};s=Array")]
    device = make_device(peer.url, points)
    with pytest.raises(Conflict) as refused:
        await web.request("edge", "test", Try(device=device), TestReport, timeout=60, gateway="gateway")
    await web.request(
        "edge", "trust", Trust(fingerprint=refused.value.facts["fingerprint"][:16]), Trusted, gateway="gateway"
    )
    with pytest.raises(NotFound, match="'plant'"):
        await web.request("edge", "test", Try(device=device), TestReport, timeout=60, gateway="gateway")
    await web.request(
        "edge", "secret", NamedSecret(name="plant", secret=Secret(user="operator", password="right")), gateway="gateway"
    )
    report = await web.request("edge", "test", Try(device=device), TestReport, timeout=60, gateway="gateway")
    assert report.about["product"] == "NodeOPCUA-Server"
    assert [found.address for found in report.refused] == [f"{NS};s=Nothing", f"{NS};s=Array"]
    assert report.connect_ms > 0


async def test_an_address_space_is_browsed_page_by_page_and_single_nodes_looked_up(
    gateway, web, known, make_device, peer
):
    import msgspec

    await gateway()
    await known(web)
    device = make_device(peer.url)
    look = Look(device=device, request=BrowseRequest(root=f"{NS};s=Line"))
    pages = [
        msgspec.json.decode(body, type=BrowsePage)
        async for _, body in web.request_stream("edge", "browse", look, timeout=60, gateway="gateway")
    ]
    assert sum(len(page.found) for page in pages) > 1000
    assert len(pages) > 1
    asked = Inspect(device=device, addresses=[f"{NS};s=Pressure", f"{NS};s=Nothing"])
    answer = await web.request("edge", "inspect", asked, Inspected, timeout=60, gateway="gateway")
    assert [bool(found.refused) for found in answer.found] == [False, True]
    with pytest.raises(InvalidInput, match="more than 1000"):
        await web.request(
            "edge",
            "inspect",
            Inspect(device=device, addresses=["i=1"] * 1001),
            Inspected,
            timeout=60,
            gateway="gateway",
        )


async def test_status_tells_what_runs_and_never_a_secret(gateway, web, known, configured, until):
    service = await gateway()
    await known(web)
    await send(web, configured(4, "Float"))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])
    body = await web.request("edge", "status", gateway="gateway")
    status = await web.request("edge", "status", None, GatewayStatus, gateway="gateway")
    assert (status.gateway, status.version, status.secrets) == ("gateway", 4, ["plant"])
    assert [(one.name, one.state, one.points) for one in status.devices] == [("press", "connected", 1)]
    assert len(status.own_fingerprint) == 64
    assert b"right" not in body


async def test_trust_is_given_and_taken_by_fingerprint(gateway, web, known):
    await gateway()
    trusted = await known(web)
    listed = await web.request("edge", "certificates", None, CertificateList, gateway="gateway")
    assert [(one.fingerprint, one.trusted) for one in listed.certificates] == [(trusted.fingerprint, True)]
    await web.request(
        "edge", "trust", Trust(fingerprint=trusted.fingerprint, trusted=False), Trusted, gateway="gateway"
    )
    listed = await web.request("edge", "certificates", None, CertificateList, gateway="gateway")
    assert [one.trusted for one in listed.certificates] == [False]


async def test_a_device_refused_for_its_password_connects_as_soon_as_it_is_right(
    gateway, web, known, configured, until
):
    service = await gateway()
    await known(web)
    wrong = NamedSecret(name="plant", secret=Secret(user="operator", password="hunter2"))
    await web.request("edge", "secret", wrong, gateway="gateway")
    await send(web, configured(1, "Float"))
    await until(lambda: [one.code for one in service.status().devices] == ["edge.user_refused"])
    await web.request(
        "edge", "secret", NamedSecret(name="plant", secret=Secret(user="operator", password="right")), gateway="gateway"
    )
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])
    await web.request("edge", "secret", NamedSecret(name="plant"), gateway="gateway")
    assert service.status().secrets == []


# -- footprint --------------------------------------------------------------------------------------------------------


def test_the_gateways_process_loads_no_database_no_web_server_and_no_table_engine():
    program = (
        "import sys, lineshaft.edge.service, lineshaft.edge.batch, lineshaft.edge.drivers.opcua.source\n"
        "heavy = {'sqlalchemy', 'alembic', 'litestar', 'deltalake', 'duckdb', 'polars', 'typer', 'rich', 'lineshaft.history',"
        " 'pyarrow.compute', 'cedarpy', 'cel', 'aiomqtt'}\n"
        "print(sorted(heavy & {name for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# -- revocation ---------------------------------------------------------------------------------------------------------


async def test_a_server_whose_certificate_is_revoked_is_left_and_refused(gateway, known, web, configured, until):
    service = await gateway()
    trusted = await known(web)
    await send(web, configured(1, "Float"))
    await until(lambda: [one.state for one in service.status().devices] == ["connected"])
    service.tools.certificates.is_revoked = lambda der: fingerprint(der) == trusted.fingerprint
    await service.hang_up_revoked()
    await until(lambda: [one.code for one in service.status().devices] == ["edge.certificate_revoked"])


async def test_a_driver_that_fails_is_one_refused_device_and_a_removed_one_has_no_values(
    gateway, monkeypatch, until, rows_of
):
    def fail(_driver, _device):
        raise RuntimeError("a bug of the driver")

    def device(name, **fields):
        given = {
            "driver": "calculated",
            "endpoint": "calculated:",
            "points": (Point(name="p", address='tag("x/y")', tag=1),),
        }
        return Device(name=name, path=f"a/b/c/d/e/{name}", **(given | fields))

    monkeypatch.setattr("lineshaft.edge.drivers.snmp.driver.SnmpDriver.plan", fail)
    service = await gateway()
    now = clock.now_us()
    service.tools.board.take(service.tools.board.slots(["x/y"]), rows_of((0, now, now, 0, 0, 1.0)))
    config = GatewayConfig(
        gateway="gateway", version=1, created="2026-01-01T00:00:00Z",
        devices=(device("broken", driver="snmp", endpoint="udp://127.0.0.1:1"), device("sums")),
    )  # fmt: skip
    await service._apply(config)
    assert service._refused["broken"].code == "edge.driver_failed"
    await until(lambda: service.tools.board.get("sums/p"))
    await service._apply(replace(config, version=2, devices=()))
    assert service.tools.board.get("sums/p") is None
