"""States of devices for a list: each gateway is asked once for many who look, and one that is away costs nobody the rest."""

import asyncio

from lineshaft.core.errors import Unavailable
from lineshaft.edge import states
from lineshaft.edge.messages import AskStatus


class Bus:
    """Answers for two gateways; a third is away."""

    def __init__(self):
        self.asked = []

    async def request(self, package, verb, body, reply_type, *, timeout, gateway):
        self.asked.append(gateway)
        assert (package, verb, body) == ("edge", "status", AskStatus(states=True))
        await asyncio.sleep(0)
        if gateway == "new":
            return reply_type(devices=[], states={"lost": ["saw"], "connected": ["press", "oven"]})
        if gateway == "old":  # of an earlier release: it gives the devices themselves
            return reply_type(devices=[states._Device(name="kiln", state="refused")])
        raise Unavailable("bus.gateway_away", "away")


async def test_every_gateway_that_answers_counts_whatever_its_release():
    found = await states.DeviceStates(Bus()).of(["new", "old", "away"])
    assert found == {"saw": "lost", "press": "connected", "oven": "connected", "kiln": "refused"}


async def test_many_who_look_at_once_make_one_question_and_it_is_asked_anew_later(monkeypatch):
    bus, now = Bus(), 100.0
    monkeypatch.setattr(states.clock, "monotonic", lambda: now)
    asking = states.DeviceStates(bus)
    await asyncio.gather(*(asking.of(["new"]) for _ in range(20)))
    assert bus.asked == ["new"]
    now += states.FRESH_SECONDS + 0.1
    await asking.of(["new"])
    assert bus.asked == ["new", "new"]


async def test_who_leaves_does_not_take_the_answer_from_the_others():
    bus = Bus()
    asking = states.DeviceStates(bus)
    leaving = asyncio.create_task(asking.of(["new"]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await asking.of(["new"]))["saw"] == "lost"
    assert bus.asked == ["new"]
