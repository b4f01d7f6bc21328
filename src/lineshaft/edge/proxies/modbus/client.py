"""One client of the proxy: its frames taken apart, each request judged, answers in its own numbers."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import msgspec

from lineshaft.core import clock
from lineshaft.edge.drivers.modbus.tcp import HEADER, LONGEST
from lineshaft.edge.guard.functions import reads
from lineshaft.edge.guard.model import FAILED, UNJUDGEABLE, UNRECORDED, GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.proxies.modbus.points import Places
from lineshaft.edge.proxies.modbus.requests import (
    BUSY,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    NO_PATH,
    SERVER_FAILURE,
    Requests,
    Wrong,
)
from lineshaft.edge.proxies.modbus.upstream import Upstream
from lineshaft.edge.proxies.passed import PassedWrites

_PLAIN: Final = State()
_ANY_UNIT: Final = frozenset((0, 255))
"""Over TCP they mean the device itself (messaging guide V1.0b, 4.4.2.1)."""
_EXCEPTION: Final = 0x80
_REASONS: Final[Mapping[str, int]] = {
    UNJUDGEABLE: ILLEGAL_VALUE, UNRECORDED: SERVER_FAILURE, FAILED: SERVER_FAILURE,
}  # fmt: skip
"""Exception codes where it was not a rule that refused."""
_RULES: Final[Mapping[str, int]] = {
    "edge.device_leased": BUSY, "edge.command_device_stale": SERVER_FAILURE, "edge.proxy_device_changed": SERVER_FAILURE,
}  # fmt: skip
"""Exception codes where what refused passes."""
_READS: Final = frozenset((1, 2, 3, 4))
_ADMITTED_SECONDS: Final = 0.05
"""How long a permitted read is permitted again without asking: a rule about time or plant mode is so much late for it."""
_MOST_ADMITTED: Final = 256
_WRITE_BUFFER: Final = 65_536


class Judge(Protocol):
    """The guard, as far as proxies need it."""

    @property
    def epoch(self) -> object | None:
        """See `Guard.epoch`."""

    def check(self, operations: list[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        """What it says of each operation."""


class Counts(msgspec.Struct):
    """What came of a listener's requests since it was opened."""

    reads: int = 0
    passed: int = 0
    """Requests other than reads that were sent on."""
    refused: int = 0
    """Requests that the guard refused."""
    wrong: int = 0
    """Requests that the standard does not know, or for a unit that the device has not."""
    hung_up: int = 0
    """Connections ended for a frame that is none, or for silence."""
    turned_away: int = 0
    """Connections that were not let in."""


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """What all clients of one listener share."""

    unit: int
    """The device's own."""
    places: Places
    requests: Requests
    upstream: Upstream
    guard: Judge
    passed: PassedWrites
    counts: Counts
    in_flight: int
    idle_seconds: float
    clients: "set[Client]"
    most_clients: int
    log: Any


