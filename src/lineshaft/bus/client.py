"""`Bus`: what a service, gateway or program holds to use the bus."""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload
from weakref import WeakSet

import msgspec

from lineshaft.bus import faults
from lineshaft.bus.address import find_address
from lineshaft.bus.claims import read_credentials
from lineshaft.bus.connection import Connection, Listener
from lineshaft.bus.envelopes import MESSAGE_ID, encode_body, event_headers
from lineshaft.bus.live import Callback, Subscription
from lineshaft.bus.reader import StreamReader
from lineshaft.bus.services import Handler, Services, StreamHandler
from lineshaft.bus.settings import BusSettings
from lineshaft.bus.streams import StoredMessage, Streams, StreamState, definitions
from lineshaft.bus.subjects import Subjects, check_token
from lineshaft.core.errors import DeadlineExceeded
from lineshaft.core.health import Check
from lineshaft.core.home import Home

T = TypeVar("T")


class Stored(msgspec.Struct, frozen=True):
    """The bus's confirmation that a message is on disk."""

    sequence: int
    duplicate: bool
    """It was already there: this was a repetition."""


class _Acknowledgement(msgspec.Struct):
    seq: int = 0
    duplicate: bool = False
    error: dict[str, Any] | None = None


_ACKNOWLEDGEMENT = msgspec.json.Decoder(_Acknowledgement)


