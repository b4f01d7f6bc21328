"""Which history a store has: its random name, and marks by which it knows what it published.

A store that comes from a backup has gone back: numbers that it published are given once more, to other changes. Each batch
therefore has a mark, kept in the store before the batch goes out. A store that does not know the mark of the last batch in
its stream is not the one that published it, or is what that was before; it gets a new name, by which every mirror knows
that numbers begin anew.
"""

import secrets
from typing import Final

import msgspec

from lineshaft.resolution import changes
from lineshaft.resolution.changes import Readable
from lineshaft.resolution.mirror.batch import Batch
from lineshaft.resolution.store import RecordStore, Transaction

_ORIGIN: Final = b"origin"
_MARKS: Final = b"published marks"
_MOST: Final = 64
"""Marks that are kept; but for publishers that hinder each other there are two."""


def origin_of(store: RecordStore) -> str:
    """The store's random name, made at the first call."""
    with store.write() as transaction:
        return _name(transaction)


def knows(transaction: Transaction, last: Batch | None) -> bool:
    """Whether `recognise` would find that the log goes on."""
    mark = "" if last is None else last.mark
    if last is not None and last.origin != _name(transaction):
        return False
    return mark in _marks(transaction) and (last is None or last.last <= changes.last_sequence(transaction))


def recognise(transaction: Transaction, last: Batch | None) -> tuple[str, bool]:
    """The store's name, and whether its log goes on behind the last batch of a stream; it gets a new name where it went back.

    Args:
        last: as in the stream; None: the stream is empty.
    """
    name, mark = _name(transaction), "" if last is None else last.mark
    if knows(transaction, last):
        return name, True
    _put_marks(transaction, [mark])
    return (_new_name(transaction) if last is None or last.origin == name else name), False


def new_mark(transaction: Transaction, before: str) -> str:
    """The mark of the next batch.

    Args:
        before: that of the last one in the stream; older ones are forgotten.
    """
    known = _marks(transaction)
    if before in known:
        known = known[known.index(before) :]
    mark = secrets.token_hex(8)
    _put_marks(transaction, [*known[-_MOST + 1 :], mark])
    return mark


def _name(transaction: Transaction) -> str:
    known = transaction.get(_ORIGIN, "meta")
    return _new_name(transaction) if known is None else known.decode()


def _new_name(transaction: Transaction) -> str:
    name = secrets.token_hex(8)
    transaction.put(_ORIGIN, name.encode(), "meta")
    return name


def _marks(store: Readable) -> list[str]:
    """Marks of the last batch in the stream, as far as is known, and of those that were to follow it."""
    data = store.get(_MARKS, "meta")
    return [""] if data is None else msgspec.msgpack.decode(data, type=list[str])


def _put_marks(transaction: Transaction, marks: list[str]) -> None:
    transaction.put(_MARKS, msgspec.msgpack.encode(marks), "meta")
