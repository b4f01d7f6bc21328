"""Finding who serves a handle: from the roots down, prefix by prefix.

    88.100.5/x    0.NA/88 at a root · 0.NA/88.100 where 0.NA/88 says (HS_SITE.PREFIX) · 0.NA/88.100.5 there · its HS_SITE

A server is believed about the prefixes under the one that was delegated to it, and about nothing else: what it says where
`0.NA/…` of others is served is not looked at. What is learned is kept as long as its time to live, for at most two days.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.client.exchange import Asking, Exchange, Exchanged, address_of
from lineshaft.resolution.client.lifetime import lifetime
from lineshaft.resolution.client.reach import Reach, reach_of
from lineshaft.resolution.client.roots import Roots, fingerprint, site_at
from lineshaft.resolution.client.trail import Hop, Trail
from lineshaft.resolution.client.transport import Unreachable
from lineshaft.resolution.messages import OfHandle, Raw, Referral, Refusal, Resolve, Resolved
from lineshaft.resolution.model import (
    ROOT_HANDLE,
    HandleValue,
    check_handle,
    is_prefix_handle,
    parent_prefix,
    prefix_handle,
    prefix_of,
    same_handle,
    suffix_of,
)
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Server, Site, decode_site

SERVICE: Final = (b"HS_SITE", b"HS_SITE.6", b"HS_SERV")
DERIVED: Final = (b"HS_SITE.PREFIX", b"HS_SERV.PREFIX", b"HS_NA_DELEGATE")
_INDIRECT: Final = frozenset((b"HS_SERV", b"HS_SERV.PREFIX"))
MOST_REFERRALS: Final = 10
_MOST_INDIRECTIONS: Final = 4
_NEGATIVE_SECONDS: Final = 60.0
_KEPT: Final = 50_000
_KEPT_NEWER: Final = 1_000


class Zone(msgspec.Struct, frozen=True):
    """Sites, and the prefix below which they are believed; empty at the root."""

    prefix: bytes
    sites: tuple[Site, ...]


class Delegation(msgspec.Struct, frozen=True):
    """What a prefix's record says: who holds the handles under it, and who the records of the prefixes below."""

    exists: bool
    service: tuple[Site, ...] = ()
    derived: tuple[Site, ...] = ()


