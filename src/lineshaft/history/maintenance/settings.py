"""Settings of the history's maintenance."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class MaintenanceSettings(Section, frozen=True):
    """Table `maintenance`."""

    SECTION: ClassVar[str] = "maintenance"

    every_seconds: Annotated[
        float, Meta(description="How often the history looks whether files are to be merged or rolled up.", gt=0)
    ] = 900
    settle_seconds: Annotated[
        float, Meta(description="How long after its end an hour or a day is merged and rolled up.", ge=0)
    ] = 1200
    memory_mb: Annotated[int, Meta(description="Memory that maintenance may use while it runs.", ge=384, le=65_536)] = (
        1024
    )
    retention: Annotated[
        tuple[str, ...],
        Meta(description="How long samples are kept, as PATTERN=DAYS for paths of tags; the first that fits counts. "
             "Without one that fits the tag's label says it, else everything is kept."),
    ] = ()  # fmt: skip
