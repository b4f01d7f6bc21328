"""The bus permissions that conduits leave of what a principal's grants allow. Imports no database.

The bus stands in the hub, so each principal has one way to it. Upwards go telemetry, events and requests, downwards
commands, requests to serve and what is read from streams; each needs a conduit with a flow of its kind. Untouched stay
the principal's own inbox, its own configuration (without that it would never learn of a new plan), and the word on
which of its own batches are durable.
"""

from collections.abc import Iterable

from lineshaft.access import sparkplug
from lineshaft.access.zones.model import FlowKind, ZonePlan
from lineshaft.bus.permissions import Permissions
from lineshaft.bus.subjects import Subjects

_ALWAYS = ("config.", "event.history.held.")
_TELEMETRY = frozenset({"data", "event", "dead", "raw"})
_COMMANDING = frozenset({"command"})
"""Requests to a gateway that move something in the plant."""
_SPARKPLUG_COMMANDS = frozenset({"NCMD", "DCMD"})
_READING = ("$JS.API.STREAM.INFO.", "$JS.API.CONSUMER.", "$JS.API.DIRECT.GET.")


def cut(allowed: Permissions, name: str, plan: ZonePlan, subjects: Subjects) -> Permissions:
    """What remains of `allowed` for the principal `name` under the plan."""
    zone, hub = plan.zone_of(name), plan.hub_zone
    if zone == hub:
        return allowed
    root = f"ls.{subjects.tenant}.{subjects.site}."
    up, down = _Way(plan, zone, hub, root), _Way(plan, hub, zone, root)
    publish = [
        kept for subject in allowed.publish for kept in _sparkplug(subject, up, _published(subject, root, up, down))
    ]
    subscribe = [
        kept for subject in allowed.subscribe for kept in _sparkplug(subject, down, _subscribed(subject, root, down))
    ]
    serves = any(subject.startswith((f"{root}svc.", f"{root}gw.")) for subject in subscribe)
    return Permissions(
        publish=sorted(set(publish)), subscribe=sorted(set(subscribe)), respond=allowed.respond and serves
    )


class _Way:
    """One direction between a zone and the hub."""

    def __init__(self, plan: ZonePlan, source: str, target: str, root: str) -> None:
        self._flows = plan.flows(source, target)
        self._root = root

    def has(self, *kinds: FlowKind) -> bool:
        return any(flow.kind in kinds for flow in self._flows)

    def through(self, subject: str, kind: FlowKind) -> list[str]:
        """The part of a subject that flows of this kind let pass."""
        found: list[str] = []
        for flow in self._flows:
            if flow.kind == kind:
                patterns = [self._root + pattern for pattern in flow.subjects] or [subject]
                found += [both for pattern in patterns if (both := common(subject, pattern)) is not None]
        return found


def _published(subject: str, root: str, up: _Way, down: _Way) -> Iterable[str]:
    if subject.startswith("$JS.API.DIRECT.GET.") and any(f".{root}{always}" in subject for always in _ALWAYS):
        return [subject]
    if subject.startswith(_READING):
        return [subject] if down.has("telemetry") else []
    if not subject.startswith(root):  # trims and makes streams
        return [subject] if up.has("api") else []
    category = subject.removeprefix(root).partition(".")[0]
    if category in _TELEMETRY:
        return up.through(subject, "telemetry")
    if category == "cmd":
        return up.through(subject, "command")
    commanding = category == "gw" and subject.split(".")[5] in _COMMANDING
    return [subject] if up.has("command" if commanding else "api") else []


def _subscribed(subject: str, root: str, down: _Way) -> Iterable[str]:
    if not subject.startswith(root):  # its inbox
        return [subject]
    if subject.removeprefix(root).startswith(_ALWAYS):
        return [subject]
    category = subject.removeprefix(root).partition(".")[0]
    if category in _TELEMETRY:
        return down.through(subject, "telemetry")
    if category == "cmd":
        return down.through(subject, "command")
    if category == "gw" and subject.split(".")[5] in _COMMANDING:
        return [subject] if down.has("command") else []
    return [subject] if down.has("command", "api") else []


def _sparkplug(subject: str, way: _Way, others: Iterable[str]) -> Iterable[str]:
    """What the way lets pass of a Sparkplug subject, whose kind stands in it; `others` for every other subject."""
    if not subject.startswith(sparkplug.ROOT):
        return others
    commanding = subject.split(".")[2] in _SPARKPLUG_COMMANDS
    return [subject] if way.has("command" if commanding else "telemetry") else []


def common(one: str, other: str) -> str | None:
    """The pattern of exactly the subjects that both patterns admit; None where there are none."""
    result: list[str] = []
    left, right = one.split("."), other.split(".")
    for place in range(max(len(left), len(right))):
        a = left[place] if place < len(left) else ""
        b = right[place] if place < len(right) else ""
        if a == ">" and b:
            return ".".join([*result, *right[place:]])
        if b == ">" and a:
            return ".".join([*result, *left[place:]])
        if not a or not b or (a != b and "*" not in (a, b)):
            return None
        result.append(b if a == "*" else a)
    return ".".join(result)
