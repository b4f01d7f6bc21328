"""What travels on the bus between the web server and whoever holds the witness's key."""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from lineshaft.bus import Bus

_TIMEOUT_SECONDS: Final = 10.0

Cosign = Callable[[bytes], Awaitable[bytes]]
"""Body of an `add-checkpoint` request in, signature lines out."""


class AddCheckpoint(msgspec.Struct, frozen=True):
    """Request `witness`."""

    body: bytes


class Cosigned(msgspec.Struct, frozen=True):
    """Its answer."""

    lines: bytes


def asking(bus: Bus) -> Cosign:
    """The witness, asked over the bus."""

    async def cosign(body: bytes) -> bytes:
        answer = await bus.request("access", "witness", AddCheckpoint(body), Cosigned, timeout=_TIMEOUT_SECONDS)
        return answer.lines

    return cosign
