"""Why the guard decides as it does, without a gateway: a document, one operation, the rules that decided."""

from typing import Any

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.edge.guard.functions import FUNCTIONS
from lineshaft.edge.guard.guard import Guard
from lineshaft.edge.guard.model import UNJUDGEABLE, GuardPrincipal, State
from lineshaft.edge.guard.operation import Operation
from lineshaft.edge.guard.part import GuardDocument, places
from lineshaft.edge.guard.policy import compile_policy

_NOTHING_BEFORE = (0, 0, 0)


def explain_operation(
    document: GuardDocument,
    gateway: str,
    operation: Operation,
    principal: GuardPrincipal,
    state: State,
    *,
    place: str = "",
    presence: bool = False,
) -> dict[str, Any]:
    """What would be decided in the mode `enforce`, as if nothing had been written before.

    Args:
        place: ISA-95 path of the device.
        presence: as if somebody stood at the gateway.

    Raises:
        InvalidInput: the policy cannot be, or there is no such function.
    """
    function = f"{operation.protocol}.{operation.function}"
    if function not in FUNCTIONS:
        known = sorted(one for one in FUNCTIONS if one.startswith(f"{operation.protocol}.")) or sorted(FUNCTIONS)
        raise InvalidInput(
            "edge.guard_function_unknown", f"the guard knows no function {function!r}", f"Known: {', '.join(known)}.",
            field="function", value=function, known=", ".join(known),
        )  # fmt: skip
    policy = compile_policy(document.policy)
    guard = Guard(gateway)
    guard.configure(
        policy, reads_are=document.reads, zone=document.time_zone, devices={operation.device: places(place)}
    )
    moment = msgspec.structs.replace(guard.moment(state), presence=presence)
    verdict = guard.enforced.decide(guard.enforced.basis(principal, moment), operation, _NOTHING_BEFORE)
    if operation.unjudgeable:
        return {"allowed": False, "reason": UNJUDGEABLE, "rules": []}
    lines = {rule.id: f"{rule.id} (line {rule.line})" for rule in policy.rules}
    return {
        "allowed": verdict.allowed,
        "reason": verdict.reason,
        "rules": [lines.get(rule, rule) for rule in verdict.rules],
    }
