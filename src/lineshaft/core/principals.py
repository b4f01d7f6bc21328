"""Who acts, and the seams through which lower layers ask the ones above: authoriser, audit sink, handle minter."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import msgspec

PrincipalKind = Literal["person", "device", "service", "app", "node"]
Role = Literal["viewer", "operator", "engineer", "administrator", "service"]


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody or something that calls, connects, scans or runs a job."""

    id: str
    """Handle `prefix/suffix`."""
    name: str
    """Short name: `[a-z0-9][a-z0-9_-]{0,62}`; unique in the tenant; a token of bus subjects."""
    kind: PrincipalKind
    tenant: str
    roles: frozenset[Role] = frozenset()
    attributes: Mapping[str, str] = {}


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the authoriser. `id` goes into the audit entry and into commands."""

    id: str
    allowed: bool
    action: str
    resource: str
    reason: str


class Authorizer(Protocol):
    """The one place where a decision is made; deny by default."""

    def authorize(
        self, principal: Principal, action: str, resource: str = "*", context: Mapping[str, Any] | None = None
    ) -> Decision: ...


class AuditSink(Protocol):
    """Takes audit entries; returns once the entry is durable."""

    def record(
        self, principal: str, action: str, resource: str, outcome: str, facts: Mapping[str, Any] | None = None
    ) -> None: ...


class HandleMinterLike(Protocol):
    """Mints handles (`core.ids.HandleMinter`, later the resolution package's)."""

    def mint(self, kind: str) -> str: ...
