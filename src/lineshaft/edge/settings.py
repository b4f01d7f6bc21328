"""Settings of the gateway."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section

MIB = 1 << 20


class EdgeSettings(Section, frozen=True):
    """Table `edge`."""

    SECTION: ClassVar[str] = "edge"

    gateway: Annotated[
        str,
        Meta(
            description="Name of this gateway; its subjects on the bus carry it.", pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"
        ),
    ] = "gateway"
    flush_rows: Annotated[int, Meta(description="Rows that make a batch leave at once.", ge=100, le=100_000)] = 4000
    flush_seconds: Annotated[float, Meta(description="Longest time a value waits for its batch.", ge=0.05, le=60)] = 1.0
    buffer_bytes: Annotated[
        int,
        Meta(
            description="Memory for batches that the bus has not confirmed; over it the oldest go, and a gap record says so.",
            ge=MIB,
        ),
    ] = 64 * MIB
    buffer_seconds: Annotated[
        float,
        Meta(description="Oldest age of an unconfirmed batch; over it the oldest go, and a gap record says so.", gt=0),
    ] = 3600.0
    publish_timeout_seconds: Annotated[
        float, Meta(description="How long one attempt waits for the bus to confirm a batch.", gt=0)
    ] = 5.0
    stop_seconds: Annotated[
        float, Meta(description="How long a stopping gateway waits for the bus to confirm what it holds.", ge=0, le=15)
    ] = 8.0
    ahead_seconds: Annotated[
        float, Meta(description="A source time further ahead of this machine's clock is not believed.", gt=0)
    ] = 60.0
    retry_seconds: Annotated[
        float,
        Meta(description="First pause before a lost device is tried again; it doubles up to the next setting.", gt=0),
    ] = 0.5
    retry_most_seconds: Annotated[
        float, Meta(description="Longest pause between two attempts to reach a device.", gt=0)
    ] = 30.0
    store: Annotated[
        bool,
        Meta(
            description="Keep batches in this machine's own bus until the history has them; `lineshaft edge run` sets it."
        ),
    ] = False
    store_bytes: Annotated[
        int,
        Meta(
            description="Disk space for batches that the history does not have; over it the oldest go, and a gap record says so.",
            ge=MIB,
        ),
    ] = 4096 * MIB
    store_seconds: Annotated[
        float,
        Meta(
            description="Oldest age of a batch that the history does not have; over it the oldest go, and a gap record says so.",
            gt=0,
        ),
    ] = 30 * 86400.0
    forward_in_flight: Annotated[
        int, Meta(description="Batches on their way to the hub at a time while nothing is behind.", ge=1, le=256)
    ] = 16
    backfill_in_flight: Annotated[
        int,
        Meta(
            description="Batches of the back-fill on their way at a time beside live ones: its share of the link.",
            ge=1,
            le=256,
        ),
    ] = 4
