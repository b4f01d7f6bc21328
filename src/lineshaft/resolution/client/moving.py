"""Asking a site while it is divided anew: its servers go by the new description one after the other.

A server that is not responsible any more says so (300, 301). It is asked for its site's description: a newer one is gone by
from then on, and whoever that names is asked. A server that goes by an older one than ours is late, and is asked again in a
moment; one that takes no changes while the last of them are copied (code 3), too. Both end after some seconds.
"""

import asyncio
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes
from lineshaft.resolution.client.exchange import Asking, Exchanged, address_of
from lineshaft.resolution.client.trail import Trail
from lineshaft.resolution.client.walk import READING, Walk, Zone, certified_where_possible
from lineshaft.resolution.messages import OfHandle, Raw
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Site, decode_site

MOVED: Final = frozenset((codes.RC_OUT_OF_DATE_SITE, codes.RC_NOT_RESPONSIBLE))
UNKNOWN: Final = 0xFFFF
"""Serial of a site of which only an address is known."""
_MOST_RENEWALS: Final = 5
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 0.5


class Moving:
    """One request on its way to who takes it.

    Args:
        walk: asks the sites.
        handle: what is asked about.
        asking: the request.
        seconds: how long servers are waited for that are late, or take no changes.
        trail: gets a hop for each question.
    """

    def __init__(self, walk: Walk, handle: bytes, asking: Asking, seconds: float, trail: Trail | None) -> None:
        self._walk = walk
        self._handle = handle
        self._asking = asking
        self._trail = trail
        self._until = clock.monotonic() + seconds
        self._pause = _FIRST_PAUSE
        self._renewals = 0

    async def ask(self, zone: Zone, *, certified: bool = False) -> Exchanged:
        """The answer of who is responsible in the zone.

        Raises:
            Refused: 2 nobody answered; 3 the servers have too much to do, or take no changes for too long.
        """
        while True:
            asking = certified_where_possible(zone, self._asking) if certified else self._asking
            try:
                found = await self._walk.ask(zone, self._handle, asking, self._trail)
            except Refused as refused:
                changes = self._asking.operation not in READING
                if refused.code == codes.RC_SERVER_BUSY and changes and await self._wait():
                    continue
                raise
            if found.code not in MOVED or not await self._again(zone, found):
                return found

    async def _again(self, zone: Zone, found: Exchanged) -> bool:
        """Whether to ask once more: the site's description is newer than ours, or the server's is older."""
        ours = self._walk.asked(zone, self._handle, found)
        theirs = None if ours is None else await self._described(ours)
        if ours is None or theirs is None or not (theirs.primary or theirs.multi_primary or self._reads):
            return False
        if ours.serial != UNKNOWN and theirs.serial <= ours.serial:
            late = theirs.serial < ours.serial or found.code == codes.RC_OUT_OF_DATE_SITE
            return late and await self._wait()
        if address_of(theirs.server_for(self._handle)) == found.server and found.code == codes.RC_NOT_RESPONSIBLE:
            return False
        self._renewals += 1
        self._walk.renew(ours, theirs)
        return self._renewals <= _MOST_RENEWALS

    @property
    def _reads(self) -> bool:
        return self._asking.operation in READING

    async def _described(self, site: Site) -> Site | None:
        """The description that the server gives of its site; signed, where we know its key."""
        alone = Zone(b"", (msgspec.structs.replace(site, servers=(site.server_for(self._handle),)),))
        asking = Asking(operation=codes.OC_GET_SITE_INFO, body=OfHandle(self._handle))
        try:
            told = await self._walk.ask(alone, self._handle, certified_where_possible(alone, asking), self._trail)
            return decode_site(told.last.body.data) if isinstance(told.last.body, Raw) else None
        except LineshaftError:
            return None

    async def _wait(self) -> bool:
        """Wait for a moment; False where it was enough."""
        if clock.monotonic() + self._pause > self._until:
            return False
        await asyncio.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        return True
