"""The part of a policy set that can matter to a request, found by action and zone, parsed once and kept.

A policy's scope says for which action, principal and resource it can hold. A request meets the policies of its action
that name no anchor, or one of its own anchors. An anchor is an entity (a zone, a single principal or object) that the
scope names; a policy whose scope cannot be used so is in the common part of its action. Leaving out the others changes
no decision: their scopes are false. Works on any policy set, given in Cedar's JSON notation.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Generic, TypeVar

import cedarpy
import msgspec

from lineshaft.access.policy.recent import Recent

P = TypeVar("P")
Node = Mapping[str, Any]
"""A policy in Cedar's JSON notation."""

_ACTIONS: Final = 1024
"""Actions whose parts are kept; there are fewer, but for whoever asks for actions that do not exist."""


class Slicer(Generic[P]):
    """Finds the members of a slice.

    Args:
        members: what is to be sliced, by policy id.
        nodes: each in Cedar's JSON notation.
        groups: of each action (as `Type::"id"`), the groups it is in, all the way up.
        anchors: entity types by which to slice; None for every type.
    """

    def __init__(
        self,
        members: Mapping[str, P],
        nodes: Mapping[str, Node],
        groups: Mapping[str, frozenset[str]],
        anchors: frozenset[str] | None = None,
    ) -> None:
        self._members = members
        self._nodes = nodes
        self._groups = groups
        self._anchors = anchors
        self._actions: Recent[str, dict[str, list[str]]] = Recent(_ACTIONS)

    def key(self, action: str, anchors: Iterable[str]) -> tuple[str, ...]:
        """What tells the request's slice from others: the action, and those of its anchors that any policy names."""
        parts = self._parts(action)
        return (action, *(anchor for anchor in anchors if anchor in parts))

    def members(self, key: tuple[str, ...]) -> list[P]:
        """The members of a slice, in no particular order."""
        parts = self._parts(key[0])
        return [self._members[policy] for anchor in ("", *dict.fromkeys(key[1:])) for policy in parts.get(anchor, ())]

    def _parts(self, action: str) -> dict[str, list[str]]:
        parts = self._actions.get(action)
        if parts is None:
            parts = {}
            groups = self._groups.get(action, frozenset()) | {action}
            for policy, node in self._nodes.items():
                if acts_on(node["action"], groups):
                    parts.setdefault(self._anchor(node), []).append(policy)
            self._actions.put(action, parts)
        return parts

    def _anchor(self, node: Node) -> str:
        for side in ("resource", "principal"):
            entity = entity_of(node[side])
            if entity is not None and (self._anchors is None or entity["type"] in self._anchors):
                return anchor(side, entity["type"], entity["id"])
        return ""


def anchor(side: str, kind: str, name: str) -> str:
    """The text by which a policy and a request agree on an anchor."""
    return f"{side} {kind}::{name}"


def acts_on(scope: Node, groups: Collection[str]) -> bool:
    """Whether the action part of a scope admits an action that is in these groups, itself among them."""
    if scope["op"] == "All":
        return True
    entities = scope["entities"] if "entities" in scope else [scope["entity"]]
    return any(f'{entity["type"]}::"{entity["id"]}"' in groups for entity in entities)


def entity_of(scope: Node) -> Mapping[str, str] | None:
    """The entity that the principal or resource part of a scope names; None where it names none, or leaves it open."""
    found: Mapping[str, str] | None = scope.get("in", scope).get("entity")
    return found


def read(text: str) -> dict[str, Node]:
    """The policies of a text in Cedar's JSON notation, by the ids `policy0`, `policy1`, … in their order.

    Raises:
        ValueError: says what Cedar does not understand; also where there are templates, which have no slice.
    """
    parsed = msgspec.json.decode(cedarpy.policies_to_json_str(text))
    if parsed["templates"]:
        raise ValueError("templates (?principal, ?resource) are not taken here")
    found: dict[str, Node] = parsed["staticPolicies"]
    return found


def parse(nodes: Mapping[str, Node], *, any_action: bool = False) -> cedarpy.PolicySet:
    """One handle of these policies, by id.

    Args:
        any_action: leave the action out of the scopes: the slice is that of an action already, so the groups of
            actions need not be told with each request.

    Raises:
        ValueError: Cedar does not take them.
    """
    if any_action:
        nodes = {policy: {**node, "action": {"op": "All"}} for policy, node in nodes.items()}
    whole = {"templates": {}, "staticPolicies": nodes, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(msgspec.json.encode(whole).decode())
