"""Settings of the labels: `[labels]` in lineshaft.toml."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class LabelSettings(Section, frozen=True, kw_only=True):
    SECTION: ClassVar[str] = "labels"

    export_rows: Annotated[
        int, Meta(ge=1, description="An answer of more rows than this is recorded as an export, whoever gets it")
    ] = 10_000
    external_rows_per_day: Annotated[
        int, Meta(ge=0, description="Rows that one recipient outside may get in a day (UTC); 0: any number")
    ] = 100_000_000
    canaries: Annotated[
        int, Meta(ge=0, le=100, description="Marked rows planted in an export of grade 2 or 3 to a recipient outside")
    ] = 3
    leak_hours: Annotated[
        int, Meta(ge=1, description="Hours between the opening of a leak notice and its report to the authority")
    ] = 72
    retention_minutes: Annotated[
        int, Meta(ge=1, description="How often datasets past their retention are looked for and erased")
    ] = 60
