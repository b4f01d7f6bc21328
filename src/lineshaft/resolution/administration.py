"""Changing records under the protocol's rules: who may do what to which handle (RFC 3651 3.2.1, RFC 3652 3.7 to 3.12).

Each operation reads, checks and writes in one transaction of the store, so that nobody's change comes between. What must be
known of other nodes' records (the administrators of a prefix, the members of a group) is looked up before and handed in.
"""

import contextlib
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import changes, codes
from lineshaft.resolution.auth import permissions as rights
from lineshaft.resolution.changes import Change, Changed
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.homes import ROOT, Homes, add_home, drop_home
from lineshaft.resolution.model import (
    HandleValue,
    Reference,
    check_handle,
    handle_key,
    is_prefix_handle,
    parent_prefix,
    prefix_handle,
    prefix_of,
    suffix_of,
)
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.record import insert_values, pack_record, unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.store import RecordStore, Transaction
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.references import decode_references

Known = Mapping[bytes, Sequence[HandleValue]]
"""Records of other nodes by comparison form, as far as they were looked up."""
NOTHING_KNOWN: Final[Known] = {}
_MINTINGS: Final = 8


class Registration(msgspec.Struct, frozen=True):
    """A handle to be registered with its values."""

    handle: bytes
    values: tuple[HandleValue, ...]


Packed = tuple[bytes, bytes]
"""Comparison form of a handle, and its record in stored form."""


