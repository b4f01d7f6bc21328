"""SunSpec information models (SunSpec Device Information Model Specification 1.2) to points of a Modbus device.

Which models a device has, and where, and its scale factors, stand in its registers; what each register means stands in
the models, as JSON as the SunSpec Alliance publishes them. A scale factor is the device's for good (it is declared
static), so it becomes the point's exact scale; it is imported as a point as well, so that a change would be seen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from lineshaft.edge.imports.model import Imported, unique, unreadable
from lineshaft.edge.model import Point, PointKind, RawType

_SCALE_MISSING: Final = -32768
_HEADER: Final = 2
"""Registers of a model before its content: id and length."""

_TYPES: Final[Mapping[str, tuple[RawType, PointKind, tuple[int, ...]]]] = {
    "int16": ("int16", "integer", (-(2**15),)),
    "uint16": ("uint16", "integer", (0xFFFF,)),
    "count": ("uint16", "integer", (0xFFFF,)),
    "acc16": ("uint16", "integer", (0,)),
    "enum16": ("uint16", "integer", (0xFFFF,)),
    "bitfield16": ("uint16", "integer", (0xFFFF,)),
    "int32": ("int32", "integer", (-(2**31),)),
    "uint32": ("uint32", "integer", (2**32 - 1,)),
    "acc32": ("uint32", "integer", (0,)),
    "enum32": ("uint32", "integer", (2**32 - 1,)),
    "bitfield32": ("uint32", "integer", (2**32 - 1,)),
    "ipaddr": ("uint32", "integer", (0,)),
    "int64": ("int64", "integer", (-(2**63),)),
    "uint64": ("uint64", "integer", (2**64 - 1,)),
    "acc64": ("uint64", "integer", (0,)),
    "bitfield64": ("uint64", "integer", (2**64 - 1,)),
    "float32": ("float32", "number", ()),
    "float64": ("float64", "number", ()),
    "string": ("text", "text", ()),
    "sunssf": ("int16", "integer", (_SCALE_MISSING,)),
}
"""How each type is stored, what it becomes, and the raw value by which a device says that it has not got it (4.2.7)."""


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One model as it stands in a device."""

    model: int
    start: int
    """Address of the register that holds the model's id, from 0."""
    words: Sequence[int]
    """Every register of the model, id and length first."""


class Model(msgspec.Struct, frozen=True):
    """A model as it is published."""

    id: int
    group: Mapping[str, Any]


def read_model(text: bytes, *, file: str) -> Model:
    """A model's JSON.

    Raises:
        InvalidInput: not a SunSpec model.
    """
    try:
        return msgspec.json.decode(text, type=Model)
    except msgspec.MsgspecError as error:
        raise unreadable(file, f"it is no SunSpec model: {error}") from error


def block_of(address: str, data: str) -> Block:
    """A model as a browse found it: the address of its first register, and all of them in hexadecimal."""
    registers = bytes.fromhex(data)
    words = [int.from_bytes(registers[place : place + 2], "big") for place in range(0, len(registers), 2)]
    return Block(model=words[0], start=int(address.rpartition(":")[2]), words=words)


def points_of(models: Mapping[int, Model], blocks: Iterable[Block]) -> Imported:
    """Points of every block whose model is known."""
    imported = Imported()
    taken: set[str] = set()
    for block in blocks:
        model = models.get(block.model)
        if model is None:
            imported.leave(f"model {block.model}", "its definition was not given")
            continue
        _Walk(block, imported, taken).walk(model.group, _level(str(model.group.get("name", block.model))))
    return imported.settle()


class _Walk:
    """Goes through one block with its model in hand."""

    def __init__(self, block: Block, imported: Imported, taken: set[str]) -> None:
        self._block = block
        self._imported = imported
        self._taken = taken
        self._place = 0

    def walk(self, group: Mapping[str, Any], name: str, above: Mapping[str, int] | None = None) -> None:
        """One group: its points, then the groups in it as often as they are there."""
        begun = self._place
        places = dict(above or {})
        for point, place in _placed(group, begun):
            places[str(point["name"])] = place
        for point, place in _placed(group, begun):
            self._place = place + int(point["size"])
            if self._place > len(self._block.words):
                self._imported.leave(f"{name}.{point['name']}", "the device's model is shorter than its definition")
                self._place = len(self._block.words)
                return
            self._point(point, place, name, places)
        for inner in group.get("groups", ()):
            for number in range(1, self._times(inner, places) + 1):
                many = "" if inner.get("count") in (None, 1) else f".{number}"
                self.walk(inner, f"{name}.{_level(str(inner['name']))}{many}", places)

    def _times(self, group: Mapping[str, Any], places: Mapping[str, int]) -> int:
        """How often a group is there: a number, what a point says, or as often as the model has room (0)."""
        count = group.get("count", 1)
        if isinstance(count, str):
            return self._word(places[count]) if count in places else 0
        if count == 0:
            size = _size(group)
            return (len(self._block.words) - self._place) // size if size else 0
        return int(count)

    def _point(self, point: Mapping[str, Any], place: int, group: str, places: Mapping[str, int]) -> None:
        name, kind = f"{group}.{_level(str(point['name']))}", str(point["type"])
        if place < _HEADER or kind == "pad":
            return
        if kind not in _TYPES:
            self._imported.leave(name, f"values of the type {kind} cannot be tags")
            return
        stored, becomes, sentinels = _TYPES[kind]
        scale = ""
        if "sf" in point:
            factor = self._factor(point["sf"], places)
            if factor is None:
                self._imported.leave(name, f"the device has no scale factor {point['sf']} for it")
                return
            scale, becomes = _power_of_ten(factor), "number"
        self._imported.points.append(
            Point(
                name=unique(name, self._taken), address=f"holding:{self._block.start + place}", kind=becomes, type=stored,
                length=2 * int(point["size"]) if stored == "text" else 0, scale=scale, sentinels=sentinels,
                unit=_unit(str(point.get("units") or "")), description=str(point.get("label") or point.get("desc") or ""),
            )
        )  # fmt: skip

    def _factor(self, factor: str | int, places: Mapping[str, int]) -> int | None:
        """The power of ten; None where the device says that it has none."""
        if isinstance(factor, int):
            return factor
        if factor not in places:
            return None
        word = self._word(places[factor])
        signed = word - 0x10000 if word >= 0x8000 else word
        return None if signed == _SCALE_MISSING or abs(signed) > 10 else signed

    def _word(self, place: int) -> int:
        return int(self._block.words[place]) if place < len(self._block.words) else 0


def _placed(group: Mapping[str, Any], begun: int) -> Iterator[tuple[Mapping[str, Any], int]]:
    place = begun
    for point in group.get("points", ()):
        yield point, place
        place += int(point["size"])


def _size(group: Mapping[str, Any]) -> int:
    """Registers of one repetition of a group, with groups of a fixed number in it."""
    inner = sum(_size(each) * int(each.get("count", 1)) for each in group.get("groups", ())
                if isinstance(each.get("count", 1), int))  # fmt: skip
    return inner + sum(int(point["size"]) for point in group.get("points", ()))


def _unit(said: str) -> str:
    """The models' C are degrees Celsius, not coulombs; SF says that there is a scale factor."""
    return {"C": "°C", "SF": ""}.get(said, said)


def _power_of_ten(factor: int) -> str:
    """Exactly, as a decimal."""
    return "1" + "0" * factor if factor >= 0 else "0." + "0" * (-factor - 1) + "1"


def _level(text: str) -> str:
    return "".join("_" if char in "+#/$" or ord(char) < 0x20 else char for char in text)