class Walk:
    """Finds sites, and asks them.

    Args:
        roots: where to start.
        exchange: asks servers.
        seconds: the time, in seconds since 1970.
        reach: which servers that records name may be asked; by default what `reach_of` gives where the roots are.
    """

    def __init__(
        self, roots: Roots, exchange: Exchange, seconds: Callable[[], float] = time.time, reach: Reach | None = None
    ) -> None:  # fmt: skip
        self.roots = roots
        self._reach = (reach_of((), roots.starts) if reach is None else reach).with_sites(roots.sites)
        self._exchange = exchange
        self._seconds = seconds
        self._known: dict[bytes, tuple[Delegation, float]] = {}
        self._under_way: dict[bytes, asyncio.Task[Delegation]] = {}
        self._newer: dict[Site, Site] = {}
        """Descriptions of sites that were divided anew, and the ones that their servers gave instead."""
        self._root: Zone | None = None
        self._root_lock = asyncio.Lock()

    async def zone_of(self, handle: bytes, trail: Trail | None = None) -> Zone:
        """The sites that hold a handle.

        Raises:
            Refused: 102 it is no handle; 100 its prefix does not exist; 2 nobody could be asked, or serves it.
        """
        check_handle(handle)
        if is_prefix_handle(handle):
            top = same_handle(handle, ROOT_HANDLE)
            parent = None if top else parent_prefix(suffix_of(handle))
            return await self.root(trail) if parent is None else (await self._descend(parent, trail))[1]
        prefix = prefix_of(handle)
        found, _ = await self._descend(prefix, trail)
        if not found.exists:
            raise Refused(codes.RC_HANDLE_NOT_FOUND, f"there is no prefix {prefix.decode('utf-8', 'replace')}")
        sites = found.service or found.derived
        if not sites:
            raise Refused(
                codes.RC_ERROR, f"the record of prefix {prefix.decode('utf-8', 'replace')} names no site"
            )  # fmt: skip
        return Zone(prefix, sites)

    async def refer(self, handle: bytes, referral: Referral, code: int, trail: Trail | None = None) -> Zone:
        """Where a server sends us for a handle; believed for this handle only.

        Raises:
            Refused: 2 it sends us where it has no say, or nowhere.
        """
        check_named(referral.handle)
        if code == codes.RC_SERVICE_REFERRAL:
            sites = await self._sites(referral.values or (), SERVICE, trail, 0)
            if not sites:
                sites = await self._service_of(referral.handle, trail, 0)
            return Zone(prefix_of(handle), sites)
        prefix = suffix_of(handle) if is_prefix_handle(handle) else prefix_of(handle)
        named = suffix_of(referral.handle)
        if not is_prefix_handle(referral.handle) or not _within(prefix, named):
            raise _out_of_bailiwick(handle, referral.handle)
        sites = await self._sites(referral.values or (), DERIVED, trail, 0)
        if not sites:
            _, zone = await self._descend(named, trail)
        else:
            zone = Zone(named, sites)
        if is_prefix_handle(handle):
            return zone
        found = await self._from(zone, prefix, trail)
        if not found.exists:
            raise Refused(codes.RC_HANDLE_NOT_FOUND)
        return Zone(prefix, found.service or found.derived)

    def forget(self, handle: bytes | None) -> None:
        """Find the sites of a handle anew: those known did not know it, or did not answer; of all, where it is None.

        What is under way is for who waits for it, and not kept.
        """
        if handle is None:
            self._known.clear()
            self._under_way.clear()
            return
        prefix: bytes | None = suffix_of(handle) if is_prefix_handle(handle) else prefix_of(handle)
        while prefix is not None:
            self._known.pop(prefix.upper(), None)
            self._under_way.pop(prefix.upper(), None)
            prefix = parent_prefix(prefix)

    async def ask(self, zone: Zone, handle: bytes, asking: Asking, trail: Trail | None = None) -> Exchanged:
        """Ask the zone's sites in turn until one answers.

        Raises:
            Refused: 2 none did; 3 where one has too much to do.
        """
        primary = bool(asking.flags & codes.AUTHORITATIVE) or asking.operation not in READING
        reasons, busy = [], False
        sites = [self._latest(site) for site in zone.sites]
        for _, server in self._exchange.transport.in_order(sites, handle, primary=primary):
            began = clock.monotonic()
            try:
                self._check_reach(server)
                found = await self._exchange.ask(server, asking)
            except Unreachable as error:
                reasons.append(str(error))
                _note(trail, handle, zone, server, None, clock.monotonic() - began, note=str(error))
                continue
            _note(trail, handle, zone, server, found, found.seconds)
            if found.code == codes.RC_SERVER_BUSY:
                reasons.append(f"{server.address}: it has too much to do")
                busy = True
                continue
            return found
        if busy:
            raise Refused(codes.RC_SERVER_BUSY, "; ".join(reasons))
        self._forget_newer(zone)
        raise Refused(codes.RC_ERROR, "no server answered: " + ("; ".join(reasons) or "the prefix has no such site"))

    def asked(self, zone: Zone, handle: bytes, found: Exchanged) -> Site | None:
        """The site whose server gave an answer about a handle, by the description that it was found by."""
        sites = (self._latest(site) for site in zone.sites)
        return next((site for site in sites if address_of(site.server_for(handle)) == found.server), None)

    def renew(self, old: Site, new: Site) -> None:
        """Go by another description of a site from now on, wherever the old one is found."""
        while len(self._newer) >= _KEPT_NEWER:
            del self._newer[next(iter(self._newer))]
        self._newer[old] = new

    def _latest(self, site: Site) -> Site:
        for _ in range(len(self._newer)):
            newer = self._newer.get(site)
            if newer is None:
                break
            site = newer
        return site

    def _forget_newer(self, zone: Zone) -> None:
        """Go by what records say, where newer descriptions lead nowhere."""
        for site in zone.sites:
            self._newer.pop(site, None)

    def believe(self, site: Site) -> None:
        """Ask the servers of a site wherever they are: configuration names it."""
        self._reach = self._reach.with_sites((site,))

    def _check_reach(self, server: Server) -> None:
        """Raises:
        Unreachable: a record alone does not lead to the server.
        """
        reason = self._reach.refusal(server)
        if reason:
            raise Unreachable(f"server {server.number} is not asked: {reason}")

    async def root(self, trail: Trail | None = None) -> Zone:
        """The root sites; those of which only an address is known are asked for their description first.

        Raises:
            Refused: 2 none is known, or answers.
        """
        if self._root is None:
            async with self._root_lock:
                if self._root is None:
                    described = await self._described(trail)
                    found = [*self.roots.sites, *described]
                    if not found:
                        raise Refused(codes.RC_ERROR, "no root site is known")
                    self._reach = self._reach.with_sites(described)  # their keys are those of the configuration
                    self._root = Zone(b"", tuple(found))
        return self._root

    # -- down the tree ------------------------------------------------------------------------------------------------

    async def _descend(self, prefix: bytes, trail: Trail | None) -> tuple[Delegation, Zone]:
        """What the record of a prefix says, and the zone that holds the records below it."""
        zone = await self.root(trail)
        found = Delegation(exists=False)
        for level in _levels(prefix):
            found = await self._delegation(level, zone, trail)
            if found.derived:
                zone = Zone(level, found.derived)
        return found, zone

    async def _delegation(self, level: bytes, zone: Zone, trail: Trail | None) -> Delegation:
        key = level.upper()
        known = self._known.get(key)
        if known is not None and known[1] > clock.monotonic():
            return known[0]
        task = self._under_way.get(key)
        if task is None or trail is not None:
            task = asyncio.get_running_loop().create_task(self._learn(key, level, zone, trail))
            self._under_way[key] = task
            task.add_done_callback(lambda done: self._done(key, done))
        return await asyncio.shield(task)

    def _done(self, key: bytes, task: asyncio.Task[Delegation]) -> None:
        if self._under_way.get(key) is task:
            del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it

    async def _learn(self, key: bytes, level: bytes, zone: Zone, trail: Trail | None) -> Delegation:
        values = await self._record(level, zone, trail)
        if values is None:
            found, seconds = Delegation(exists=False), _NEGATIVE_SECONDS
        else:
            found = await self._read(values, trail)
            seconds = lifetime(values, int(self._seconds())) if values else _NEGATIVE_SECONDS
        current = self._under_way.get(key) is asyncio.current_task()  # else forgotten, or asked anew, meanwhile
        if seconds > 0 and current:
            self._known.pop(key, None)
            while len(self._known) >= _KEPT:
                del self._known[next(iter(self._known))]
            self._known[key] = (found, clock.monotonic() + seconds)
        return found

    async def _from(self, zone: Zone, prefix: bytes, trail: Trail | None) -> Delegation:
        """What the record of a prefix says, from a zone on that is believed for this question only."""
        found = Delegation(exists=False)
        for level in _levels(prefix):
            if len(level) < len(zone.prefix):
                continue
            values = await self._record(level, zone, trail)
            found = Delegation(exists=False) if values is None else await self._read(values, trail)
            if found.derived:
                zone = Zone(level, found.derived)
        return found

    async def _record(self, level: bytes, zone: Zone, trail: Trail | None) -> Sequence[HandleValue] | None:
        """What a prefix's record says of sites; None where there is no such record."""
        handle = prefix_handle(level)
        asking = Asking(
            operation=codes.OC_RESOLUTION, body=Resolve(handle, types=(*SERVICE, *DERIVED)), flags=codes.PUBLIC_ONLY,
            recursion=1,
        )  # fmt: skip
        for _ in range(MOST_REFERRALS):
            found = await self.ask(zone, handle, certified_where_possible(zone, asking), trail)
            body = found.last.body
            if isinstance(body, Resolved):
                return body.values
            if found.code == codes.RC_VALUES_NOT_FOUND:
                return ()
            if found.code in {codes.RC_HANDLE_NOT_FOUND, codes.RC_NOT_RESPONSIBLE}:
                return None
            if not isinstance(body, Referral):
                raise refusal_of(found)
            zone = await self._referred(level, zone, body, trail)
        raise Refused(codes.RC_ERROR, f"more than {MOST_REFERRALS} referrals for {handle.decode('utf-8', 'replace')}")

    async def _referred(self, level: bytes, zone: Zone, referral: Referral, trail: Trail | None) -> Zone:
        """The zone below, that a zone's server names: nearer to the level that is looked for, never beside it."""
        named = suffix_of(check_named(referral.handle))
        nearer = len(named) > len(zone.prefix) and _within(level, named) and _within(named, zone.prefix)
        if not is_prefix_handle(referral.handle) or not nearer:
            raise _out_of_bailiwick(prefix_handle(level), referral.handle)
        sites = await self._sites(referral.values or (), DERIVED, trail, 0)
        if not sites:
            raise _out_of_bailiwick(prefix_handle(level), referral.handle)
        return Zone(named, sites)

    # -- what records say ---------------------------------------------------------------------------------------------

    async def _read(self, values: Sequence[HandleValue], trail: Trail | None) -> Delegation:
        return Delegation(
            exists=True,
            service=await self._sites(values, SERVICE, trail, 0),
            derived=await self._sites(values, DERIVED, trail, 0),
        )

    async def _sites(
        self, values: Iterable[HandleValue], types: Sequence[bytes], trail: Trail | None, depth: int
    ) -> tuple[Site, ...]:  # fmt: skip
        """The sites that values of those types describe, or name the handle of."""
        sites: list[Site] = []
        services: list[bytes] = []
        for value in values:
            kind = value.type.upper()
            if kind not in types:
                continue
            if kind in _INDIRECT:
                services.append(value.data)
                continue
            try:
                sites.append(decode_site(value.data))
            except LineshaftError:  # the others may do
                continue
        if not sites and services:
            return await self._service_of(services[0], trail, depth)
        return tuple(site for site in sites if site.servers)

    async def _service_of(self, handle: bytes, trail: Trail | None, depth: int) -> tuple[Site, ...]:
        """The sites that a service's own record describes."""
        if depth >= _MOST_INDIRECTIONS:
            raise Refused(codes.RC_ERROR, "services name each other without end")
        zone = await self.zone_of(check_named(handle), trail)
        asking = Asking(
            operation=codes.OC_RESOLUTION, body=Resolve(handle, types=SERVICE), flags=codes.PUBLIC_ONLY, recursion=1
        )  # fmt: skip
        found = await self.ask(zone, handle, certified_where_possible(zone, asking), trail)
        if not isinstance(found.last.body, Resolved):
            raise refusal_of(found)
        return await self._sites(found.last.body.values, SERVICE, trail, depth + 1)

    async def _described(self, trail: Trail | None) -> list[Site]:
        """The descriptions of root sites of which address and key are known."""
        found = []
        for root in self.roots.addresses:
            try:
                found.append(await self._description(root.address, root.port, root.fingerprint, trail))
            except (Refused, Unreachable, LineshaftError) as error:
                _note(trail, prefix_handle(b"0.NA"), Zone(b"", ()), site_at(root.address, root.port).servers[0], None, 0,
                      note=str(error))  # fmt: skip
        return found

    async def _description(self, address: str, port: int, wanted: str, trail: Trail | None) -> Site:
        bare = site_at(address, port).servers[0]
        asking = Asking(operation=codes.OC_GET_SITE_INFO, body=OfHandle(b"0.NA/0.NA"), only_tcp=True)
        first = await self._exchange.ask(bare, asking)
        site = _site_in(first)
        server = next((one for one in site.servers if fingerprint(one.public_key) == wanted), None)
        if server is None:
            raise Refused(codes.RC_ERROR, f"the server at {address} does not have the key {wanted}")
        reached = msgspec.structs.replace(bare, public_key=server.public_key)
        signed = await self._exchange.ask(reached, msgspec.structs.replace(asking, flags=codes.CERTIFIED))
        _note(trail, prefix_handle(b"0.NA"), Zone(b"", ()), reached, signed, signed.seconds)
        return _site_in(signed)


