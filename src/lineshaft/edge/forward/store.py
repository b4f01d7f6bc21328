"""The store: the stream EDGE of this machine's own bus, as the lane, the forwarder and the keeper use it."""

from collections.abc import Mapping
from typing import Any

from lineshaft.bus import Bus, Stored, StreamReader, StreamState
from lineshaft.bus.streams import Streams
from lineshaft.edge.forward.local import STREAM, hard_limit
from lineshaft.edge.settings import EdgeSettings

_NANOSECONDS = 1_000_000_000
_DUPLICATE_SECONDS = 120


class Store:
    """The batches that the history does not have yet, in the order in which the lane made them.

    Args:
        local: this machine's own bus.
        hub: the bus that the batches are for; its largest message counts too.
    """

    def __init__(self, local: Bus, hub: Bus, settings: EdgeSettings) -> None:
        self.local = local
        self._hub = hub
        self._settings = settings
        self._streams = Streams(local.connection)

    @property
    def max_payload(self) -> int:
        return min(self.local.max_payload, self._hub.max_payload) if self._hub.connected else self.local.max_payload

    async def make(self) -> None:
        """Make the stream, or bring its limits up to date. Full, it refuses: nothing leaves it uncounted."""
        await self._streams.ensure({
            "name": STREAM, "subjects": [self.local.subjects.data_of(self._settings.gateway)], "retention": "limits",
            "storage": "file", "num_replicas": 1, "allow_direct": True, "max_consumers": -1, "max_msgs": -1,
            "max_msgs_per_subject": -1, "max_msg_size": -1, "max_age": 0, "discard": "new",
            "duplicate_window": _DUPLICATE_SECONDS * _NANOSECONDS, "max_bytes": hard_limit(self._settings),
        })  # fmt: skip

    async def publish_stored(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None,
        message_id: str | None = None, *, timeout: float = 5.0,
    ) -> Stored:  # fmt: skip
        """As `Bus.publish_stored`, into the store."""
        return await self.local.publish_stored(subject, payload, headers, message_id, timeout=timeout)

    def read(self, first: int, reader: str, *, created: str, batch: int = 64) -> StreamReader:
        """Batches from a position on, for ever."""
        return self.local.read_stream(STREAM, first, batch, reader=reader, created=created)

    async def state(self) -> StreamState:
        """What the store holds now."""
        return await self.local.stream_info(STREAM)

    async def trim(self, position: int) -> Any:
        """Remove everything up to and including a position."""
        return await self.local.trim(STREAM, position)
