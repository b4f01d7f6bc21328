"""`POST /api/v1/resolution/handles:batch`: registrations as lines of NDJSON in, one line of NDJSON for each out.

    {"handle": "88.1/SN1", "values": […]}      →      {"line": 1, "handle": "88.1/SN1", "responseCode": 1}

Lines are registered some hundreds at a time, each time in one transaction with one proof; what is answered is durable.
Sent again, a line that was registered succeeds again. `?overwrite=true` puts records in the place of others.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Final

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.administration import Packed
from lineshaft.resolution.bulk.packing import Fault, Packer
from lineshaft.resolution.http.authorization import Authorization
from lineshaft.resolution.http.handles import administrator
from lineshaft.resolution.http.request import Answer, Disconnected, Request
from lineshaft.resolution.model import HandleValue, Reference, prefix_of
from lineshaft.resolution.node import Node
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.values.json_form import compact

MOST_LINES: Final = 1000
"""Of one transaction."""
MOST_BYTES: Final = 2 * 2**20
LONGEST_LINE: Final = 2**20
MOST_HELD: Final = 16 * 2**20
"""Bytes of results that wait for the end of the request; beyond, they are sent while it is still read."""
_PIECE: Final = 2**16


class Batches:
    """The route of batches."""

    def __init__(self, node: Node, authorization: Authorization) -> None:
        self._node = node
        self._authorization = authorization

    async def answer(self, request: Request) -> Answer:
        """Answer one request; its lines are read while they are registered.

        Raises:
            Refused: 402, 403, or no such operation.
        """
        if request.method != "POST":
            raise Refused(codes.RC_NOT_SUPPORTED)
        who = await administrator(self._authorization, request)
        overwrite = bool(request.flag("overwrite"))
        return Answer(
            status=200, headers=[(b"content-type", b"application/x-ndjson")],
            stream=self._results(request, who, overwrite=overwrite),
        )  # fmt: skip

    async def _results(self, request: Request, who: Reference, *, overwrite: bool) -> AsyncIterator[bytes]:
        number = 1
        known = _Known(self._node)
        held = bytearray()  # for clients that read nothing before they have sent everything
        try:
            async for lines in _portions(request):
                held += await self._registered(lines, number, who, known, overwrite=overwrite)
                number += len(lines)
                if len(held) > MOST_HELD:
                    yield bytes(held)
                    held.clear()
            for place in range(0, len(held), _PIECE):
                yield bytes(held[place : place + _PIECE])
        except Disconnected:
            return
        except LineshaftError as error:  # the answer has begun: its status cannot tell any more
            yield bytes(held) + compact({"responseCode": codes.RC_ERROR, "message": error.message}) + b"\n"

    async def _registered(
        self, lines: list[bytes], first: int, who: Reference, known: "_Known", *, overwrite: bool
    ) -> bytes:  # fmt: skip
        """Register some lines; their results, as lines."""
        packer = Packer(clock.now_us() // clock.MICROSECONDS)
        results: list[bytes] = []
        packed: list[Packed] = []
        handles: list[tuple[int, str]] = []
        for number, line in enumerate(lines, first):
            if not line.strip():
                continue
            try:
                handle, key, record = packer.pack(line)
            except Fault as fault:
                results.append(_result(number, fault.handle, codes.RC_INVALID_VALUE, str(fault)))
            else:
                packed.append((key, record))
                handles.append((number, handle))
        await known.of({prefix_of(key) for key, _ in packed})
        load = partial(self._node.registrar.load, overwrite=overwrite, seconds=packer.seconds)
        answers = await asyncio.to_thread(load, packed, who, known.records)
        self._node.store.renew()
        for (number, handle), refused in zip(handles, answers, strict=True):
            if refused is None:
                results.append(_result(number, handle, codes.RC_SUCCESS))
            else:
                results.append(_result(number, handle, refused.code, refused.message))
        return b"".join(results)


class _Known:
    """What other nodes' records say of who may register, for the prefixes of one request."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._asked: set[bytes] = set()
        self.records: dict[bytes, Sequence[HandleValue]] = {}

    async def of(self, prefixes: set[bytes]) -> None:
        for prefix in prefixes - self._asked:
            self.records.update(await self._node.known(prefix + b"/"))
            self._asked.add(prefix)


async def _portions(request: Request) -> AsyncIterator[list[bytes]]:
    """The lines of a body, some at a time."""
    rest = b""
    waiting: list[bytes] = []
    size = 0
    async for chunk in request.chunks():
        *whole, rest = (rest + chunk).split(b"\n")
        if len(rest) > LONGEST_LINE:
            waiting.append(rest[:1000])  # no line of JSON any more: it is refused like one
            break
        for line in whole:
            waiting.append(line)
            size += len(line)
            if len(waiting) >= MOST_LINES or size >= MOST_BYTES:
                yield waiting
                waiting, size = [], 0
    else:
        if rest:
            waiting.append(rest)
    if waiting:
        yield waiting


def _result(number: int, handle: str, code: int, message: str = "") -> bytes:
    found: dict[str, object] = {"line": number, "handle": handle, "responseCode": code}
    if message:
        found["message"] = message
    return compact(found) + b"\n"
