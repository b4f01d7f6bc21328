"""One connection to the bus that comes back by itself, with everything it listened to.

The NATS client underneath is told not to reconnect: it would close for good at some refusals, would send requests
after a reconnect that their callers gave up, and would let pending calls run into their time-out. Here a lost
connection ends every pending call at once, and a new client takes over the listeners.
"""

import asyncio
import contextlib
import random
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

import nats.errors
from nats.aio.client import Client, RawCredentials
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from lineshaft.bus import faults
from lineshaft.bus.address import Address
from lineshaft.bus.claims import read_credentials
from lineshaft.bus.subjects import check_subject, inbox_prefix
from lineshaft.core import logs
from lineshaft.core.errors import LineshaftError, Unavailable

GRACE_SECONDS = 2.0
"""How long a call made while the connection is being restored waits for it."""
_FIRST_BACKOFF_SECONDS = 0.05
_MAXIMUM_BACKOFF_SECONDS = 5.0
_LOOK_SECONDS = 1.0
_PING_SECONDS = 10
_FLUSH_SECONDS = 5
_HEADER_OVERHEAD = 16
_NO_RESPONDERS = "503"
_VIOLATION = re.compile(r'permissions violation for (publish|subscription)[^"]*"([^"]*)"')

Sink = Callable[[Msg], None]


class Listener:
    """A subscription that outlives the client underneath. `stop()` ends it."""

    def __init__(self, connection: "Connection", subject: str, sink: Sink, queue: str) -> None:
        self.subject = subject
        self.queue = queue
        self.client: Client | None = None
        """The client it listens through now."""
        self.refused = False
        """The server does not let this principal listen there."""
        self._connection = connection
        self._sink = sink
        self._subscription: Subscription | None = None
        self._stopped = False

    async def attach(self, client: Client) -> None:
        """Listen through `client` from now on."""
        self.client, self.refused = client, False
        self._subscription = await client.subscribe(self.subject, queue=self.queue, cb=self._take)
        if self._stopped:
            await self.stop()

    async def stop(self) -> None:
        """Listen no more; what the server had sent by then has reached the sink when this returns."""
        self._stopped = True
        self._connection.forget(self)
        subscription, self._subscription = self._subscription, None
        if subscription is not None and self.client is not None:
            with contextlib.suppress(nats.errors.Error, OSError):
                await asyncio.shield(asyncio.ensure_future(self._end(self.client, subscription)))

    @staticmethod
    async def _end(client: Client, subscription: Subscription) -> None:
        await client._send_unsubscribe(subscription._id)  # noqa: SLF001  # `drain` does this without the barrier
        await barrier(client)
        await subscription._pending_queue.join()  # noqa: SLF001
        await subscription.unsubscribe()

    async def _take(self, message: Msg) -> None:
        self._sink(message)


async def barrier(client: Client) -> None:
    """Return when the server has worked on everything sent before.

    Never cancel it (shield it): the client's read loop would fail at the answer that arrives later.
    """
    # The client writes its PING at once but all else a moment later, so that the answer could come too early.
    await client._flush_pending(force_flush=True)  # noqa: SLF001
    try:
        await client.flush(_FLUSH_SECONDS)
    except nats.errors.FlushTimeoutError:
        await client.close()
        raise


