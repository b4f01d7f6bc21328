"""What a change of configuration takes away from the safety of writing: that needs a second person's approval.

A point's class lowered, its write rules widened, a class A point's registers left without it, or the guard no longer
enforcing. Points are compared by name and by address: another name for the same register is no way round its rules.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from lineshaft.access import Access
from lineshaft.core.principals import Obligation, Principal, Resource
from lineshaft.edge.commands.checks import limits, rules_of
from lineshaft.edge.model import Device, Point

_ACTION: Final = "edge:configure"
_ROLE: Final = "engineer"
_MEANING: Final = ("type", "order", "scale", "offset")


def of_device(before: Device | None, after: Device | None) -> list[str]:
    """What a device loses, in words; nothing where it was not there before.

    Args:
        after: None: it is taken out.
    """
    if before is None:
        return []
    points = () if after is None else after.points
    return [reason for point in before.points if point.write is not None for reason in _of_point(point, points)]


def of_guard(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    """What the guard loses by another document; None: its default, which enforces."""
    was, will = _mode(before), _mode(after)
    return [f"the guard: {was} → {will}"] if was == "enforce" != will else []


async def require_second_person(
    access: Access, principal: Principal, resource: Resource, reasons: Sequence[str]
) -> None:
    """Have a second person approve a change that takes something away; nothing where it does not.

    Raises:
        Forbidden: nobody has approved yet; names the approval, with which the same request is sent again.
    """
    if not reasons:
        return
    decision = await access.require(principal, _ACTION, resource)
    duty = Obligation(kind="approve", argument=_ROLE, policy="edge.weakened")
    told = (*decision.policies, *reasons[:10])
    await access.see_to(principal, msgspec.structs.replace(decision, obligations=(duty,), policies=told))


def _mode(document: Mapping[str, Any] | None) -> str:
    return str((document or {}).get("mode", "enforce"))


def _of_point(before: Point, points: Sequence[Point]) -> Iterator[str]:
    there = [point for point in points if point.address == before.address]
    if not there and rules_of(before).classification == "A":
        yield f"{before.name}: nothing holds for {before.address} any more"
    named = [point for point in points if point.name == before.name and point.address != before.address]
    for point in (*there, *named):
        yield from (f"{before.name}: {what}" for what in _lost(before, point))


def _lost(before: Point, after: Point) -> Iterator[str]:
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
    changed = [field for field in _MEANING if getattr(before, field) != getattr(after, field)]
    if changed and (stated or was.rate is not None or was.classification == "A"):
        yield f"what its value means: {', '.join(changed)}"
