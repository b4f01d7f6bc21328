"""Register maps as people share them: YAML that says for each value `register: {address, type, decode}` and a `scale`.

Such files are often templates: lines `{{- if eq .usage "grid" }}` … `{{- else }}` … `{{- end }}` choose between variants,
and `params` at the top of the file lists the choices. Each choice of `usage` is read for itself and becomes the first
part of its points' names. Other parameters have their defaults. Addresses are those of the wire, from 0.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from lineshaft.edge.imports.model import LONGEST_NAME, Imported, unique, unreadable
from lineshaft.edge.model import ByteOrder, Point, PointKind, RawType

_LINE: Final = re.compile(r"^\s*\{\{(?P<what>[^{}]*)\}\}\s*(?:#.*)?$")
_INLINE: Final = re.compile(r"\{\{(?P<what>[^{}]*)\}\}")
_IF: Final = re.compile(r"^(?:else\s+)?if\s+(?P<condition>.+)$")
_EQUAL: Final = re.compile(r"^(?P<op>eq|ne)\s+\.(?P<name>\w+)\s+\"(?P<value>[^\"]*)\"$")
_TRUTH: Final = re.compile(r"^(?P<op>not\s+)?\.(?P<name>\w+)$")
_DECODE: Final = re.compile(r"^(?P<type>u?int(?:8|16|32|64)|float(?:32|64))(?P<swap>s?)(?P<nan>(?:nan)?)$")
_SPACES: Final = {"holding": "holding", "input": "input", "coil": "coil", "coils": "coil", "discrete": "discrete"}
_SENTINELS: Final[Mapping[str, int]] = {
    "int16": -(2**15), "uint16": 2**16 - 1, "int32": -(2**31), "uint32": 2**32 - 1, "int64": -(2**63), "uint64": 2**64 - 1,
}  # fmt: skip
_LARGEST: Final = 1 << 20
"""Characters of a file, and of all that is made of it by its choices."""
_MOST_USAGES: Final = 16
_REGISTERS: Final = 1 << 16
_SHOWN: Final = 40
_DEEPEST: Final = 64
_MOST_ENTRIES: Final = 200_000


def points_of(text: str, *, file: str) -> Imported:
    """Every value of the map that is read from registers.

    Raises:
        InvalidInput: no YAML, or no map of registers.
    """
    if len(text) > _LARGEST:
        raise unreadable(file, f"it has {len(text)} characters, more than {_LARGEST}")
    head = _load(_rendered(text, {}, file), file)
    if not isinstance(head, Mapping):
        raise unreadable(file, "it is no YAML mapping")
    listed = head.get("params")
    parameters = {
        _text(each.get("name")): each
        for each in (listed if isinstance(listed, list) else ())
        if isinstance(each, Mapping)
    }
    defaults = {name: _text(each.get("default")) for name, each in parameters.items()}
    usages = _usages(parameters.get("usage", {}).get("choice"), file)
    template = _render_of(text) if isinstance(head.get("render"), str) else text
    imported, taken, size = Imported(), dict[str, int](), 0
    for usage in usages:
        rendered = _rendered(template, {**defaults, "usage": usage}, file)
        size += len(rendered)
        if size > _LARGEST:
            raise unreadable(file, f"by its choices it has more than {_LARGEST} characters")
        found = _load(rendered, file)
        prefix = (usage,) if usage and len(usages) > 1 else ()
        for path, entry in _registers(found, prefix):
            _take(path, entry, imported, taken)
    if not imported.points and not imported.left:
        raise unreadable(file, "it names no registers")
    return imported


def _usages(choice: Any, file: str) -> list[str]:
    """What `usage` can be; one empty text where there is no choice."""
    usages = [_text(each) for each in choice] if isinstance(choice, list) else []
    if len(usages) > _MOST_USAGES:
        raise unreadable(file, f"it has {len(usages)} choices of usage, more than {_MOST_USAGES}")
    return usages or [""]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _render_of(text: str) -> str:
    """The part below `render: |`, moved to the left margin; its template lines keep their places."""
    _, _, body = text.partition("\nrender: |")
    lines = body.splitlines()[1:]
    return "\n".join(line.removeprefix("  ") for line in lines)


# -- the template -----------------------------------------------------------------------------------------------------------


def _rendered(text: str, values: Mapping[str, str], file: str) -> str:
    """The text with the branches that hold for these values; lines that include other templates go.

    Raises:
        InvalidInput: branches in branches without end, or values that make it long.
    """
    lines: list[str] = []
    size = 0
    stack: list[tuple[bool, bool]] = []  # of each open `if`: whether a branch of it has held, whether this one does
    for line in text.splitlines():
        found = _LINE.match(line)
        if found is None:
            if all(holds for _, holds in stack):
                lines.append(_INLINE.sub(lambda each: _value(_said(each["what"]), values), line))
                size += len(lines[-1])
                if size > _LARGEST:
                    raise unreadable(file, f"with its parameters it has more than {_LARGEST} characters")
            continue
        what = _said(found["what"])
        condition = _IF.match(what)
        if condition is not None and not what.startswith("else"):
            holds = _holds(condition["condition"], values)
            stack.append((holds, holds))
            if len(stack) > _DEEPEST:
                raise unreadable(file, f"more than {_DEEPEST} branches stand in one another")
        elif what.startswith("else") and stack:
            before, _ = stack.pop()
            holds = not before and (condition is None or _holds(condition["condition"], values))
            stack.append((before or holds, holds))
        elif what == "end" and stack:
            stack.pop()
    return "\n".join(lines)


def _said(inside: str) -> str:
    """What stands between the braces, without the marks that take spaces away."""
    return inside.removeprefix("-").removesuffix("-").strip()


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """A condition; one of another form than those of the module's text does not hold."""
    condition = condition.strip()
    if equal := _EQUAL.match(condition):
        return (values.get(equal["name"], "") == equal["value"]) == (equal["op"] == "eq")
    if truth := _TRUTH.match(condition):
        return (values.get(truth["name"], "") not in ("", "false")) == (truth["op"] is None)
    return False


