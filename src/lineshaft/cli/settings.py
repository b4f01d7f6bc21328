"""Settings of the box as a whole."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class BoxSettings(Section, frozen=True):
    """Table `box`."""

    SECTION: ClassVar[str] = "box"

    tenant: Annotated[str, Meta(description="Tenant of a new installation.")] = "main"
    site: Annotated[str, Meta(description="Site name of a new installation, a token of bus subjects.")] = "box"
    log_level: Annotated[str, Meta(description="debug, info, warning or error.")] = "info"
    backups_kept: Annotated[int, Meta(description="Automatic backups before an upgrade that are kept.", ge=1)] = 3
