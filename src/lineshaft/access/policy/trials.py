"""Test cases of policies: who does what on which object, and what the answer must be. From a TOML or JSON file.

policies = ["night.cedar"]      # beside the defaults, relative to this file; where not given, those in force

[[case]]
name = "an operator of another cell"
principal = { roles = ["operator"], zone = "packing" }
action = "demo:control"
resource = { id = "reactor", zone = "reaction" }
context = { method = "POST" }
expect = "deny"
decided_by = ["cells/only-own"]     # where given, exactly these
obligations = []                    # where given, exactly these, as `approve:engineer`
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from lineshaft.access.model import SCOPES, TEMPLATE
from lineshaft.access.policy.engine import Engine
from lineshaft.core.errors import InvalidInput
from lineshaft.core.principals import Principal, PrincipalKind, Resource, Role

TENANT: Final = "main"


class Who(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The principal of a case; nothing of it need exist."""

    kind: PrincipalKind = "person"
    name: str = "somebody"
    id: str = "99.1/somebody"
    tenant: str = TENANT
    roles: list[Role] = []
    zone: str = ""
    clearance: int = 3
    projects: list[str] | None = None
    """Which it is a member of; all where not given."""
    scopes: list[str] | None = None
    """Of an API token; none where not given."""
    template: str = ""
    """Of a service."""
    attributes: dict[str, str] = {}


class What(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The resource of a case."""

    id: str = "*"
    kind: str = "object"
    tenant: str = TENANT
    project: str = ""
    zone: str = ""
    grade: int | None = None
    attributes: dict[str, str] = {}


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str = ""
    principal: Who
    action: str
    resource: What = What()
    context: dict[str, Any] = {}
    expect: Literal["allow", "deny"]
    decided_by: list[str] | None = None
    obligations: list[str] | None = None


class Trials(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of cases."""

    policies: list[str] | None = None
    case: list[Case]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a case."""

    case: str
    passed: bool
    expected: str
    got: str
    reason: str


def read(file: Path) -> Trials:
    """The cases of a file.

    Raises:
        InvalidInput: it cannot be read, or is no file of cases.
    """
    try:
        raw = file.read_text(encoding="utf-8")
        data = msgspec.json.decode(raw) if file.suffix == ".json" else tomllib.loads(raw)
        return msgspec.convert(data, Trials)
    except (OSError, ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InvalidInput(
            "access.policy_cases", f"{file}: {_reason(error)}",
            "A file of cases is TOML or JSON with a list `case`: principal, action, resource, context, expect.",
            file=str(file), reason=_reason(error),
        ) from error  # fmt: skip


def parse(raw: str) -> Trials:
    """The cases in a text, TOML or JSON.

    Raises:
        InvalidInput: it holds no cases.
    """
    try:
        data = msgspec.json.decode(raw) if raw.lstrip().startswith("{") else tomllib.loads(raw)
        return msgspec.convert(data, Trials)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise InvalidInput(
            "access.policy_cases_text", f"the cases cannot be read: {error}",
            "Cases are TOML or JSON with a list `case`: principal, action, resource, context, expect.", field="cases",
            reason=str(error),
        ) from error  # fmt: skip


def of_tenant(case: Case, tenant: str) -> Case:
    """A case whose principal and object are of a tenant."""
    return msgspec.structs.replace(
        case, principal=msgspec.structs.replace(case.principal, tenant=tenant),
        resource=msgspec.structs.replace(case.resource, tenant=tenant),
    )  # fmt: skip


def texts_of(trials: Trials, file: Path) -> list[tuple[str, str]] | None:
    """The policies that a file of cases names; None where it names none."""
    if trials.policies is None:
        return None
    return [read_policy(file.parent / name) for name in trials.policies]


def read_policy(file: Path) -> tuple[str, str]:
    """Name and text of a policy file.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        return file.stem, file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InvalidInput(
            "access.policy_file", f"{file} cannot be read: {_reason(error)}", "Name a text file of Cedar policies.",
            file=str(file), reason=_reason(error),
        ) from error  # fmt: skip


def run(engine: Engine, cases: Sequence[Case]) -> list[Result]:
    """Try every case."""
    return [_run(engine, case, number) for number, case in enumerate(cases, 1)]


def principal_of(who: Who) -> Principal:
    attributes = dict(who.attributes)
    if who.scopes is not None:
        attributes[SCOPES] = " ".join(who.scopes)
    if who.template:
        attributes[TEMPLATE] = who.template
    return Principal(
        id=who.id, name=who.name, kind=who.kind, tenant=who.tenant, roles=frozenset(who.roles), zone=who.zone,
        clearance=who.clearance, attributes=attributes,
        projects=None if who.projects is None else tuple(sorted(who.projects)),
    )  # fmt: skip


def _run(engine: Engine, case: Case, number: int) -> Result:
    resource = Resource(**msgspec.structs.asdict(case.resource))
    ruling = engine.decide(principal_of(case.principal), case.action, resource, case.context)
    duties = sorted(f"{duty.kind}:{duty.argument}".rstrip(":") for duty in ruling.obligations)
    wanted: list[str] = [case.expect]
    got = ["allow" if ruling.allowed else "deny"]
    if case.decided_by is not None:
        wanted.append(_listed("by", case.decided_by))
        got.append(_listed("by", ruling.policies))
    if case.obligations is not None:
        wanted.append(_listed("with", case.obligations))
        got.append(_listed("with", duties))
    return Result(
        case=case.name or f"case {number}", passed=wanted == got, expected=" ".join(wanted), got=" ".join(got),
        reason=ruling.reason,
    )  # fmt: skip


def _listed(word: str, items: Sequence[str]) -> str:
    return f"{word} {', '.join(sorted(items)) or 'nothing'}"


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
