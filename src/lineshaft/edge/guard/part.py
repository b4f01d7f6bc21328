"""The guard as a part of the gateway: its document, and what others of the gateway call."""

import asyncio
import functools
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.core.health import Check
from lineshaft.edge.board import Board
from lineshaft.edge.guard import defaults, learned
from lineshaft.edge.guard.events import LogRecorder
from lineshaft.edge.guard.guard import Guard, time_zone
from lineshaft.edge.guard.model import GuardMode, GuardPrincipal, Reads, Recorder, State, Verdict
from lineshaft.edge.guard.operation import Operation, millionths
from lineshaft.edge.guard.policy import GuardPolicy, compile_policy
from lineshaft.edge.guard.presence import Presence, statement_file
from lineshaft.edge.model import GatewayConfig
from lineshaft.edge.parts import Surroundings
from lineshaft.edge.tasks import end

UNKNOWN_MODE: Final = "unknown"
"""The plant mode where the point that says it has no good value."""
_ROUND_SECONDS: Final = 0.5
_ROUNDS_PER_SAVE: Final = 60
_BAD_OR_UNCERTAIN: Final = 0xC000_0000
_PROPOSED: Final = 128
"""Rules that the status shows; the others come once these are approved."""


class GuardDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a gateway's guard is configured with."""

    mode: GuardMode = "enforce"
    policy: str = msgspec.field(default_factory=defaults.text)
    """Cedar, of the subset that guards take."""
    reads: Reads = "open"
    time_zone: str = "UTC"
    """Of rules about minutes, such as `Asia/Shanghai`."""
    plant_mode: str = ""
    """The plant mode, where no point tells it."""
    plant_mode_point: str = ""
    """`device/point` whose text is the plant mode."""


def check(document: Mapping[str, Any]) -> None:
    """Refuse a document that no guard could work by.

    Raises:
        InvalidInput: names field and rule; of the policy, the line.
    """
    read_document(document)


def read_document(document: Mapping[str, Any] | None, *, validate: bool = True) -> tuple[GuardDocument, GuardPolicy]:
    """A document and its policy; None: the default. What was checked before needs no `validate`.

    Raises:
        InvalidInput: see `check`.
    """
    try:
        found = msgspec.convert(document or {}, GuardDocument)
    except msgspec.ValidationError as error:
        raise _refusal("document", document, str(error)) from error
    try:
        time_zone(found.time_zone)
    except ValueError as error:
        raise _refusal("time_zone", found.time_zone, str(error)) from error
    if found.plant_mode_point and found.plant_mode_point.count("/") != 1:
        raise _refusal("plant_mode_point", found.plant_mode_point, "it is not device/point")
    return found, compile_policy(found.policy, validate=validate)