READING: Final = frozenset((codes.OC_RESOLUTION, codes.OC_GET_SITE_INFO, codes.OC_VERIFY_ANSWER))


def certified_where_possible(zone: Zone, asking: Asking) -> Asking:
    """The request, its answer to be signed where every server of the zone has a key to sign with."""
    if all(server.public_key for site in zone.sites for server in site.servers):
        return msgspec.structs.replace(asking, flags=asking.flags | codes.CERTIFIED)
    return asking


def refusal_of(found: Exchanged) -> Refused:
    """The refusal that a server answered; its words without what would steer a terminal."""
    body = found.last.body
    words = body.message if isinstance(body, Refusal) else ""
    return Refused(found.code, "".join(one if one.isprintable() else "?" for one in words))


def check_named(handle: bytes) -> bytes:
    """A handle that a record or a referral names, to be asked for next.

    Raises:
        Refused: 2 it is none, or holds control characters.
    """
    try:
        text = check_handle(handle).decode()
    except LineshaftError as error:
        raise Refused(codes.RC_ERROR, f"a record names what is no handle: {error.message}") from error
    if any(ord(one) < 32 or 127 <= ord(one) < 160 for one in text):
        raise Refused(codes.RC_ERROR, f"a record names {text!r}, which holds control characters")
    return handle


