"""Which gateways there are: the box's own, and those that enrolled or may. Used by routes that name one."""

from lineshaft.access import Access
from lineshaft.core.errors import Conflict
from lineshaft.edge.store import DEFAULT_GATEWAY


async def check_gateway(access: Access, gateway: str) -> None:
    """Refuse a gateway that is none: its devices would never run.

    Raises:
        NotFound, Conflict: says why.
    """
    if gateway == DEFAULT_GATEWAY:
        return
    member = await access.member(gateway)
    if member.kind != "service" or member.revoked is not None:
        raise Conflict(
            "edge.gateway_unknown", f"{gateway!r} is no gateway that could run a device",
            "`lineshaft edge invite NAME` lets one enrol; `lineshaft access list` shows them.", field="gateway", value=gateway,
        )  # fmt: skip