class GuardPart:
    """See the module. Works by its default from the moment it is made."""

    def __init__(self, here: Surroundings) -> None:
        self._here = here
        self._file = here.context.home.folder("edge") / "guard" / "learned.json"
        self._presence = Presence(statement_file(here.context.home))
        self.guard = Guard(here.gateway, present=functools.partial(_present, here.tools.board), presence=self._presence)
        self.guard.learned = learned.load(self._file)
        self.recorder: Recorder = LogRecorder()
        """Where events go; who records for the gateway sets it."""
        self._saved = self.guard.learned.revision
        self._proposed: tuple[object, Mapping[str, str]] = (None, {})
        self._task: asyncio.Task[None] | None = None

    def check(self, operations: Sequence[Operation], principal: GuardPrincipal, state: State) -> list[Verdict]:
        """Judge operations that are about to be sent: see `Guard.check`."""
        return self.guard.check(operations, principal, state)

    async def apply(self, document: Mapping[str, Any] | None, config: GatewayConfig) -> None:
        """Work by a document, as a whole; one that cannot be leaves what was in force.

        Raises:
            InvalidInput: see `check`.
        """
        found, work = await asyncio.to_thread(read_document, document, validate=False)
        before = (self.guard.mode, self.guard.reads, self.guard.policy.version)
        self.guard.configure(
            work, mode=found.mode, reads_are=found.reads, zone=found.time_zone,
            plant_mode=functools.partial(_plant_mode, self._here.tools.board, found),
            devices={device.name: places(device.path) for device in config.devices},
        )  # fmt: skip
        after = (found.mode, found.reads, work.version)
        if after != before:
            self.guard.events.happened(
                "guard.configured", mode=found.mode, reads=found.reads, policy=work.version,
                mode_before=before[0], reads_before=before[1], policy_before=before[2], version=config.version,
            )  # fmt: skip
        if self._task is None:
            self._task = asyncio.create_task(self._keep_recording(), name="guard")

    def checks(self) -> list[Check]:
        """Events are recorded, and nobody forged a statement of presence. That a guard only looks on is said."""
        looking = "" if self.guard.mode == "enforce" else f"mode {self.guard.mode}: nothing is denied"
        failed = self.guard.events.failed
        found = Check(
            name="guard", ok=not failed, detail=f"denials wait to be recorded: {failed}" if failed else looking,
            hint="Writes stop when too many wait." if failed else "",
        )  # fmt: skip
        refused = self._presence.refused
        if not refused:
            return [found]
        hint = "`lineshaft guard presence --end` removes it; find out who made it."
        return [
            found,
            Check(name="guard presence", ok=False, detail=f"a statement does not count: {refused}", hint=hint),
        ]

    def status(self) -> Mapping[str, Any]:
        """Mode, policy, counts, and the rules that learning would propose."""
        guard = self.guard
        person = guard.present_person()
        return {
            "mode": guard.mode, "reads": guard.reads, "policy": guard.policy.version, "judged": guard.judged,
            "denied": guard.denied, "waiting_events": len(guard.events),
            "presence": "" if person is None else person.user,
            "learned": len(guard.learned.seen), "not_learned": guard.learned.missed, "proposed": self._proposal(),
        }  # fmt: skip

    async def close(self) -> None:
        """Stop; what was learned is kept, what can be recorded is."""
        if self._task is not None:
            await end(self._task)
            self._task = None
            await self.guard.events.drain(self.recorder)
        await self._save()

    def _proposal(self) -> Mapping[str, str]:
        """Rules for what was learned and the policy does not permit; made anew only where either changed."""
        about = (self.guard.learned.revision, self.guard.policy.version)
        if self._proposed[0] != about:
            rules = learned.propose(self.guard.learned, self.guard.enforced, self.guard.moment())
            self._proposed = (about, dict(list(rules.items())[:_PROPOSED]))
        return self._proposed[1]

    async def _keep_recording(self) -> None:
        rounds = 0
        while True:
            await asyncio.sleep(_ROUND_SECONDS)
            self.guard.present_person()
            await self.guard.events.drain(self.recorder)
            rounds += 1
            if rounds % _ROUNDS_PER_SAVE == 0:
                await self._save()

    async def _save(self) -> None:
        if self.guard.learned.revision != self._saved:
            self._saved = self.guard.learned.revision
            await asyncio.to_thread(learned.save, self._file, self.guard.learned)


def _present(board: Board, device: str, point: str) -> int | None:
    sample = board.get(f"{device}/{point}")
    if sample is None or sample.q & _BAD_OR_UNCERTAIN or isinstance(sample.value, str):
        return None
    return millionths(sample.value)


def _plant_mode(board: Board, document: GuardDocument) -> str:
    if not document.plant_mode_point:
        return document.plant_mode
    sample = board.get(document.plant_mode_point)
    return UNKNOWN_MODE if sample is None or sample.q & _BAD_OR_UNCERTAIN else str(sample.value)


def places(path: str) -> frozenset[str]:
    """The groups of a device by its ISA-95 path: its place, and every one around it."""
    if not path:
        return frozenset()
    return frozenset(
        f'Place::"{place}"' for place in accumulate(path.split("/"), lambda above, name: f"{above}/{name}")
    )


def _refusal(field: str, value: object, rule: str) -> InvalidInput:
    return InvalidInput(
        "edge.guard_document_invalid", f"the guard's {field} is {str(value)[:120]!r}: {rule}",
        "Nothing was changed; docs/guard.md describes every field.", field=field, value=str(value)[:120], rule=rule,
    )  # fmt: skip
