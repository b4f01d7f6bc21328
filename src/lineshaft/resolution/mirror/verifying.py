"""A copy compared with its source, prefix by prefix, by digests made from the records as they are."""

import asyncio
from collections.abc import Iterator
from itertools import groupby

import msgspec

from lineshaft.bus import Bus
from lineshaft.core.errors import NotFound
from lineshaft.resolution import changes
from lineshaft.resolution.mirror.place import Place, current_place
from lineshaft.resolution.mirror.snapshots import standing
from lineshaft.resolution.store import RecordStore

_TOGETHER = 500


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a comparison found."""

    source: str
    sequence: int
    """The copy's place in the source's log."""
    behind: int
    prefixes: int
    records: int
    differing: list[str] = []
    """Prefixes that are not equal; with `behind` above 0 only because the copy is late, perhaps."""


async def verify(bus: Bus, source: str, store: RecordStore) -> Verified:
    """Compare a copy with its source.

    Raises:
        NotFound: the store holds no copy of that source.
        Unavailable: the source does not answer.
    """
    await asyncio.to_thread(place_of, store, source)
    theirs: dict[bytes, tuple[int, str]] = {}
    after = b""
    while True:
        told = await standing(bus, source, after=after, most=_TOGETHER)
        theirs |= {bytes.fromhex(prefix): (records, total) for prefix, records, total in told.digests}
        if len(told.digests) < _TOGETHER:
            break
        after = bytes.fromhex(told.digests[-1][0])
    ours = await asyncio.to_thread(lambda: dict(_computed(store)))
    place = await asyncio.to_thread(place_of, store, source)
    differing = sorted(prefix for prefix in ours.keys() | theirs.keys() if ours.get(prefix) != theirs.get(prefix))
    return Verified(
        source=source, sequence=place.sequence, behind=max(0, told.newest - place.sequence), prefixes=len(theirs),
        records=sum(records for records, _ in ours.values()),
        differing=[prefix.decode("utf-8", "replace") for prefix in differing],
    )  # fmt: skip


def place_of(store: RecordStore, source: str) -> Place:
    """The place of a copy in a source's log.

    Raises:
        NotFound: the store holds no copy of that source.
    """
    place = current_place(store, source)
    if place is None:
        raise NotFound(
            "resolution.no_copy", f"there is no copy of {source} here", "Make one with `lineshaft id mirror add`.",
            source=source,
        )  # fmt: skip
    return place


def _computed(store: RecordStore) -> Iterator[tuple[bytes, tuple[int, str]]]:
    for prefix, pairs in groupby(store.scan(), lambda pair: pair[0].partition(b"/")[0]):
        digest = changes.computed_digest(pairs)
        yield prefix, (digest.records, str(digest))
