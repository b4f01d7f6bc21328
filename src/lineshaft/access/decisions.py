"""The one place where it is decided who may do what. Everything not allowed here is denied.

A service may do what its grants say; everybody may do what their roles say; who came by an API token only what its
scopes say too. Another tenant's principal may do nothing.
"""

from lineshaft.access.grants import may_ask
from lineshaft.access.model import SCOPES
from lineshaft.access.roles import ACTIONS, actions_of
from lineshaft.access.tokens import EVERYTHING
from lineshaft.core import ids
from lineshaft.core.principals import Decision, Principal


def decide(tenant: str, principal: Principal, action: str, resource: str = "*") -> Decision:
    """Decide; deterministic but for the decision's id. Records nothing.

    Args:
        tenant: the tenant whose object is concerned.
        principal: who asks, as `Access` returned it: what its token admits is in its attributes.
        action: `package:verb`.
        resource: what is concerned, for the record.
    """
    reason = _denial(tenant, principal, action)
    return Decision(
        id=ids.new_id(), allowed=not reason, action=action, resource=resource,
        reason=reason or "allowed by role or grant",
    )  # fmt: skip


def _denial(tenant: str, principal: Principal, action: str) -> str:
    """Why not; empty where allowed."""
    if principal.tenant != tenant:
        return "another tenant's principal"
    scopes = principal.attributes.get(SCOPES)
    if scopes is not None and scopes != EVERYTHING and action not in scopes.split():
        return "outside the token's scopes"
    if action in actions_of(principal.roles) or may_ask(principal, action):
        return ""
    return "no role or grant has it" if action in ACTIONS or principal.kind == "service" else "no such action"
