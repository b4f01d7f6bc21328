"""The vocabulary of policies, as a Cedar schema made from the table of roles and the grants of services.

Whoever acts is a `Person`, `App`, `Service`, `Device` or `Node`; what is acted on is an `Object` with a `kind`. A
principal is in its roles (and those below them), in its zone, and, a service, in its grant; an object is in its zone
and project. Attributes without a name of their own here are tags. Actions stand in groups, one for each role's step,
and `ask` for what services ask of one another.
"""

import functools
from collections.abc import Mapping
from typing import Final

import cedarpy

from lineshaft.access.grants import GRANTS
from lineshaft.access.roles import ACTIONS
from lineshaft.core.principals import PrincipalKind, Role

GROUPS: Final[dict[Role, str]] = {
    "viewer": "read", "operator": "control", "engineer": "configure", "administrator": "administer",
}  # fmt: skip
"""The group of the actions that begin at a role."""
ASK: Final = "ask"
"""The group of the requests between services."""
KINDS: Final[dict[PrincipalKind, str]] = {
    "person": "Person", "app": "App", "service": "Service", "device": "Device", "node": "Node",
}  # fmt: skip
"""Cedar's entity type of each kind of principal."""

CONTEXT: Final = {
    "now": "datetime",
    "method": "String",
    "address": "String",
    "approval": "String",
    "purpose": "String",
    "recipient": "String",
    "volume": "Long",
}
"""What a request may tell beside who, what and on which object; all but `now` optional."""

_ENTITIES: Final = """\
entity Zone, Role, Grant, Project;
entity {principals} in [Role, Grant, Zone] = {{
  name: String,
  tenant: String,
  zone: String,
  clearance: Long,
  projects?: Set<String>,
  scopes?: Set<Action>,
}} tags String;
entity Object in [Project, Zone] = {{
  id: String,
  kind: String,
  tenant: String,
  project: String,
  zone: String,
  grade?: Long,
}} tags String;
"""


@functools.cache
def groups_of_actions() -> Mapping[str, frozenset[str]]:
    """Every action that there is, with the groups it is in."""
    found: dict[str, set[str]] = {action: {GROUPS[lowest]} for action, lowest in ACTIONS.items()}
    for grant in GRANTS.values():
        for action in grant.asks:
            found.setdefault(action, set()).add(ASK)
    return {action: frozenset(groups) for action, groups in sorted(found.items())}


@functools.cache
def schema_text() -> str:
    """The schema in Cedar's own notation."""
    principals = ", ".join(KINDS.values())
    fields = ", ".join(f"{name}{'' if name == 'now' else '?'}: {kind}" for name, kind in CONTEXT.items())
    lines = [
        _ENTITIES.format(principals=principals),
        f"type Request = {{ {fields} }};\n",
        "action " + ", ".join([*GROUPS.values(), ASK]) + ";\n",
    ]
    applies = f"appliesTo {{ principal: [{principals}], resource: [Object], context: Request }}"
    for action, groups in groups_of_actions().items():
        lines.append(f'action "{action}" in [{", ".join(sorted(groups))}] {applies};\n')
    return "".join(lines)


@functools.cache
def schema() -> cedarpy.Schema:
    """The schema, parsed."""
    return cedarpy.Schema.from_str(schema_text())
