"""Settings of the history."""

from pathlib import Path
from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.core.settings import Section
from lineshaft.history.model import MAXIMUM_TAG


class HistorySettings(Section, frozen=True):
    """Table `history`."""

    SECTION: ClassVar[str] = "history"

    url: Annotated[
        str, Meta(description="Folder of the tables, a path or file:// URL; empty: `history` in the home.")
    ] = ""
    seal_seconds: Annotated[float, Meta(description="Oldest age of a row that is not in the table yet.", gt=0)] = 600
    seal_bytes: Annotated[
        int, Meta(description="Rows in memory that start a seal; reading stops at twice this.", ge=65_536)
    ] = 64 * 2**20
    maximum_tag: Annotated[
        int, Meta(description="Highest tag number accepted; it bounds the latest-value table.", ge=1, le=2**31 - 1)
    ] = MAXIMUM_TAG
    retired_seconds: Annotated[
        float, Meta(description="How long replaced segments stay on disk for queries that began before.", ge=0)
    ] = 3600
    retry_seconds: Annotated[
        float, Meta(description="First pause after a failed seal; it doubles up to a minute.", gt=0)
    ] = 2
    hot_timeout_seconds: Annotated[
        float, Meta(description="How long a query waits for the writer's hot rows.", gt=0)
    ] = 5

    def folder(self, home: Home) -> Path:
        """Where the tables lie.

        Raises:
            InvalidInput: an address that is no folder of this machine.
        """
        if not self.url:
            return home.path / "history"
        if "://" in self.url and not self.url.startswith("file:///"):
            raise InvalidInput(
                "history.url_unsupported", f"setting history.url is {self.url!r}, which is no folder of this machine",
                "Give a path or file:///path.", field="history.url", value=self.url,
            )  # fmt: skip
        return home.path / Path(self.url.removeprefix("file://")).expanduser()
