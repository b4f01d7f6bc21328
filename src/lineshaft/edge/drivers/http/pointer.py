"""Where a point's value lies: a JSON pointer (RFC 6901), after a path of the server where it has one of its own.

`/motor/speed` is a pointer into what the endpoint answers; `status.json#/motor/speed` into what the path beside it does.
"""

from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import msgspec

ABSENT: Final = object()
_DEEPEST: Final = 64
_LARGEST_INDEX_DIGITS: Final = 9


class Pointer(msgspec.Struct, frozen=True):
    """A JSON pointer, taken apart."""

    steps: tuple[str, ...]

    def find(self, document: Any) -> Any:
        """What it points to; ABSENT where there is nothing."""
        for step in self.steps:
            if isinstance(document, dict):
                document = document.get(step, ABSENT)
            elif isinstance(document, list):
                document = document[int(step)] if _is_index(step) and int(step) < len(document) else ABSENT
            else:
                return ABSENT
            if document is ABSENT:
                return ABSENT
        return document

    def wrap(self, value: Any) -> Any:
        """The smallest document of objects in which the pointer finds the value."""
        for step in reversed(self.steps):
            value = {step: value}
        return value

    def __str__(self) -> str:
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in self.steps)


class HttpAddress(msgspec.Struct, frozen=True):
    """A point's value: which path of the server, and where in what it answers."""

    path: str
    """As in the address; empty: the endpoint itself."""
    pointer: Pointer


def read_pointer(text: str) -> Pointer:
    """A JSON pointer.

    Raises:
        ValueError: says which rule it breaks.
    """
    if text and not text.startswith("/"):
        raise ValueError("a JSON pointer begins with / (RFC 6901)")
    steps = text.split("/")[1:]
    if len(steps) > _DEEPEST:
        raise ValueError(f"a pointer has at most {_DEEPEST} steps")
    for step in steps:
        if "~" in step.replace("~0", "").replace("~1", ""):
            raise ValueError("a ~ in a JSON pointer is written ~0, a / as ~1 (RFC 6901)")
    return Pointer(tuple(step.replace("~1", "/").replace("~0", "~") for step in steps))


def read_address(text: str) -> HttpAddress:
    """A point's address.

    Raises:
        ValueError: says which rule it breaks.
    """
    path, mark, pointer = text.partition("#")
    if not mark:
        return HttpAddress("", read_pointer(text))
    if any(character <= " " or character == "\x7f" for character in path):
        raise ValueError("a path has no blanks")
    return HttpAddress(path, read_pointer(pointer))


def join(endpoint: str, path: str) -> str:
    """The address of a path beside the endpoint.

    Raises:
        ValueError: it leads to another host.
    """
    url = urljoin(endpoint, path) if path else endpoint
    here, there = urlsplit(endpoint), urlsplit(url)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise ValueError("a path stays on the endpoint's host")
    return url


def _is_index(step: str) -> bool:
    plain = step.isascii() and step.isdigit() and len(step) <= _LARGEST_INDEX_DIGITS
    return plain and (step == "0" or step[0] != "0")
