"""10320/loc: several locations of one thing, and which to send somebody to.

    <locations chooseby="locatt,country,weighted">
      <location id="1" href="https://…" weight="1" country="cn"/> …
    </locations>

`locatt` takes the locations with an attribute that the asker names, `country` those of the asker's country, `weighted`
one at random by weight; each is tried on what the ones before left.
"""

import random
from typing import Final
from xml.etree import ElementTree as ET

import msgspec

from lineshaft.core.errors import InvalidInput

DEFAULT_ORDER: Final = ("locatt", "country", "weighted")
_MOST_BYTES: Final = 65_536
_RANDOM: Final = random.SystemRandom()


class Location(msgspec.Struct, frozen=True):
    href: str
    weight: float
    attributes: dict[str, str]
    """All of them, `href` and `weight` included."""


class Locations(msgspec.Struct, frozen=True):
    choose_by: tuple[str, ...]
    locations: tuple[Location, ...]


def decode_locations(data: bytes) -> Locations:
    """The data of a 10320/loc value.

    Raises:
        InvalidInput: not such XML, or with a document type (which could name files and grow without bound).
    """
    root = parse_xml(data, "locations")
    order = tuple(name.strip() for name in root.get("chooseby", "").split(",") if name.strip()) or DEFAULT_ORDER
    return Locations(order, tuple(_location(element) for element in root.iter("location")))


def choose(
    locations: Locations, *, attributes: dict[str, str] | None = None, country: str = "", draw: float | None = None
) -> Location | None:
    """The location for an asker; None where there is none with a weight.

    Args:
        locations: of one value.
        attributes: that the asker names (`locatt=id:1`).
        country: two letters.
        draw: 0 to 1, instead of a random number.
    """
    left = list(locations.locations)
    for method in locations.choose_by:
        if method == "locatt":
            left = _named(left, attributes or {})
        elif method == "country" and country:
            left = [one for one in left if one.attributes.get("country", "").lower() == country.lower()] or left
        if len(left) == 1 < len(locations.locations):
            return left[0]
    return _weighted(left, _RANDOM.random() if draw is None else draw)


def parse_xml(data: bytes, name: str) -> ET.Element:
    """The root of small XML of which nothing but elements and attributes is wanted.

    Raises:
        InvalidInput: no such XML, over 64 KiB, not UTF-8, with a document type, or with another root.
    """
    if len(data) > _MOST_BYTES:
        raise _not_xml(name, f"it has {len(data)} bytes, and {_MOST_BYTES} are allowed")
    try:
        text = data.decode("utf-8")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise _not_xml(name, "it has a document type")
        root = ET.fromstring(text)  # noqa: S314  without a document type there is nothing to expand
    except (ValueError, ET.ParseError) as error:
        raise _not_xml(name, str(error)) from error
    if root.tag != name:
        raise _not_xml(name, f"its root is <{root.tag}>")
    return root


def _location(element: ET.Element) -> Location:
    try:
        weight = max(0.0, float(element.get("weight", "1")))
    except ValueError as error:
        raise _not_xml("locations", f"weight {element.get('weight')!r} is not a number") from error
    return Location(element.get("href", ""), weight, dict(element.attrib))


def _named(locations: list[Location], attributes: dict[str, str]) -> list[Location]:
    """Those with the first attribute that any has; all of them where none has one."""
    for name, value in attributes.items():
        found = [one for one in locations if one.attributes.get(name) == value]
        if found:
            return found
    return locations


def _weighted(locations: list[Location], draw: float) -> Location | None:
    total = sum(one.weight for one in locations)
    if not total:
        return None
    left = draw * total
    for location in locations:
        left -= location.weight
        if left < 0 < location.weight:
            return location
    return next(one for one in reversed(locations) if one.weight)


def _not_xml(name: str, reason: str) -> InvalidInput:
    return InvalidInput(
        "resolution.xml", f"the <{name}> cannot be read: {reason}", "Correct the value.", field=name, reason=reason
    )
