"""Settings of the relational records."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.settings import Section


class RecordsSettings(Section, frozen=True, kw_only=True):
    """Where the records are and how patiently they are asked."""

    SECTION: ClassVar[str] = "records"

    url: Annotated[
        str,
        Meta(
            description="Database: empty for the file records.db in the home folder, sqlite:///path, "
            "or postgresql://user:password@host/name",
            extra={"secret": True},
        ),
    ] = ""
    wait_seconds: Annotated[
        float, Meta(gt=0, le=600, description="How long a transaction waits for another one's lock or for a connection")
    ] = 10.0
    threads: Annotated[
        int, Meta(ge=1, le=64, description="Worker threads, thus transactions, of one process at a time")
    ] = 4
