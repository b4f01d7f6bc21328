"""Store and forward as the gateway's service starts it, with a bus of its own that is away at the wrong moment."""

from lineshaft.bus import StreamState
from lineshaft.core import logs
from lineshaft.core.errors import Unavailable
from lineshaft.edge.forward import StoreAndForward


class Store:
    """Its bus goes away once before each of its answers."""

    def __init__(self):
        self.calls = []

    async def make(self):
        self._call("make")

    async def state(self):
        self._call("state")
        return StreamState(first=1, last=0, messages=0, bytes=0, created="today", first_us=0)

    def _call(self, name):
        self.calls.append(name)
        if self.calls.count(name) == 1:
            raise Unavailable("bus.connection_lost", "the connection to the bus broke", "read the state again")


async def test_a_bus_killed_between_any_two_steps_of_the_start_does_not_end_the_gateway():
    part = StoreAndForward.__new__(StoreAndForward)
    part.store, part._log = Store(), logs.get("edge")
    assert await part._make() == "today"
    assert part.store.calls == ["make", "make", "state", "make", "state"]
