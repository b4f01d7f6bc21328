"""Resolving for somebody who looks: the values, each server that was asked, and what of it is proved.

An inquiry starts at the roots of the settings; where there are none, at the node that runs here. It takes bounded time, and
says what it knows when that is over. What servers are asked is bounded as for every client: see `client.reach`.
"""

import asyncio
import contextlib
import time
import weakref
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, LineshaftError, TooMany, Unavailable
from lineshaft.resolution.client import (
    Answer,
    Client,
    Patience,
    Reach,
    Roots,
    Trail,
    fingerprint,
    parse_address,
    reach_of,
    read_roots,
)
from lineshaft.resolution.client.http import UNPACKED, pinned, quoted, read_body
from lineshaft.resolution.client.walk import Zone
from lineshaft.resolution.proofs import Verified
from lineshaft.resolution.refusals import error_of
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.settings import ResolutionSettings
from lineshaft.resolution.site import HTTP, HTTPS, Server
from lineshaft.resolution.trust import Registrars, Verdict, verify_record, verify_registration
from lineshaft.resolution.trust.registration import registrars_of
from lineshaft.resolution.values.json_form import value_to_json

_SECONDS: Final = 12.0
"""For an answer with all that proves it."""
_TRUST_SECONDS: Final = 6.0
_AT_A_TIME: Final = 8
_OF_EACH: Final = 2
_WAIT_SECONDS: Final = 12.0
"""For a place among those that are under way."""
_PATIENCE: Final = Patience(udp=(0.4, 0.8), connecting=2.0, tcp=4.0, moving=3.0)
"""Somebody waits in front of it: a server that is silent for that long counts as down."""
_PROOF_SECONDS: Final = 3.0
_MOST_PROOF_BYTES: Final = 1 << 20


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What the node's proof of registration is worth."""

    proof: Verified | None = None
    """Checked, and of the values that were answered; None where it does not hold."""
    source: str = ""
    """Where the key that signed it is known from: `roots`, `node`, or a prefix."""
    problem: LineshaftError | None = None
    """Why it does not hold."""