class Bus:
    """One principal's use of the bus. Make it with `Bus.connect`, end it with `close`.

    A call made while the connection is being restored waits for it up to two seconds; then it raises `Unavailable`.
    Listeners, services and readers go on after a reconnect by themselves.
    """

    def __init__(self, connection: Connection, subjects: Subjects) -> None:
        self.subjects = subjects
        self.connection = connection
        self._streams = Streams(connection)
        self._services = Services(connection, subjects)
        self._subscriptions: list[Subscription] = []
        self._readers: WeakSet[StreamReader] = WeakSet()

    @classmethod
    async def connect(cls, settings: BusSettings, home: Home, name: str, *, wait: float = 10.0) -> "Bus":
        """Connect as `name` with `home.keys/<name>.creds`, and stay connected until closed.

        Returns once connected, or after `wait` seconds still trying: `connected` says which.

        Raises:
            Unavailable: the principal has no credentials in this home.
            Corrupt: they cannot be read.
        """
        credentials = credentials_file(home, name)
        read_credentials(credentials)
        identity = home.identity()
        connection = Connection(name, credentials, partial(find_address, settings, home))
        await connection.open(wait)
        return cls(connection, Subjects(identity.tenant, identity.site))

    async def close(self) -> None:
        """Finish the requests under way, stop listening, disconnect."""
        await self._services.close()
        for subscription in list(self._subscriptions):
            await subscription.stop()
        for reader in list(self._readers):
            await reader.aclose()
        await self.connection.close()

    @property
    def name(self) -> str:
        return self.connection.name

    @property
    def connected(self) -> bool:
        return self.connection.connected

    @property
    def max_payload(self) -> int:
        """The largest message in bytes, headers included."""
        return self.connection.max_payload

    async def wait_connected(self, timeout: float | None = None) -> None:
        """Return once connected.

        Raises:
            Unavailable: not within `timeout` seconds; says why.
        """
        await self.connection.ready(timeout)

    def on_connection(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call `callback(connected)` at each loss and recovery; returns the function that ends it."""
        return self.connection.on_change(callback)

    def check(self) -> Check:
        """Readiness: whether the bus is reached."""
        return Check.of("bus", None if self.connected else self.connection.trouble)

    # -- stored messages ----------------------------------------------------------------------------------------------

    async def publish_stored(
        self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None,
        message_id: str | None = None, *, timeout: float = 5.0,
    ) -> Stored:  # fmt: skip
        """Publish into the stream that keeps `subject`; returns once the message is on disk.

        Whatever `Unavailable` says, publishing again with the same `message_id` stores the message once.

        Raises:
            Unavailable: `bus.unreachable`, `bus.connection_lost`, `bus.unacknowledged`, `bus.full`, `bus.not_kept`,
                `bus.not_stored` or `bus.refused`.
            Forbidden: this principal may not publish there. TooLarge: over the bus's limit.
        """
        all_headers = {**(headers or {}), MESSAGE_ID: message_id} if message_id else headers
        try:
            answer = await self.connection.ask(subject, payload, timeout=timeout, headers=all_headers)
        except DeadlineExceeded as error:
            raise faults.unacknowledged(subject, timeout) from error
        if answer is None:
            raise faults.no_stream(subject)
        try:
            acknowledgement = _ACKNOWLEDGEMENT.decode(answer.data)
        except msgspec.MsgspecError as error:
            raise faults.answer_unreadable(subject, str(error)) from error
        if acknowledgement.error is not None:
            raise faults.not_stored(subject, acknowledgement.error)
        return Stored(acknowledgement.seq, acknowledgement.duplicate)

    async def publish_event(
        self, package: str, type_: str, body: Any, *, id_: str | None = None, about: str = ""
    ) -> Stored:
        """Publish a domain event, a JSON body with CloudEvents attributes as headers; stored under its id.

        Args:
            about: what it is about, where that has a subject of its own.
        """
        source = f"/{self.subjects.tenant}/{self.subjects.site}/{self.name}"
        headers = event_headers(source=source, type_=f"{package}.{type_}", id_=id_)
        subject = self.subjects.event(package, type_, about)
        return await self.publish_stored(subject, encode_body(body), headers, headers["ce-id"])

    def read_stream(
        self, stream: str, first_sequence: int, batch: int = 256, *, reader: str = "", created: str | None = None
    ) -> StreamReader:
        """Give a stream's messages from a sequence on, in batches of 1 to `batch`, for ever: iterate over it.

        Every message comes once and in order, across reconnects and restarts of the server. A hole in the sequence
        numbers is a range that the stream no longer held.

        Args:
            reader: tells several readers of one stream in one principal apart. A second one of the same name takes
                over, also from another process: the first one's iteration ends with `bus.reader_replaced`.
            created: `StreamState.created` of the stream that `first_sequence` belongs to.

        The iteration raises:
            Conflict: `bus.stream_recreated`, `bus.stream_behind` or `bus.reader_replaced`.
            NotFound: there is no such stream. Forbidden: this principal may not read it.
        """
        source = StreamReader(self.connection, stream, first_sequence, batch=batch, reader=reader, created=created)
        self._readers.add(source)
        return source

    async def stream_info(self, stream: str) -> StreamState:
        """What a stream holds now. Raises NotFound where there is none."""
        return await self._streams.state(stream)

    async def trim(self, stream: str, up_to_sequence: int) -> int:
        """Remove a stream's messages up to and including a sequence; returns how many."""
        return await self._streams.trim(stream, up_to_sequence)

    async def last_message(self, stream: str, subject: str) -> StoredMessage | None:
        """The last message kept on a subject; None where there is none."""
        return await self._streams.last_message(stream, subject)

    # -- live messages --------------------------------------------------------------------------------------------------

    async def publish(self, subject: str, payload: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send a message to whoever listens now; nobody confirms it, a refusal by the server is logged."""
        await self.connection.publish(subject, payload, headers=headers)

    async def subscribe(self, subject: str, callback: Callback, *, queue: str = "") -> Subscription:
        """Call `async callback(message)` for each live message, one after the other.

        Messages that come while 10,000 or 32 MiB wait are dropped and counted in `Subscription.dropped`.

        Raises:
            Forbidden: this principal may not listen there.
        """
        subscription = Subscription(callback, self._subscriptions)
        subscription.listener = await self.connection.listen(subject, subscription.take, queue=queue)
        return subscription

    # -- requests -------------------------------------------------------------------------------------------------------

    @overload
    async def request(
        self, package: str, verb: str, body: Any, reply_type: type[T], *, timeout: float = 5.0, gateway: str = ""
    ) -> T: ...
    @overload
    async def request(
        self, package: str, verb: str, body: Any = None, reply_type: None = None, *, timeout: float = 5.0,
        gateway: str = "",
    ) -> bytes: ...  # fmt: skip
    async def request(
        self, package: str, verb: str, body: Any = None, reply_type: Any = None, *, timeout: float = 5.0,
        gateway: str = "",
    ) -> Any:  # fmt: skip
        """Ask a service for one answer.

        An answer later than two minutes does not arrive; longer work is a job, or a streamed answer.

        Args:
            body: bytes as they are, None as nothing, all else as JSON.
            reply_type: what the answer's JSON is read as; None or `bytes` gives its bytes.
            gateway: name of the one gateway that is asked; empty: the package's service.

        Raises:
            LineshaftError: what the service raised, as the same class.
            Unavailable: `bus.no_service`, `bus.gateway_away`, `bus.unreachable`, `bus.connection_lost`.
            DeadlineExceeded: no answer in time. Forbidden: this principal may not ask that.
        """
        answer = await self._services.request(package, verb, body, timeout=timeout, gateway=gateway)
        if reply_type is None or reply_type is bytes:
            return answer
        try:
            return msgspec.json.decode(answer, type=reply_type)
        except msgspec.MsgspecError as error:
            raise faults.answer_unreadable(f"{package}.{verb}", str(error)) from error

    def request_stream(
        self, package: str, verb: str, body: Any = None, *, timeout: float = 10.0, gateway: str = ""
    ) -> AsyncIterator[tuple[dict[str, str], bytes]]:
        """Ask a service for a streamed answer: `(headers, bytes)` chunk by chunk, at the caller's pace.

        Use it with `contextlib.aclosing` where you may leave it before its end.

        Args:
            timeout: seconds of silence after which the service counts as dead; it may work longer on a chunk.
            gateway: as for `request`.

        Raises: as `request`; also Unavailable `bus.stream_broken`.
        """
        return self._services.request_stream(package, verb, body, timeout=timeout, gateway=gateway)

    async def serve(self, package: str, verb: str, handler: Handler, *, gateway: str = "") -> Listener:
        """Answer requests with `async handler(caller, body) -> bytes | object | None`, up to 64 at a time.

        `caller` is the principal's name, vouched for by the server. A LineshaftError raised goes to the caller.

        Args:
            gateway: answer what is asked of the gateway of that name, which only its own principal may.
        """
        return await self._services.serve(package, verb, handler, gateway=gateway)

    async def serve_stream(self, package: str, verb: str, handler: StreamHandler, *, gateway: str = "") -> Listener:
        """Answer requests with the async generator `handler(caller, body)` of `(headers, bytes)`.

        It is held back while its caller is behind, and closed when the caller goes away; `gateway` as for `serve`.
        """
        return await self._services.serve_stream(package, verb, handler, gateway=gateway)


async def ensure_streams(bus: Bus, subjects: Subjects, settings: BusSettings) -> list[str]:
    """Make a site's streams or bring their limits up to date; returns the names of those changed."""
    streams = Streams(bus.connection)
    return [str(each["name"]) for each in definitions(subjects, settings) if await streams.ensure(each)]


def credentials_file(home: Home, name: str) -> Path:
    """Where a principal's credentials are kept in a home."""
    return home.keys / f"{check_token(name, field='name')}.creds"
