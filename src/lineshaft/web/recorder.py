"""Records what is changed and commanded over HTTP: who, what, by which decision, with what input, and what came of it.

A command has its entry on disk before it is carried out, and its outcome in a second one; a change has one entry, on
disk before the caller is told that it is done. Routes of `access` and `ledger` record themselves, in the transaction of
what they do. While the trail does not reach the ledger, nothing of all this is carried out; reading goes on.
"""

import hashlib
from typing import Any, Final

from lineshaft.access import Access
from lineshaft.access.audit import Act
from lineshaft.access.browser import SAFE_METHODS
from lineshaft.access.model import Outcome
from lineshaft.access.roles import COMMANDS
from lineshaft.core.errors import LineshaftError
from lineshaft.core.principals import Decision
from lineshaft.web import problems
from lineshaft.web.callers import Caller
from lineshaft.web.gate import CALLER, DECISION

_THEMSELVES: Final = ("access", "ledger")
_REFUSED: Final = 400


class Recorder:
    """ASGI middleware inside the gate."""

    def __init__(self, app: Any, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        caller: Caller | None = scope.get(CALLER)
        action = scope["route_handler"].opt.get("action", "")
        if scope["method"] in SAFE_METHODS or caller is None or DECISION not in scope or action == "access:self":
            await self._app(scope, receive, send)
            return
        try:
            await self._access.check_recording()
        except LineshaftError as error:
            await problems.send(error, scope, send)
            return
        if action.partition(":")[0] in _THEMSELVES:
            await self._app(scope, receive, send)
        else:
            await _Recording(self._access, caller, scope, receive, send).carry_out(self._app)


class _Recording:
    """One recorded request."""

    def __init__(self, access: Access, caller: Caller, scope: Any, receive: Any, send: Any) -> None:
        self._access = access
        self._caller = caller
        self._decision: Decision = scope[DECISION]
        self._scope = scope
        self._receive = receive
        self._send = send
        self._digest = hashlib.sha256(scope["method"].encode() + b" " + scope["query_string"] + b"\n")
        self._recorded = False

    async def carry_out(self, app: Any) -> None:
        if self._decision.action in COMMANDS:
            try:
                await self._note("asked", {})
            except LineshaftError as error:
                await problems.send(error, self._scope, self._send)
                return
        await app(self._scope, self._take, self._give)

    async def _take(self) -> Any:
        event = await self._receive()
        self._digest.update(event.get("body", b""))
        return event

    async def _give(self, event: Any) -> None:
        if event["type"] == "http.response.start" and not self._recorded:
            self._recorded = True
            status = event["status"]
            # Before the caller hears of it: what was answered stands in the trail.
            await self._note("refused" if status >= _REFUSED else "done", {"status": status})
        await self._send(event)

    async def _note(self, outcome: Outcome, facts: dict[str, Any]) -> None:
        decision = self._decision
        await self._access.note(
            Act(
                principal=self._caller.principal.id, action=decision.action, resource=decision.resource,
                outcome=outcome, decision=decision.id, policy_version=decision.policy_version,
                input_digest="" if outcome == "asked" else self._digest.hexdigest(),
                kind="command" if decision.action in COMMANDS else "", facts={"method": self._scope["method"], **facts},
            )
        )  # fmt: skip
