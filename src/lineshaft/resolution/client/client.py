"""The client: resolves any handle from the roots, or at one server, and changes records."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal, Self

import msgspec

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.client.exchange import Asking, Exchange, Exchanged
from lineshaft.resolution.client.identity import Identity
from lineshaft.resolution.client.moving import Moving
from lineshaft.resolution.client.reach import Reach, reach_of
from lineshaft.resolution.client.roots import Roots
from lineshaft.resolution.client.trail import Trail
from lineshaft.resolution.client.transport import Patience
from lineshaft.resolution.client.walk import (
    MOST_REFERRALS,
    Walk,
    Zone,
    check_named,
    refusal_of,
)
from lineshaft.resolution.messages import (
    Body,
    ChangeValues,
    Created,
    HandleList,
    OfHandle,
    Raw,
    Referral,
    RemoveValues,
    Resolve,
    Resolved,
    Verified,
    VerifyAnswer,
)
from lineshaft.resolution.model import HandleValue, check_handle, handle_key, prefix_handle
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import ADMINISTRATION, Site, decode_site

ALIAS: Final = b"HS_ALIAS"
MOST_ALIASES: Final = 10
_STALE_SECONDS: Final = 60
_REFERRALS: Final = frozenset((codes.RC_SERVICE_REFERRAL, codes.RC_PREFIX_REFERRAL))


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a resolution found."""

    handle: bytes
    """Whose values they are: the last one, where aliases were followed."""
    values: tuple[HandleValue, ...]
    flags: int
    """Of the response's header."""
    minor: int
    """Version of the response: 2.`minor`."""
    expiration: int
    """Seconds since 1970 when the response is void."""
    server: str
    protocol: str
    seconds: float
    signed: bool
    """The response was signed by the server's key, and verified."""
    aliases: tuple[bytes, ...] = ()
    """Handles that were followed, the one asked for first."""

    def stale(self, seconds: float) -> bool:
        """Whether it holds values whose time is over: it comes from a cache, and is void sooner than others.

        Args:
            seconds: the time, in seconds since 1970.
        """
        return not self.flags & codes.AUTHORITATIVE and 0 < self.expiration < seconds + _STALE_SECONDS


