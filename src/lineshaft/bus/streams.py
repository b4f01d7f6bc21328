"""Streams: what the bus keeps on disk, and the calls that manage and look into them."""

from datetime import datetime
from typing import Any

import msgspec

from lineshaft.bus import faults
from lineshaft.bus.connection import Connection, status_of
from lineshaft.bus.settings import MIB, BusSettings
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock

TELEMETRY = "TELEMETRY"
EVENTS = "EVENTS"
CONFIG = "CONFIG"
DEADLETTER = "DEADLETTER"

API_SECONDS = 5.0
_NANOSECONDS = 1_000_000_000
_DUPLICATE_SECONDS = 120
_KEEP_SECONDS = 90 * 86400
_NO_MESSAGE = "404"


class StreamState(msgspec.Struct, frozen=True, kw_only=True):
    """What a stream holds. `first` is `last + 1` where it holds nothing."""

    first: int
    last: int
    messages: int
    bytes: int
    created: str
    """RFC 3339; another one means another stream of the same name, whose sequence numbers began again."""
    first_us: int = 0
    """When the oldest message was stored; 0 where there is none."""


class StoredMessage(msgspec.Struct, frozen=True):
    """One message of a stream."""

    sequence: int
    subject: str
    headers: dict[str, str]
    data: bytes
    time_us: int
    """When the server stored it, microseconds since 1970."""


def definitions(subjects: Subjects, settings: BusSettings) -> list[dict[str, Any]]:
    """The streams of one site. A full telemetry stream refuses and never forgets; the others drop their oldest."""
    common = {
        "retention": "limits", "storage": "file", "num_replicas": 1, "allow_direct": True,
        "duplicate_window": _DUPLICATE_SECONDS * _NANOSECONDS, "max_consumers": -1, "max_msgs": -1,
        "max_msgs_per_subject": -1, "max_msg_size": -1, "max_age": 0,
    }  # fmt: skip
    return [
        {
            **common, "name": TELEMETRY, "subjects": [subjects.all_data()],
            "max_bytes": settings.store_max_bytes, "discard": "new",
        },
        {
            **common, "name": EVENTS, "subjects": [subjects.all_events()],
            "max_bytes": settings.event_max_bytes, "max_age": _KEEP_SECONDS * _NANOSECONDS, "discard": "old",
        },
        {
            **common, "name": CONFIG, "subjects": [subjects.all_configs()],
            "max_bytes": 128 * MIB, "max_msgs_per_subject": 1, "discard": "old",
        },
        {
            **common, "name": DEADLETTER, "subjects": [subjects.all_dead()],
            "max_bytes": settings.dead_max_bytes, "max_age": _KEEP_SECONDS * _NANOSECONDS, "discard": "old",
        },
    ]  # fmt: skip


class Streams:
    """JetStream calls over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ensure(self, definition: dict[str, Any]) -> bool:
        """Make a stream, or bring its limits up to date; returns whether anything changed."""
        name = definition["name"]
        found = await self.call(f"STREAM.INFO.{name}", missing_ok=True)
        if found is None:
            await self.call(f"STREAM.CREATE.{name}", definition)
            return True
        if all(found["config"].get(key) == value for key, value in definition.items()):
            return False
        await self.call(f"STREAM.UPDATE.{name}", {**found["config"], **definition})
        return True

    async def state(self, stream: str) -> StreamState:
        """What a stream holds now.

        Raises:
            NotFound: there is no such stream.
        """
        answer = await self.call(f"STREAM.INFO.{stream}")
        assert answer is not None
        state = answer["state"]
        return StreamState(
            first=max(state["first_seq"], 1), last=state["last_seq"], messages=state["messages"],
            bytes=state["bytes"], created=answer["created"],
            first_us=parse_server_time(state["first_ts"]) if state["messages"] else 0,
        )  # fmt: skip

    async def trim(self, stream: str, up_to_sequence: int) -> int:
        """Remove all messages up to and including a sequence; returns how many."""
        answer = await self.call(f"STREAM.PURGE.{stream}", {"seq": up_to_sequence + 1})
        assert answer is not None
        return int(answer.get("purged", 0))

    async def last_message(self, stream: str, subject: str) -> StoredMessage | None:
        """The last message kept on a subject; None where there is none."""
        call = f"$JS.API.DIRECT.GET.{stream}.{subject}"
        answer = await self._connection.ask(call, b"", timeout=API_SECONDS)
        if answer is None:
            raise faults.no_stream(subject)
        if status_of(answer) == _NO_MESSAGE:
            return None
        headers = dict(answer.headers or {})
        try:
            sequence = int(headers.pop("Nats-Sequence"))
            time_us = parse_server_time(headers.pop("Nats-Time-Stamp"))
        except (KeyError, ValueError) as error:
            raise faults.answer_unreadable(call, str(error)) from error
        for name in ("Nats-Stream", "Nats-Subject", "Nats-Num-Pending", "Nats-Last-Sequence"):
            headers.pop(name, None)
        return StoredMessage(sequence, subject, headers, answer.data, time_us)

    async def call(
        self, verb: str, body: dict[str, Any] | None = None, *, missing_ok: bool = False
    ) -> dict[str, Any] | None:
        """One call of the JetStream API; None where the object is missing and `missing_ok`."""
        subject = f"$JS.API.{verb}"
        payload = msgspec.json.encode(body) if body is not None else b""
        answer = await self._connection.ask(subject, payload, timeout=API_SECONDS)
        if answer is None:
            raise faults.no_stream(subject)
        try:
            document = msgspec.json.decode(answer.data, type=dict[str, Any])
        except msgspec.MsgspecError as error:
            raise faults.answer_unreadable(subject, str(error)) from error
        if "error" not in document:
            return document
        if missing_ok and document["error"].get("code") == int(_NO_MESSAGE):
            return None
        raise faults.api_error(subject, document["error"])


def parse_server_time(text: str) -> int:
    """Microseconds of the server's RFC 3339 time, which has up to nine decimals, cut to six."""
    whole, _, decimals = text.removesuffix("Z").partition(".")
    return clock.to_us(datetime.fromisoformat(f"{whole}.{decimals[:6]:0<6}+00:00"))
