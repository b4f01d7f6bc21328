"""What is said about the plant, and to it."""

from collections.abc import Callable
from typing import Literal

import msgspec

VERBS = ("status", "disturb", "calm", "speed", "restart", "auto")
"""What the plant answers on the bus: `svc.demo.<verb>`; each answer is a `PlantStatus`."""

PlantState = Literal["starting", "running", "tripped"]
Hold = Callable[[str, float], None]
"""Puts a valve by hand, in per cent. Raises InvalidInput: no valve, or a value that cannot be. Conflict: the plant stands."""


class PlantStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The plant as `lineshaft demo status` shows it."""

    state: PlantState
    reason: str = ""
    """Why it tripped."""
    since: str
    """RFC 3339: since when it is in this state."""
    restart_in_seconds: float | None = None
    """Until a tripped plant starts anew; None while it runs, or where only a command restarts it."""
    run: int
    """Counts starts at the base case, from 1."""
    simulated_hours: float
    speed: float
    left_out_seconds: float
    """Real time not simulated because the machine was too busy or asleep."""
    disturbances: list[str]
    manual: list[str] = []
    """Valves that are held by hand, `XMV_01` …; the controllers have the others."""
    seed: int
    endpoint: str = ""
    sessions: int = 0
    """OPC UA clients signed in."""


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's order, as it travels on the bus."""

    by: str
    """Name of the principal who gave it."""
    disturbances: list[str] = []
    speed: float | None = None
    valves: list[str] = []


class Scan(msgspec.Struct, frozen=True):
    """Values of all signals at one moment, or the reason why there are none."""

    source_us: int
    quality: int
    """OPC UA StatusCode of every value."""
    values: list[float] | None
    """In the order of `signals.SIGNALS`; None where the quality is bad."""
