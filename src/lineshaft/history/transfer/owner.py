"""Who a job runs as: whoever asked, with the rights of now and never more than were asked with."""

import msgspec

from lineshaft.access import Access
from lineshaft.core.errors import Forbidden, NotFound
from lineshaft.core.principals import Principal


async def present(access: Access, asked: Principal) -> Principal:
    """The principal as it is now; the scopes of the token that it asked with stay.

    Raises:
        Forbidden: it was revoked.
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
    return msgspec.structs.replace(
        asked, roles=frozenset(member.roles), zone=member.zone, clearance=member.clearance,
        projects=None if member.projects is None else tuple(sorted(member.projects)),
    )  # fmt: skip
