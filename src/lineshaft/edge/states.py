"""How devices stand, asked of the gateways that run them, for a list that is filtered or sorted by it. Used by `web`."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from lineshaft.bus import Bus
from lineshaft.core import clock, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.edge.messages import AskStatus

FRESH_SECONDS: Final = 2.0
"""An answer is good for this long: whoever scrolls, sorts and types asks a gateway no more often."""
_ASK_SECONDS: Final = 3.0


class _Device(msgspec.Struct):
    """What is needed of a device's status."""

    name: str
    state: str


class _Gateway(msgspec.Struct):
    devices: list[_Device]
    """Of a gateway of an earlier release, which does not answer with states alone."""
    states: dict[str, list[str]] = {}
    more: str = ""


class DeviceStates:
    """The states of all devices by name. A device is `unknown` where its gateway does not answer, or does not run it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._asked: dict[str, tuple[float, asyncio.Task[Mapping[str, str]]]] = {}
        self._silent: set[str] = set()
        self._log = logs.get("edge")

    async def of(self, gateways: Collection[str]) -> Mapping[str, str]:
        """States by the devices' names; those that are `unknown` are not in it."""
        answers = await asyncio.gather(*(asyncio.shield(self._latest(gateway)) for gateway in gateways))
        return {name: state for answer in answers for name, state in answer.items()}

    def _latest(self, gateway: str) -> "asyncio.Task[Mapping[str, str]]":
        """The answer of lately, or the one that is under way: many who ask at once make one question."""
        now = clock.monotonic()
        asked, task = self._asked.get(gateway, (0.0, None))
        if task is None or (task.done() and now - asked > FRESH_SECONDS):
            task = asyncio.create_task(self._ask(gateway), name=f"states of {gateway}")
            self._asked[gateway] = (now, task)
        return task

    async def _ask(self, gateway: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        asked: AskStatus | None = AskStatus(states=True)
        try:
            while asked is not None:
                status = await self._bus.request(
                    "edge", "status", asked, _Gateway, timeout=_ASK_SECONDS, gateway=gateway
                )  # fmt: skip
                found |= {device.name: device.state for device in status.devices}
                found |= {name: state for state, names in status.states.items() for name in names}
                asked = AskStatus(states=True, after=status.more) if status.more > asked.after else None
        except LineshaftError as error:
            if gateway not in self._silent:  # told once: it is asked as often as somebody looks
                self._log.warning("edge_states_unknown", gateway=gateway, code=error.code, message=error.message)
                self._silent.add(gateway)
        else:
            self._silent.discard(gateway)
        return found
