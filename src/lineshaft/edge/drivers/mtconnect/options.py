"""Options of an MTConnect device."""

from typing import Annotated

from msgspec import Meta

from lineshaft.edge.drivers.http.access import HttpAccess


class MTConnectOptions(HttpAccess, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to talk to an agent."""

    heartbeat_ms: Annotated[int, Meta(ge=100, le=600_000)] = 10_000
    """How often a silent agent says that it lives; after two misses the connection counts as lost."""
    count: Annotated[int, Meta(ge=1, le=100_000)] = 1000
    """Observations in one message of the stream, at most."""
