"""What a response code means to a person: an error with a hint."""

from collections.abc import Sequence

from lineshaft.core.errors import Forbidden, LineshaftError, NotFound, Unavailable
from lineshaft.resolution import codes
from lineshaft.resolution.client import Hop, name_of
from lineshaft.resolution.model import is_prefix_handle, suffix_of
from lineshaft.resolution.refused import Refused

_DENIED = frozenset((
    codes.RC_INVALID_ADMIN, codes.RC_NOT_PERMITTED, codes.RC_AUTHENTICATION_NEEDED, codes.RC_AUTHENTICATION_FAILED,
    codes.RC_AUTHENTICATION_TIMEOUT,
))  # fmt: skip


def error_of(refused: Refused, handle: str, trail: Sequence[Hop] = ()) -> LineshaftError:
    """The error that a response code means to a person."""
    if refused.code == codes.RC_HANDLE_NOT_FOUND:
        nearest = _nearest(trail)
        return NotFound(
            "resolution.no_such_handle", f"there is no handle {handle}",
            f"Check how it is spelled. The nearest prefix that is known to exist is {nearest}.", handle=handle,
            nearest=nearest, response_code=refused.code,
        )  # fmt: skip
    if refused.code == codes.RC_VALUES_NOT_FOUND:
        return NotFound(
            "resolution.no_such_values", f"{handle} has no values of those types or indexes",
            "Leave --type and --index out to see all.", handle=handle, response_code=refused.code,
        )  # fmt: skip
    if refused.code in _DENIED:
        return Forbidden(
            "resolution.not_allowed", f"the server refuses this for {handle}: {_said(refused)}",
            "Check --as and its secret or key, and the HS_ADMIN values of the record.", handle=handle,
            response_code=refused.code, reason=_said(refused),
        )  # fmt: skip
    if refused.code == codes.RC_NOT_RESPONSIBLE:
        return NotFound(
            "resolution.not_here", f"the server does not hold {handle}",
            "Leave --at out to start at the roots, or ask a recursive server.", handle=handle, response_code=refused.code,
        )  # fmt: skip
    return Unavailable(
        "resolution.not_answered", f"{handle} could not be resolved: {_said(refused)}",
        "`lineshaft id trace` shows each server that was asked.", handle=handle, response_code=refused.code,
        reason=_said(refused),
    )  # fmt: skip


def _nearest(trail: Sequence[Hop]) -> str:
    """The longest prefix that exists on the way to a handle that does not."""
    known = [
        suffix_of(hop.handle).decode("utf-8", "replace") for hop in trail
        if hop.code == codes.RC_SUCCESS and is_prefix_handle(hop.handle)
    ]  # fmt: skip
    return max(known, key=len, default="0.NA")


def _said(refused: Refused) -> str:
    return refused.message or name_of(refused.code) or str(refused.code)
