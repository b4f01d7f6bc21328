"""Writes: a payload for the device, which goes out in the first receive window after the device was heard next.

A point that is written has the address `downlink:PORT`, with bytes in hexadecimal before the value where the device wants
them: `downlink:10:01`. Its type and order say how the value is stored.
"""

import asyncio
import re
from typing import Final, NamedTuple

from lineshaft.core import quality
from lineshaft.edge.driver import Written

PREFIX: Final = "downlink:"
_ADDRESS: Final = re.compile(r"downlink:(?P<port>\d{1,3})(?::(?P<head>(?:[0-9a-fA-F]{2}){1,50}))?")
_LARGEST_PORT: Final = 223
LONGEST: Final = 51
"""Bytes that every data rate of both regions carries (RP002-1.0.4, tables of maximum payload)."""


class Target(NamedTuple):
    """Where a written value goes."""

    port: int
    head: bytes
    """What stands before the value."""


def read_target(address: str) -> Target:
    """The target that a point's address names.

    Raises:
        ValueError: it names none.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise ValueError("a value is written to downlink:PORT, or downlink:PORT:01 with bytes before it")
    port = int(found["port"])
    if not 1 <= port <= _LARGEST_PORT:
        raise ValueError(f"ports are 1 to {_LARGEST_PORT}")
    return Target(port, bytes.fromhex(found["head"] or ""))


class Downlink:
    """One payload on its way, and what becomes of it."""

    def __init__(self, port: int, payload: bytes, *, confirmed: bool) -> None:
        self.port, self.payload, self.confirmed = port, payload, confirmed
        self.done: asyncio.Future[Written] = asyncio.get_running_loop().create_future()
        self.sent = False
        """A forwarder has it: what becomes of it is not in our hands any more."""

    def refuse(self, words: str) -> None:
        """It was not transmitted."""
        self.settle(Written(q=quality.BAD_NOT_CONNECTED, detail=words))

    def transmitted(self) -> None:
        """The forwarder sent it; an unconfirmed one has no other answer."""
        if not self.confirmed:
            self.settle(Written(detail="transmitted; the device confirms nothing"))

    def answered(self, *, acknowledged: bool) -> None:
        """The device was heard after it."""
        if acknowledged:
            self.settle(Written())
        else:
            self.settle(Written(q=quality.BAD_NOT_CONNECTED, detail="the device did not confirm it", lost=True))

    def settle(self, written: Written) -> None:
        """What became of it; the first word counts."""
        if not self.done.done():
            self.done.set_result(written)
