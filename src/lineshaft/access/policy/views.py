"""What the routes of policies take and give as JSON. Times are RFC 3339."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lineshaft.access.policy.comparison import Change
from lineshaft.access.policy.explanation import Weighed
from lineshaft.access.policy.messages import Approval, PolicyText
from lineshaft.access.policy.policies import LONGEST_TEXT
from lineshaft.access.policy.trials import Result
from lineshaft.core import clock
from lineshaft.core.principals import Obligation, Resource

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
Short = Annotated[str, Meta(max_length=512)]


class _Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a route takes: fields nobody knows are refused."""


class PolicyBody(_Body, frozen=True, kw_only=True):
    """A text of Cedar policies."""

    text: Text
    reason: Short = ""
    """Why it is put into force; stands in the audit trail."""


class CheckBody(_Body, frozen=True, kw_only=True):
    """A text to validate without putting it into force."""

    name: Short = "policy"
    text: Text


class CompareBody(_Body, frozen=True, kw_only=True):
    """A text to compare with what is in force."""

    name: Short
    text: Text


class TrialBody(_Body, frozen=True, kw_only=True):
    """Cases to try, on what is in force or on that with one text in the place of what it was."""

    cases: Text
    """TOML or JSON with a list `case`: principal, action, resource, context, expect."""
    name: Short = ""
    text: Text | None = None
    """Of the policy `name`; null: what is in force."""


class ExplainBody(_Body, frozen=True, kw_only=True):
    """A request to explain: who does what, on which object, in which circumstances."""

    principal: Short
    """Name or handle."""
    action: Short
    resource: Short = "*"
    kind: Short = "object"
    zone: Short = ""
    project: Short = ""
    grade: int | None = None
    attributes: dict[str, str] = {}
    context: dict[str, Any] = {}

    def object(self) -> Resource:
        return Resource(
            id=self.resource, kind=self.kind, zone=self.zone, project=self.project, grade=self.grade,
            attributes=self.attributes,
        )  # fmt: skip


class PolicyView(msgspec.Struct, frozen=True, kw_only=True):
    """A text in force."""

    name: str
    origin: str
    """`default`, `generated` from zones and the like, or `uploaded`."""
    version: int
    """Of an uploaded one, from 1."""
    text: str
    author: str | None
    created: str | None


class PolicyList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[PolicyView]
    number: int
    """Grows with each change of uploaded policies."""
    policy_version: str
    """Digest of everything in force on this server, as decisions name it."""


class CheckedView(msgspec.Struct, frozen=True, kw_only=True):
    """A text that validates."""

    policies: list[str]
    """Ids that its policies would have."""


class ComparisonView(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions that a text would change, over roles, services, actions and zones, at this moment."""

    items: list[Change]


class TrialView(msgspec.Struct, frozen=True, kw_only=True):
    """What came of cases."""

    passed: bool
    """All of them."""
    items: list[Result]


class ExplanationView(msgspec.Struct, frozen=True, kw_only=True):
    """A decision, and how each policy in force stands to it."""

    allowed: bool
    reason: str
    policy_version: str
    met: int
    obligations: list[Obligation]
    policies: list[Weighed]


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do and needs a second person for."""

    id: str
    principal: str
    name: str
    action: str
    resource: str
    role: str
    """What the second person must be, at the least."""
    state: str
    created: str
    expires: str
    reasons: list[str]
    """Why it takes one, where what was sent does not show it by itself."""


class ApprovalList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[ApprovalView]


def policy_view(policy: PolicyText) -> PolicyView:
    return PolicyView(
        name=policy.name, origin=policy.origin, version=policy.version, text=policy.text, author=policy.author or None,
        created=clock.rfc3339(policy.created) if policy.created else None,
    )  # fmt: skip


def approval_view(approval: Approval) -> ApprovalView:
    return ApprovalView(
        id=approval.id, principal=approval.principal, name=approval.name, action=approval.action,
        resource=approval.resource, role=approval.role, state=approval.state, created=clock.rfc3339(approval.created),
        expires=clock.rfc3339(approval.expires), reasons=approval.reasons.splitlines(),
    )  # fmt: skip
