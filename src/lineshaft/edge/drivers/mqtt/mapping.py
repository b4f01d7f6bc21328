"""Which points a topic feeds."""

from collections.abc import Sequence
from typing import Final

from lineshaft.edge.drivers.mqtt.address import ValueAddress
from lineshaft.edge.drivers.mqtt.decoding import Target
from lineshaft.edge.model import Point

_MOST_REMEMBERED: Final = 10_000


class Mapping:
    """Targets by topic; filters with `+` are matched once per topic."""

    def __init__(self, points: Sequence[Point], addresses: Sequence[ValueAddress]) -> None:
        self._exact: dict[str, list[Target]] = {}
        self._wild: dict[tuple[str, ...], list[Target]] = {}
        self._found: dict[str, list[Target]] = {}
        for index, (point, address) in enumerate(zip(points, addresses, strict=True)):
            target = Target(index, address.path, point.kind)
            if address.wild:
                self._wild.setdefault(tuple(address.topic.split("/")), []).append(target)
            else:
                self._exact.setdefault(address.topic, []).append(target)

    def filters(self) -> list[str]:
        """What to subscribe to."""
        return [*self._exact, *("/".join(levels) for levels in self._wild)]

    def targets(self, topic: str) -> list[Target]:
        """The points that a topic feeds."""
        if not self._wild:
            return self._exact.get(topic, [])
        found = self._found.get(topic)
        if found is None:
            levels = topic.split("/")
            found = list(self._exact.get(topic, ()))
            for pattern, targets in self._wild.items():
                if _matches(pattern, levels):
                    found += targets
            if len(self._found) >= _MOST_REMEMBERED:
                self._found.clear()
            self._found[topic] = found
        return found


def _matches(pattern: tuple[str, ...], levels: list[str]) -> bool:
    if len(pattern) != len(levels) or (levels[0].startswith("$") and pattern[0] == "+"):
        return False
    return all(mine in ("+", theirs) for mine, theirs in zip(pattern, levels, strict=True))