def _value(what: str, values: Mapping[str, str]) -> str:
    return values.get(what.removeprefix("."), "") if what.startswith(".") else ""


def _load(text: str, file: str) -> Any:
    """The file with every value as it is written, a text.

    Raises:
        InvalidInput: no YAML, or more of it than a map of registers has.
    """
    import yaml

    try:
        # Nothing is made of values or merged into mappings while reading: a few lines could grow without bound by that.
        read = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506  it knows no tags at all
    except yaml.YAMLError as error:
        raise unreadable(file, f"it is no YAML: {str(error).splitlines()[0]}") from error
    _check_extent(read, file)
    return read


def _check_extent(value: Any, file: str) -> None:
    """Refuse a file whose anchors, each naming others several times, make a few lines stand for billions.

    Raises:
        InvalidInput: it has more entries than a map has, or deeper ones.
    """
    waiting, count = [(value, 0)], 0
    while waiting:
        each, depth = waiting.pop()
        count += 1
        if count > _MOST_ENTRIES:
            raise unreadable(file, f"it has more than {_MOST_ENTRIES} entries")
        if depth > _DEEPEST:
            raise unreadable(file, f"more than {_DEEPEST} values stand in one another")
        if isinstance(each, Mapping):
            if "<<" in each:
                raise unreadable(file, "it merges mappings (<<): write out what they hold")
            waiting.extend((inner, depth + 1) for inner in each.values())
        elif isinstance(each, list):
            waiting.extend((inner, depth + 1) for inner in each)


# -- the registers ----------------------------------------------------------------------------------------------------------


def _registers(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Every mapping that has a `register`, with its place in the file."""
    if isinstance(value, Mapping):
        if isinstance(value.get("register"), Mapping):
            yield path, value
        for key, inner in value.items():
            if key != "register":
                yield from _registers(inner, (*path, str(key)))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for number, inner in enumerate(value, 1):
            yield from _registers(inner, (*path, str(number)))


def _take(path: tuple[str, ...], entry: Mapping[str, Any], imported: Imported, taken: dict[str, int]) -> None:
    register: Mapping[str, Any] = entry["register"]
    type_name, address, decode = (_text(register.get(key)) for key in ("type", "address", "decode"))
    name = ".".join(path) or "value"
    if len(name) > LONGEST_NAME:
        imported.leave(name, f"its name has {len(name)} characters, more than {LONGEST_NAME}")
        return
    if type_name.startswith("write") or "set" in path:
        imported.leave(name, "it is written: say so in the point's access and write")
        return
    space = _SPACES.get(type_name or "holding")
    number = _number(address)
    if number is None:
        imported.leave(name, f"its address {address[:_SHOWN]!r} is no number of a register")
        return
    stored = _stored(space, decode)
    if space is None or stored is None:
        imported.leave(
            name, f"registers of the type {type_name[:_SHOWN]!r} decoded as {decode[:_SHOWN]!r} are not known"
        )
        return
    type_, order, sentinels, kind = stored
    scale = "" if kind == "boolean" else _text(entry.get("scale"))
    if len(scale) > _SHOWN:
        imported.leave(name, f"its scale {scale[:_SHOWN]!r} is no number")
        return
    imported.points.append(
        Point(
            name=unique(name, taken), address=f"{space}:{number}", kind="number" if scale else kind, type=type_, order=order,
            scale=scale, sentinels=sentinels,
        )
    )  # fmt: skip


def _number(address: str) -> int | None:
    """The number of a register; None where it is none."""
    try:
        number = int(address, 0)
    except ValueError:
        return None
    return number if 0 <= number < _REGISTERS else None


def _stored(space: str | None, decode: str) -> tuple[RawType, ByteOrder, tuple[int, ...], PointKind] | None:
    """How a value is stored; None for what is not known."""
    if space in ("coil", "discrete"):
        return "bool", "", (), "boolean"
    found = _DECODE.match(decode)
    if found is None:
        return None
    type_: RawType = found["type"]  # type: ignore[assignment]  # the pattern holds no other
    sentinels = (_SENTINELS[type_],) if found["nan"] and type_ in _SENTINELS else ()
    return type_, "CDAB" if found["swap"] else "", sentinels, "number" if type_.startswith("float") else "integer"
