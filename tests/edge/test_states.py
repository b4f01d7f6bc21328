"""States of devices for a list: each gateway is asked once for many who look, and one that is away costs nobody the rest."""

import asyncio
from types import SimpleNamespace

from lineshaft.core.errors import Unavailable
from lineshaft.edge import states
from lineshaft.edge.messages import AskStatus

LARGE = [f"d{number}" for number in range(5)]


class Bus:
    """Answers for three gateways, for one of them in parts; a fourth is away."""

    def __init__(self):
        self.asked = []

    async def request(self, package, verb, body, reply_type, *, timeout, gateway):
        self.asked.append(gateway)
        assert (package, verb, body) == ("edge", "status", AskStatus(states=True, after=body.after))
        await asyncio.sleep(0)
        if gateway == "large":
            behind = [name for name in LARGE if name > body.after]
            return reply_type(devices=[], states={"lost": behind[:2]}, more=behind[1] if len(behind) > 2 else "")
        if gateway == "new":
            return reply_type(devices=[], states={"lost": ["saw"], "connected": ["press", "oven"]})
        if gateway == "old":  # of an earlier release: it gives the devices themselves
            return reply_type(devices=[states._Device(name="kiln", state="refused")])
        raise Unavailable("bus.gateway_away", "away")


async def test_every_gateway_that_answers_counts_whatever_its_release():
    found = await states.DeviceStates(Bus()).of(["new", "old", "away"])
    assert found == {"saw": "lost", "press": "connected", "oven": "connected", "kiln": "refused"}


async def test_of_many_devices_the_states_come_in_parts(monkeypatch):
    bus = Bus()
    assert await states.DeviceStates(bus).of(["large"]) == dict.fromkeys(LARGE, "lost")
    assert len(bus.asked) == 3


async def test_a_gateway_that_says_nothing_is_told_once_and_again_after_it_was_back(monkeypatch):
    bus, now, told = Bus(), 100.0, []
    monkeypatch.setattr(states.clock, "monotonic", lambda: now)
    asking = states.DeviceStates(bus)
    monkeypatch.setattr(
        asking, "_log", SimpleNamespace(warning=lambda event, **facts: told.append((event, facts["code"])))
    )
    for _ in range(3):
        await asking.of(["away"])
        now += states.FRESH_SECONDS + 0.1
    assert told == [("edge_states_unknown", "bus.gateway_away")]


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
