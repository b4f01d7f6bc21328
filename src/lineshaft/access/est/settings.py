"""Settings of enrolment: table `[est]`."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class EstSettings(Section, frozen=True, kw_only=True, forbid_unknown_fields=True):
    SECTION: ClassVar[str] = "est"

    token_minutes: Annotated[
        int, Meta(ge=5, le=43200, description="A one-time enrolment token is valid for this long.")
    ] = 1440
    idevid_roots: Annotated[
        str, Meta(description="PEM file: authorities of makers whose device certificates (IDevID) may enrol.")
    ] = ""