class Registrar:
    """Changes the records of one server.

    Args:
        store: of the records.
        homes: what this server is responsible for.
        operators: who may home prefixes, and administer every prefix at home here.
        seconds: the time, in seconds since 1970.
        proofs: makes the proofs of registration, where the server gives any.
    """

    def __init__(
        self, store: RecordStore, homes: Homes, operators: Sequence[Reference] = (),
        seconds: Callable[[], float] = time.time, proofs: Proofs | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._homes = homes
        self._operators = tuple(operators)
        self._seconds = seconds
        self._proofs = proofs
        self._now = 0
        """Seconds since 1970 of the transaction that is open."""

    def create(
        self, handle: bytes, values: Sequence[HandleValue], who: Reference, known: Known = NOTHING_KNOWN,
        *, overwrite: bool = False, mint: bool = False,
    ) -> bytes:  # fmt: skip
        """Register a handle; returns it.

        Args:
            handle: with `mint`, what it begins with; a random end is added.
            values: at least one.
            who: handle and index that were authenticated.
            known: the prefix's record at least, where it is not here.
            overwrite: put the values in the place of a record that exists, as far as its administrators may.
            mint: see `handle`.

        Raises:
            Refused: 101, 102, 202, 301, 400, 401.
        """
        with self._changing() as transaction:
            if mint:
                handle = self._minted(transaction, handle)
            before = transaction.get(self._checked(handle))
            if before is not None and not overwrite:
                raise Refused(codes.RC_HANDLE_EXISTS)
            stamped = self._stamped(values)
            if before is None:
                self._require_of_prefix(transaction, handle, who, known, _adding(handle))
            else:
                self._require_replacing(transaction, unpack_record(before), stamped, who, known)
            self._apply(transaction, [Change(handle_key(handle), before, _packed(stamped))])
        return handle

    def register(
        self, registrations: Iterable[Registration], who: Reference, known: Known = NOTHING_KNOWN,
        *, overwrite: bool = False,
    ) -> list[Refused | None]:  # fmt: skip
        """Register many handles in one transaction; what is refused of one does not touch the others.

        Returns:
            For each, None when it is registered (or was, with just these values), else why it is not.
        """
        answers: list[Refused | None] = []
        with self._changing() as transaction:
            allowed: dict[bytes, bool] = {}
            fresh: dict[bytes, Change] = {}
            for one in registrations:
                try:
                    change = self._registered(transaction, one, who, known, allowed, overwrite=overwrite)
                    fresh[change.key] = _joined(fresh.get(change.key), change, overwrite=overwrite)
                except Refused as refused:
                    answers.append(refused)
                else:
                    answers.append(None)
            self._apply(transaction, [*fresh.values()])
        return answers

    def load(
        self, packed: Sequence[Packed], who: Reference, known: Known = NOTHING_KNOWN,
        *, overwrite: bool = False, seconds: int | None = None,
    ) -> list[Refused | None]:  # fmt: skip
        """As `register`, for records that are in stored form already; in one transaction.

        Args:
            packed: what is to be registered.
            who: handle and index that were authenticated.
            known: the prefixes' records, where they are not here.
            overwrite: as in `register`.
            seconds: the time that values of the records tell, where that is not now: what their proofs are found by.

        Returns:
            For each, None when it is registered (or was, with just these values), else why it is not.
        """
        if not packed:
            return []
        answers: list[Refused | None] = []
        with self._changing() as transaction:
            spread = not self._homes.whole
            vacant = transaction.vacant(min(packed)[0], max(packed)[0])
            allowed: dict[bytes, Refused | None] = {}
            fresh: dict[bytes, Changed] = {}
            for key, record in packed:
                prefix = key[: key.find(b"/")]
                if prefix not in allowed or prefix == ROOT:
                    allowed[prefix] = self._refusal_of_prefix(transaction, key, who, known)
                refused = allowed[prefix]
                if refused is None and spread and not self._homes.ours(key):
                    refused = Refused(codes.RC_NOT_RESPONSIBLE)
                if refused is None:
                    before = None if vacant else transaction.get(key)
                    if before is None and key not in fresh:
                        fresh[key] = (key, None, record)
                    else:
                        change = Change(key, before, record)
                        refused = self._loaded_again(transaction, change, fresh, who, known, overwrite=overwrite)
                answers.append(refused)
            self._apply(transaction, [*fresh.values()], seconds)
        return answers

    def delete(self, handle: bytes, who: Reference, known: Known = NOTHING_KNOWN) -> None:
        """Remove a handle and all its values.

        Raises:
            Refused: 100, 102, 301, 400, 401.
        """
        with self._changing() as transaction:
            before, values = self._present(transaction, handle)
            needed = bits.DELETE_PREFIX if is_prefix_handle(handle) else bits.DELETE_HANDLE
            self._require(self._granted(transaction, values, who, known), needed)
            self._apply(transaction, [Change(handle_key(handle), before, None)])

    def add(
        self, handle: bytes, values: Sequence[HandleValue], who: Reference, known: Known = NOTHING_KNOWN
    ) -> None:  # fmt: skip
        """Add values with new indexes.

        Raises:
            Refused: 100, 102, 201, 202, 301, 400, 401.
        """
        with self._changing() as transaction:
            before, old = self._present(transaction, handle)
            granted = self._granted(transaction, old, who, known)
            there = {value.index for value in old}
            for value in values:
                if value.index in there:
                    raise Refused(codes.RC_VALUE_EXISTS, f"there is a value with index {value.index} already")
                self._allow(rights.may_add(value, granted), granted)
            self._put(transaction, handle, before, insert_values(old, self._stamped(values)))

    def modify(
        self, handle: bytes, values: Sequence[HandleValue], who: Reference | None, known: Known = NOTHING_KNOWN
    ) -> None:
        """Put values in the place of those with their indexes; all of them must be there.

        Raises:
            Refused: 100, 102, 200, 202, 301, 400, 401.
        """
        with self._changing() as transaction:
            before, old = self._present(transaction, handle)
            granted = self._granted(transaction, old, who, known)
            there = {value.index: value for value in old}
            for value in self._stamped(values):
                present = there.get(value.index)
                if present is None:
                    raise Refused(codes.RC_VALUES_NOT_FOUND, f"there is no value with index {value.index}")
                self._allow(rights.may_modify(present, value, granted), granted)
                there[value.index] = value
            self._put(transaction, handle, before, there.values())

    def put(
        self, handle: bytes, values: Sequence[HandleValue], who: Reference, known: Known = NOTHING_KNOWN,
        *, overwrite: bool = True,
    ) -> bool:  # fmt: skip
        """Add values, and put them in the place of those with their indexes; whether any index is new.

        Raises:
            Refused: 100, 102, 202, 301, 400, 401; 201 where an index is there already and `overwrite` is not given.
        """
        with self._changing() as transaction:
            before, old = self._present(transaction, handle)
            granted = self._granted(transaction, old, who, known)
            there = {value.index: value for value in old}
            added = []
            for value in self._stamped(values):
                present = there.get(value.index)
                if present is None:
                    self._allow(rights.may_add(value, granted), granted)
                    added.append(value)
                elif overwrite:
                    self._allow(rights.may_modify(present, value, granted), granted)
                    there[value.index] = value
                else:
                    raise Refused(codes.RC_VALUE_EXISTS, f"there is a value with index {value.index} already")
            self._put(transaction, handle, before, insert_values(there.values(), added))
        return bool(added)

    def remove(
        self, handle: bytes, indexes: Sequence[int], who: Reference | None, known: Known = NOTHING_KNOWN
    ) -> None:  # fmt: skip
        """Remove values by index; indexes without a value are passed over.

        Raises:
            Refused: 100, 102, 301, 400, 401; 202 where no value would be left.
        """
        with self._changing() as transaction:
            before, old = self._present(transaction, handle)
            granted = self._granted(transaction, old, who, known)
            wanted = set(indexes)
            for value in old:
                if value.index in wanted:
                    self._allow(rights.may_remove(value, granted), granted)
            left = [value for value in old if value.index not in wanted]
            if not left:
                raise Refused(codes.RC_INVALID_VALUE, "a handle without values cannot be; delete it instead")
            seconds = max(value.timestamp for value in left)
            self._apply(transaction, [Change(handle_key(handle), before, _packed(left))], seconds)

    def check_listing(self, prefix: bytes, who: Reference, known: Known = NOTHING_KNOWN) -> None:
        """Refuse whoever may not list the handles of a prefix.

        Raises:
            Refused: 301, 400, 401.
        """
        if prefix not in self._homes:
            raise Refused(codes.RC_NOT_RESPONSIBLE)
        self._require_of_prefix(self._store, prefix + b"/", who, known, bits.LIST_HANDLES)

    def home(self, prefix: bytes, who: Reference | None) -> bool:
        """Make a prefix at home here; whether it was not. For operators only. It holds where `Homes.renew` is called after.

        Raises:
            Refused: 3, 300, 301, 400.
        """
        self._require_operator(who)
        with self._store.write() as transaction:
            self._homes.admit(transaction)
            return add_home(transaction, prefix)

    def unhome(self, prefix: bytes, who: Reference | None) -> bool:
        """The opposite of `home`; the records stay."""
        self._require_operator(who)
        with self._store.write() as transaction:
            self._homes.admit(transaction)
            return drop_home(transaction, prefix)

    def readable(
        self, values: Sequence[HandleValue], who: Reference | None, known: Known = NOTHING_KNOWN
    ) -> list[HandleValue]:
        """The values of a record that `who` may read."""
        granted = self._granted(self._store, values, who, known)
        return [value for value in values if rights.may_read(value, granted)]

    # -- rights -------------------------------------------------------------------------------------------------------

    def is_operator(self, who: Reference | None) -> bool:
        """Whether somebody operates this server."""
        return who is not None and any(rights.is_same(operator, who) for operator in self._operators)

    def _granted(
        self, store: "changes.Readable", values: Iterable[HandleValue], who: Reference | None, known: Known
    ) -> int:
        """What an administrator of the record may do; operators are administrators of every record."""
        if who is None:
            return 0
        if self.is_operator(who):
            return bits.EVERYTHING
        return rights.permissions_of(values, who, lambda reference: _members(store, known, reference))

    def _require_of_prefix(
        self, store: "changes.Readable", handle: bytes, who: Reference, known: Known, needed: int
    ) -> None:
        """What is asked of the administrators of the prefix that a handle belongs to."""
        prefix = prefix_of(handle)
        if prefix.upper() == ROOT:
            parent = parent_prefix(suffix_of(handle))
            prefix = ROOT if parent is None else parent
        values = _record(store, known, prefix_handle(prefix))
        self._require(self._granted(store, values or (), who, known), needed)

    def _require_replacing(
        self, transaction: Transaction, old: Sequence[HandleValue], new: Sequence[HandleValue], who: Reference,
        known: Known,
    ) -> None:  # fmt: skip
        """A whole record in the place of another: each value that comes, goes or changes has to be allowed."""
        granted = self._granted(transaction, old, who, known)
        before, after = ({value.index: value for value in values} for values in (old, new))
        for index, value in after.items():
            present = before.get(index)
            if present is None:
                self._allow(rights.may_add(value, granted), granted)
            elif not _same_but_for_time(present, value):
                self._allow(rights.may_modify(present, value, granted), granted)
        for index, value in before.items():
            if index not in after:
                self._allow(rights.may_remove(value, granted), granted)

    def _require(self, granted: int, needed: int) -> None:
        self._allow(granted & needed == needed, granted)

    def _allow(self, allowed: bool, granted: int) -> None:  # noqa: FBT001  # the one thing it is about
        if not allowed:
            raise Refused(codes.RC_NOT_PERMITTED if granted else codes.RC_INVALID_ADMIN)

    def _require_operator(self, who: Reference | None) -> None:
        if not self.is_operator(who):
            raise Refused(codes.RC_INVALID_ADMIN, "only an operator of this server may do this")

    # -- records ------------------------------------------------------------------------------------------------------

    def _registered(
        self, transaction: Transaction, one: Registration, who: Reference, known: Known, allowed: dict[bytes, bool],
        *, overwrite: bool,
    ) -> Change:  # fmt: skip
        """The change that registers one of many; the rights of its prefix are looked up once."""
        key = self._checked(one.handle)
        stamped = self._stamped(one.values)
        before = transaction.get(key)
        if before is not None:
            old = unpack_record(before)
            if len(old) == len(stamped) and all(map(_same_but_for_time, _by_index(old), _by_index(stamped))):
                return Change(key, before, before)  # said again: the answer got lost
            if not overwrite:
                raise Refused(codes.RC_HANDLE_EXISTS)
            self._require_replacing(transaction, old, stamped, who, known)
            return Change(key, before, _packed(stamped))
        prefix = prefix_of(key)
        if is_prefix_handle(one.handle) or not allowed.get(prefix):
            self._require_of_prefix(transaction, one.handle, who, known, _adding(one.handle))
            allowed[prefix] = True
        return Change(key, None, _packed(stamped))

    def _refusal_of_prefix(
        self, transaction: Transaction, key: bytes, who: Reference, known: Known
    ) -> Refused | None:  # fmt: skip
        """Why somebody may not register handles of a prefix here; None: he may."""
        if not self._homes.responsible(key):
            return Refused(codes.RC_NOT_RESPONSIBLE)
        try:
            self._require_of_prefix(transaction, key, who, known, _adding(key))
        except Refused as refused:
            return refused
        return None

    def _loaded_again(
        self, transaction: Transaction, change: Change, fresh: dict[bytes, Changed], who: Reference, known: Known,
        *, overwrite: bool,
    ) -> Refused | None:  # fmt: skip
        """A record in the place of one that is there, or came before in the same batch; why it may not be, or None."""
        earlier = fresh.get(change.key)
        before = change.before if earlier is None else earlier[2]
        assert before is not None
        assert change.after is not None
        old, new = unpack_record(before), unpack_record(change.after)
        if len(old) == len(new) and all(map(_same_but_for_time, _by_index(old), _by_index(new))):
            return None
        if not overwrite:
            return Refused(codes.RC_HANDLE_EXISTS)
        try:
            self._require_replacing(transaction, old, new, who, known)
        except Refused as refused:
            return refused
        fresh[change.key] = Change(change.key, change.before, change.after)
        return None

    def _checked(self, handle: bytes) -> bytes:
        """Comparison form of a handle that this server is responsible for."""
        try:
            check_handle(handle)
        except InvalidInput as error:
            raise Refused(codes.RC_INVALID_HANDLE, error.message) from error
        if not self._homes.responsible(handle) or not self._homes.ours(handle):
            raise Refused(codes.RC_NOT_RESPONSIBLE)
        return handle_key(handle)

    def _present(self, transaction: Transaction, handle: bytes) -> tuple[bytes, list[HandleValue]]:
        """A record that must be there: stored form and values."""
        before = transaction.get(self._checked(handle))
        if before is None:
            raise Refused(codes.RC_HANDLE_NOT_FOUND)
        return before, unpack_record(before)

    def _put(
        self, transaction: Transaction, handle: bytes, before: bytes, values: Iterable[HandleValue]
    ) -> None:  # fmt: skip
        after = list(values)
        seconds = max((value.timestamp for value in after), default=0)
        self._apply(transaction, [Change(handle_key(handle), before, _packed(after))], seconds)

    def _apply(self, transaction: Transaction, made: Sequence[Changed], seconds: int | None = None) -> None:
        """Make changes, with their proofs; `seconds` where no value tells the time of the change."""
        self._homes.admit(transaction)
        sequence = changes.apply(transaction, made)
        if self._proofs is not None:
            place = self._proofs.record(transaction, made, sequence, self._now, seconds)
            if place is not None:
                changes.note(transaction, place)

    @contextlib.contextmanager
    def _changing(self) -> Iterator[Transaction]:
        """A transaction, which happens at one moment: what values tell of it, a proof is found by."""
        with self._store.write() as transaction:
            self._now = int(self._seconds()) & 0xFFFFFFFF
            yield transaction

    def _stamped(self, values: Sequence[HandleValue]) -> list[HandleValue]:
        """The values with the time of the change; none at all is refused."""
        if not values:
            raise Refused(codes.RC_INVALID_VALUE, "a handle needs at least one value")
        return [msgspec.structs.replace(value, timestamp=self._now) for value in values]

    def _minted(self, transaction: Transaction, beginning: bytes) -> bytes:
        """A handle that nobody can guess and nobody has."""
        for _ in range(_MINTINGS):
            handle = beginning + str(uuid.uuid4()).encode()
            if transaction.get(handle_key(handle)) is None:
                return handle
        raise Refused(codes.RC_ERROR)


def _joined(first: Change | None, second: Change, *, overwrite: bool) -> Change:
    """One change for two registrations of a handle in one batch: the same said twice, or the later over the earlier."""
    if first is None:
        return second
    if first.after != second.after and not overwrite:
        raise Refused(codes.RC_HANDLE_EXISTS)
    return Change(first.key, first.before, second.after)


def _adding(handle: bytes) -> int:
    return bits.ADD_PREFIX if is_prefix_handle(handle) else bits.ADD_HANDLE


def _by_index(values: Iterable[HandleValue]) -> list[HandleValue]:
    return sorted(values, key=lambda value: value.index)


def _same_but_for_time(one: HandleValue, other: HandleValue) -> bool:
    return one == msgspec.structs.replace(other, timestamp=one.timestamp)


def _packed(values: Sequence[HandleValue]) -> bytes:
    try:
        return pack_record(values)
    except InvalidInput as error:
        raise Refused(codes.RC_INVALID_VALUE, error.message) from error


def _record(store: "changes.Readable", known: Known, handle: bytes) -> Sequence[HandleValue] | None:
    """The values of a record here, else as they were looked up elsewhere."""
    key = handle_key(handle)
    record = store.get(key)
    return known.get(key) if record is None else unpack_record(record)


def _members(store: "changes.Readable", known: Known, reference: Reference) -> Sequence[Reference]:
    """Who is in the group that a reference names."""
    for value in _record(store, known, reference.handle) or ():
        if value.type.upper() == b"HS_VLIST" and reference.index in {0, value.index}:
            try:
                return decode_references(value.data)
            except Malformed:
                return ()
    return ()