class _Pending:
    """A call that waits for its answer."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.future: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._expiry: asyncio.TimerHandle | None = None

    def expire_in(self, seconds: float) -> None:
        # A timer and no `asyncio.timeout`: the client underneath swallows some cancellations.
        self._expiry = self.future.get_loop().call_later(seconds, self._expire, seconds)

    def _expire(self, seconds: float) -> None:
        self.fail(faults.unanswered(self.subject, seconds))

    def fail(self, error: LineshaftError) -> None:
        if not self.future.done():
            self.future.set_exception(error)

    def end(self) -> None:
        """Nobody waits any more; an error that came too late is not reported as forgotten."""
        if self._expiry is not None:
            self._expiry.cancel()
        if not self.future.cancel() and not self.future.cancelled():
            self.future.exception()


class Connection:
    """A principal's connection.

    Args:
        name: the principal; its credentials allow the inbox prefix `_INBOX_<name>` only.
        credentials: its `.creds` file, read at each attempt.
        find: where to connect to, asked at each attempt.
    """

    def __init__(self, name: str, credentials: Path, find: Callable[[], Address]) -> None:
        self.name = name
        self._credentials = credentials
        self._find = find
        self._client: Client | None = None
        self._listeners: list[Listener] = []
        self._pending: dict[str, _Pending] = {}
        self._inbox = f"{inbox_prefix(name)}.{secrets.token_hex(8)}"
        self._watchers: list[Callable[[bool], None]] = []
        self._refusals: list[tuple[str, Callable[[LineshaftError], None]]] = []
        self._up = asyncio.Event()
        self._down = asyncio.Event()
        self._trouble: Unavailable = faults.unreachable(name, "not connected yet")
        self._last_error = ""
        self._keeper: asyncio.Task[None] | None = None
        self._told = ""
        self._log = logs.get("bus")

    # -- life -------------------------------------------------------------------------------------------------------

    async def open(self, wait: float) -> None:
        """Begin to connect; return once connected, or after `wait` seconds still trying."""
        await self.listen(f"{self._inbox}.*", self._answered)
        self._keeper = asyncio.create_task(self._keep(), name=f"bus connection of {self.name}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._up.wait()

    async def close(self) -> None:
        while self._keeper is not None and not self._keeper.done():
            self._keeper.cancel()  # more than once: the client underneath swallows some cancellations
            await asyncio.wait([self._keeper], timeout=0.1)
        client = self._client
        self._lost(faults.unreachable(self.name, "closed"))
        self._up.set()  # for good: who waits for a connection is told at once that none will come
        if client is not None:
            with contextlib.suppress(nats.errors.Error, OSError, TimeoutError):
                await barrier(client)
            await self._dispose(client)

    @property
    def connected(self) -> bool:
        return self._client is not None

    @property
    def trouble(self) -> Unavailable:
        """Why there is no connection."""
        return self._trouble

    @property
    def max_payload(self) -> int:
        """The largest message the server takes, headers included."""
        return self._client.max_payload if self._client is not None else 1 << 20

    def on_change(self, callback: Callable[[bool], None]) -> Callable[[], None]:
        """Call `callback(connected)` at each change; returns the function that ends it."""
        self._watchers.append(callback)
        return lambda: self._watchers.remove(callback)

    def on_refusal(self, subject: str, callback: Callable[[LineshaftError], None]) -> Callable[[], None]:
        """Call `callback(error)` when the server refuses a message on `subject`; returns the function that ends it."""
        entry = (subject, callback)
        self._refusals.append(entry)
        return lambda: self._refusals.remove(entry)

    async def ready(self, timeout: float | None) -> Client:
        """The client, waiting for a connection up to `timeout` seconds (None: for ever).

        Raises:
            Unavailable: none came; says why.
        """
        if self._client is not None and self._client.is_closed:  # without a word: found out here and not a second later
            self._closed(self._client)
        if self._client is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):  # no `wait_for`: before Python 3.12 it swallows some cancellations
                    await self._up.wait()
            if self._client is None:
                raise self._trouble
        return self._client

    # -- messages ---------------------------------------------------------------------------------------------------

    async def publish(
        self, subject: str, payload: bytes, *, reply: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        """Send one message; nobody confirms it.

        Raises:
            Unavailable: no connection. TooLarge: over the server's limit.
        """
        check_subject(subject)
        client = await self.ready(GRACE_SECONDS)
        size = len(payload)
        if headers:
            size += _HEADER_OVERHEAD + sum(
                len(key.encode()) + len(value.encode()) + 4 for key, value in headers.items()
            )
        if size > client.max_payload:  # the server would cut the connection
            raise faults.too_large(subject, size, client.max_payload)
        try:
            await client.publish(subject, payload, reply, dict(headers) if headers else None)
        except (nats.errors.ConnectionClosedError, nats.errors.OutboundBufferLimitError, OSError) as error:
            raise faults.unreachable(self.name, str(error)) from error
        except nats.errors.BadHeaderError as error:
            raise faults.header_name_invalid(str(error)) from error

    async def ask(
        self, subject: str, payload: bytes, *, timeout: float, headers: Mapping[str, str] | None = None
    ) -> Msg | None:
        """Send a message and wait for its answer; None where nobody listens on `subject`.

        Raises:
            Unavailable: no connection, or it broke meanwhile.
            DeadlineExceeded: no answer within `timeout` seconds.
            Forbidden: this principal may not publish on `subject`.
        """
        token = secrets.token_hex(8)
        pending = _Pending(subject)
        self._pending[token] = pending
        try:
            await self.ready(min(timeout, GRACE_SECONDS))
            pending.expire_in(timeout)
            await self.publish(subject, payload, reply=f"{self._inbox}.{token}", headers=headers)
            answer = await pending.future
        finally:
            del self._pending[token]
            pending.end()
        return None if status_of(answer) == _NO_RESPONDERS else answer

    async def listen(self, subject: str, sink: Sink, *, queue: str = "") -> Listener:
        """Give every message on `subject` to `sink`, also after reconnects; `queue` shares them with others.

        Raises:
            Forbidden: this principal may not listen there (known only while connected; logged otherwise).
        """
        listener = Listener(self, check_subject(subject, wildcards=True), sink, queue)
        self._listeners.append(listener)
        client = self._client
        if client is not None:
            try:
                await self._attach(client, [listener])
            except (nats.errors.Error, OSError):  # the connection broke meanwhile: the next client takes it over
                return listener
            if listener.refused:
                await listener.stop()
                raise faults.forbidden(self.name, "listen on", subject)
        return listener

    def new_inbox(self) -> str:
        """A fresh subject that only this principal may listen on."""
        return f"{inbox_prefix(self.name)}.{secrets.token_hex(12)}"

    def forget(self, listener: Listener) -> None:
        with contextlib.suppress(ValueError):
            self._listeners.remove(listener)

    # -- keeping it up ----------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        backoff = _FIRST_BACKOFF_SECONDS
        while True:
            self._down.clear()
            client = await self._attempt()
            if client is not None:
                backoff = _FIRST_BACKOFF_SECONDS
                await self._gone(client)
                await self._dispose(client)
            await asyncio.sleep(backoff * random.uniform(0.5, 1))  # noqa: S311  # spreads clients, no secret
            backoff = min(backoff * 2, _MAXIMUM_BACKOFF_SECONDS)

    async def _gone(self, client: Client) -> None:
        """Return when a connection is lost. A client that fails to send its last bytes closes without a word."""
        while not self._down.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._down.wait()
            if client.is_closed:
                self._closed(client)

    async def _attempt(self) -> Client | None:
        """One try to connect and to listen again; None where it failed, the reason kept."""
        client = Client()
        self._last_error = ""
        try:
            await self._connect(client)
            while new := [listener for listener in self._listeners if listener.client is not client]:
                await self._attach(client, new)  # others may begin to listen meanwhile
            if client.is_connected:
                self._found(client)
                return client
            self._troubled(self._explain(self._last_error or "closed by the server"))
        except LineshaftError as error:
            self._troubled(error if isinstance(error, Unavailable) else faults.unreachable(self.name, error.message))
        except (nats.errors.Error, OSError, TimeoutError, ValueError) as error:
            self._troubled(self._explain(self._last_error or str(error) or type(error).__name__))
        except Exception as error:  # noqa: BLE001  # the boundary to the client underneath: this task must go on for ever
            self._log.exception("bus_connect_failed")
            self._troubled(faults.unreachable(self.name, type(error).__name__))
        finally:
            if self._client is not client:
                await self._dispose(client)
        return None

    async def _connect(self, client: Client) -> None:
        async def closed() -> None:
            self._closed(client)

        credentials = RawCredentials(read_credentials(self._credentials))
        address = self._find()
        context = address.context()
        await client.connect(
            address.url, name=self.name, user_credentials=credentials, inbox_prefix=inbox_prefix(self.name),
            error_cb=self._on_error, closed_cb=closed, allow_reconnect=False, max_reconnect_attempts=1,
            reconnect_time_wait=0, connect_timeout=5, ping_interval=_PING_SECONDS, max_outstanding_pings=2,
            flush_timeout=_FLUSH_SECONDS, tls=context, tls_handshake_first=context is not None,
            tls_hostname=(address.tls_name or address.host) if context else None,
        )  # fmt: skip

    async def _attach(self, client: Client, listeners: list[Listener]) -> None:
        """Subscribe and wait until the server has said which subscriptions it refuses."""
        for listener in listeners:
            await listener.attach(client)
        await asyncio.shield(asyncio.ensure_future(barrier(client)))

    def _found(self, client: Client) -> None:
        self._client = client
        self._up.set()
        if self._told:
            self._log.info("bus_connection_recovered")
        self._told = ""
        self._notify(connected=True)

    def _lost(self, trouble: Unavailable) -> None:
        was_connected, self._client = self._client is not None, None
        self._up.clear()
        self._trouble = trouble
        for pending in list(self._pending.values()):
            pending.fail(faults.connection_lost(pending.subject))
        if was_connected:
            self._notify(connected=False)
        self._down.set()

    def _notify(self, *, connected: bool) -> None:
        for watcher in list(self._watchers):
            watcher(connected)

    def _troubled(self, trouble: Unavailable) -> None:
        """Remember why there is no connection; log it once, and again only when the reason is of another kind."""
        if trouble.code != self._told:
            self._log.warning("bus_connection_missing", code=trouble.code, message=trouble.message, hint=trouble.hint)
        self._told, self._trouble = trouble.code, trouble

    def _explain(self, reason: str) -> Unavailable:
        if re.search("authoriz|authentic|revoked|expired", reason, re.IGNORECASE):
            return faults.refused(self.name, reason)
        return faults.unreachable(self.name, reason)

    @staticmethod
    async def _dispose(client: Client) -> None:
        try:
            # It asserts that `connect` was called, which it was not where the address was not found.
            with contextlib.suppress(nats.errors.Error, OSError, TimeoutError, AssertionError):
                await client.close()
        finally:
            # Cancelled, or with data unsent to a server that is gone, it gives up before it has closed the socket.
            if client._transport is not None:  # noqa: SLF001
                client._transport.close()  # type: ignore[no-untyped-call]  # noqa: SLF001

    # -- what the client underneath reports ---------------------------------------------------------------------------

    def _closed(self, client: Client) -> None:
        if client is self._client:
            trouble = self._explain(str(client.last_error or self._last_error or "closed by the server"))
            self._troubled(trouble)
            self._lost(trouble)

    async def _on_error(self, error: Exception) -> None:
        text = str(error)
        violation = _VIOLATION.search(text)
        if violation is None:
            if isinstance(error, nats.errors.SlowConsumerError):
                self._log.warning("bus_messages_dropped", subject=error.subject)
            self._last_error = text or type(error).__name__
            return
        kind, subject = violation.groups()
        self._log.error("bus_permission_missing", action=kind, subject=subject)
        # The client lower-cases what the server says.
        for listener in self._listeners if kind == "subscription" else ():
            listener.refused = listener.refused or listener.subject.lower() == subject
        waiting = [(pending.subject, pending.fail) for pending in self._pending.values()]
        for refused, fail in [*waiting, *self._refusals] if kind == "publish" else ():
            if refused.lower() == subject:
                fail(faults.forbidden(self.name, "publish on", refused))

    def _answered(self, message: Msg) -> None:
        pending = self._pending.get(message.subject.rsplit(".", 1)[1])
        if pending is not None and not pending.future.done():
            pending.future.set_result(message)


def status_of(message: Msg) -> str:
    """The status of a message of the server's own (`503` nobody listens, `404`, `408` …); empty for all others."""
    return message.headers.get("Status", "") if message.headers and not message.data else ""
