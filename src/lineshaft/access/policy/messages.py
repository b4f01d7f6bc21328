"""What the access service is asked about policies and approvals, and what they look like."""

from typing import Literal

import msgspec

from lineshaft.access.model import Actor


class PolicyText(msgspec.Struct, frozen=True, kw_only=True):
    """A text in force."""

    name: str
    text: str
    origin: Literal["default", "generated", "uploaded"]
    version: int = 0
    """Of an uploaded one, from 1; 0 for the others."""
    author: str = ""
    """Handle of who uploaded it."""
    created: int = 0


class SetPolicy(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    text: str
    expected: int | None = None
    """The version that the actor saw, 0 for none; refused where it is another by now. None: whatever it is."""
    reason: str = ""
    """Why it is changed; stands in the audit trail."""


class WithdrawPolicy(msgspec.Struct, frozen=True, kw_only=True):
    actor: Actor
    name: str
    expected: int | None = None


class Approve(msgspec.Struct, frozen=True, kw_only=True):
    """A second person's verdict."""

    actor: Actor
    approval: str
    approve: bool


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to do and needs a second person for."""

    id: str
    principal: str
    """Handle of who asks."""
    name: str
    action: str
    resource: str
    role: str
    """What the second person must be, at the least."""
    state: Literal["open", "approved", "refused", "used"]
    created: int
    expires: int
    decided_by: str = ""
    """Handle of the second person."""
    reasons: str = ""
    """Why it takes one, a line each, where what was sent does not show it by itself."""