class Client(asyncio.Protocol):
    """One connection.

    Args:
        admit: who it is, told from the connection, and where it comes from; None: it is not let in.
    """

    def __init__(
        self, side: Side, admit: Callable[[asyncio.Transport], tuple[GuardPrincipal, Mapping[str, Any]] | None]
    ) -> None:
        self._side = side
        self._admit = admit
        self._transport: asyncio.Transport
        self._principal: GuardPrincipal
        self.origin: Mapping[str, Any] = {}
        """Address, and the certificate's fingerprint where there is one."""
        self.certificate: bytes = b""
        """DER; empty without TLS."""
        self._rest = b""
        self._held = False
        """It does not take its answers fast enough: nothing more of it is looked at."""
        self._tags = 0
        self._asked: dict[int, tuple[int, int]] = {}
        """Transaction and unit of every request under way."""
        self._heard = clock.monotonic()
        self._epoch: object | None = None
        self._admitted: dict[tuple[int, bytes], tuple[int, float]] = {}
        """Reads that the guard permitted just now: the unit that each is for, and until when that counts."""

    # -- the connection -----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not of asyncio's class
        known = self._admit(self._transport)
        if known is None:
            self._side.counts.turned_away += 1
            self._transport.abort()
            return
        self._principal, self.origin = known
        secure = transport.get_extra_info("ssl_object")
        self.certificate = secure.getpeercert(binary_form=True) if secure is not None else b""
        self._transport.set_write_buffer_limits(high=_WRITE_BUFFER)
        self._side.clients.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._side.clients.discard(self)

    def pause_writing(self) -> None:
        self._held = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._held = False
        self._go_on()

    def is_idle(self, now: float) -> bool:
        """Whether it has sent no whole request for too long."""
        return not self._asked and now - self._heard > self._side.idle_seconds

    def hang_up(self, reason: str) -> None:
        """End the connection."""
        self._side.counts.hung_up += 1
        self._side.log.warning("modbus_proxy_hung_up", reason=reason, **self.origin)
        self._transport.abort()

    # -- requests -----------------------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        self._take(self._rest + data if self._rest else data)

    def _take(self, data: bytes) -> None:
        place, size = 0, len(data)
        most = self._side.in_flight
        while size - place >= HEADER.size and not self._held and len(self._asked) < most:
            transaction, protocol, length, unit = HEADER.unpack_from(data, place)
            if protocol != 0 or not 2 <= length <= LONGEST:
                self._rest = b""
                self.hang_up(f"a frame with protocol {protocol} and length {length}")
                return
            end = place + 6 + length
            if end > size:
                break
            self._request(transaction, unit, data[place + HEADER.size : end])
            place = end
        self._rest = data[place:]
        if len(self._rest) > LONGEST + 6 and not self._held:
            self._transport.pause_reading()

    def _go_on(self) -> None:
        """Look at what was left lying, and read on."""
        if self._held or self._transport.is_closing():
            return
        rest, self._rest = self._rest, b""
        self._take(rest)
        if not self._held and len(self._rest) <= LONGEST + 6 and not self._transport.is_closing():
            self._transport.resume_reading()

    def _request(self, transaction: int, unit: int, pdu: bytes) -> None:
        self._heard = clock.monotonic()
        side = self._side
        epoch = side.guard.epoch
        if epoch is not self._epoch:
            self._epoch = epoch
            self._admitted.clear()
        known = self._admitted.get((unit, pdu))
        if known is not None and self._heard < known[1]:
            side.counts.reads += 1
            self._ask(transaction, unit, known[0], pdu)
            return
        try:
            target = _target(side, unit)
            operations = side.requests.operations(target, pdu)
        except Wrong as wrong:
            side.counts.wrong += 1
            self._answer(transaction, unit, bytes((pdu[0] | _EXCEPTION, wrong.code)))
            return
        verdicts = side.guard.check(operations, self._principal, _PLAIN)
        code = self._refusal(operations, verdicts)
        if code:
            self._answer(transaction, unit, bytes((pdu[0] | _EXCEPTION, code)))
            return
        if epoch is not None and pdu[0] in _READS:
            if len(self._admitted) >= _MOST_ADMITTED:
                self._admitted.clear()
            self._admitted[unit, pdu] = (target, self._heard + _ADMITTED_SECONDS)
        self._ask(transaction, unit, target, pdu)

    def _ask(self, transaction: int, unit: int, target: int, pdu: bytes) -> None:
        self._tags += 1
        self._asked[self._tags] = (transaction, unit)
        self._side.upstream.ask(self._answered, self._tags, target, pdu)

    def _refusal(self, operations: list[Operation], verdicts: list[Verdict]) -> int:
        """The exception code of a request that is held back; 0 where it goes on. Notes what goes on and is no read."""
        side = self._side
        for verdict in verdicts:
            if not verdict.allowed:
                side.counts.refused += 1
                passing = _RULES.get(verdict.rules[0], ILLEGAL_FUNCTION) if verdict.rules else ILLEGAL_FUNCTION
                return _REASONS.get(verdict.reason, passing)
        if reads("modbus", operations[0].function):
            side.counts.reads += 1
            return 0
        if side.passed.full:
            side.counts.refused += 1
            return BUSY
        side.passed.note(self._principal, operations, verdicts, self.origin)
        side.counts.passed += 1
        return 0

    # -- answers ------------------------------------------------------------------------------------------------------

    def _answered(self, tag: int, pdu: bytes) -> None:
        transaction, unit = self._asked.pop(tag)
        if self._transport.is_closing():
            return
        self._answer(transaction, unit, pdu)
        if self._rest:
            self._go_on()

    def _answer(self, transaction: int, unit: int, pdu: bytes) -> None:
        self._transport.write(HEADER.pack(transaction, 0, len(pdu) + 1, unit) + pdu)


def _target(side: Side, unit: int) -> int:
    """The unit behind a client's; none but those of the configuration, as another could be the same registers again."""
    if unit in side.places.units:
        return unit
    if unit in _ANY_UNIT:
        return side.unit
    raise Wrong(NO_PATH)
