"""Settings of the history."""

from typing import Annotated, ClassVar

from msgspec import Meta

from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home
from lineshaft.core.settings import Section
from lineshaft.history.credentials import credentials_file
from lineshaft.history.model import MAXIMUM_TAG
from lineshaft.history.storage import Place, Storage, open_storage, path_of


class HistorySettings(Section, frozen=True):
    """Table `history`."""

    SECTION: ClassVar[str] = "history"

    url: Annotated[
        str,
        Meta(
            description="Where the tables lie: a path, file:///path, or s3://bucket/prefix; empty: `history` in the home."
        ),
    ] = ""
    endpoint: Annotated[
        str, Meta(description="Address of the object store, https://host:port; empty: the region's own of AWS.")
    ] = ""
    region: Annotated[str, Meta(description="Region that requests to the object store are signed for.")] = ""
    path_style: Annotated[
        bool, Meta(description="The bucket is in the path of a request; false: in the name of the host.")
    ] = True
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
    shards: Annotated[
        int, Meta(description="Writers that share the tags of this history between them.", ge=1, le=8)
    ] = 1
    shard: Annotated[int, Meta(description="Which of them this is, from 0.", ge=0, le=7)] = 0
    sql_seconds: Annotated[float, Meta(description="How long one SQL statement may take.", gt=0, le=3600)] = 30
    sql_memory_bytes: Annotated[
        int, Meta(description="Memory of one SQL statement's process beside its libraries.", ge=32 * 2**20)
    ] = 512 * 2**20
    sql_rows: Annotated[int, Meta(description="Most samples that one SQL statement may look at.", ge=1)] = 10_000_000
    sql_at_once: Annotated[int, Meta(description="SQL statements that run at a time.", ge=1, le=64)] = 2

    def storage(self, home: Home) -> Storage:
        """Where the tables lie.

        Raises:
            InvalidInput: an address that is neither a folder of this machine nor a place in an object store.
        """
        return open_storage(self.place(home))

    def place(self, home: Home) -> Place:
        """The same as an address, which other processes can be given."""
        if not self.url:
            return Place(url=(home.path / "history").as_uri())
        if self.url.startswith("s3://"):
            return Place(
                url=self.url, endpoint=self.endpoint, region=self.region, path_style=self.path_style,
                credentials=str(credentials_file(home)),
            )  # fmt: skip
        if "://" in self.url and not self.url.startswith("file:///"):
            raise InvalidInput(
                "history.url_unsupported", f"setting history.url is {self.url!r}, which is no place for tables",
                "Give a path, file:///path, or s3://bucket/prefix.", field="history.url", value=self.url,
            )  # fmt: skip
        return Place(url=(home.path / path_of(self.url).expanduser()).as_uri())
