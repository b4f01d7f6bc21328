"""Runs a gateway's parts: makes them once, hands each its document, and stops them in the opposite order."""

from collections.abc import Mapping
from typing import Any

from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError, Unavailable
from lineshaft.core.health import Check
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts.model import PARTS, GatewayPart, Surroundings, load_part


class PartsKeeper:
    """The parts of one gateway, by name."""

    def __init__(self) -> None:
        self._parts: dict[str, GatewayPart] = {}
        self._refused: dict[str, LineshaftError] = {}
        self._log = logs.get("edge")

    def make(self, here: Surroundings) -> None:
        """Make every part; none does anything before `apply`."""
        for name in PARTS:
            self._parts[name] = load_part(name)(here)

    def part(self, name: str) -> Any:
        """A part; KeyError where there is none of that name."""
        return self._parts[name]

    async def apply(self, config: GatewayConfig) -> None:
        """Hand every part what the configuration says of it; one that cannot do it does not stop the others."""
        self._refused.clear()
        for name, part in self._parts.items():
            try:
                await part.apply(config.parts.get(name), config)
            except LineshaftError as error:
                self._refuse(name, error)
            except Exception as error:  # noqa: BLE001  # a fault of one part must not end the gateway
                self._log.exception("edge_part_failed", part=name)
                self._refuse(name, Unavailable("edge.part_failed", f"the part {name!r} of the gateway failed: {error!r}",
                    "The gateway's log has the details; please report them.", part=name, reason=repr(error)))  # fmt: skip

    def checks(self) -> list[Check]:
        """How every part is."""
        refused = [Check.of(f"part {name}", error) for name, error in self._refused.items()]
        return refused + [check for part in self._parts.values() for check in part.checks()]

    def status(self) -> dict[str, Mapping[str, Any]]:
        """Figures of every part that has some."""
        figures = {name: part.status() for name, part in self._parts.items()}
        return {name: of_part for name, of_part in figures.items() if of_part}

    async def close(self) -> None:
        """Stop all of them."""
        while self._parts:
            name, part = self._parts.popitem()
            try:
                await part.close()
            except Exception:  # noqa: BLE001  # the others are to be stopped, and what the lane holds to be sent
                self._log.exception("edge_part_failed", part=name)

    def _refuse(self, name: str, error: LineshaftError) -> None:
        self._refused[name] = error
        self._log.error("edge_part_refused", part=name, code=error.code, message=error.message)
