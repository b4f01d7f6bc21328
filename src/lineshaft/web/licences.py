"""What the installation is made of: every Python package beside it, and under which licence."""

import re
from collections.abc import Iterator
from functools import cache
from importlib import metadata

import msgspec

_LONGEST = 200
"""Characters of a licence's name; what is longer is a text that stands where a name belongs."""
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)\s*(?:\[(?P<extras>[^\]]*)\])?")
_FOR_EXTRA = re.compile(r"extra\s*==\s*['\"](?P<extra>[^'\"]+)")


class Licence(msgspec.Struct, frozen=True, kw_only=True):
    """A package."""

    name: str
    version: str
    licence: str
    """As the package's own metadata names it; empty where that names none."""


class LicenceList(msgspec.Struct, frozen=True, kw_only=True):
    """All packages, by name."""

    items: list[Licence]


@cache
def installed() -> list[Licence]:
    """The packages that Lineshaft needs, and what those need in turn, as far as they are installed (blocking)."""
    found: dict[str, Licence] = {}
    asked: set[tuple[str, str]] = set()
    waiting = [("lineshaft", extra) for extra in ("", *metadata.metadata("lineshaft").get_all("Provides-Extra", []))]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in asked:
            continue
        asked.add((name, extra))
        try:
            package = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # an extra that nobody asked for, or of another platform
            continue
        said = package.metadata
        found[name] = Licence(name=said["Name"], version=package.version, licence=_licence(said))
        waiting += _needs(package, extra)
    return [found[name] for name in sorted(found) if name != "lineshaft"]


def _needs(package: metadata.Distribution, extra: str) -> Iterator[tuple[str, str]]:
    """(name, extra of it) of what a package needs, or needs for its own `extra`; markers of platforms are not weighed."""
    for requirement in package.requires or ():
        of = _FOR_EXTRA.search(requirement)
        found = _REQUIREMENT.match(requirement)
        if found and (of["extra"] if of else "") == extra:
            name = re.sub(r"[-_.]+", "-", found["name"]).lower()
            yield from ((name, each.strip()) for each in ("", *(found["extras"] or "").split(",")))


def _licence(said: metadata.PackageMetadata) -> str:
    """The SPDX expression, else what `License` says in one line, else its classifiers, else the heading in `License`."""
    if "License-Expression" in said:
        return said["License-Expression"]
    stated = said["License"].strip() if "License" in said else ""
    if stated and "\n" not in stated and len(stated) <= _LONGEST:
        return stated
    classifiers = [entry for entry in said.get_all("Classifier", []) if entry.startswith("License ::")]
    return " OR ".join(entry.rsplit(" :: ", 1)[1] for entry in classifiers) or stated.split("\n", 1)[0][:_LONGEST]
