"""Who a job runs as: whoever asked, with the rights of now and never more than were asked with."""

import msgspec

from lineshaft.access import Access
from lineshaft.access.model import SCOPES, TOKEN
from lineshaft.access.tokens import EVERYTHING
from lineshaft.core import clock
from lineshaft.core.errors import Forbidden, NotFound
from lineshaft.core.principals import Principal


async def present(access: Access, asked: Principal) -> Principal:
    """The principal as it is now; the scopes of the token that it asked with stay.

    Raises:
        Forbidden: it was revoked, or the token was or has expired.
    """
    try:
        member = await access.member(asked.id)
    except NotFound:
        member = None
    if member is None or member.revoked is not None:
        raise Forbidden(
            "history.transfer_owner_revoked", f"{asked.name}, who asked for this, was revoked",
            "Somebody who may has to ask anew.", name=asked.name,
        )  # fmt: skip
    await _check_token(access, asked)
    return msgspec.structs.replace(
        asked, roles=frozenset(member.roles), zone=member.zone, clearance=member.clearance,
        projects=None if member.projects is None else tuple(sorted(member.projects)),
    )  # fmt: skip


async def _check_token(access: Access, asked: Principal) -> None:
    """Refuse what was asked with a token that is none any more."""
    token = asked.attributes.get(TOKEN)
    # The machine's own is another one after every start, and whoever holds the home has that one too.
    if token is None or asked.attributes.get(SCOPES) == EVERYTHING:
        return
    now = clock.now_us()
    if not any(one.id == token and now < one.expires for one in await access.tokens_of(asked.id)):
        raise Forbidden(
            "history.transfer_token_ended", f"the token with which {asked.name} asked for this was revoked or has expired",
            "Somebody who may has to ask anew.", name=asked.name,
        )  # fmt: skip
