"""Commands as a part of the gateway: answers `command` requests as soon as the first configuration is applied."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from lineshaft.bus import decode_body
from lineshaft.core.health import Check
from lineshaft.edge.commands.conditions import Conditions
from lineshaft.edge.commands.executor import Admits, Executor
from lineshaft.edge.commands.journal import Journal
from lineshaft.edge.commands.leases import Leases
from lineshaft.edge.commands.messages import Cancel, Execute, Outcome, Standing
from lineshaft.edge.commands.overlaid import OverlaidPoints
from lineshaft.edge.guard.events import COMMAND_DENIED
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts import Surroundings

_CLOSE_SECONDS: Final = 5.0


class CommandsPart:
    """Has no document: what may be written stands in the points and in the guard."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self.leases = Leases(here.context.home.folder("edge") / "commands")
        """Who writes to a device alone; whoever writes keeps to them."""
        self.conditions = Conditions(here.tools.board, here.runner)
        """What was written lately, by commands and by foreign clients."""
        self.overlaid = OverlaidPoints(self.conditions, self.leases, here.tools.board)
        """Rules of every point that a write touches, whatever it was called."""
        self._journal: Journal | None = None
        self._executor: Executor | None = None

    async def apply(self, document: Mapping[str, Any] | None, config: GatewayConfig) -> None:
        """Begin to answer.

        Raises:
            Corrupt, Conflict, Unavailable: the journal cannot be used; nothing is written then.
        """
        self.overlaid.configure(config.devices)
        if self._executor is not None:
            return
        folder = self._here.context.home.folder("edge") / "commands"
        self._journal = await asyncio.to_thread(Journal, folder, self._here.gateway)
        self._executor = Executor(
            self._here.runner, self._here.tools.board, self._journal, self._guard, self._here.gateway,
            leases=self.leases, tell=self._tell, conditions=self.conditions, overlaid=self.overlaid,
        )  # fmt: skip
        try:
            for verb, answer in (("command", self._execute), ("cancel", self._cancel), ("lease", self._lease)):
                await self._here.bus.serve("edge", verb, answer, gateway=self._here.gateway)
        except BaseException:
            self._journal.close()
            self._executor = self._journal = None
            raise

    def checks(self) -> list[Check]:
        return []

    def status(self) -> Mapping[str, Any]:
        if self._journal is None or self._executor is None:
            return {}
        return {"remembered": len(self._journal), "denied_unkept": self._executor.denied_unkept}

    async def close(self) -> None:
        if self._executor is not None:
            await self._executor.close(_CLOSE_SECONDS)
        if self._journal is not None:
            self._journal.close()

    async def _execute(self, _caller: str, body: bytes) -> Outcome:
        assert self._executor is not None
        return await self._executor.execute(decode_body(body, Execute))

    async def _cancel(self, _caller: str, body: bytes) -> Outcome:
        assert self._executor is not None
        return await self._executor.cancel(decode_body(body, Cancel))

    async def _lease(self, _caller: str, body: bytes) -> None:
        assert self._executor is not None
        await self._executor.learn_lease(decode_body(body, Standing))

    def _tell(self, asked: Execute, outcome: Outcome) -> None:
        """Have the audit trail count what the journal does not keep."""
        step = outcome.steps[-1]
        try:
            events = self._here.part("guard").guard.events
        except KeyError:
            return
        events.repeated(
            (asked.principal.id, asked.device, asked.point, step.code), COMMAND_DENIED,
            principal=asked.principal.id, name=asked.principal.name, foreign=False, device=asked.device,
            points=[asked.point], reason=step.detail, rules=[step.code],
        )  # fmt: skip

    def _guard(self) -> Admits | None:
        """The guard of this gateway; None where it has none yet."""
        try:
            part = self._here.part("guard")
        except KeyError:
            return None
        guard: Admits = part
        return guard
