"""What topics carry: the values found in messages while somebody browses."""

from typing import Any, Final

from lineshaft.edge.address_space import Found
from lineshaft.edge.columns import KIND_NAMES
from lineshaft.edge.drivers.mqtt.address import write_pointer
from lineshaft.edge.drivers.mqtt.decoding import Undecodable, parser, scalar
from lineshaft.edge.drivers.mqtt.options import Format

MOST_FOUND: Final = 100_000
_DEEPEST: Final = 20


class Looking:
    """Collects the addresses of single values."""

    def __init__(self, format_name: Format) -> None:
        self._parse = parser(format_name)
        self._is_text = format_name == "text"
        self._found: dict[str, Found] = {}

    def take(self, topic: str, payload: bytes) -> None:
        """One message."""
        try:
            message = self._parse(payload)
        except Undecodable as error:
            self._note(Found(address=topic, name=topic, refused=str(error)))
            return
        self._walk(topic, [], message)

    def found(self) -> list[Found]:
        """In the order of their addresses."""
        return [self._found[address] for address in sorted(self._found)]

    def _walk(self, topic: str, levels: list[str], value: Any) -> None:
        if isinstance(value, dict | list) and len(levels) < _DEEPEST:
            members = value.items() if isinstance(value, dict) else enumerate(value)
            for key, member in members:
                self._walk(topic, [*levels, str(key)], member)
            return
        pointer = write_pointer(levels)
        column, _, q = scalar(value, "number")
        path = (*topic.split("/"), *levels)
        kind = "text" if self._is_text else KIND_NAMES[column]
        refused = "it has no single value now" if q else ""
        name = path[-1] or topic
        address = f"{topic}#{pointer}" if pointer else topic
        self._note(Found(address=address, name=name, path=path[:-1], kind=kind, refused=refused))  # type: ignore[arg-type]

    def _note(self, found: Found) -> None:
        if len(self._found) < MOST_FOUND:
            self._found[found.address] = found
