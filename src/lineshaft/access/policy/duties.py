"""Sees to the obligations that a decision brings and that hold whoever asked: `record` and `approve`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection

from lineshaft.access import audit
from lineshaft.access.audit import Act
from lineshaft.access.policy import approvals
from lineshaft.access.policy.approvals import Brought, Input, Wish
from lineshaft.access.policy.messages import Approval
from lineshaft.access.roles import LADDER
from lineshaft.core.errors import Forbidden
from lineshaft.core.principals import Decision, Principal
from lineshaft.records import Database

_LONGEST_RESOURCE: Final = 512


class Duties:
    """Of one tenant; `note` writes acts that stand alone."""

    def __init__(self, database: Database, tenant: str, note: Callable[[Act], Awaitable[None]]) -> None:
        self._database = database
        self._tenant = tenant
        self._note = note

    async def see_to(
        self, principal: Principal, decision: Decision, sent: Input | None, *, approval: bool, reasons: str = ""
    ) -> None:  # fmt: skip
        """Do what an allowance demands.

        Args:
            sent: digest of what was sent, asked for only where an approval is bound to it; None: that of the request.
            approval: whether a second person is to be seen to here.
            reasons: why it takes one, for whoever approves.

        Raises:
            Forbidden: a second person must approve first, or has not yet, or not this.
        """
        demanded = [duty.argument for duty in decision.obligations if duty.kind == "approve"]
        digest = ""
        if demanded and approval:
            sent = sent or approvals.brought().sent
            digest = "" if sent is None else await sent()
            await self._approved(principal, decision, digest, max(demanded, key=_rank), reasons)
        if any(duty.kind == "record" for duty in decision.obligations):
            await self._note(_act(principal, decision, digest, {"reason": decision.reason}))

    async def _approved(
        self, principal: Principal, decision: Decision, digest: str, role: str, reasons: str
    ) -> None:  # fmt: skip
        wish = Wish(
            principal=principal, action=decision.action, resource=decision.resource[:_LONGEST_RESOURCE], input=digest,
            role=role, reasons=reasons,
        )  # fmt: skip
        brought = approvals.brought()
        if brought.covers(wish):
            await self._note(_act(principal, decision, digest, {"approval": brought.approval}))
            return
        if brought.approval:
            await self._use_up(brought, wish, decision)
            return
        asked = await self._database.write(self._ask, wish, decision)
        raise Forbidden(
            "access.approval_required", f"a second person must approve this: {asked.id}",
            f"Another person who is {role} approves it with `lineshaft policy approve {asked.id}`; "
            f"then send the request again with the header X-Approval: {asked.id}.",
            approval=asked.id, role=role, decision=decision.id,
        )  # fmt: skip

    async def _use_up(self, brought: Brought, wish: Wish, decision: Decision) -> None:
        await self._database.write(self._use, brought.approval, wish, decision)
        brought.note_use(wish)

    def _use(self, connection: Connection, brought: str, wish: Wish, decision: Decision) -> None:
        used = approvals.use(connection, self._tenant, brought, wish)
        facts = {"approval": used.id, "approved_by": used.decided_by}
        self._record(connection, _act(wish.principal, decision, wish.input, facts))

    def _ask(self, connection: Connection, wish: Wish, decision: Decision) -> Approval:
        asked, is_new = approvals.ask(connection, self._tenant, wish)
        if is_new:
            facts = {"approval": asked.id, "role": asked.role, "action": decision.action}
            self._record(connection, _act(wish.principal, decision, wish.input, facts, action="access:ask_approval"))
        return asked

    def _record(self, connection: Connection, act: Act) -> None:
        audit.write(connection, self._tenant, act)


def _rank(role: str) -> int:
    return LADDER.index(role)


def _act(
    principal: Principal, decision: Decision, digest: str, facts: Mapping[str, Any], *, action: str = ""
) -> Act:  # fmt: skip
    """The record of an allowance, before what it allows is done."""
    return Act(
        principal=principal.id, action=action or decision.action, resource=decision.resource, outcome="asked",
        decision=decision.id, facts={**facts, "policies": list(decision.policies)},
        policy_version=decision.policy_version, input_digest=digest,
    )  # fmt: skip
