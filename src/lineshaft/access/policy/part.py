"""Policies in the access service: takes changes of policies and second persons' verdicts."""

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from lineshaft.access import audit, principals
from lineshaft.access.audit import Act
from lineshaft.access.messages import Done
from lineshaft.access.parts import Surroundings, Verb
from lineshaft.access.policy import approvals, shelf
from lineshaft.access.policy.messages import Approval, Approve, PolicyText, SetPolicy, WithdrawPolicy
from lineshaft.core.health import Check
from lineshaft.core.principals import Decision

APPROVE = "access:approve"


class PolicyPart:
    """See `parts.Part`. A change, its audit entry and the new version commit together."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._database = surroundings.database
        self._tenant = surroundings.context.identity.tenant
        self._access = surroundings.access
        self._administration = surroundings.administration

    async def start(self) -> None:
        await self._access.refresh_policies()

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "set_policy": Verb(SetPolicy, self.set_policy),
            "withdraw_policy": Verb(WithdrawPolicy, self.withdraw_policy),
            "approve": Verb(Approve, self.approve),
        }

    def tasks(self) -> Sequence[Coroutine[Any, Any, None]]:
        return ()

    def checks(self) -> list[Check]:
        fault = self._access.policies_fault
        hint = "The policies loaded before go on." if fault else ""
        return [Check(name="policies", ok=not fault, detail=fault, hint=hint)]

    async def set_policy(self, asked: SetPolicy) -> PolicyText:
        """Put a text into force; felt everywhere within two seconds.

        Raises:
            Forbidden. InvalidInput: says the line. Conflict: reserved name, or nobody could change policies afterwards.
            PreconditionFailed: changed meanwhile.
        """
        decision = await self._administration.decide(asked.actor, shelf.MANAGE, asked.name)
        done = await self._database.write(self._set_policy, asked, decision)
        await self._access.refresh_policies(now=True)
        return done

    def _set_policy(self, connection: Connection, asked: SetPolicy, decision: Decision) -> PolicyText:
        done = shelf.put(connection, self._tenant, asked.name, asked.text, asked.actor.id, asked.expected)
        number = shelf.number_in_force(connection, self._tenant)
        reason = {"reason": asked.reason} if asked.reason else {}
        facts = {"version": done.version, "number": number, **reason}
        self._note(connection, "access:set_policy", asked, decision, facts)
        return done

    async def withdraw_policy(self, asked: WithdrawPolicy) -> Done:
        """Take an uploaded text out of force.

        Raises:
            Forbidden. NotFound. Conflict: comes with the installation. PreconditionFailed: changed meanwhile.
        """
        decision = await self._administration.decide(asked.actor, shelf.MANAGE, asked.name)
        await self._database.write(self._withdraw_policy, asked, decision)
        await self._access.refresh_policies(now=True)
        return Done()

    def _withdraw_policy(self, connection: Connection, asked: WithdrawPolicy, decision: Decision) -> None:
        shelf.withdraw(connection, self._tenant, asked.name, asked.actor.id, asked.expected)
        number = shelf.number_in_force(connection, self._tenant)
        self._note(connection, "access:withdraw_policy", asked, decision, {"number": number})

    async def approve(self, asked: Approve) -> Approval:
        """Take a second person's verdict.

        Raises:
            Forbidden: the asker's own, no person, or not of the role needed. NotFound. Conflict: decided or expired.
        """
        decision = await self._administration.decide(asked.actor, APPROVE, asked.approval)
        return await self._database.write(self._approve, asked, decision)

    def _approve(self, connection: Connection, asked: Approve, decision: Decision) -> Approval:
        judge = principals.from_row(principals.get_row(connection, self._tenant, asked.actor.id))
        done = approvals.decide(connection, self._tenant, asked.approval, judge, approve=asked.approve)
        act = Act(
            principal=judge.id, action="access:approve", resource=done.resource,
            outcome="done" if asked.approve else "refused", decision=decision.id, policy_version=decision.policy_version,
            facts={"approval": done.id, "action": done.action, "asked_by": done.principal},
        )  # fmt: skip
        audit.write(connection, self._tenant, act)
        return done

    def _note(
        self, connection: Connection, action: str, asked: SetPolicy | WithdrawPolicy, decision: Decision,
        facts: dict[str, Any],
    ) -> None:  # fmt: skip
        act = Act(
            principal=asked.actor.id, action=action, resource=asked.name, outcome="done", decision=decision.id,
            policy_version=decision.policy_version, facts={"name": asked.name, **facts},
        )  # fmt: skip
        audit.write(connection, self._tenant, act)
