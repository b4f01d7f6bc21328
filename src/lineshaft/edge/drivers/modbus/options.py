"""Options of a Modbus device."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class ModbusOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to talk to a Modbus device."""

    unit: Annotated[int, Meta(ge=0, le=255)] = 1
    """Unit identifier of points that name none themselves; 1 to 247 on a serial line."""
    in_flight: Annotated[int, Meta(ge=1, le=256)] = 16
    """Requests under way at once over TCP; a device that leaves some unanswered is asked for one
    at a time from then on, until it is connected anew. RTU has one always."""
    max_registers: Annotated[int, Meta(ge=1, le=125)] = 125
    """Registers in one read."""
    max_bits: Annotated[int, Meta(ge=1, le=2000)] = 2000
    """Coils or discrete inputs in one read."""
    max_write_registers: Annotated[int, Meta(ge=1, le=123)] = 123
    """Registers in one write."""
    gap: Annotated[int, Meta(ge=0, le=124)] = 16
    """Unused registers (or sixteenfold unused bits) that are read through rather than asking once more."""
    timeout_seconds: Annotated[float, Meta(ge=0.05, le=60)] = 2.0
    """How long to wait for an answer."""
    retries: Annotated[int, Meta(ge=0, le=5)] = 1
    """How often a read is tried again that was not answered, came damaged or met a busy device. Writes never are."""
    silent_ms: Annotated[float, Meta(ge=0, le=1000)] = 0.0
    """Silence before each request on a serial line, where a device needs more than the standard's."""
    single_writes: bool = True
    """False: a single register or coil is written with the function for several (FC16, FC15); some devices have no other."""
    bit_writes: Literal["mask", "read-modify-write"] = "mask"
    """How a bit of a holding register is written: by the device itself (FC22), or by us in two steps, which can undo what
    somebody else writes to the register between them."""
