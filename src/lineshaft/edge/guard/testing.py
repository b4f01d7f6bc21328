"""Policies and operations at random, and Cedar's own answer to them: what the guard's compiled answer is held against."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import cedarpy
import msgspec

from lineshaft.edge.guard.compiled import Memory, Moment, extent_of
from lineshaft.edge.guard.functions import CONSEQUENCES, FUNCTIONS, PROTOCOLS
from lineshaft.edge.guard.model import GuardPrincipal
from lineshaft.edge.guard.operation import LARGEST, Operation
from lineshaft.edge.guard.schema import GREATEST, LEAST, MEMORY_NUMBERS, NUMBERS, OPERATION_NUMBERS, schema

GATEWAY: Final = "gateway"
DEVICES: Final[Mapping[str, frozenset[str]]] = {
    "boiler": frozenset({'Place::"acme/north"', 'Place::"acme/north/utilities"'}),
    "press": frozenset({'Place::"acme/north"'}),
    "stripper": frozenset(),
}
_NAMES: Final = ("ada", "eve", "hmi")
_KINDS: Final = ("person", "service", "device")
_ZONES: Final = ("", "cell", "dmz")
_ROLES: Final = ("viewer", "operator", "engineer", "administrator")
_SPACES: Final = ("holding", "coil", "db5", "")
_NODES: Final = ("ns=2;s=P1", "ns=2;s=P2", "Motor/\u6e29\u5ea6", "")
_MODES: Final = ("", "production", "maintenance")
_TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "context.space": _SPACES, "context.node": _NODES, "context.mode": _MODES, "principal.name": _NAMES,
    "principal.kind": _KINDS, "principal.zone": _ZONES,
}  # fmt: skip
_NUMBERS: Final = tuple(name for name in NUMBERS if name != "presence")
_EDGES: Final = (0, 1, 39, 40, 41, 100, 80_000_000, -5_000_000, LARGEST, -LARGEST, LEAST, GREATEST)


class Case(msgspec.Struct, frozen=True):
    """One operation with all that a rule can ask about."""

    operation: Operation
    principal: GuardPrincipal
    moment: Moment
    memory: Memory


def policy_text(seeded: random.Random, rules: int) -> str:
    """A policy of the subset."""
    return "\n".join(_rule(seeded, number) for number in range(rules))


def cases(seeded: random.Random, count: int) -> Iterator[Case]:
    """Operations that come near the limits that `policy_text` writes."""
    functions = [*(["modbus.write_single_register", "opcua.write", "modbus.read"] * 10), *FUNCTIONS]
    for _ in range(count):
        protocol, function = seeded.choice(functions).split(".")
        node = seeded.choice(_NODES) if protocol == "opcua" else ""
        operation = Operation(
            protocol=protocol, device=seeded.choice([*DEVICES, "unknown"]), function=function,
            space="" if node else seeded.choice(_SPACES), start=0 if node else _near(seeded, 0, 65_535),
            count=1 if node else seeded.choice((1, 1, 2, 125)), node=node,
            values=tuple(_near(seeded, -LARGEST, LARGEST) for _ in range(seeded.choice((0, 1, 1, 1, 3)))),
        )  # fmt: skip
        principal = GuardPrincipal(
            id=seeded.choice(("99/1", "99/2")), name=seeded.choice(_NAMES), kind=seeded.choice(_KINDS),
            roles=frozenset(seeded.sample(_ROLES, seeded.randrange(3))), zone=seeded.choice(_ZONES),
            foreign=seeded.random() < 0.3,
        )  # fmt: skip
        moment = Moment(
            seeded.choice(_MODES), seeded.randrange(1440), seeded.randrange(10_080), seeded.randrange(3),
            seeded.random() < 0.3,
        )  # fmt: skip
        memory = tuple(_near(seeded, 0, GREATEST) for _ in MEMORY_NUMBERS)
        yield Case(operation, principal, moment, memory)  # type: ignore[arg-type]


class Cedar:
    """What Cedar says of cases, and which policies decided."""

    def __init__(self, text: str, ids: Sequence[str]) -> None:
        self._policies = cedarpy.PolicySet.from_str(text)
        self._ids = ids

    def decide_all(self, asked: Sequence[Case]) -> list[tuple[bool, tuple[str, ...]]]:
        """Whether each is permitted, and the ids of the rules that say so."""
        return [self.decide(case) for case in asked]

    def decide(self, case: Case) -> tuple[bool, tuple[str, ...]]:
        """The same of one."""
        answer = cedarpy.is_authorized(*request_of(case, self._policies), schema=schema())
        if answer.diagnostics.errors:
            raise AssertionError(answer.diagnostics.errors)
        numbers = sorted(int(one.removeprefix("policy")) for one in answer.diagnostics.reasons)
        return answer.allowed, tuple(self._ids[number] for number in numbers)


def request_of(case: Case, policies: cedarpy.PolicySet) -> tuple[dict[str, Any], cedarpy.PolicySet, str]:
    """A case as Cedar's request, with its entities."""
    operation, who = case.operation, case.principal
    context = {
        "space": operation.space, "node": operation.node, "mode": case.moment.mode,
        **dict(zip(OPERATION_NUMBERS, extent_of(operation), strict=True)),
        **dict(zip(MEMORY_NUMBERS, case.memory, strict=True)),
        "minute_of_day": case.moment.minute_of_day, "minute_of_week": case.moment.minute_of_week,
        "approvals": case.moment.approvals, "presence": case.moment.presence,
    }  # fmt: skip
    principal, device = {"type": "Principal", "id": who.id}, {"type": "Device", "id": operation.device}
    groups = [*({"type": "Role", "id": role} for role in who.groups), {"type": "Zone", "id": who.zone}]
    places = [{"type": "Gateway", "id": GATEWAY}]
    places += [{"type": "Place", "id": one[8:-1]} for one in DEVICES.get(operation.device, ())]
    told = {"name": who.name, "kind": who.kind, "zone": who.zone, "foreign": who.foreign}
    entities = [
        {"uid": principal, "attrs": told, "parents": groups},
        {"uid": device, "attrs": {}, "parents": places},
    ]
    action = {"type": "Action", "id": f"{operation.protocol}.{operation.function}"}
    asked = {"principal": principal, "action": action, "resource": device, "context": context}
    return asked, policies, msgspec.json.encode(entities).decode()


