"""Who acts, and the seams through which lower layers ask the ones above: authoriser, audit sink, handle minter."""

from collections.abc import Mapping
from typing import Any, Final, Literal, Protocol

import msgspec

PrincipalKind = Literal["person", "device", "service", "app", "node"]
Role = Literal["viewer", "operator", "engineer", "administrator", "service"]


MAIN_PROJECT: Final = "main"
"""The project of every object that names none, and of everybody whom nobody has given another."""


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
    keys: tuple[str, ...] = ()
    """SHA-256 fingerprints (hexadecimal) of the certificates it proved itself with on this occasion."""
    zone: str = ""
    """Name of the security zone it belongs to (IEC 62443); empty where it is in none."""
    clearance: int = 3
    """Highest grade of data that it may see, 1 to 3 (the three grades of 2020)."""
    projects: tuple[str, ...] | None = (MAIN_PROJECT,)
    """The projects whose objects are there for it, sorted; None: all of its tenant."""

    def sees(self, project: str) -> bool:
        """Whether objects of a project are there for it. What has no project is there for everybody of the tenant."""
        return not project or self.projects is None or project in self.projects


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """An object that a decision is about. A plain text stands for one of kind `object` in the caller's own tenant."""

    id: str
    """Handle, path or name."""
    kind: str = "object"
    """`tag`, `device`, `principal`, `dataset`, `route` …"""
    tenant: str = ""
    """Empty: the tenant of the installation."""
    project: str = ""
    zone: str = ""
    grade: int | None = None
    """1 to 3; None where the object holds no data; what has no label counts as 3."""
    attributes: Mapping[str, str] = {}


ObligationKind = Literal["mask", "sample", "record", "approve"]


class Obligation(msgspec.Struct, frozen=True, kw_only=True):
    """What goes with an allowance: a condition that the one who asked must see to."""

    kind: ObligationKind
    argument: str = ""
    """mask: names of attributes or a rule; sample: least seconds between samples; approve: role of the second person."""
    policy: str = ""
    """Id of the policy that demands it."""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """An answer of the authoriser. `id` goes into the audit entry and into commands."""

    id: str
    allowed: bool
    action: str
    resource: str
    reason: str
    policies: tuple[str, ...] = ()
    """Ids of the policies that decided."""
    policy_version: str = ""
    """Which policies were in force: a digest."""
    obligations: tuple[Obligation, ...] = ()


class Authorizer(Protocol):
    """The one place where a decision is made; deny by default."""

    def authorize(
        self, principal: Principal, action: str, resource: "str | Resource" = "*",
        context: Mapping[str, Any] | None = None,
    ) -> Decision: ...  # fmt: skip


class AuditSink(Protocol):
    """Takes audit entries; returns once the entry is durable."""

    def record(
        self, principal: str, action: str, resource: str, outcome: str, facts: Mapping[str, Any] | None = None
    ) -> None: ...


class HandleMinterLike(Protocol):
    """Mints handles (`core.ids.HandleMinter`, later the resolution package's)."""

    def mint(self, kind: str) -> str: ...
