r"""HS_NAMESPACE: how values of handles that nobody registered follow from a base handle and what is appended to it.

    <namespace>
      <template delimiter="@">
        <foreach>
          <if value="type" test="equals" expression="URL">
            <if value="extension" test="matches" expression="box\(([^,]*),([^,]*)\)" parameter="x">
              <value data="${data}?x=${x[1]}&amp;y=${x[2]}"/>
            </if>
            <else><value data="${data}?${extension}"/></else>
          </if>
          <else><value/></else>
        </foreach>
      </template>
    </namespace>

`foreach` goes through the values of the base handle; `value` gives one, its index, type and data as the current one
unless said otherwise. Names: handle, base, extension; in `foreach` index, type, data; parameters of expressions.
Expressions are those of Python without repetition of groups, alternatives and back references, so that none takes long.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from xml.etree import ElementTree as ET

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.values.location import parse_xml

_MOST_EXTENSION: Final = 256
_MOST_VALUES: Final = 256
_LOOSE_REPEATS: Final = 2
_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "equals": lambda value, other: value == other,
    "startswith": lambda value, other: value.startswith(other),
    "endswith": lambda value, other: value.endswith(other),
    "contains": lambda value, other: other in value,
}
_NAME: Final = re.compile(r"\$\{(\w+)(?:\[(\d+)\])?\}")
_SEPARATED: Final = re.compile(r"\[\^(.)\][*+](?=\)*\\?\1)")  # [^,]*, can match in one way only
_DANGEROUS: Final = re.compile(r"\)[*+?{]|\\\d|\(\?|\|")

_Names = dict[str, tuple[str, ...]]


class Template(msgspec.Struct, frozen=True):
    delimiter: str
    root: object
    """The XML element, checked."""


def decode_namespace(data: bytes) -> Template | None:
    """The template that the data of an HS_NAMESPACE value holds; None where it has none.

    Raises:
        InvalidInput: not such XML, an unknown element or test, or an expression that may take long.
    """
    element = parse_xml(data, "namespace").find("template")
    if element is None:
        return None
    delimiter = element.get("delimiter", "")
    if not delimiter:
        raise _wrong("the template has no delimiter")
    for inner in element.iter():
        _check(inner)
    return Template(delimiter, element)


def split_handle(template: Template, handle: bytes) -> tuple[bytes, bytes] | None:
    """Base handle and extension of a handle, at the first delimiter in its suffix; None where there is none."""
    prefix, slash, suffix = handle.partition(b"/")
    base, found, extension = suffix.partition(template.delimiter.encode())
    return (prefix + slash + base, extension) if found else None


def expand(template: Template, handle: bytes, base_values: Iterable[HandleValue]) -> list[HandleValue] | None:
    """The values of a handle that the template gives; None where the handle is none of it, or the template says so.

    Args:
        template: as decoded.
        handle: that was asked for.
        base_values: of the base handle (`split_handle`), or none.

    Raises:
        InvalidInput: the extension has more than 256 bytes.
    """
    parts = split_handle(template, handle)
    if parts is None or not isinstance(template.root, ET.Element):
        return None
    if len(parts[1]) > _MOST_EXTENSION:
        raise _wrong(f"the extension has {len(parts[1])} bytes, and {_MOST_EXTENSION} are allowed")
    texts = (handle, *parts)
    names: _Names = {
        name: (text.decode("utf-8", "replace"),)
        for name, text in zip(("handle", "base", "extension"), texts, strict=True)
    }
    values: list[HandleValue] = []
    for value in _run(template.root, names, None, list(base_values)):
        if value is None:
            return None
        values.append(value)
        if len(values) > _MOST_VALUES:
            raise _wrong(f"it gives more than {_MOST_VALUES} values")
    return _numbered(values)


def _run(
    parent: ET.Element, names: _Names, current: HandleValue | None, base: list[HandleValue]
) -> Iterator[HandleValue | None]:
    """The values that the elements within `parent` give; None stands for <notfound/>."""
    skip_else = True
    for element in parent:
        if element.tag == "foreach":
            for value in base:
                yield from _run(element, names | _names_of(value), value, base)
        elif element.tag == "if":
            inner = _tested(element, names)
            skip_else = inner is not None
            if inner is not None:
                yield from _run(element, inner, current, base)
        elif element.tag == "else" and not skip_else:
            yield from _run(element, names, current, base)
        elif element.tag == "notfound":
            yield None
        elif element.tag == "value":
            yield _value(element, names, current)


def _tested(element: ET.Element, names: _Names) -> _Names | None:
    """The names within an <if> that holds; None where it does not."""
    value, expression = names.get(element.get("value", ""), ("",))[0], element.get("expression", "")
    inner = names
    if element.get("test", "equals") == "matches":
        match = re.fullmatch(expression, value)
        if match is not None and element.get("parameter"):
            inner = names | {element.get("parameter", ""): (match.group(), *(group or "" for group in match.groups()))}
        holds = match is not None
    else:
        holds = _TESTS[element.get("test", "equals")](value, expression)
    return inner if holds != (element.get("negate") == "true") else None


def _value(element: ET.Element, names: _Names, current: HandleValue | None) -> HandleValue:
    given = {name: _filled(text, names) for name, text in element.attrib.items()}
    start = current or HandleValue(index=0, type=b"", data=b"")
    index = given.get("index", str(start.index))
    return msgspec.structs.replace(
        start,
        index=int(index) if index.isdecimal() else 0,
        type=given["type"].encode() if "type" in given else start.type,
        data=given["data"].encode() if "data" in given else start.data,
    )  # fmt: skip


def _filled(text: str, names: _Names) -> str:
    def fill(match: re.Match[str]) -> str:
        found = names.get(match[1], ())
        place = int(match[2] or 0)
        return found[place] if place < len(found) else ""

    return _NAME.sub(fill, text)


def _names_of(value: HandleValue) -> _Names:
    return {
        "index": (str(value.index),),
        "type": (value.type.decode("utf-8", "replace"),),
        "data": (value.data.decode("utf-8", "replace"),),
    }


def _numbered(values: list[HandleValue]) -> list[HandleValue]:
    """Every value with an index of its own: the first to claim one keeps it."""
    taken: set[int] = set()
    found = []
    for value in values:
        index = value.index
        while index in taken or not 1 <= index <= 0xFFFFFFFF:
            index = max(taken, default=0) + 1
        taken.add(index)
        found.append(msgspec.structs.replace(value, index=index))
    return found


def _check(element: ET.Element) -> None:
    if element.tag not in {"template", "foreach", "if", "else", "value", "notfound"}:
        raise _wrong(f"there is no element <{element.tag}>")
    test = element.get("test", "equals")
    if element.tag != "if" or test in _TESTS:
        return
    if test != "matches":
        raise _wrong(f"there is no test {test!r}")
    expression = element.get("expression", "")
    repeats = len(re.findall(r"(?<!\\)[*+{]", _SEPARATED.sub("", expression)))
    if _DANGEROUS.search(expression) or repeats > _LOOSE_REPEATS:
        raise _wrong(f"the expression {expression!r} may take long")
    try:
        re.compile(expression)
    except re.error as error:
        raise _wrong(f"the expression {expression!r} is wrong: {error}") from error


def _wrong(reason: str) -> InvalidInput:
    return InvalidInput(
        "resolution.namespace", f"the namespace cannot be used: {reason}", "Correct HS_NAMESPACE.", reason=reason
    )