def _near(seeded: random.Random, least: int, greatest: int) -> int:
    number = seeded.choice(_EDGES) + seeded.choice((-1, 0, 0, 1)) if seeded.random() < 0.8 else seeded.randrange(200)
    return min(max(number, least), greatest)


def _rule(seeded: random.Random, number: int) -> str:
    effect = seeded.choice(("permit", "permit", "permit", "forbid"))
    conditions = "".join(
        f" {seeded.choice(('when', 'unless'))} {{ {_expression(seeded, 2)} }}"
        for _ in range(seeded.choice((0, 1, 1, 2)))
    )
    scopes = ", ".join((_principal(seeded), _action(seeded), _resource(seeded)))
    return f'@id("rule-{number}")\n{effect} ({scopes}){conditions};'


def _principal(seeded: random.Random) -> str:
    return seeded.choice(
        ("principal", "principal", "principal is Principal", f'principal in Role::"{seeded.choice(_ROLES)}"',
         'principal == Principal::"99/1"', f'principal in Zone::"{seeded.choice(_ZONES)}"',
         'principal is Principal in Role::"operator"', 'principal in Principal::"99/2"')
    )  # fmt: skip


def _action(seeded: random.Random) -> str:
    named = ["modbus.write_single_register", "opcua.write", "modbus.read", seeded.choice(list(FUNCTIONS))]
    groups = [*CONSEQUENCES, *PROTOCOLS, *named]
    several = ", ".join(f'Action::"{one}"' for one in seeded.sample(groups, 3))
    return seeded.choice(
        ("action", f'action == Action::"{seeded.choice(named)}"', f'action in Action::"{seeded.choice(groups)}"',
         f"action in [{several}]", 'action in [Action::"write", Action::"read"]')
    )  # fmt: skip


def _resource(seeded: random.Random) -> str:
    device = seeded.choice(list(DEVICES))
    return seeded.choice(
        ("resource", "resource", f'resource == Device::"{device}"', f'resource in Gateway::"{GATEWAY}"',
         'resource in Place::"acme/north/utilities"', 'resource is Device in Place::"acme/north"', "resource is Device")
    )  # fmt: skip


def _expression(seeded: random.Random, depth: int) -> str:
    if depth == 0 or seeded.random() < 0.3:
        return _atom(seeded)
    if seeded.random() < 0.2:
        return f"!({_expression(seeded, depth - 1)})"
    sides = [f"({_expression(seeded, depth - 1)})" for _ in range(seeded.choice((2, 2, 3)))]
    return seeded.choice((" && ", " && ", " || ")).join(sides)


def _atom(seeded: random.Random) -> str:
    kind = seeded.random()
    if kind < 0.5:
        name, literal = f"context.{seeded.choice(_NUMBERS)}", str(_literal(seeded))
        sides = [name, literal] if seeded.random() < 0.8 else [literal, name]
        return f" {seeded.choice(('==', '!=', '<', '<=', '>', '>='))} ".join(sides)
    if kind < 0.65:
        name = seeded.choice(list(_TEXTS))
        return f"{name} {seeded.choice(('==', '!='))} {_quoted(seeded.choice(_TEXTS[name]))}"
    if kind < 0.75:
        name = seeded.choice(list(_TEXTS))
        return f"[{', '.join(_quoted(one) for one in seeded.sample(_TEXTS[name], 2))}].contains({name})"
    if kind < 0.8:
        return f"[{_literal(seeded)}, {_literal(seeded)}].contains(context.{seeded.choice(_NUMBERS)})"
    role, other = (f'Role::"{one}"' for one in seeded.sample(_ROLES, 2))
    return seeded.choice(
        (f"principal in {role}", f"principal in [{role}, {other}]", f'principal in Zone::"{seeded.choice(_ZONES)}"', "context.presence", "principal.foreign",
         "context.presence == false", "principal.foreign != true", "true", "context has change")
    )  # fmt: skip


def _literal(seeded: random.Random) -> int:
    return _near(seeded, LEAST, GREATEST)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
