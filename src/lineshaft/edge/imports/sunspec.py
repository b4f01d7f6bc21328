"""SunSpec information models (SunSpec Device Information Model Specification 1.2) to points of a Modbus device.

Which models a device has, and where, and its scale factors, stand in its registers; what each register means stands in
the models, as JSON as the SunSpec Alliance publishes them. A scale factor is the device's for good (it is declared
static), so it becomes the point's exact scale; it is imported as a point as well, so that a change would be seen.
"""

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from lineshaft.edge.imports.model import Imported, unique, unreadable
from lineshaft.edge.model import Point, PointKind, RawType

_SCALE_MISSING: Final = -32768
_MOST_TENS: Final = 10
"""Scale factors go from -10 to 10 (4.2.8)."""
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


Name = Annotated[str, Meta(max_length=64)]


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A point as a model has it."""

    name: Name
    type: Name
    size: Annotated[int, Meta(ge=1, le=0xFFFF)]
    """In registers."""
    sf: Name | int | None = None
    """Scale factor, or the name of the point that holds it."""
    units: str | None = None
    label: str | None = None
    desc: str | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Points and groups as a model has them."""

    name: Name = ""
    count: Annotated[int, Meta(ge=0, le=0xFFFF)] | Name = 1
    """How often it is there, or the name of the point that says so; 0: as often as there is room."""
    points: tuple[Definition, ...] = ()
    groups: "tuple[Group, ...]" = ()


class Model(msgspec.Struct, frozen=True):
    """A model as it is published."""

    id: int
    group: Group


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
    taken: dict[str, int] = {}
    for block in blocks:
        model = models.get(block.model)
        if model is None:
            imported.leave(f"model {block.model}", "its definition was not given")
            continue
        _Walk(block, imported, taken).walk(model.group, _level(model.group.name or str(block.model)))
    return imported.settle()


class _Walk:
    """Goes through one block with its model in hand."""

    def __init__(self, block: Block, imported: Imported, taken: dict[str, int]) -> None:
        self._block = block
        self._imported = imported
        self._taken = taken
        self._place = 0

    def walk(self, group: Group, name: str, above: ChainMap[str, int] | None = None) -> bool:
        """One group: its points, then the groups in it as often as they are there.

        Returns: whether the device had all of it.
        """
        begun = self._place
        places = ChainMap[str, int]() if above is None else above.new_child()
        for point, place in _placed(group, begun):
            places[point.name] = place
        for point, place in _placed(group, begun):
            self._place = place + point.size
            if self._place > len(self._block.words):
                self._imported.leave(f"{name}.{point.name}", "the device's model is shorter than its definition")
                self._place = len(self._block.words)
                return False
            self._point(point, place, name, places)
        whole = True
        for inner in group.groups:
            whole = self._repeat(inner, name, places) and whole
        return whole

    def _repeat(self, group: Group, above: str, places: ChainMap[str, int]) -> bool:
        """A group as often as it is there; no longer than it takes registers, whatever number is said."""
        for number in range(1, self._times(group, places) + 1):
            many = "" if group.count == 1 else f".{number}"
            begun = self._place
            if not self.walk(group, f"{above}.{_level(group.name)}{many}", places):
                return False
            if self._place == begun:
                break
        return True

    def _times(self, group: Group, places: Mapping[str, int]) -> int:
        """How often a group is there: a number, what a point says, or as often as the model has room (0)."""
        if isinstance(group.count, str):
            return self._word(places[group.count]) if group.count in places else 0
        if group.count == 0:
            size = _size(group)
            return (len(self._block.words) - self._place) // size if size else 0
        return group.count

    def _point(self, point: Definition, place: int, group: str, places: Mapping[str, int]) -> None:
        name, kind = f"{group}.{_level(point.name)}", point.type
        if place < _HEADER or kind == "pad":
            return
        if kind not in _TYPES:
            self._imported.leave(name, f"values of the type {kind} cannot be tags")
            return
        stored, becomes, sentinels = _TYPES[kind]
        scale = ""
        if point.sf is not None:
            factor = self._factor(point.sf, places)
            if factor is None:
                self._imported.leave(name, f"the device has no scale factor {point.sf} for it")
                return
            scale, becomes = _power_of_ten(factor), "number"
        self._imported.points.append(
            Point(
                name=unique(name, self._taken), address=f"holding:{self._block.start + place}", kind=becomes, type=stored,
                length=2 * point.size if stored == "text" else 0, scale=scale, sentinels=sentinels,
                unit=_unit(point.units or ""), description=point.label or point.desc or "",
            )
        )  # fmt: skip

    def _factor(self, factor: str | int, places: Mapping[str, int]) -> int | None:
        """The power of ten; None where the device says that it has none, or it is none."""
        if isinstance(factor, int):
            return factor if abs(factor) <= _MOST_TENS else None
        if factor not in places:
            return None
        word = self._word(places[factor])
        signed = word - 0x10000 if word >= 0x8000 else word
        return None if signed == _SCALE_MISSING or abs(signed) > _MOST_TENS else signed

    def _word(self, place: int) -> int:
        return int(self._block.words[place]) if place < len(self._block.words) else 0


def _placed(group: Group, begun: int) -> Iterator[tuple[Definition, int]]:
    place = begun
    for point in group.points:
        yield point, place
        place += point.size


def _size(group: Group) -> int:
    """Registers of one repetition of a group, with groups of a fixed number in it."""
    inner = sum(_size(each) * each.count for each in group.groups if isinstance(each.count, int))
    return inner + sum(point.size for point in group.points)


def _unit(said: str) -> str:
    """The models' C are degrees Celsius, not coulombs; SF says that there is a scale factor."""
    return {"C": "°C", "SF": ""}.get(said, said)


def _power_of_ten(factor: int) -> str:
    """Exactly, as a decimal."""
    return "1" + "0" * factor if factor >= 0 else "0." + "0" * (-factor - 1) + "1"


def _level(text: str) -> str:
    return "".join("_" if char in "+#/$" or ord(char) < 0x20 else char for char in text)
