"""Which handles a server is responsible for: those of the prefixes that are at home on it.

A node is at home for `88.100` when it holds `88.100/…`; its record `0.NA/88.100` lies one level up, at the node that
delegated it. Whoever is at home for a prefix also holds the records `0.NA/88.100.…` of the prefixes that it delegates;
the root of a number space is at home for `0.NA`.
"""

from collections.abc import Iterator
from typing import Final

from lineshaft.core import clock
from lineshaft.resolution import changes, codes
from lineshaft.resolution.model import is_prefix_handle, parent_prefix, prefix_of, suffix_of
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Site, decode_site, encode_site, shard_of
from lineshaft.resolution.store import RecordStore, Transaction

ROOT: Final = b"0.NA"
HOLD_SECONDS: Final = 60.0
HOME: Final = b"home/"
_SITE: Final = b"site"
_HELD: Final = b"site held"


class Homes:
    """The prefixes at home on one server of a site.

    Args:
        store: where they are kept.
        site: the description of the site; with several servers each is responsible for its share.
        number: of this server within the site.
    """

    def __init__(self, store: RecordStore, site: Site, number: int) -> None:
        self._store = store
        self._prefixes: frozenset[bytes] = frozenset()
        self._kept: bytes | None = None
        self.describe(site, number)
        self.renew()

    def describe(self, site: Site, number: int) -> None:
        """Go by another description of the site; by the one in the store where that is newer.

        Args:
            site: the description.
            number: of this server in it.
        """
        self._number = number
        kept = stored_site(self._store)
        if kept is not None and kept.serial >= site.serial:
            site = kept
        self.site = site
        left_out = -1 if kept is not None or len(site.servers) > 1 else 0
        self._place = next((place for place, one in enumerate(site.servers) if one.number == number), left_out)

    def renew(self) -> None:
        """Read them anew: another process may have changed them."""
        self._prefixes = frozenset(key[len(HOME) :] for key, _ in self._store.scan(HOME, space="meta"))
        kept = _fresh(self._store, _SITE)
        if kept != self._kept:
            self._kept = kept
            self.describe(self.site, self._number)

    def __iter__(self) -> Iterator[bytes]:
        return iter(sorted(self._prefixes))

    def __len__(self) -> int:
        return len(self._prefixes)

    def __contains__(self, prefix: bytes) -> bool:
        return prefix.upper() in self._prefixes

    def responsible(self, handle: bytes) -> bool:
        """Whether this site holds the handle, if anybody does."""
        if prefix_of(handle).upper() in self._prefixes:
            return True
        if not is_prefix_handle(handle):
            return False
        parent = parent_prefix(suffix_of(handle))
        return parent is not None and parent.upper() in self._prefixes

    def ours(self, handle: bytes) -> bool:
        """Whether the handle falls to this server of the site; none does to a server that a division left out."""
        if self.whole or self._place < 0:
            return self.whole
        return shard_of(handle, self.site.hash_option, len(self.site.servers)) == self._place

    @property
    def whole(self) -> bool:
        """Whether all handles of the site fall to this server."""
        return len(self.site.servers) < 2 and self._place == 0

    def admit(self, transaction: Transaction) -> None:
        """Refuse a change here and now, whatever it is about. It is asked in the transaction of every change.

        Raises:
            Refused: 301 on a mirror; 3 while the site is being divided anew; 300 when it just was.
        """
        if not (self.site.primary or self.site.multi_primary):
            raise Refused(codes.RC_NOT_RESPONSIBLE, "this server is a mirror: changes go to the primary")
        if held(transaction):
            raise Refused(codes.RC_SERVER_BUSY, "the site is being divided anew; ask again in some seconds")
        if transaction.get(_SITE, "meta") != self._kept:
            raise Refused(codes.RC_OUT_OF_DATE_SITE)


def stored_site(store: RecordStore) -> Site | None:
    """The description that the servers of a divided site agreed on; None where there was no agreement yet."""
    data = _fresh(store, _SITE)
    return None if data is None else decode_site(data)


def put_site(transaction: Transaction, site: Site) -> None:
    """Keep a description for every process that has this store; changes by an older one are refused from here on."""
    transaction.put(_SITE, encode_site(site), "meta")


def hold(transaction: Transaction) -> None:
    """Refuse changes until `release`, or until `HOLD_SECONDS` are over: what the log holds then is all."""
    transaction.put(_HELD, b"%.3f" % (clock.monotonic() + HOLD_SECONDS), "meta")


def held(transaction: Transaction) -> bool:
    """Whether changes are refused."""
    kept = transaction.get(_HELD, "meta")
    # more than a hold lasts: the machine was started anew, and its clock with it
    return kept is not None and 0 < float(kept) - clock.monotonic() <= HOLD_SECONDS + 1


def release(transaction: Transaction) -> None:
    """The opposite."""
    transaction.delete(_HELD, "meta")


def _fresh(store: RecordStore, key: bytes) -> bytes | None:
    return next((data for found, data in store.scan(key, space="meta") if found == key), None)


def add_home(transaction: Transaction, prefix: bytes) -> bool:
    """Make a prefix at home; whether it was not."""
    key = HOME + prefix.upper()
    if transaction.get(key, "meta") is not None:
        return False
    transaction.put(key, prefix, "meta")
    changes.note(transaction, key)
    return True


def drop_home(transaction: Transaction, prefix: bytes) -> bool:
    """The opposite; its records stay. Whether it was at home."""
    key = HOME + prefix.upper()
    if not transaction.delete(key, "meta"):
        return False
    changes.note(transaction, key)
    return True
