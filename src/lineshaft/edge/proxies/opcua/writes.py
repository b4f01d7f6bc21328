"""Writes of the proxy's clients: the point's own rules, then the guard, then the device; the device's answer."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from asyncua import ua

from lineshaft.core import logs, quality
from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.edge.commands.checks import find_point
from lineshaft.edge.commands.executor import WRITE_SECONDS
from lineshaft.edge.driver import Write
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.part import GuardPart
from lineshaft.edge.model import Device, Point
from lineshaft.edge.proxies.opcua.mirror import Mirror
from lineshaft.edge.proxies.passed import PassedWrites
from lineshaft.edge.proxies.rules import ForeignRules

_Codes = ua.StatusCodes
_DENIED: Final = int(_Codes.BadUserAccessDenied)
_PLAIN: Final = State()
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (float, int), "integer": (int,), "boolean": (bool,), "text": (str,),
}  # fmt: skip


_CODES: Final[Mapping[str, int]] = {
    "edge.command_out_of_range": int(_Codes.BadOutOfRange), "edge.device_leased": int(_Codes.BadLocked),
    "edge.command_device_stale": quality.BAD_NO_COMMUNICATION,
    "edge.proxy_device_changed": quality.BAD_NO_COMMUNICATION,
}  # fmt: skip
"""Status codes of refusals by code; `BadUserAccessDenied` for all others."""


class Desk:
    """Judges what clients ask of one device, and carries out what they may."""

    def __init__(
        self, device: Device, mirror: Mirror, *, guard: GuardPart, passed: PassedWrites, rules: ForeignRules
    ) -> None:  # fmt: skip
        self._device, self._mirror = device, mirror
        self._guard, self._passed, self._rules = guard, passed, rules
        self._log = logs.get("edge").bind(device=device.name, proxy="opcua")
        self.refused = 0
        self.passed = 0

    def may(self, function: str, node: Any, principal: GuardPrincipal) -> bool:
        """Whether the guard permits something that is no write. A node that is no point of the device is read freely."""
        point = self._point(node)
        if point is None and function != "call":
            return True
        address = node.to_string() if point is None else point.address
        operation = self._operation(function, address, (), point)
        (verdict,) = self._guard.check([operation], principal, _PLAIN)
        return verdict.allowed

    async def write(self, values: Sequence[Any], principal: GuardPrincipal, origin: Mapping[str, Any]) -> list[int]:
        """Write values (of a WriteRequest) in order; their status codes."""
        results: list[int | None] = []
        writes = []
        for value in values:
            code, write = self._judge(value, principal, origin)
            results.append(code)
            if write is not None:
                writes.append(write)
        answers = iter(await self._carry_out(writes) if writes else [])
        return [next(answers) if result is None else result for result in results]

    # -- judging --------------------------------------------------------------------------------------------------------

    def _judge(
        self, asked: Any, principal: GuardPrincipal, origin: Mapping[str, Any]
    ) -> tuple[int | None, Write | None]:
        """A write that may go to the device, or why it may not."""
        point = self._point(asked.NodeId)
        if point is None or asked.AttributeId != ua.AttributeIds.Value or asked.IndexRange:
            address = asked.NodeId.to_string() if point is None else point.address
            return self._refuse(address, point, principal, "only whole values of points are written"), None
        value = _plain(asked.Value, point)
        if value is None:
            self._refuse(point.address, point, principal, f"it takes a {point.kind}")
            return int(_Codes.BadTypeMismatch), None
        numbers = () if isinstance(value, str) else (value,)
        operation = self._operation("write", point.address, numbers, point)
        if not operation.unjudgeable:  # what is no number, the guard denies
            code = self._break_of_rules(point, value, operation, principal)
            if code:
                return code, None
        (verdict,) = self._guard.check([operation], principal, _PLAIN)
        if not verdict.allowed:
            self.refused += 1
            return _DENIED, None
        if self._passed.full:
            self.refused += 1
            return int(_Codes.BadTooManyOperations), None
        self._passed.note(principal, [operation], [verdict], origin)
        self._rules.note_written(point)
        self.passed += 1
        return None, Write(self._mirror.nodes[asked.NodeId], value)

    def _break_of_rules(self, point: Point, value: Any, operation: Operation, principal: GuardPrincipal) -> int:
        """The status code where the point's own rules forbid it; 0 where they do not."""
        try:
            find_point(self._device, point.name)
            self._rules.check_lease()
            self._rules.check_point(point, value)
            self._rules.check_overlaid(point, value)
        except LineshaftError as error:
            self._note(operation, principal, error.message, error.code)
            return _CODES.get(error.code, _DENIED)
        return 0

    def _refuse(self, address: str, point: Point | None, principal: GuardPrincipal, reason: str) -> int:
        self._note(self._operation("write", address, (), point), principal, reason, "proxy")
        return _DENIED

    def _note(self, operation: Operation, principal: GuardPrincipal, reason: str, rule: str) -> None:
        """Tell the audit trail of a refusal that was not the guard's."""
        self.refused += 1
        verdict = Verdict(allowed=False, rules=(rule,), reason=reason)
        self._guard.guard.events.judged("guard.denied", operation, principal, verdict)

    def _operation(self, function: str, address: str, numbers: Sequence[float], point: Point | None) -> Operation:
        return Operation.of(
            numbers, protocol="opcua", device=self._device.name, function=function, node=address,
            points=() if point is None else (point.name,),
        )  # fmt: skip

    def _point(self, node: Any) -> Point | None:
        index = self._mirror.nodes.get(node)
        return None if index is None else self._device.points[index]

    # -- the device -----------------------------------------------------------------------------------------------------

    async def _carry_out(self, writes: Sequence[Write]) -> list[int]:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                written = await self._rules.running().write(writes)
        except InvalidInput:
            return [int(_Codes.BadTypeMismatch)] * len(writes)
        except LineshaftError as error:
            self._log.warning("opcua_proxy_not_written", code=error.code, message=error.message)
            return [quality.BAD_NO_COMMUNICATION] * len(writes)
        except (TimeoutError, ConnectionError):
            return [quality.BAD_TIMEOUT] * len(writes)
        return [each.q for each in written]


def _plain(data: Any, point: Point) -> float | int | bool | str | None:
    """A value as drivers take it; None where it is not of the point's kind."""
    if data is None or data.Value is None or data.Value.is_array:
        return None
    if data.StatusCode is not None and not data.StatusCode.is_good():
        return None
    value = data.Value.Value
    if isinstance(value, ua.LocalizedText):
        value = value.Text
    kinds = _KINDS[point.kind]
    fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
    return value if fits else None
