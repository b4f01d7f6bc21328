"""Actions, and which role may do what. One table; what is not in it nobody may do.

An action is `package:verb`. Each names the lowest role that has it; the roles contain one another:
viewer < operator < engineer < administrator. What services may ask of one another stands in `grants`.
"""

from typing import Final

from lineshaft.core.errors import InvalidInput
from lineshaft.core.principals import Role

LADDER: Final[tuple[Role, ...]] = ("viewer", "operator", "engineer", "administrator")
"""The roles of people, lowest first."""

ACTIONS: Final[dict[str, Role]] = {
    "access:self": "viewer",  # see oneself, end one's session, change one's password, hold tokens
    "access:approve": "viewer",  # as a second person, of the role that the policy names
    "access:labels": "viewer",  # see labels, datasets, holds
    "history:read": "viewer",
    "edge:read": "viewer",
    "demo:read": "viewer",
    "system:read": "viewer",
    "jobs:read": "viewer",
    "dashboards:read": "viewer",
    "resolution:read": "viewer",  # resolve identifiers, see nodes
    "demo:control": "operator",
    "edge:command": "operator",  # writes to machines
    "edge:approve_command": "operator",  # as the second person
    "jobs:run": "operator",
    "dashboards:write": "operator",  # make dashboards of one's own, and share them
    "dashboards:manage": "engineer",  # change those that others share
    "edge:browse": "engineer",  # makes a gateway open connections into the plant's network
    "edge:configure": "engineer",
    "history:write": "engineer",
    "history:manage": "engineer",
    "records:backup": "engineer",
    "access:label": "engineer",
    "access:dataset": "engineer",
    "access:leak": "engineer",
    "access:approve_export": "administrator",
    "access:erase": "administrator",
    "access:hold": "administrator",
    "access:trace": "administrator",
    "access:manage": "administrator",
    "access:policy": "administrator",
    "access:zones": "administrator",
    "access:audit": "administrator",
    "access:audit_prune": "administrator",
    "access:erase_person": "administrator",
    "system:manage": "administrator",
}

COMMANDS: Final = frozenset({"demo:control"})
"""Actions that move something in the plant: each has its audit entry on disk before it is carried out.

Commands to machines are not among them: they write that entry themselves, together with the record of the command.
"""

ROLE_ACTIONS: Final[dict[Role, frozenset[str]]] = {
    role: frozenset(action for action, lowest in ACTIONS.items() if LADDER.index(lowest) <= rank)
    for rank, role in enumerate(LADDER)
}


def actions_of(roles: frozenset[Role]) -> frozenset[str]:
    """Everything that somebody with these roles may do."""
    return frozenset().union(*(ROLE_ACTIONS.get(role, frozenset()) for role in roles))


def check_roles(roles: list[str], *, field: str = "roles") -> frozenset[Role]:
    """Roles that a person may be given, as a set.

    Raises:
        InvalidInput: none at all, or a name that is no role of people.
    """
    if not roles:
        raise InvalidInput(
            "access.roles_empty", f"{field} is empty", "Roles are viewer, operator, engineer and administrator.",
            field=field,
        )  # fmt: skip
    wrong = next((role for role in roles if role not in LADDER), None)
    if wrong is not None:
        raise InvalidInput(
            "access.role_unknown", f"{field} holds {wrong!r}, which is no role",
            "Roles are viewer, operator, engineer and administrator.", field=field, value=wrong,
        )  # fmt: skip
    return frozenset(role for role in LADDER if role in roles)


def check_scopes(scopes: list[str], allowed: frozenset[str], *, field: str = "scopes") -> frozenset[str]:
    """Scopes of a token whose owner may do `allowed`, as a set.

    Raises:
        InvalidInput: none at all, an action that does not exist, or one beyond `allowed`.
    """
    if not scopes:
        raise InvalidInput(
            "access.scopes_empty", f"{field} is empty", "Name at least one action, for example history:read.",
            field=field,
        )  # fmt: skip
    unknown = next((scope for scope in scopes if scope not in ACTIONS), None)
    if unknown is not None:
        raise InvalidInput(
            "access.scope_unknown", f"{field} holds {unknown!r}, which is no action",
            "Actions are " + ", ".join(ACTIONS) + ".", field=field, value=unknown, actions=", ".join(ACTIONS),
        )  # fmt: skip
    beyond = next((scope for scope in scopes if scope not in allowed), None)
    if beyond is not None:
        raise InvalidInput(
            "access.scope_beyond_role", f"{field} holds {beyond!r}, which the token's owner may not do",
            "A token may do less than its owner, never more.", field=field, value=beyond,
        )  # fmt: skip
    return frozenset(scopes)
