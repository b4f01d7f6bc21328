"""Addresses of values in messages: `topic#/json/pointer`, such as `plant/oven/1#/temp/value`.

The pointer is RFC 6901, with one addition: a level `[name=temp]` takes the element of an array whose member `name` is
`temp`. Without a pointer the whole message is the value. A level `+` of the topic takes any one level: every topic that
matches feeds the point.
"""

import re
from typing import Any, Final

import msgspec

MISSING: Final = object()
"""What a pointer gives that leads nowhere."""
_SELECTOR: Final = re.compile(r"\[([^=\]]+)=([^\]]*)\]")
_LONGEST_TOPIC: Final = 65_535


class Selector(msgspec.Struct, frozen=True):
    """The element of an array whose member `key` is, as text, `value`."""

    key: str
    value: str


Path = tuple[str | Selector, ...]


class ValueAddress(msgspec.Struct, frozen=True):
    """Where a value is: the topic or filter, and the way in the message."""

    topic: str
    path: Path = ()

    @property
    def wild(self) -> bool:
        """Whether several topics may feed it."""
        return "+" in self.topic.split("/")


def read_address(text: str) -> ValueAddress:
    """A value's address.

    Raises:
        ValueError: says which rule it breaks.
    """
    topic, _, pointer = text.partition("#")
    fault = topic_fault(topic)
    if fault:
        raise ValueError(fault)
    return ValueAddress(topic, read_pointer(pointer))


def topic_fault(topic: str) -> str:
    """Which rule a topic, perhaps with `+` levels, breaks; empty where it breaks none."""
    if not topic:
        return "the topic is empty; an address is topic#/json/pointer"
    if "\0" in topic or len(topic.encode(errors="replace")) > _LONGEST_TOPIC:
        return "it is no MQTT topic"
    if any("+" in level and level != "+" for level in topic.split("/")):
        return "+ stands for a whole level of the topic"
    return "# only separates the topic from the pointer" if "#" in topic else ""


def read_pointer(text: str) -> Path:
    """The levels of a pointer; none of an empty one.

    Raises:
        ValueError: says which rule it breaks.
    """
    if not text:
        return ()
    if not text.startswith("/"):
        raise ValueError("a JSON pointer begins with /")
    levels: list[str | Selector] = []
    for level in text[1:].split("/"):
        selector = _SELECTOR.fullmatch(level)
        if selector is not None:
            levels.append(Selector(_unescape(selector[1]), _unescape(selector[2])))
        else:
            levels.append(_unescape(level))
    return tuple(levels)


def write_pointer(levels: list[str]) -> str:
    """The opposite, for plain levels."""
    return "".join("/" + level.replace("~", "~0").replace("/", "~1") for level in levels)


def follow(value: Any, path: Path) -> Any:
    """What a pointer leads to; MISSING where the message has nothing there."""
    for level in path:
        if isinstance(value, dict):
            value = value.get(level, MISSING) if isinstance(level, str) else MISSING
        elif isinstance(value, list):
            value = _element(value, level)
        else:
            return MISSING
        if value is MISSING:
            return MISSING
    return value


def _element(array: list[Any], level: str | Selector) -> Any:
    if isinstance(level, Selector):
        for each in array:
            if isinstance(each, dict) and _text(each.get(level.key)) == level.value:
                return each
        return MISSING
    if level.isascii() and level.isdecimal() and int(level) < len(array):
        return array[int(level)]
    return MISSING


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None if value is None else str(value)


def _unescape(level: str) -> str:
    return level.replace("~1", "/").replace("~0", "~")
