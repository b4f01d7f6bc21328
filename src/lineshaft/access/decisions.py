"""The one place where it is decided who may do what: by the policies in force. Everything they do not permit is denied.

The defaults (roles, grants of services, scopes of tokens, tenants, clearances) are always in force; what was uploaded
and what zones bring comes from the records and is looked for again when it is older than a second. While the records
do not answer, the set loaded last goes on.
"""

import asyncio
import functools
from collections.abc import Mapping
from typing import Any, Final

from lineshaft.access.policy import shelf
from lineshaft.access.policy.engine import Engine
from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import LineshaftError
from lineshaft.core.principals import Decision, Principal, Resource
from lineshaft.records import Database

FRESH_SECONDS: Final = 1.0
"""With the time that loading takes, a change is felt everywhere within two seconds."""


class Decisions:
    """Decides for one tenant. Safe to share between tasks of one event loop."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant
        self._engine = defaults(tenant)
        self._texts: list[tuple[str, str]] = []
        self._looked: float | None = None
        self._loading = asyncio.Lock()
        self._fault = ""
        self._log = logs.get("access")

    @property
    def engine(self) -> Engine:
        """The policies in force, as loaded last."""
        return self._engine

    @property
    def fault(self) -> str:
        """Why the newest policies are not in force; empty where they are."""
        return self._fault

    def decide(
        self, principal: Principal, action: str, resource: str | Resource, context: Mapping[str, Any] | None
    ) -> Decision:
        """Decide by the policies loaded last; records nothing."""
        return decision(self._engine, principal, action, resource, context)

    async def refresh(self, *, now: bool = False) -> None:
        """Load the policies in force where they were looked for too long ago; failing that, go on with those at hand.

        Args:
            now: look however fresh they are.
        """
        if not now and self._looked is not None and (self._is_fresh() or self._loading.locked()):
            return  # fresh, or another request is looking: this one need not wait
        async with self._loading:
            if now or not self._is_fresh():
                await self._load()

    def _is_fresh(self) -> bool:
        return self._looked is not None and clock.monotonic() - self._looked < FRESH_SECONDS

    async def _load(self) -> None:
        began = clock.monotonic()
        try:
            texts = await self._database.query(shelf.texts, self._tenant)
            if texts != self._texts:
                # Compiling a thousand policies takes longer than a request may wait.
                engine = await asyncio.to_thread(Engine, texts, tenant=self._tenant)
                self._engine, self._texts = engine, texts
                self._log.info("policies_loaded", version=engine.version[:16], policies=len(engine.policies))
            self._fault = ""
        except LineshaftError as error:
            if self._fault != error.message:
                self._log.warning("policies_not_loaded", code=error.code, message=error.message)
            self._fault = error.message
        self._looked = began


def decide(tenant: str, principal: Principal, action: str, resource: str | Resource = "*") -> Decision:
    """Decide by the default policies alone.

    Args:
        tenant: the tenant whose object is concerned, where the resource names none.
        principal: who asks, as `Access` returned it: what its token admits is in its attributes.
        action: `package:verb`.
        resource: what is concerned; a plain text is an object's id.
    """
    return decision(defaults(tenant), principal, action, resource, None)


@functools.lru_cache(maxsize=16)
def defaults(tenant: str) -> Engine:
    """The default policies, ready to decide."""
    return Engine(tenant=tenant)


def decision(
    engine: Engine, principal: Principal, action: str, resource: str | Resource, context: Mapping[str, Any] | None
) -> Decision:
    """The decision of an engine on a request, with an id of its own."""
    concerned = Resource(id=resource) if isinstance(resource, str) else resource
    ruling = engine.decide(principal, action, concerned, context or {})
    return Decision(
        id=ids.new_id(), allowed=ruling.allowed, action=action, resource=concerned.id, reason=ruling.reason,
        policies=ruling.policies, policy_version=engine.version, obligations=ruling.obligations,
    )  # fmt: skip
