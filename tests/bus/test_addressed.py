"""Requests to one of many gateways: which of them hears, who may ask, what happens where it is away."""

import asyncio

import pytest

from lineshaft.access.grants import bus_permissions
from lineshaft.access.model import TEMPLATE
from lineshaft.access.zones.model import DEFAULT
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, Unavailable
from lineshaft.core.principals import Principal

PATIENCE_SECONDS = 30


def principal(name: str) -> Principal:
    attributes = {} if name in ("gateway", "web", "history") else {TEMPLATE: "gateway"}
    return Principal(id=f"h/{name}", kind="service", name=name, tenant="main", attributes=attributes)


@pytest.fixture
async def member(box):
    """Connections with exactly what the grants give."""

    async def connect(name: str):
        return await box.connect(name, bus_permissions(principal(name), box.subjects, DEFAULT))

    return connect


async def serve_name(bus, gateway: str = "") -> None:
    """Answer `status` with one's own name."""

    async def answer(caller: str, body: bytes) -> bytes:
        return f"{bus.name} to {caller}: ".encode() + body

    await bus.serve("edge", "status", answer, gateway=gateway or bus.name)


async def test_a_request_reaches_the_gateway_that_it_names_and_no_other(member):
    web, own, east = await member("web"), await member("gateway"), await member("gateway-east")
    for gateway in (own, east):
        await serve_name(gateway)
    assert await web.request("edge", "status", b"1", gateway="gateway") == b"gateway to web: 1"
    assert await web.request("edge", "status", b"2", gateway="gateway-east") == b"gateway-east to web: 2"


async def test_streamed_answers_flow_under_credit_from_each_gateway(member):
    web, own, east = await member("web"), await member("gateway"), await member("gateway-east")

    def counting(name: str):
        async def pages(_caller: str, _body: bytes):
            for number in range(20):  # many times the credit that is given at once
                yield {}, f"{name} {number}".encode()

        return pages

    for gateway in (own, east):
        await gateway.serve_stream("edge", "browse", counting(gateway.name), gateway=gateway.name)

    async def collect(name: str) -> list[bytes]:
        return [chunk async for _, chunk in web.request_stream("edge", "browse", gateway=name, timeout=10)]

    first, second = await asyncio.gather(collect("gateway"), collect("gateway-east"))
    assert first == [f"gateway {number}".encode() for number in range(20)]
    assert second == [f"gateway-east {number}".encode() for number in range(20)]


async def test_what_a_gateway_raises_is_raised_again(member):
    web, east = await member("web"), await member("gateway-east")

    async def refuse(_caller: str, _body: bytes) -> None:
        raise Conflict("edge.example", "no", "", device="press")

    await east.serve("edge", "status", refuse, gateway="gateway-east")
    with pytest.raises(Conflict) as caught:
        await web.request("edge", "status", gateway="gateway-east")
    assert caught.value.facts == {"device": "press"}


async def test_a_gateway_that_is_not_connected_is_said_to_be_away(member):
    web, own = await member("web"), await member("gateway")
    await serve_name(own)
    with pytest.raises(Unavailable) as caught:
        await web.request("edge", "status", gateway="gateway-east")
    assert (caught.value.code, caught.value.facts["gateway"]) == ("bus.gateway_away", "gateway-east")
    with pytest.raises(Unavailable) as caught:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await anext(web.request_stream("edge", "browse", gateway="gateway-east", timeout=60))
    assert caught.value.code == "bus.gateway_away"


@pytest.mark.parametrize("name", ["gateway", "gateway-east"])
async def test_a_compromised_gateway_can_neither_hear_nor_answer_for_another(member, name):
    victim = "gateway-east" if name == "gateway" else "gateway"
    web, honest, thief = await member("web"), await member(victim), await member(name)
    await serve_name(honest)
    with pytest.raises(Forbidden):
        await serve_name(thief, gateway=victim)
    for subject in (
        "ls.*.*.gw.>",
        f"ls.main.box.gw.{victim}.>",
        f"ls.main.box.gw.{victim}.flow.*.*",
        "ls.main.box.gw.*.status.*",
    ):
        with pytest.raises(Forbidden):
            await thief.subscribe(subject, lambda _: None)
    assert (await web.request("edge", "status", b"", gateway=victim)).startswith(victim.encode() + b" to web")


@pytest.mark.parametrize("name", ["gateway", "gateway-east", "history"])
async def test_only_web_may_ask_a_gateway(member, name):
    east, other = await member("gateway-east2"), await member(name)
    await serve_name(east)
    with pytest.raises(Forbidden):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await other.request("edge", "status", gateway="gateway-east2")


async def test_nobody_asks_in_webs_name(member, box):
    east, thief = await member("gateway-east"), await member("gateway-west")
    heard = []

    async def answer(caller: str, _body: bytes) -> None:
        heard.append(caller)

    await east.serve("edge", "status", answer, gateway="gateway-east")
    await thief.publish(box.subjects.gateway("gateway-east", "status", "web"), b"")
    web = await member("web")
    await web.request("edge", "status", gateway="gateway-east")
    assert heard == ["web"]


@pytest.mark.parametrize("bad", ["a.b", "*", ">", "a b"])
async def test_no_request_is_addressed_to_several_gateways(member, bad):
    web = await member("web")
    with pytest.raises(InvalidInput):
        await web.request("edge", "status", gateway=bad)
