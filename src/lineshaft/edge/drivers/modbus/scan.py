"""One scan of a group: its requests as calls, one buffer for all answers, one layout that decodes it."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from lineshaft.core import quality
from lineshaft.edge import raw
from lineshaft.edge.columns import Columns
from lineshaft.edge.drivers.modbus import faults, pdu
from lineshaft.edge.drivers.modbus.address import REGISTERS
from lineshaft.edge.drivers.modbus.link import DAMAGED, Call, Drops
from lineshaft.edge.drivers.modbus.requests import Member, Request
from lineshaft.edge.model import Point


class Scan:
    """How a group is read now. Immutable: `divided` gives another.

    Args:
        requests: what is asked, in this order.
        points: of the plan.
    """

    def __init__(self, requests: Sequence[Request], points: Sequence[Point], drops: Drops) -> None:
        self.requests = tuple(requests)
        self.calls = [Call(one.unit, pdu.read_request(one.space, one.start, one.count)) for one in requests]
        self._points = points
        self._drops = drops
        self._sizes = [pdu.data_size(one.space, one.count) for one in requests]
        self._functions = [pdu.READ[one.space] for one in requests]
        begin = 0
        chosen: list[int] = []
        offsets: list[int] = []
        bits: list[int] = []
        self._rows: list[slice] = []
        for request, size in zip(requests, self._sizes, strict=True):
            first = len(chosen)
            for member in request.members:
                chosen.append(member.point)
                offset, bit = _place(request, member, points[member.point])
                offsets.append(begin + offset)
                bits.append(bit)
            self._rows.append(slice(first, len(chosen)))
            begin += size
        self.keys = np.array(chosen, np.int32)
        self._layout = raw.Layout.of([points[index] for index in chosen], offsets, bits)

    def decode(self, answers: Sequence[bytes | None], columns: Columns, now_us: int) -> None:
        """Append a row for every point: its value, or why there is none."""
        parts: list[bytes] = []
        status: Any = quality.GOOD
        for index, answer in enumerate(answers):
            data, q = self._judge(index, answer)
            if q != quality.GOOD:
                if isinstance(status, int):
                    status = np.zeros(len(self.keys), np.uint32)
                status[self._rows[index]] = q
            parts.append(data)
        self._layout.decode(b"".join(parts), columns, self.keys, now_us, now_us, status)

    def _judge(self, index: int, answer: bytes | None) -> tuple[bytes, int]:
        """Data and status of one answer."""
        size = self._sizes[index]
        if answer is None:
            return bytes(size), quality.BAD_TIMEOUT
        try:
            return pdu.read_answer(answer, self._functions[index], size), quality.GOOD
        except pdu.Refused as refused:
            return bytes(size), faults.status_of(refused.code)
        except pdu.Malformed as error:
            if answer != DAMAGED:  # that one was counted when it came
                self._drops.count("malformed", error=str(error))
            return bytes(size), quality.BAD_DECODING

    def divided(self, answers: Sequence[bytes | None]) -> "Scan | None":
        """A scan with the requests cut that the device refused for an address; None where there is nothing to cut."""
        requests: list[Request] = []
        for request, answer, function in zip(self.requests, answers, self._functions, strict=True):
            refused = answer == bytes((function | pdu.EXCEPTION, faults.ILLEGAL_ADDRESS))
            requests += request.parts() if refused else [request]
        return Scan(requests, self._points, self._drops) if len(requests) > len(self.requests) else None


def _place(request: Request, member: Member, point: Point) -> tuple[int, int]:
    """Byte of a point in its request's data, and bit of that byte."""
    distance = member.start - request.start
    if request.space not in REGISTERS:
        return distance >> 3, distance & 7
    if point.type == "bool":
        return 2 * distance + (member.bit < 8), member.bit & 7
    low_byte = raw.size(point) == 1 and point.type != "text"
    return 2 * distance + low_byte, 0