class Client:
    """Asks and changes records. One client for many requests: it keeps connections and what it learns of prefixes.

    Args:
        roots: where resolution starts; may be empty where every call names a server.
        identity: proves who asks, where a server wants to know.
        sessions: requests of the identity go in sessions, instead of answering a challenge each.
        at: a site to ask about everything, instead of finding out: one's own server, or a recursive one.
        patience: how long to wait for servers.
        seconds: the time, in seconds since 1970.
        reach: which servers that records name may be asked; see `reach`.

    Every method raises `Refused` with the response code; 2 where nobody answered.
    """

    def __init__(
        self, roots: Roots = Roots(), *, identity: Identity | None = None, sessions: bool = False,  # noqa: B008
        at: Site | None = None, patience: Patience = Patience(), seconds: Callable[[], float] = time.time,  # noqa: B008
        reach: Reach | None = None,
    ) -> None:  # fmt: skip
        self._exchange = Exchange(patience, seconds)
        starts = [*roots.starts, *(server.address for server in (at.servers if at is not None else ()))]
        self.walk = Walk(roots, self._exchange, seconds, reach or reach_of((), starts))
        if at is not None:
            self.walk.believe(at)
        self._patience = patience
        self._identity = identity
        self._sessions = sessions
        self._at = None if at is None else Zone(b"", (at,))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def forget(self, handle: bytes | None = None) -> None:
        """Find out anew who serves the prefixes above a handle; above all, where none is named."""
        self.walk.forget(handle)

    async def close(self) -> None:
        """End all connections."""
        await self._exchange.close()

    # -- reading ------------------------------------------------------------------------------------------------------

    async def resolve(
        self, handle: bytes, *, indexes: Sequence[int] = (), types: Sequence[bytes] = (), public: bool = True,
        authoritative: bool = False, certified: bool | Literal["where possible"] = False, follow_aliases: bool = True,
        trail: Trail | None = None,
    ) -> Answer:  # fmt: skip
        """The values of a handle.

        Args:
            handle: what to resolve.
            indexes, types: only these; all where both are empty.
            public: only what everybody may read; otherwise all that the identity may.
            authoritative: from a primary site, past every cache.
            certified: signed by the server whose key its site's description holds; `where possible`: where it has one.
            follow_aliases: go on to the handle that HS_ALIAS names, ten at most.
            trail: gets a hop for each question.
        """
        flags = (codes.PUBLIC_ONLY if public else 0) | (codes.AUTHORITATIVE if authoritative else 0)
        flags |= codes.CERTIFIED if certified is True else 0
        wanted = (*types, ALIAS) if types and follow_aliases else tuple(types)
        aliases: list[bytes] = []
        while True:
            body = Resolve(handle, tuple(indexes), wanted)
            found = await self._about(handle, Asking(
                operation=codes.OC_RESOLUTION, body=body, flags=flags, identity=None if public else self._identity,
                in_session=self._sessions and not public,
            ), trail, certified=certified == "where possible")  # fmt: skip
            resolved = found.last.body
            if not isinstance(resolved, Resolved):
                raise refusal_of(found)
            target = next((one.data for one in resolved.values if one.type.upper() == ALIAS), None)
            if target is None or not follow_aliases or ALIAS in {one.upper() for one in types}:
                return _answer(resolved, found, aliases)
            aliases.append(handle)
            if len(aliases) > MOST_ALIASES or handle_key(target) in {handle_key(one) for one in aliases}:
                raise Refused(codes.RC_ERROR, "aliases name each other without end")
            handle = check_named(target)

    async def values(self, handle: bytes, types: Sequence[bytes] = ()) -> Sequence[HandleValue]:
        """The public values of a handle, signed by its server where that has a key."""
        asking = Asking(operation=codes.OC_RESOLUTION, body=Resolve(handle, types=tuple(types)), flags=codes.PUBLIC_ONLY,
                        only_tcp=True)  # fmt: skip
        found = await self._about(handle, asking, None, certified=True)
        if not isinstance(found.last.body, Resolved):
            raise refusal_of(found)
        return found.last.body.values

    async def verify(self, question: VerifyAnswer) -> bool:
        """Ask the server that holds a secret key whether an answer proves it; signed where that has a key."""
        asking = Asking(operation=codes.OC_VERIFY_ANSWER, body=question, only_tcp=True)
        found = await self._about(question.handle, asking, None, certified=True)
        return isinstance(found.last.body, Verified) and found.last.body.valid

    async def site(self, handle: bytes = b"0.NA/0.NA", trail: Trail | None = None) -> Site:
        """The description that the site of a handle gives of itself."""
        asking = Asking(operation=codes.OC_GET_SITE_INFO, body=OfHandle(handle))
        found = await self._about(handle, asking, trail)
        if found.code != codes.RC_SUCCESS or not isinstance(found.last.body, Raw):
            raise refusal_of(found)
        try:
            return decode_site(found.last.body.data)
        except LineshaftError as error:
            raise Refused(codes.RC_ERROR, error.message) from error

    async def root_keys(self, roots: Roots) -> tuple[keys.PublicKey, ...]:
        """The keys that certificates may end at: those of `roots`, and of root servers known by their address."""
        if self._at is not None or not roots.addresses:
            return roots.keys
        described = Roots(sites=(await self.walk.root()).sites, trust=roots.trust)
        return described.keys

    async def handles(self, prefix: bytes) -> AsyncIterator[bytes]:
        """The handles under a prefix on every server of its site."""
        zone = self._at or await self.walk.zone_of(prefix + b"/")
        asking = self._asking(codes.OC_LIST_HANDLES, OfHandle(prefix_handle(prefix)))
        site = zone.sites[0]
        for server in site.servers:
            alone = Zone(zone.prefix, (msgspec.structs.replace(site, servers=(server,)),))
            found = await self.walk.ask(alone, prefix, asking)
            for message in found.messages:
                if not isinstance(message.body, HandleList):
                    raise refusal_of(found)
                for handle in message.body.handles:
                    yield handle

    # -- changing -----------------------------------------------------------------------------------------------------

    async def create(
        self, handle: bytes, values: Sequence[HandleValue], *, overwrite: bool = False, mint: bool = False
    ) -> bytes:  # fmt: skip
        """Register a handle; returns it, with the rest of its suffix where `mint` has the server make one up."""
        flags = (codes.OVERWRITE if overwrite else 0) | (codes.MINT_SUFFIX if mint else 0)
        found = await self._change(codes.OC_CREATE_HANDLE, handle, ChangeValues(handle, tuple(values)), flags)
        body = found.last.body
        return body.handle if isinstance(body, Created) and body.handle is not None else handle

    async def delete(self, handle: bytes) -> None:
        """Remove a record."""
        await self._change(codes.OC_DELETE_HANDLE, handle, OfHandle(handle))

    async def add(self, handle: bytes, values: Sequence[HandleValue]) -> None:
        """Add values to a record."""
        await self._change(codes.OC_ADD_VALUE, handle, ChangeValues(handle, tuple(values)))

    async def modify(self, handle: bytes, values: Sequence[HandleValue]) -> None:
        """Put values in place of those with their indexes."""
        await self._change(codes.OC_MODIFY_VALUE, handle, ChangeValues(handle, tuple(values)))

    async def remove(self, handle: bytes, indexes: Sequence[int]) -> None:
        """Remove values from a record."""
        await self._change(codes.OC_REMOVE_VALUE, handle, RemoveValues(handle, tuple(indexes)))

    async def home(self, prefix: bytes) -> None:
        """Make a prefix at home on every server of the site that this client asks (`at`)."""
        await self._everywhere(codes.OC_HOME_PREFIX, prefix)

    async def unhome(self, prefix: bytes) -> None:
        """The opposite."""
        await self._everywhere(codes.OC_UNHOME_PREFIX, prefix)

    async def homes(self) -> list[bytes]:
        """The prefixes at home on the site that this client asks (`at`)."""
        asking = self._asking(codes.OC_LIST_PREFIXES, OfHandle(b"0.NA/0.NA"))
        found = await self.walk.ask(self._own(), b"0.NA/0.NA", asking)
        if not isinstance(found.last.body, HandleList):
            raise refusal_of(found)
        return [*found.last.body.handles]

    # -- how ----------------------------------------------------------------------------------------------------------

    async def _about(
        self, handle: bytes, asking: Asking, trail: Trail | None, *, certified: bool = False
    ) -> Exchanged:  # fmt: skip
        """Ask whoever holds the handle, following referrals."""
        check_handle(handle)
        if self._at is not None:
            asking = msgspec.structs.replace(asking, flags=asking.flags | codes.RECURSIVE)
            return await self._moving(handle, asking, trail).ask(self._at)
        moving = self._moving(handle, msgspec.structs.replace(asking, recursion=1), trail)  # nobody else goes on for us
        zone = await self.walk.zone_of(handle, trail)
        anew = False
        for _ in range(MOST_REFERRALS):
            found = await moving.ask(zone, certified=certified)
            body = found.last.body
            if isinstance(body, Referral) and found.code in _REFERRALS:
                zone = await self.walk.refer(handle, body, found.code, trail)
            elif found.code == codes.RC_NOT_RESPONSIBLE and not anew:
                anew = True  # it moved since its prefix was looked up
                self.walk.forget(handle)
                zone = await self.walk.zone_of(handle, trail)
            else:
                return found
        raise Refused(codes.RC_ERROR, f"more than {MOST_REFERRALS} referrals")

    def _moving(self, handle: bytes, asking: Asking, trail: Trail | None) -> Moving:
        return Moving(self.walk, handle, asking, self._patience.moving, trail)

    def _asking(self, operation: int, body: Body, flags: int = 0) -> Asking:
        return Asking(
            operation=operation, body=body, flags=flags | codes.AUTHORITATIVE, use=ADMINISTRATION,
            identity=self._identity, in_session=self._sessions,
        )  # fmt: skip

    async def _change(self, operation: int, handle: bytes, body: Body, flags: int = 0) -> Exchanged:
        found = await self._about(handle, self._asking(operation, body, flags), None)
        if found.code != codes.RC_SUCCESS:
            raise refusal_of(found)
        return found

    async def _everywhere(self, operation: int, prefix: bytes) -> None:
        asking = self._asking(operation, OfHandle(prefix_handle(prefix)))
        for site in self._own().sites:
            for server in site.servers:
                alone = Zone(b"", (msgspec.structs.replace(site, servers=(server,)),))
                found = await self.walk.ask(alone, prefix_handle(prefix), asking)
                if found.code != codes.RC_SUCCESS:
                    raise refusal_of(found)

    def _own(self) -> Zone:
        if self._at is None:
            raise Refused(codes.RC_ERROR, "name the site to ask")
        return self._at


def _answer(resolved: Resolved, found: Exchanged, aliases: Sequence[bytes]) -> Answer:
    last = found.last
    return Answer(
        handle=resolved.handle, values=resolved.values, flags=last.header.flags, minor=last.envelope.minor,
        expiration=last.header.expiration, server=found.server, protocol=found.protocol, seconds=found.seconds,
        signed=found.signed, aliases=tuple(aliases),
    )  # fmt: skip
