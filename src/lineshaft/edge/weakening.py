"""What a change of configuration takes away from the safety of writing: that needs a second person's approval.

A point's class lowered, its write rules widened, a class A point's registers left without it, another point laid over
them, what rules read coming from elsewhere (`inputs`), or the guard letting more through. Points are compared by what
they take on their machine (`extent`), over all devices: neither another name, another way of writing an address, a
second device at the same endpoint nor taking a point out and adding it anew is a way round its rules.
`guard.widening` compares policies.

Every way to change a configuration comes through here: routes of devices, profiles and parts, and going back to a version.
"""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from lineshaft.access import Access
from lineshaft.core.principals import Obligation, Principal, Resource
from lineshaft.edge.commands.checks import limits, rules_of
from lineshaft.edge.extent import Extent, extent_of
from lineshaft.edge.inputs import MEANING, Inputs, moved, named_in
from lineshaft.edge.model import Device, Point

_ACTION: Final = "edge:configure"
_ROLE: Final = "engineer"
_SHOWN: Final = 20
_ELSEWHERE: Final = "a point of another project"
_PLACE: Final = 3
"""Levels that every place has: two places that differ in them have nothing in common."""
_SCOPE: Final = re.compile(r'Place\s*::\s*"((?:[^"\\]|\\.)*)"')
_MODE: Final = re.compile(r"\bmode\b")


Key = tuple[str, str]
"""Names of a device and of its point."""


class Located(NamedTuple):
    """A point of a device, and what it takes there."""

    device: str
    point: Point
    extent: Extent

    @property
    def key(self) -> Key:
        return self.device, self.point.name


class Change(NamedTuple):
    """Devices before and after; one that is not there is None."""

    before: Sequence[Device]
    """All of them, those too that stay as they are."""
    after: Mapping[str, Device | None]
    """Those that change, by name."""
    remembered: Sequence[Device] = ()
    """With points that were taken out lately."""
    guards: Sequence[Mapping[str, Any]] = ()
    """Documents of the gateways' guards."""


def of_device(before: Device | None, after: Device | None) -> list[str]:
    """What a device loses where there is no other, in words; nothing where it was not there before.

    Args:
        after: None: it is taken out.
    """
    name = (before or after or Device(name="none", path="", driver="", endpoint="")).name
    return of_devices(Change([] if before is None else [before], {name: after}))


def of_devices(change: Change, visible: Collection[str] | None = None) -> list[str]:
    """What a change of devices takes away, in words.

    Args:
        visible: names of devices that may be named to whoever asks; None: all.
    """
    old = {device.name: device for device in change.before}
    changed = [device for name, device in old.items() if name in change.after]
    stayed = [device for name, device in old.items() if name not in change.after]
    came = [device for device in change.after.values() if device is not None]
    comparison = _Comparison(
        before={each.key: each for device in changed for each in _written(device)},
        after={each.key: each for device in (*came, *stayed) for each in _written(device)},
        told=_Told(visible),
    )
    guarded = [each for device in changed for each in _ruled(device)]
    comparison.losses(guarded)
    beside = [each for device in stayed for each in _ruled(device)]
    kept = [each for device in change.remembered for each in _ruled(device)]
    comparison.overlays([*guarded, *beside], {device.name for device in came})
    comparison.overlays(kept, {device.name for device in came}, remembered=True)
    _inputs(comparison.told, change, [*guarded, *beside, *kept], changed, came)
    _places(comparison.told, change.guards, old, came)
    return comparison.told.reasons


def left_unguarded(before: Device, after: Device | None) -> Device | None:
    """What is to be remembered of a device: its points with rules that none of its points stands over any more.

    None: nothing.
    """
    present = [] if after is None else [*_written(after)]
    points = tuple(
        each.point for each in _ruled(before) if not any(other.extent.holds(each.extent) for other in present)
    )
    return msgspec.structs.replace(before, points=points) if points else None


def of_guard(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, *, first: bool = False) -> list[str]:
    """What the guard loses by another document, in words; None: its default.

    Args:
        first: the gateway never had one: what its first one permits takes nothing away.

    Raises:
        InvalidInput: one of them is no document of a guard.
    """
    from lineshaft.edge.guard.widening import of_document  # loads the guard, which web needs for nothing else

    return [f"the guard: {reason}" for reason in of_document(before, after, first=first)]


async def require_second_person(
    access: Access, principal: Principal, resource: Resource, reasons: Sequence[str], *, about: Sequence[str] = ()
) -> None:
    """Have a second person approve a change that takes something away; nothing where it does not.

    The approval holds for just these reasons, which whoever approves is shown.

    Args:
        about: versions of what the request names but does not carry: an approval is void once one is another.

    Raises:
        Forbidden: nobody has approved yet; names the approval, with which the same request is sent again.
    """
    if not reasons:
        return
    decision = await access.require(principal, _ACTION, resource)
    duty = Obligation(kind="approve", argument=_ROLE, policy="edge.weakened")
    bound = hashlib.sha256("\0".join((*sorted(reasons), "", *about)).encode()).hexdigest()[:16]
    shown = (*reasons[:_SHOWN], f"and {len(reasons) - _SHOWN} more") if len(reasons) > _SHOWN else tuple(reasons)
    decision = msgspec.structs.replace(
        decision, obligations=(duty,), resource=f"{decision.resource} #{bound}", policies=(*decision.policies, *shown)
    )
    await access.see_to(principal, decision, reasons="\n".join(shown))


