"""Requests to one server and observations of its resources, on aiocoap over UDP."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiocoap import GET, PUT, Context, Message
from aiocoap.error import Error, NotObservable, ObservationCancelled

from lineshaft.core import quality
from lineshaft.edge.drivers.coap.address import Resource
from lineshaft.edge.drivers.coap.options import Address, CoapOptions

MAX_AGE: Final = 60
"""Seconds that an answer is fresh where it says nothing (RFC 7252, 5.10.5)."""
_CLASS_SUCCESS: Final = 2
_LONGEST_BLOCK: Final = 1024
"""Bytes; who has more to say says it in blocks (RFC 7252, 4.6)."""
_MOST_WAITING: Final = 10_000
"""Notifications of one resource that wait to be taken."""
_LONGEST_FRAME: Final = 4096
"""The library reads no more of a datagram and does not say that there was more."""
_STATUS: Final = {
    "4.00": quality.BAD_NOT_SUPPORTED, "4.01": quality.BAD_USER_ACCESS_DENIED, "4.03": quality.BAD_USER_ACCESS_DENIED,
    "4.04": quality.BAD_NOT_FOUND, "4.05": quality.BAD_NOT_READABLE, "4.06": quality.BAD_NOT_SUPPORTED,
    "4.15": quality.BAD_NOT_SUPPORTED, "4.22": quality.BAD_OUT_OF_RANGE, "5.01": quality.BAD_NOT_SUPPORTED,
    "5.03": quality.BAD_RESOURCE_UNAVAILABLE, "5.04": quality.BAD_TIMEOUT,
}  # fmt: skip


class Silent(Exception):
    """No answer came, or the network says that none can come."""


class Ended(Exception):
    """The server does not send notifications of the resource, or not any more."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a server answers, or sends of itself."""

    code: str
    """Such as `2.05 Content`."""
    format: int | None
    """Content-Format; None where it says none."""
    max_age: float
    """Seconds."""
    payload: bytes
    good: bool
    cut: bool = False
    """The datagram was longer than is read: the payload is not whole."""

    @property
    def status(self) -> int:
        """OPC UA StatusCode of a refusal."""
        return quality.GOOD if self.good else _STATUS.get(self.code[:4], quality.BAD_DEVICE_FAILURE)


class Observation:
    """A resource that is observed: its answers in their order, every one of them, and none older than one given."""

    def __init__(self, request: Any, client: "Client", resource: Resource) -> None:
        self._request = request
        self._client = client
        self._resource = resource
        self._arrived: asyncio.Queue[Message | BaseException] = asyncio.Queue()
        # By callback, because the library's iterator forgets a notification when the next one is there already.
        request.observation.register_callback(self._arrive, _suppress_deprecation=True)
        request.observation.register_errback(self._arrive, _suppress_deprecation=True)

    def _arrive(self, arrived: Message | BaseException) -> None:
        """Keep what came; a server that sends faster than it can be taken is registered with anew, after a pause."""
        if self._arrived.qsize() >= _MOST_WAITING:
            while not self._arrived.empty():
                self._arrived.get_nowait()
            arrived = ObservationCancelled()
        self._arrived.put_nowait(arrived)

    async def first(self) -> Answer:
        """What the server answers to the registration. Raises Silent."""
        return await self._complete(await self._client.wait(self._request.response))

    async def next(self, seconds: float) -> Answer:
        """The next notification.

        Raises:
            TimeoutError: none came in that time. Ended: none will come. Silent: the network fails.
        """
        async with asyncio.timeout(seconds):
            arrived = await self._arrived.get()
        if isinstance(arrived, NotObservable | ObservationCancelled):
            raise Ended(type(arrived).__name__)
        if isinstance(arrived, BaseException):
            raise Silent(_reason(arrived)) from arrived
        return await self._complete(arrived)

    async def _complete(self, message: Message) -> Answer:
        """The whole answer: of one in several blocks the first is here (RFC 7959, 2.6); a longer one may be cut short."""
        block = message.opt.block2
        if (block is not None and block.more) or len(message.payload) > _LONGEST_BLOCK:
            return await self._client.get(self._resource)
        return _answer(message)

    def cancel(self) -> None:
        """Take no more of them; the server hears of it with the next one it sends (RFC 7641, 3.6)."""
        if not self._request.observation.cancelled:
            self._request.observation.cancel()


class Client:
    """One server.

    The library keeps to one request on the way for each socket (NSTART of RFC 7252, 4.8, as it is by default); the options'
    `at_once` is NSTART here, so there are up to as many sockets, opened when they are first needed.
    """

    def __init__(self, address: Address, options: CoapOptions) -> None:
        self._base = f"coap://{address.authority}/"
        self._options = options
        self._context: Context | None = None
        """Of observations, and the first of those that ask."""
        self._opened: list[Context] = []
        self._free: list[Context] = []
        self._places = asyncio.Semaphore(options.at_once)

    async def open(self) -> None:
        """Make a socket; nothing is sent yet."""
        self._context = await self._add()
        self._free.append(self._context)

    async def close(self) -> None:
        """Close the sockets."""
        opened, self._opened = self._opened, []
        self._context = None
        self._free.clear()
        for context in opened:
            await context.shutdown()

    async def _add(self) -> Context:
        context = await Context.create_client_context(transports=["udp6"])
        self._opened.append(context)
        return context

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[Context]:
        """A socket on which nothing is on the way."""
        async with self._places:
            if self._context is None:
                raise Silent("it is not connected")
            context = self._free.pop() if self._free else await self._add()
            try:
                yield context
            finally:
                if context in self._opened:
                    self._free.append(context)

    async def get(self, resource: Resource) -> Answer:
        """What a resource is now, in all its blocks. Raises Silent."""
        message = Message(code=GET, uri=self._base + resource.text)
        async with self._place() as context:
            return _answer(await self.wait(context.request(message).response))

    async def put(self, resource: Resource, payload: bytes, content_format: int) -> Answer:
        """Write a resource. Raises Silent."""
        message = Message(code=PUT, uri=self._base + resource.text, payload=payload, content_format=content_format)
        async with self._place() as context:
            return _answer(await self.wait(context.request(message).response))

    def observe(self, resource: Resource) -> Observation:
        """Ask to be told of a resource's changes."""
        message = Message(code=GET, uri=self._base + resource.text, observe=0)
        if self._context is None:
            raise Silent("it is not connected")
        return Observation(self._context.request(message, handle_blockwise=False), self, resource)

    async def wait(self, response: "asyncio.Future[Message]") -> Message:
        """An answer, within the time that the options give it. Raises Silent."""
        try:
            async with asyncio.timeout(self._options.timeout_seconds):
                return await response
        except (Error, OSError) as error:
            raise Silent(_reason(error)) from error


def _answer(message: Message) -> Answer:
    good = message.code.class_ == _CLASS_SUCCESS
    age = message.opt.max_age
    number = message.opt.content_format
    return Answer(
        code=message.code.dotted + " " + message.code.name_printable, format=None if number is None else int(number),
        max_age=MAX_AGE if age is None else float(age), payload=message.payload, good=good,
        cut=message.opt.block2 is None and _frame_bytes(message) >= _LONGEST_FRAME,
    )  # fmt: skip


def _frame_bytes(message: Message) -> int:
    """Length of the datagram that a message came in (RFC 7252, 3)."""
    return 4 + len(message.token) + len(message.opt.encode()) + 1 + len(message.payload)


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__
