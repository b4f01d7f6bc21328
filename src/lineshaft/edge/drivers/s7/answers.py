"""Reading the answers of a controller: the header, and each item's return code and bytes. Ours, so it trusts nothing."""

import struct
from typing import Final

import msgspec

from lineshaft.core import quality

_HEADER: Final = 12
_JOB_ANSWER: Final = (2, 3)
"""Kinds of PDU: acknowledgement without and with data."""
_PROTOCOL: Final = 0x32
_READ: Final = 0x04
_WRITE: Final = 0x05
_GOOD: Final = 0xFF
_IN_BITS: Final = (0x03, 0x04, 0x05)
"""Transport sizes whose length counts bits; the others count bytes."""

_ITEM_STATUS: Final = {
    0x01: quality.BAD_DEVICE_FAILURE,
    0x03: quality.BAD_USER_ACCESS_DENIED,
    0x05: quality.BAD_NODE_ID_UNKNOWN,
    0x06: quality.BAD_NOT_SUPPORTED,
    0x07: quality.BAD_TYPE_MISMATCH,
    0x0A: quality.BAD_NOT_FOUND,
}
ITEM_WORDS: Final = {
    0x01: "hardware fault", 0x03: "access to the object is not allowed", 0x05: "the address is beyond the area",
    0x06: "the data type is not supported", 0x07: "the data type does not fit", 0x0A: "the object does not exist",
}  # fmt: skip
BEYOND: Final = 0x05
"""Return code of an item that reaches beyond its data block or area."""
_PROTECTED: Final = (0xD241, 0xD601, 0xD602, 0xD603, 0xD604, 0xD605)
"""Header errors: the controller wants a (better) password first."""
_UNSUPPORTED: Final = (0x8001, 0x8104, 0x8401)


class Malformed(ValueError):
    """The answer is none; says why."""


class Refused(Exception):
    """The controller refused a whole request by the error in its header."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the controller answered error 0x{code:04X}")
        self.status = quality.BAD_UNEXPECTED_ERROR
        if code in _PROTECTED:
            self.status = quality.BAD_USER_ACCESS_DENIED
        elif code in _UNSUPPORTED:
            self.status = quality.BAD_NOT_SUPPORTED


class Answer(msgspec.Struct, frozen=True):
    """What the controller says to one item."""

    code: int
    """0xFF: it gives the data."""
    data: bytes = b""

    @property
    def status(self) -> int:
        """OPC UA StatusCode of the item's values."""
        return quality.GOOD if self.code == _GOOD else _ITEM_STATUS.get(self.code, quality.BAD_UNEXPECTED_ERROR)

    @property
    def words(self) -> str:
        """The return code in words; empty where it is good."""
        return "" if self.code == _GOOD else ITEM_WORDS.get(self.code, f"return code 0x{self.code:02X}")


def reference(pdu: bytes) -> int:
    """The number by which an answer names its request; -1 where it is too short to have one."""
    return int.from_bytes(pdu[4:6], "big") if len(pdu) >= _HEADER - 2 and pdu[0] == _PROTOCOL else -1


def read_items(pdu: bytes, count: int) -> list[Answer]:
    """The items of an answer to a read request.

    Raises:
        Malformed: it is none, or not of `count` items. Refused: by the error in the header.
    """
    data = _payload(pdu, _READ, count)
    answers: list[Answer] = []
    at = 0
    for _ in range(count):
        head = data[at : at + 4]
        if len(head) < 4:
            # Some controllers answer a refused item by its return code alone, where it is the last one.
            if len(head) > 0 and head[0] != _GOOD and len(answers) == count - 1:
                answers.append(Answer(head[0]))
                break
            raise Malformed(f"it ends within item {len(answers) + 1} of {count}")
        code, transport, length = struct.unpack(">BBH", head)
        size = -(-length // 8) if transport in _IN_BITS else length
        at += 4
        if code != _GOOD:
            answers.append(Answer(code))
            continue
        if at + size > len(data):
            raise Malformed(f"item {len(answers) + 1} claims {size} bytes, and {len(data) - at} are left")
        answers.append(Answer(code, data[at : at + size]))
        at += size + (size & 1)
    return answers


def read_acknowledgement(pdu: bytes) -> Answer:
    """The answer to a request that wrote one item.

    Raises:
        Malformed: it is none. Refused: by the error in the header.
    """
    data = _payload(pdu, _WRITE, 1)
    if len(data) != 1:
        raise Malformed(f"it has {len(data)} return codes, and one item was written")
    return Answer(data[0])


def _payload(pdu: bytes, function: int, count: int) -> bytes:
    """The data of an answer whose header is right."""
    if len(pdu) < _HEADER:
        raise Malformed(f"it has {len(pdu)} bytes, and a header alone has {_HEADER}")
    protocol, kind, _, _, parameters, size, failure, code = struct.unpack(">BBHHHHBB", pdu[:_HEADER])
    if protocol != _PROTOCOL or kind not in _JOB_ANSWER:
        raise Malformed(f"it is no answer to a request (protocol 0x{protocol:02X}, kind {kind})")
    if failure or code:
        raise Refused(failure << 8 | code)
    if len(pdu) != _HEADER + parameters + size:
        raise Malformed(f"it has {len(pdu)} bytes, and its header says {_HEADER + parameters + size}")
    said = pdu[_HEADER : _HEADER + parameters]
    if said[:2] != bytes((function, count)):
        raise Malformed(f"it answers another request (function and items {said[:2].hex()})")
    return pdu[_HEADER + parameters :]
