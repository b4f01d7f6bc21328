"""Writes of the proxy's clients: the point's own rules, then the guard, then the device; the device's answer."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from asyncua import ua

from lineshaft.core import logs, quality
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError
from lineshaft.edge.board import Board
from lineshaft.edge.commands.checks import check_value, find_point, rules_of
from lineshaft.edge.commands.conditions import Conditions
from lineshaft.edge.commands.executor import WRITE_SECONDS
from lineshaft.edge.driver import Write
from lineshaft.edge.guard.model import GuardPrincipal, State, Verdict
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.part import GuardPart
from lineshaft.edge.model import Device, Point
from lineshaft.edge.proxies.opcua.mirror import Mirror
from lineshaft.edge.proxies.passed import PassedWrites
from lineshaft.edge.runner import DeviceRunner

_Codes = ua.StatusCodes
_DENIED: Final = int(_Codes.BadUserAccessDenied)
_PLAIN: Final = State()
_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "number": (float, int), "integer": (int,), "boolean": (bool,), "text": (str,),
}  # fmt: skip


class Desk:
    """Judges what clients ask of one device, and carries out what they may.

    Args:
        runner: the running device of a name.
    """

    def __init__(
        self, device: Device, mirror: Mirror, *, guard: GuardPart, passed: PassedWrites, board: Board,
        runner: Callable[[str], DeviceRunner | None],
    ) -> None:  # fmt: skip
        self._device, self._mirror = device, mirror
        self._guard, self._passed, self._board = guard, passed, board
        self._runner = runner
        self._conditions = Conditions(board, runner)
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
        self.passed += 1
        return None, Write(self._mirror.nodes[asked.NodeId], value)

    def _break_of_rules(self, point: Point, value: Any, operation: Operation, principal: GuardPrincipal) -> int:
        """The status code where the point's own rules forbid it; 0 where they do not."""
        name = self._device.name
        try:
            find_point(self._device, point.name)
            if rules_of(point).classification == "A":
                raise Forbidden(
                    "edge.command_unapproved", f"{name}/{point.name} is of class A, and no second person has approved",
                    "Write it by a command, which another person approves.", device=name, point=point.name,
                )  # fmt: skip
            check_value(name, point, value)
            self._conditions.check_rate(name, point, value, self._board.get(f"{name}/{point.name}"))
            self._conditions.check_interlock(name, point)
        except LineshaftError as error:
            self._note(operation, principal, error.message, error.code)
            beyond = error.code == "edge.command_out_of_range"
            return int(_Codes.BadOutOfRange) if beyond else _DENIED
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
        runner = self._runner(self._device.name)
        if runner is None:
            return [quality.BAD_NO_COMMUNICATION] * len(writes)
        for write in writes:
            self._conditions.note_written(self._device.name, self._device.points[write.point])
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                written = await runner.write(writes)
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