def _site_in(found: Exchanged) -> Site:
    body = found.last.body
    if found.code != codes.RC_SUCCESS or not isinstance(body, Raw):
        raise refusal_of(found)
    return decode_site(body.data)


def _levels(prefix: bytes) -> list[bytes]:
    """`88`, `88.100`, `88.100.5` of the last."""
    parts = prefix.split(b".")
    return [b".".join(parts[: count + 1]) for count in range(len(parts))]


def _within(prefix: bytes, above: bytes) -> bool:
    """Whether a prefix is the other, or derived from it; all are from the empty one."""
    prefix, above = prefix.upper(), above.upper()
    return not above or prefix == above or prefix.startswith(above + b".")


def _out_of_bailiwick(handle: bytes, named: bytes) -> Refused:
    return Refused(
        codes.RC_ERROR,
        f"asked for {handle.decode('utf-8', 'replace')}, a server refers to {named.decode('utf-8', 'replace')}, "
        "which it has no say in",
    )


def _note(
    trail: Trail | None, handle: bytes, zone: Zone, server: Server, found: Exchanged | None, seconds: float, note: str = ""
) -> None:  # fmt: skip
    if trail is not None:
        signed = found is not None and found.signed
        trail.append(
            Hop(
                handle=handle, zone=zone.prefix, server=address_of(server), protocol=found.protocol if found else "",
                code=found.code if found else None, seconds=seconds, signed=signed,
                key=fingerprint(server.public_key) if signed else "", note=note,
            )
        )  # fmt: skip
