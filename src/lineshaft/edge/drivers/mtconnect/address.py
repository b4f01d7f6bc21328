"""Addresses of points: a data item's id or name, and after `#` a part of its value (a key of a data set, or x, y, z)."""

import re
from typing import Final

import msgspec

_ADDRESS: Final = re.compile(r"(?P<item>[^\s#\"'<>&\x00-\x1f]{1,255})(?:#(?P<part>[^\s#<>&\x00-\x1f]{1,255}))?")


class ItemAddress(msgspec.Struct, frozen=True):
    """A data item, or a part of its value."""

    item: str
    part: str = ""


def read_address(text: str) -> ItemAddress:
    """A point's address.

    Raises:
        ValueError: says which rule it breaks.
    """
    found = _ADDRESS.fullmatch(text)
    if found is None:
        raise ValueError("a point is the id of a data item, such as `Xpos`, or a part of its value, such as `Work#x`")
    return ItemAddress(found["item"], found["part"] or "")