class Inquiry(msgspec.Struct, kw_only=True):
    """What came of a question; filled as far as the way led."""

    handle: str
    trail: Trail = []
    answer: Answer | None = None
    problem: LineshaftError | None = None
    """Why there is no answer."""
    verdict: Verdict | None = None
    """What signatures in the record prove; None where that could not be found out in time."""
    registration: Registration | None = None
    """None: the servers give no proof."""


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where resolution starts."""

    roots: Roots
    reach: Reach
    node: str = ""
    """Address of the node that runs here, where no roots are known."""


class Inquiries:
    """Asks for people, a few at a time, and for each of them fewer.

    Args:
        settings: say where to start, and which servers may be asked.
        patience: how long to wait for servers.
        seconds: for the whole of an inquiry.
    """

    def __init__(
        self, settings: ResolutionSettings, *, patience: Patience = _PATIENCE, seconds: float = _SECONDS
    ) -> None:  # fmt: skip
        self._settings = settings
        self._patience = patience
        self._seconds = seconds
        self._places = asyncio.Semaphore(_AT_A_TIME)
        self._own: weakref.WeakValueDictionary[str, asyncio.Semaphore] = weakref.WeakValueDictionary()

    def start(self) -> Start:
        """Where resolution starts; the file of roots is read anew each time.

        Raises:
            InvalidInput: the file cannot be used.
            Unavailable: nothing says where to start.
        """
        settings = self._settings
        if settings.roots_file:
            roots = read_roots(Path(settings.roots_file).expanduser())
            return Start(roots=roots, reach=reach_of(settings.reach, roots.starts).with_sites(roots.sites))
        if not settings.roles:
            raise Unavailable(
                "resolution.no_roots", "this installation does not know where resolution starts",
                "Set resolution.roots_file to a file of root sites, or run a node here (resolution.roles).",
            )  # fmt: skip
        host = settings.local_host
        node = f"[{host}]:{settings.port}" if ":" in host else f"{host}:{settings.port}"
        reach = reach_of(settings.reach, settings.hosts).with_sites((parse_address(node),))
        return Start(roots=Roots(), reach=reach, node=node)

    async def ask(self, handle: str, asker: str) -> Inquiry:
        """What a handle leads to. A way that ends early is an answer, too: its `problem` says why.

        Args:
            handle: to resolve.
            asker: id of who asks; of each a few at a time, so that nobody keeps the others waiting.

        Raises:
            InvalidInput: the file of roots cannot be used. Unavailable: nothing says where to start.
            TooMany: their inquiries, or those of all, took too long for one more.
        """
        start = await asyncio.to_thread(self.start)
        inquiry = Inquiry(handle=handle, trail=[])
        async with self._place(asker), self._client(start) as client:
            until = clock.monotonic() + self._seconds
            try:
                async with asyncio.timeout(self._seconds):
                    inquiry.answer = await client.resolve(
                        handle.encode(), certified="where possible", trail=inquiry.trail
                    )
            except TimeoutError:
                inquiry.problem = self._too_late(handle)
            except Refused as refused:
                inquiry.problem = error_of(refused, handle, inquiry.trail)
            except LineshaftError as error:
                inquiry.problem = error
            if inquiry.answer is not None:
                await self._weigh(client, start, inquiry, inquiry.answer, until - clock.monotonic())
        return inquiry

    @contextlib.asynccontextmanager
    async def _place(self, asker: str) -> AsyncGenerator[None]:
        own = self._own.setdefault(asker, asyncio.Semaphore(_OF_EACH))
        async with contextlib.AsyncExitStack() as taken:
            try:
                async with asyncio.timeout(_WAIT_SECONDS):
                    await taken.enter_async_context(own)
                    await taken.enter_async_context(self._places)
            except TimeoutError:
                raise TooMany(
                    "resolution.inquiries_busy", f"{_OF_EACH} of your inquiries or {_AT_A_TIME} in all are under way already",
                    "Ask again in a moment.", own=_OF_EACH, maximum=_AT_A_TIME,
                ) from None  # fmt: skip
            yield

    def _client(self, start: Start) -> Client:
        at = parse_address(start.node) if start.node else None
        return Client(start.roots, at=at, patience=self._patience, reach=start.reach)

    def _too_late(self, handle: str) -> Unavailable:
        return Unavailable(
            "resolution.out_of_time", f"{handle} was not resolved within {self._seconds:.0f} seconds",
            "Servers on the way are silent or slow; the questions that were asked show which.", handle=handle,
            seconds=round(self._seconds),
        )  # fmt: skip

    async def _weigh(self, client: Client, start: Start, inquiry: Inquiry, answer: Answer, seconds: float) -> None:
        """Add what is proved; an answer without it is still one."""
        limit = max(0.5, min(seconds, _TRUST_SECONDS))
        trail = list(inquiry.trail)
        try:
            async with asyncio.timeout(limit):
                keys = await client.root_keys(start.roots)
                inquiry.verdict = await verify_record(
                    answer.handle, answer.values, keys, client.values, int(time.time())
                )
                inquiry.registration = await _registration(client, start, answer, trail)
        except (TimeoutError, Refused, LineshaftError):
            return


async def _registration(client: Client, start: Start, answer: Answer, trail: Trail) -> Registration | None:
    """The proof that the servers of a handle give, checked; None where they give none."""
    if start.node:
        zone = Zone(b"", (await client.site(answer.handle),))
        known = frozenset(fingerprint(one.public_key) for one in zone.sites[0].servers if one.public_key)
        allowed, reach = Registrars(keys=known, source="node"), start.reach.with_sites(zone.sites)
    else:
        zone = await client.walk.zone_of(answer.handle)
        allowed, reach = await registrars_of(client, start.roots, zone, trail), start.reach
    servers = [site.server_for(answer.handle) for site in zone.sites if site.servers]
    for server in servers:
        given = None if reach.refusal(server) else await _fetched(server, answer.handle)
        if given is not None:
            return _checked(given, answer, allowed)
    return None


def _checked(given: object, answer: Answer, allowed: Registrars) -> Registration:
    try:
        found = verify_registration(given, answer.handle, allowed)
    except LineshaftError as error:
        return Registration(problem=error)
    if found.values != [value_to_json(value) for value in answer.values if value.public]:
        return Registration(problem=Corrupt(
            "resolution.registration_of_another", "the proof is of a record with other values",
            "The record was changed since, or the answer is not what was registered: ask again.",
        ))  # fmt: skip
    return Registration(proof=found, source=allowed.source)


async def _fetched(server: Server, handle: bytes) -> object | None:
    """A proof of registration from a server's HTTP API; None where it has none, or none that may be read.

    Who the server is, is not asked: the proof is signed, and checked by that.
    """
    import httpx

    plain, tls = server.interface(HTTP), server.interface(HTTPS)
    way = plain or tls
    if way is None:
        return None
    host = f"[{server.address}]" if ":" in server.address else server.address
    address = f"{'http' if way is plain else 'https'}://{host}:{way.port}"
    try:
        path = "/api/v1/resolution/proofs/" + quoted(handle, safe="/:@!$'()*,;=~-._")
        async with (
            asyncio.timeout(_PROOF_SECONDS),
            httpx.AsyncClient(
                base_url=address, timeout=_PROOF_SECONDS, trust_env=False, verify=pinned(), headers=UNPACKED
            ) as client,
            client.stream("GET", path) as reply,
        ):
            if reply.status_code != httpx.codes.OK:
                return None
            return msgspec.json.decode(await read_body(reply, _MOST_PROOF_BYTES))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, msgspec.DecodeError, RecursionError):
        return None
