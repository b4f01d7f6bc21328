"""Requests between services: one answer, or a stream of chunks under credit.

A request goes to `svc.<package>.<verb>.<caller>`, where the server lets only the caller publish: the giver knows who
asks. A request to one of many gateways goes to `gw.<gateway>.<verb>.<caller>`, which that gateway alone hears. Errors come back as code, message, hint, status and facts, and are raised again as the same class.

A streamed answer sends at most `WINDOW` chunks that the caller has not confirmed, so that a slow caller holds up the
giver instead of filling the server. The caller confirms on `flow.<package>.<caller>.<stream>` with the number of chunks
it has taken, and repeats that while it is busy; the giver says that it lives while a chunk takes long. Silence on
either side ends the stream.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec
from nats.aio.msg import Msg

from lineshaft.bus import faults
from lineshaft.bus.connection import Connection, Listener, status_of
from lineshaft.bus.envelopes import encode_body
from lineshaft.bus.permissions import RESPOND_SECONDS
from lineshaft.bus.subjects import Subjects
from lineshaft.core import clock, ids, logs, trace
from lineshaft.core.errors import InvalidInput, LineshaftError, TooMany, Unavailable

Handler = Callable[[str, bytes], Awaitable[Any]]
"""`async def handler(caller: str, body: bytes) -> bytes | Struct | None`."""
Chunk = tuple[Mapping[str, str], bytes]
StreamHandler = Callable[[str, bytes], AsyncIterator[Chunk]]
"""`async def handler(caller: str, body: bytes)` that yields `(headers, bytes)`."""

WINDOW = 4
"""Chunks under way that the caller has not confirmed."""
MAXIMUM_REQUESTS = 64
"""Requests that one verb works on at a time; more are refused at once."""
ALIVE_SECONDS = 2.0
"""How often each side of a stream says that it lives while nothing else moves."""
STALL_SECONDS = 15.0
"""Silence of the caller after which the giver ends a stream."""
REPLY_SECONDS = RESPOND_SECONDS / 4
"""Age at which a stream's caller names a fresh reply subject: the giver's permission for the old one runs out."""
_CLOSE_SECONDS = 5.0
_MAXIMUM_ERROR_BYTES = 32 << 10
_ERROR, _STREAM, _CHUNK, _END, _ALIVE = "Ls-Error", "Ls-Stream", "Ls-Chunk", "Ls-End", "Ls-Alive"
_TRACE = "Ls-Trace"
_OWN = (_CHUNK, _STREAM)
_CANCEL = -1


class WireError(msgspec.Struct, frozen=True, kw_only=True):
    """An error as it crosses the bus, in the body of the answer."""

    kind: str
    """Name of the class in `core.errors`."""
    code: str
    message: str
    hint: str
    status: int
    facts: dict[str, Any]


class Credit(msgspec.Struct, frozen=True):
    """How many chunks of a stream its caller has taken; `-1`: it wants no more."""

    taken: int


class _Address:
    """Whom a request goes to: a package, or the one gateway that is named."""

    def __init__(self, subjects: Subjects, package: str, gateway: str) -> None:
        self.package = package
        self.gateway = gateway
        self._subjects = subjects

    def asked(self, verb: str, caller: str) -> str:
        """Where `caller` asks."""
        if self.gateway:
            return self._subjects.gateway(self.gateway, verb, caller)
        return self._subjects.service(self.package, verb, caller)

    def heard(self, verb: str) -> str:
        """Where its requests are heard."""
        if self.gateway:
            return self._subjects.gateway_of_all(self.gateway, verb)
        return self._subjects.service_of_all(self.package, verb)

    def flow(self, caller: str, stream: str) -> str:
        """Where `caller` sends credit."""
        if self.gateway:
            return self._subjects.gateway_flow(self.gateway, caller, stream)
        return self._subjects.flow(self.package, caller, stream)

    def flows(self) -> str:
        """Where credit for its streams is heard."""
        return self._subjects.gateway_flows_to(self.gateway) if self.gateway else self._subjects.flows_to(self.package)

    def nobody_listens(self, verb: str) -> Unavailable:
        return faults.gateway_away(self.gateway, verb) if self.gateway else faults.nobody_listens(self.package, verb)


class Services:
    """Asks and answers over one connection."""

    def __init__(self, connection: Connection, subjects: Subjects) -> None:
        self._connection = connection
        self._subjects = subjects
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._given: dict[tuple[str, str], _Giver] = {}
        self._flows: dict[str, Listener] = {}
        self._log = logs.get("bus")

    # -- asking -----------------------------------------------------------------------------------------------------

    async def request(self, package: str, verb: str, body: Any, *, timeout: float, gateway: str = "") -> bytes:
        """Ask and wait for the answer's bytes; see `Bus.request`."""
        address = _Address(self._subjects, package, gateway)
        subject = address.asked(verb, self._connection.name)
        headers = {_TRACE: trace.current()} if trace.current() else None
        answer = await self._connection.ask(subject, encode_body(body), timeout=timeout, headers=headers)
        if answer is None:
            raise address.nobody_listens(verb)
        raise_error(answer)
        return answer.data

    async def request_stream(
        self, package: str, verb: str, body: Any, *, timeout: float, gateway: str = ""
    ) -> AsyncIterator[tuple[dict[str, str], bytes]]:
        """Ask and give the answer's chunks; see `Bus.request_stream`."""
        taker = _Taker(self._connection, _Address(self._subjects, package, gateway), verb, timeout)
        try:
            await taker.start(encode_body(body))
            while (chunk := await taker.next()) is not None:
                yield chunk
        finally:
            await taker.close()

    # -- answering --------------------------------------------------------------------------------------------------

    async def serve(self, package: str, verb: str, handler: Handler, *, gateway: str = "") -> Listener:
        async def answer(caller: str, message: Msg) -> None:
            result = await handler(caller, message.data)
            await self._connection.publish(message.reply, encode_body(result))

        return await self._answer_with(_Address(self._subjects, package, gateway), verb, answer)

    async def serve_stream(self, package: str, verb: str, handler: StreamHandler, *, gateway: str = "") -> Listener:
        async def answer(caller: str, message: Msg) -> None:
            stream = (message.headers or {}).get(_STREAM)
            if stream is None:
                raise _stream_expected(package, verb)
            giver = _Giver(self._connection, message.reply)
            self._given[caller, stream] = giver
            try:
                await giver.give(handler(caller, message.data))
            finally:
                del self._given[caller, stream]

        address = _Address(self._subjects, package, gateway)
        flows = address.flows()
        if flows not in self._flows:
            self._flows[flows] = await self._connection.listen(flows, self._credit)
        return await self._answer_with(address, verb, answer)

    async def close(self) -> None:
        """Take no more requests, let those under way end, then give up on them and tell their callers."""
        for listener in self._listeners:
            await listener.stop()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_CLOSE_SECONDS)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for flow in self._flows.values():
            await flow.stop()

    async def _answer_with(
        self, address: _Address, verb: str, answer: Callable[[str, Msg], Awaitable[None]]
    ) -> Listener:
        package, active = address.package, 0

        async def work(message: Msg) -> None:
            nonlocal active
            active += 1
            try:
                await self._guard(package, verb, message, answer)
            finally:
                active -= 1

        def take(message: Msg) -> None:
            job = work(message) if active < MAXIMUM_REQUESTS else self._send_error(message, _busy(package, verb))
            task = asyncio.get_running_loop().create_task(job, name=f"{package}.{verb}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        listener = await self._connection.listen(address.heard(verb), take, queue=f"{package}.{verb}")
        self._listeners.append(listener)
        return listener

    async def _guard(
        self, package: str, verb: str, message: Msg, answer: Callable[[str, Msg], Awaitable[None]]
    ) -> None:
        """One request from its message to its answer, whatever happens in between."""
        caller = message.subject.rsplit(".", 1)[1]
        trace.resume((message.headers or {}).get(_TRACE, ""))
        try:
            await answer(caller, message)
        except LineshaftError as error:
            await self._send_error(message, error)
        except asyncio.CancelledError:
            await self._send_error(message, _stopped(package, verb))
            raise
        except Exception:  # noqa: BLE001  # the boundary of the service: the caller must get an answer, and the log the cause
            self._log.exception("bus_handler_failed", package=package, verb=verb, caller=caller)
            await self._send_error(message, _handler_failed(package, verb))

    async def _send_error(self, message: Msg, error: LineshaftError) -> None:
        with contextlib.suppress(LineshaftError):  # no connection: the caller's deadline tells it
            await self._connection.publish(message.reply, encode_error(error), headers={_ERROR: error.code})

    def _credit(self, message: Msg) -> None:
        *_, caller, stream = message.subject.split(".")
        giver = self._given.get((caller, stream))
        if giver is not None:
            with contextlib.suppress(msgspec.MsgspecError):
                giver.credit(msgspec.json.decode(message.data, type=Credit).taken, message.reply)


class _Giver:
    """Sends one stream's chunks under its caller's credit."""

    def __init__(self, connection: Connection, reply: str) -> None:
        self._connection = connection
        self._reply = reply
        self._sent = 0
        self._taken = 0
        self._news = asyncio.Event()

    def credit(self, taken: int, reply: str) -> None:
        self._reply = reply
        self._taken = taken if taken == _CANCEL else max(self._taken, taken)
        self._news.set()

    async def give(self, chunks: AsyncIterator[Chunk]) -> None:
        try:
            while (chunk := await self._produce(chunks)) is not None and await self._may_send():
                headers, data = chunk
                await self._connection.publish(self._reply, data, headers={**headers, _CHUNK: str(self._sent)})
                self._sent += 1
            if self._taken != _CANCEL:
                await self._connection.publish(self._reply, b"", headers={_END: str(self._sent)})
        finally:
            close = getattr(chunks, "aclose", None)
            if close is not None:
                await close()

    async def _produce(self, chunks: AsyncIterator[Chunk]) -> Chunk | None:
        """The next chunk; says meanwhile that the giver lives."""
        next_chunk = asyncio.ensure_future(anext(chunks, None))
        try:
            while not next_chunk.done():
                await asyncio.wait([next_chunk], timeout=ALIVE_SECONDS)
                if self._taken == _CANCEL:
                    return None
                if not next_chunk.done():
                    await self._connection.publish(self._reply, b"", headers={_ALIVE: "1"})
            return next_chunk.result()
        finally:
            if not next_chunk.done():
                next_chunk.cancel()
                await asyncio.gather(next_chunk, return_exceptions=True)

    async def _may_send(self) -> bool:
        """Wait for credit; False where the caller wants no more or has gone silent."""
        while self._taken != _CANCEL and self._sent - self._taken >= WINDOW:
            self._news.clear()
            try:
                async with asyncio.timeout(STALL_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                logs.get("bus").warning("bus_stream_abandoned", chunks_sent=self._sent)
                self._taken = _CANCEL
        return self._taken != _CANCEL


class _Taker:
    """Takes one stream's chunks, in order, and gives credit for them."""

    def __init__(self, connection: Connection, address: _Address, verb: str, timeout: float) -> None:
        self._connection = connection
        self._address, self._verb = address, verb
        self._subject = address.asked(verb, connection.name)
        self._stream = ids.new_id()
        self._flow = address.flow(connection.name, self._stream)
        self._timeout = timeout
        self._inbox = connection.new_inbox()
        self._reply, self._reply_since = "", 0.0
        self._queue: asyncio.Queue[Msg | LineshaftError] = asyncio.Queue()
        self._received = 0
        self._taken = 0
        self._ended = False
        self._listener: Listener | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._unwatch = connection.on_change(self._connection_changed)
        self._unrefuse = connection.on_refusal(self._subject, self._queue.put_nowait)

    async def start(self, body: bytes) -> None:
        self._listener = await self._connection.listen(f"{self._inbox}.*", self._queue.put_nowait)
        await self._connection.publish(self._subject, body, reply=self._fresh_reply(), headers={_STREAM: self._stream})
        self._renewal = asyncio.create_task(self._renew(), name=f"credit of {self._address.package}.{self._verb}")

    async def next(self) -> tuple[dict[str, str], bytes] | None:
        """The next chunk; None at the end. Asking for it says that the one before is done with."""
        await self._confirm()
        while True:
            message = await self._hear()
            headers = message.headers or {}
            if _ALIVE in headers:
                continue
            number = int(headers.get(_END, headers.get(_CHUNK, "-1")))
            if number != self._received:
                raise self._broken(f"chunk {self._received} is missing")
            if _END in headers:
                self._ended = True
                return None
            self._received += 1
            return {key: value for key, value in headers.items() if key not in _OWN}, message.data

    async def close(self) -> None:
        self._unwatch()
        self._unrefuse()
        if self._renewal is not None:
            self._renewal.cancel()
        if not self._ended:
            with contextlib.suppress(LineshaftError):
                await self._send_credit(_CANCEL)
        if self._listener is not None:
            await self._listener.stop()

    async def _hear(self) -> Msg:
        try:
            async with asyncio.timeout(self._timeout):
                heard = await self._queue.get()
        except TimeoutError:
            self._ended = True
            raise faults.unanswered(self._subject, self._timeout) from None
        if isinstance(heard, LineshaftError):
            self._ended = True
            raise heard
        if status_of(heard):
            self._ended = True
            raise self._address.nobody_listens(self._verb)
        if _ERROR in (heard.headers or {}):
            self._ended = True
            raise_error(heard)
        return heard

    async def _confirm(self) -> None:
        if self._received - self._taken >= WINDOW // 2:
            self._taken = self._received
            await self._send_credit(self._taken)

    async def _renew(self) -> None:
        """Repeat the credit while the caller is busy with a chunk."""
        while True:
            await asyncio.sleep(ALIVE_SECONDS)
            with contextlib.suppress(LineshaftError):
                await self._send_credit(self._taken)

    async def _send_credit(self, taken: int) -> None:
        await self._connection.publish(self._flow, msgspec.json.encode(Credit(taken)), reply=self._fresh_reply())

    def _fresh_reply(self) -> str:
        """Where the giver is to send from now on. A reply subject used again would not renew its permission."""
        now = clock.monotonic()
        if not self._reply or now - self._reply_since > REPLY_SECONDS:
            self._reply, self._reply_since = f"{self._inbox}.{ids.new_id()}", now
        return self._reply

    def _connection_changed(self, connected: bool) -> None:  # noqa: FBT001  # a watcher's one argument
        if not connected:
            self._queue.put_nowait(faults.connection_lost(self._subject))

    def _broken(self, reason: str) -> Unavailable:
        package = self._address.package
        return Unavailable(
            "bus.stream_broken", f"the streamed answer of {package}.{self._verb} broke: {reason}",
            "Ask again.", package=package, verb=self._verb, reason=reason,
        )  # fmt: skip


def encode_error(error: LineshaftError) -> bytes:
    """An error as it crosses the bus. Facts that are no JSON become text; too many of them stay behind."""
    wire = WireError(
        kind=type(error).__name__, code=error.code, message=error.message, hint=error.hint, status=error.status,
        facts=error.facts,
    )  # fmt: skip
    try:
        body = msgspec.json.encode(wire, enc_hook=str)
    except (TypeError, ValueError):  # such as a key that is neither text nor number
        body = msgspec.json.encode(msgspec.structs.replace(wire, facts={"facts": repr(error.facts)}))
    if len(body) <= _MAXIMUM_ERROR_BYTES:
        return body
    short = error.message[: _MAXIMUM_ERROR_BYTES // 16]
    return msgspec.json.encode(msgspec.structs.replace(wire, message=short, facts={}))


def raise_error(answer: Msg) -> None:
    """Raise the error that an answer carries; return where it carries none."""
    if _ERROR not in (answer.headers or {}):
        return
    try:
        wire = msgspec.json.decode(answer.data, type=WireError)
    except msgspec.MsgspecError as error:
        raise faults.answer_unreadable(answer.subject, str(error)) from error
    kind = next((kind for kind in LineshaftError.__subclasses__() if kind.__name__ == wire.kind), LineshaftError)
    raise kind(wire.code, wire.message, wire.hint, **wire.facts)


def _stream_expected(package: str, verb: str) -> InvalidInput:
    return InvalidInput(
        "bus.stream_expected", f"{package}.{verb} answers with a stream, and one answer was asked for",
        "Ask with request_stream.", field="verb", package=package, verb=verb,
    )  # fmt: skip


def _busy(package: str, verb: str) -> TooMany:
    return TooMany(
        "bus.service_busy", f"the service {package} already works on {MAXIMUM_REQUESTS} requests for {verb}",
        "Try again in a moment.", package=package, verb=verb, limit=MAXIMUM_REQUESTS,
    )  # fmt: skip


def _stopped(package: str, verb: str) -> Unavailable:
    return Unavailable(
        "bus.service_stopped", f"the service {package} stopped before it had answered {verb}",
        "It may or may not have been done: ask again when it runs.", package=package, verb=verb,
    )  # fmt: skip


def _handler_failed(package: str, verb: str) -> LineshaftError:
    return LineshaftError(
        "bus.handler_failed", f"the service {package} failed at {verb} for a reason that nobody foresaw",
        "Its log has the cause.", package=package, verb=verb,
    )  # fmt: skip
