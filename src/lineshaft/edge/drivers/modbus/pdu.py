"""Protocol data units of Modbus (application protocol V1.1b3): requests built, answers taken apart. No framing."""

import struct
from typing import Final

import msgspec

from lineshaft.edge.drivers.modbus.address import Space

READ: Final[dict[Space, int]] = {"coil": 1, "discrete": 2, "holding": 3, "input": 4}
WRITE_COIL: Final = 5
WRITE_REGISTER: Final = 6
WRITE_COILS: Final = 15
WRITE_REGISTERS: Final = 16
REPORT_SERVER: Final = 17
MASK_WRITE: Final = 22
IDENTIFICATION: Final = 43
_MEI_IDENTIFICATION: Final = 14
EXCEPTION: Final = 0x80
_THREE: Final = struct.Struct(">BHH")
_OBJECTS: Final = 7
"""Length of what stands before the objects of a device identification."""


class Malformed(Exception):
    """An answer that is none to the request."""


class Refused(Exception):
    """An exception of the device."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def read_request(space: Space, start: int, count: int) -> bytes:
    """FC1 to FC4."""
    return _THREE.pack(READ[space], start, count)


def read_answer(answer: bytes, function: int, size: int) -> bytes:
    """The data bytes of an answer to a read that asked for `size` of them.

    Raises:
        Refused: the device's exception. Malformed: another function or length than was asked for.
    """
    if len(answer) == size + 2 and answer[0] == function and answer[1] == size:
        return answer[2:]
    check_function(answer, function)
    raise Malformed(f"{max(len(answer) - 2, 0)} bytes where {size} were asked for")


def check_function(answer: bytes, function: int) -> None:
    """Return if the answer is one to the function.

    Raises:
        Refused, Malformed: it is not.
    """
    if len(answer) == 2 and answer[0] == function | EXCEPTION:
        raise Refused(answer[1])
    if len(answer) < 2 or answer[0] != function:
        raise Malformed(f"function {answer[0] if answer else None} where {function} was asked for")


def data_size(space: Space, count: int) -> int:
    """Bytes of data in the answer to a read."""
    return 2 * count if space in ("holding", "input") else (count + 7) // 8


def write_coil(start: int, *, value: bool) -> bytes:
    return _THREE.pack(WRITE_COIL, start, 0xFF00 if value else 0)


def write_coils(start: int, values: list[bool]) -> bytes:
    packed = sum(value << place for place, value in enumerate(values)).to_bytes((len(values) + 7) // 8, "little")
    return _THREE.pack(WRITE_COILS, start, len(values)) + bytes([len(packed)]) + packed


def write_register(start: int, data: bytes) -> bytes:
    return struct.pack(">BH", WRITE_REGISTER, start) + data


def write_registers(start: int, data: bytes) -> bytes:
    return _THREE.pack(WRITE_REGISTERS, start, len(data) // 2) + bytes([len(data)]) + data


def mask_write(start: int, and_mask: int, or_mask: int) -> bytes:
    """The register becomes (present AND and_mask) OR (or_mask AND NOT and_mask)."""
    return struct.pack(">BHHH", MASK_WRITE, start, and_mask, or_mask)


def check_echo(request: bytes, answer: bytes) -> None:
    """Return if the answer confirms the write.

    Raises:
        Refused: the device's exception. Malformed: it confirms something else.
    """
    check_function(answer, request[0])
    expected = request[:5] if request[0] in (WRITE_COILS, WRITE_REGISTERS) else request
    if answer != expected:
        raise Malformed("the device confirmed something else than was written")


class Identification(msgspec.Struct, frozen=True):
    """One answer to a request for device identification."""

    objects: dict[int, str]
    following: int
    """Number of the object to ask for next; 0: that was all."""


def identification_request(code: int, first: int = 0) -> bytes:
    """FC43/14; code 1 basic, 2 regular, 3 extended."""
    return bytes([IDENTIFICATION, _MEI_IDENTIFICATION, code, first])


def identification_answer(answer: bytes) -> Identification:
    """The objects in an answer.

    Raises:
        Refused: the device's exception. Malformed: lengths that do not fit.
    """
    check_function(answer, IDENTIFICATION)
    if len(answer) < _OBJECTS or answer[1] != _MEI_IDENTIFICATION:
        raise Malformed("no device identification")
    objects, place = {}, _OBJECTS
    for _ in range(answer[6]):
        if place + 2 > len(answer) or place + 2 + answer[place + 1] > len(answer):
            raise Malformed("an object of the identification is cut off")
        end = place + 2 + answer[place + 1]
        objects[answer[place]] = answer[place + 2 : end].decode("utf-8", "replace").strip("\0 ")
        place = end
    return Identification(objects, answer[5] if answer[4] == 0xFF else 0)
