"""Points that rules read: an interlock, or a guard's plant mode, is worth what they are.

A point that is read from elsewhere makes another rule of the same words. So does one that is new under such a name.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from lineshaft.edge.extent import extent_of
from lineshaft.edge.model import Device

MEANING: Final = ("kind", "order", "scale", "offset")
"""Fields of a point that say, beside its raw type, what its value means."""
_COMPUTED: Final = "calculated"
_TAG: Final = re.compile(r"""\btag\s*\(\s*("[^"\\\n]*"|'[^'\\\n]*')""")


def named_in(expression: str) -> set[str]:
    """The points, `device/point`, that an expression reads. Without parsing it, which loads a library."""
    return {found[1:-1] for found in _TAG.findall(expression)}


class Inputs:
    """What points of devices are computed from."""

    def __init__(self, devices: Iterable[Device]) -> None:
        self._computed = {
            f"{device.name}/{point.name}": point.address
            for device in devices if device.driver == _COMPUTED for point in device.points
        }  # fmt: skip

    def behind(self, names: Iterable[str]) -> set[str]:
        """These points, and all that they are computed from."""
        found: set[str] = set()
        waiting = [*names]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += named_in(self._computed.get(name, ""))
        return found


def moved(names: set[str], before: Iterable[Device], after: Iterable[Device]) -> set[str]:
    """Those of these points that read something else after a change, or come with it."""
    was = dict(_sources(before, names))
    return {name for name, source in _sources(after, names) if was.get(name) != source}


def _sources(devices: Iterable[Device], names: set[str]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for device in devices:
        for point in device.points:
            name = f"{device.name}/{point.name}"
            if name in names:
                meaning = (point.type, point.length, *(getattr(point, field) for field in MEANING))
                yield name, (device.driver, device.endpoint, extent_of(device, point), point.address, *meaning)
