"""Routes of the demonstration plant, `/api/v1/demo/…`: what it does, and an operator's hand on it."""

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from lineshaft.bus import Bus
from lineshaft.core.errors import Unavailable
from lineshaft.core.principals import MAIN_PROJECT, Principal
from lineshaft.demo.disturbances import DISTURBANCES, name_of
from lineshaft.demo.model import Command, PlantStatus

_DEMO = ["demo"]
_READ = {"action": "demo:read", "project": MAIN_PROJECT}
_CONTROL = {"action": "demo:control", "project": MAIN_PROJECT}


class Disturbances(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Disturbances by name, such as `idv_01`."""

    disturbances: list[str] = []


class Valves(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Valves by name, such as `XMV_01`."""

    valves: list[str] = []


class Speed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Simulated seconds per real second, 0.1 to 100."""

    speed: float


class Disturbance(msgspec.Struct, frozen=True, kw_only=True):
    """Something that can go wrong with the plant."""

    name: str
    description: str
    on: bool


class DisturbanceList(msgspec.Struct, frozen=True):
    """All disturbances, by number."""

    items: list[Disturbance]


@get("/api/v1/demo/status", opt=_READ, tags=_DEMO)
async def plant_status(bus: NamedDependency[Bus]) -> PlantStatus:
    """What the plant does now."""
    return await _ask(bus, "status", None)


@get("/api/v1/demo/disturbances", opt=_READ, tags=_DEMO)
async def list_disturbances(bus: NamedDependency[Bus]) -> DisturbanceList:
    """What can go wrong with the plant, and what does at the moment."""
    status = await _ask(bus, "status", None)
    return DisturbanceList(
        [
            Disturbance(name=name_of(number), description=text, on=name_of(number) in status.disturbances)
            for number, text in enumerate(DISTURBANCES, start=1)
        ]
    )


@post("/api/v1/demo/disturb", opt=_CONTROL, tags=_DEMO, status_code=200)
async def disturb(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[Disturbances]
) -> PlantStatus:
    """Switch disturbances on; those that are on already stay on."""
    return await _ask(bus, "disturb", Command(by=principal.name, disturbances=data.disturbances))


@post("/api/v1/demo/calm", opt=_CONTROL, tags=_DEMO, status_code=200)
async def calm(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[Disturbances]
) -> PlantStatus:
    """Switch disturbances off, all where none is named."""
    return await _ask(bus, "calm", Command(by=principal.name, disturbances=data.disturbances))


@post("/api/v1/demo/speed", opt=_CONTROL, tags=_DEMO, status_code=200)
async def change_speed(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[Speed]
) -> PlantStatus:
    """Run at another multiple of real time, until the plant's process is started anew."""
    return await _ask(bus, "speed", Command(by=principal.name, speed=data.speed))


@post("/api/v1/demo/auto", opt=_CONTROL, tags=_DEMO, status_code=200)
async def automatic(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[Valves]
) -> PlantStatus:
    """Give valves that were written to back to their controllers, all where none is named."""
    return await _ask(bus, "auto", Command(by=principal.name, valves=data.valves))


@post("/api/v1/demo/restart", opt=_CONTROL, tags=_DEMO, status_code=200)
async def restart(bus: NamedDependency[Bus], principal: NamedDependency[Principal]) -> PlantStatus:
    """Start the plant anew at its base case, without disturbances."""
    return await _ask(bus, "restart", Command(by=principal.name))


ROUTES = [plant_status, list_disturbances, disturb, calm, change_speed, automatic, restart]


async def _ask(bus: Bus, verb: str, command: Command | None) -> PlantStatus:
    try:
        return await bus.request("demo", verb, command, PlantStatus)
    except Unavailable as error:
        if error.code != "bus.no_service":
            raise
        raise Unavailable(
            "demo.plant_absent", "the demonstration plant is not running",
            "`lineshaft up --demo` runs it; it needs the extra: pip install 'lineshaft[demo]'.",
        ) from error  # fmt: skip