class _Told:
    """Reasons, each once, in words that name nothing of other projects."""

    def __init__(self, visible: Collection[str] | None) -> None:
        self.reasons: list[str] = []
        self._visible = visible

    def add(self, guarded: Located, lost: Iterable[str], by: str = "") -> None:
        """Take in what a point loses, by a point of another device where one has it lose that."""
        seen = self._visible is None or guarded.device in self._visible
        name = guarded.point.name if by in ("", guarded.device) else "/".join(guarded.key)
        for what in lost:
            reason = f"{name if seen else _ELSEWHERE}: {what}"
            if reason not in self.reasons:
                self.reasons.append(reason)


class _Comparison:
    """Points that can be written before and after a change."""

    def __init__(self, before: Mapping[Key, Located], after: Mapping[Key, Located], told: _Told) -> None:
        self._before = before
        self._after = after
        self.told = told
        self._by_place: dict[tuple[str, ...], list[Located]] = {}
        for each in after.values():
            self._by_place.setdefault(each.extent.place[:_PLACE], []).append(each)

    def losses(self, guarded: Iterable[Located]) -> None:
        """What points with rules lose of them, and whether their places are left without."""
        for each in guarded:
            if rules_of(each.point).classification == "A" and not any(
                other.extent.holds(each.extent) for other in self._around(each)
            ):
                self.told.add(each, [f"nothing holds for {each.point.address} any more"])
            same = self._after.get(each.key)
            if same is not None:
                self.told.add(each, _lost(each, same))

    def overlays(self, guarded: Iterable[Located], came: Collection[str], *, remembered: bool = False) -> None:
        """Weaker points over those with rules: new ones, and such as were there where the one with rules goes."""
        for each in guarded:
            now = self._after.get(each.key)
            stays = remembered or (now is not None and now.extent.holds(each.extent))
            for other in self._around(each):
                if (other.key == each.key and not remembered) or not other.extent.may_overlap(each.extent):
                    continue
                if stays and other.device not in came:
                    continue
                before = self._before.get(other.key) if stays else None
                known = {*_lost(each, before)} if before and before.extent == other.extent else set()
                lost = [what for what in _lost(each, other) if what not in known]
                if not other.extent.overlaps(each.extent):
                    lost = [f"{what}, if the machine ignores {other.extent.selector!r}" for what in lost]
                self.told.add(each, lost, other.device)

    def _around(self, each: Located) -> Sequence[Located]:
        return self._by_place.get(each.extent.place[:_PLACE], ())


def _ruled(device: Device) -> Iterator[Located]:
    """Points with rules for writing."""
    return (Located(device.name, point, extent_of(device, point)) for point in device.points if point.write is not None)


def _written(device: Device) -> Iterator[Located]:
    """Points that commands may go to, or that have rules."""
    return (
        Located(device.name, point, extent_of(device, point))
        for point in device.points
        if point.access != "read" or point.write is not None
    )


def _inputs(
    told: _Told, change: Change, ruled: Sequence[Located], changed: Sequence[Device], came: Sequence[Device]
) -> None:  # fmt: skip
    """What interlocks read, and what tells the plant mode to rules that ask for it."""
    inputs = Inputs([*change.before, *change.remembered])
    interlocked = [(each, inputs.behind(named_in(rules_of(each.point).interlock))) for each in ruled]
    modes = [
        inputs.behind([document["plant_mode_point"]]) for document in change.guards
        if document.get("plant_mode_point") and _MODE.search(document.get("policy", ""))
    ]  # fmt: skip
    others = moved(set().union(*modes, *(names for _, names in interlocked)), changed, came)
    for each, names in interlocked:
        for name in sorted(names & others):
            told.add(each, [f"its interlock reads {name} from elsewhere"], name.partition("/")[0])
    told.reasons += [
        f"the guard: the plant mode is read from elsewhere, {name}" for name in sorted(set().union(*modes) & others)
    ]


def _places(
    told: _Told, guards: Sequence[Mapping[str, Any]], old: Mapping[str, Device], came: Sequence[Device]
) -> None:  # fmt: skip
    """Devices that rules about places hold for no more, or from now on."""
    scopes = {scope for document in guards for scope in _SCOPE.findall(document.get("policy", ""))}
    for device in came if scopes else ():
        before = old.get(device.name)
        if before is None or before.path == device.path:
            continue
        was, will = (set(accumulate(path.split("/"), "{}/{}".format)) for path in (before.path, device.path))
        concerned = {scope for scope in scopes if "\\" in scope or scope in was ^ will}
        told.reasons += [
            f"the guard: {device.name} {'leaves' if scope in was else 'comes to'} {scope}, which it has rules for"
            for scope in sorted(concerned)
        ]


def _lost(located: Located, other: Located) -> Iterator[str]:
    before, after = located.point, other.point
    was, will = rules_of(before), rules_of(after)
    stated = [limit for limit in limits(before) if was.classification == "A" or limit.name.startswith("write.")]
    if was.classification == "A" != will.classification:
        yield "class A → B"
    known = {limit.lower: limit for limit in limits(after)}
    for limit in stated:
        new = known.get(limit.lower)
        if new is None or (new.value < limit.value if limit.lower else new.value > limit.value):
            yield f"{limit.name} {limit.value:g} → {'none' if new is None else format(new.value, 'g')}"
    if was.rate is not None and (will.rate is None or will.rate > was.rate):
        yield f"rate {was.rate:g} → {'none' if will.rate is None else format(will.rate, 'g')}"
    if was.interlock and will.interlock != was.interlock:
        yield f"interlock {was.interlock!r} → {will.interlock!r}"
    changed = [field for field in MEANING if getattr(before, field) != getattr(after, field)]
    if (located.extent.type or before.type) != (other.extent.type or after.type):
        changed.insert(0, "type")
    if changed and (stated or was.rate is not None or was.classification == "A"):
        yield f"what its value means: {', '.join(changed)}"
