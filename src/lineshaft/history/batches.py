"""What a writer took in, batch by batch: written beside the table at every seal, so that rows can be recounted later.

A seal's account says which batches of which boots it holds and how many rows it brought to the table. Accounts of one
application make a chain: each names the message that the one before it ended with, down to one that says what there was
when it began. An account counts only when the table holds its very sequence (`accounted:<application>`), so one of a
seal that never came to its commit is passed over. Older releases keep none and do not look at these files.
"""

import contextlib
from collections.abc import Iterable, Sequence

import msgspec

from lineshaft.bus import BatchHeader
from lineshaft.core import clock, ids
from lineshaft.history.model import HeldBoot
from lineshaft.history.storage import Storage

FOLDER = "batches"
LEFT_OUT = "left-out"
"""Application id that counts rows which maintenance left out of the table: expired ones, and repeated ones."""
UNKNOWN = -1
_JOIN_AT = 64
_LARGE_BYTES = 2**20


class Run(msgspec.Struct, array_like=True):
    """Batches of a boot, one after the other, that a writer took in or knows to have held nothing."""

    gateway: str
    boot: str
    first: int
    last: int
    rows: int
    """Rows of its tags in them."""
    from_us: int
    """When a bus first took the first of them in."""
    to_us: int


class Known(msgspec.Struct, frozen=True, array_like=True):
    """What had come of a boot before an account began."""

    gateway: str
    boot: HeldBoot


class Beginning(msgspec.Struct, frozen=True, kw_only=True):
    """What there was when an application's account began, or went on after a release that keeps none."""

    known: list[Known] = []
    previous: int | None = None
    """Message with which its account ended before; None where there is none."""
    rows: int = 0
    """Rows in the table that no account tells of; UNKNOWN where nobody can say."""
    left_out: int = 0
    """As the table counted them then."""
    maintained: int | None = None
    """The maintainer's last commit then."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What the seals from one message of the stream to another put into the table."""

    application: str
    epoch: int
    shard: int
    shards: int
    after: int
    """Last message before it."""
    sequence: int
    """Its last message."""
    made_us: int
    written: int = 0
    """Rows by which the table grew."""
    runs: list[Run] = []
    beginning: Beginning | None = None
    """Set in the first one of a chain."""


def accounted_transaction(application: str) -> str:
    """Application id whose version is the message up to which there is an account."""
    return f"accounted:{application}"


class Batches:
    """Runs since the last commit."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], list[Run]] = {}
        self._sealing: list[Run] = []
        self._beginning: Beginning | None = None
        self._seals = _JOIN_AT - 1

    def begin(self, beginning: Beginning | None) -> None:
        """Go on with the account that there is where None, else begin one."""
        self._beginning = beginning

    def note(self, header: BatchHeader | None, rows: int | None, time_us: int) -> None:
        """Take in a message.

        Args:
            rows: how many were taken of it; None where it came before.
        """
        if header is None:
            return
        for dropped in header.dropped:
            if not dropped.rows:  # such a farewell is no gap
                self._add(Run(
                    header.gateway, dropped.boot, dropped.from_seq, dropped.to_seq, 0, dropped.from_ts, dropped.to_ts
                ))  # fmt: skip
        if rows is not None:
            stored_us = time_us if header.stored_us is None else header.stored_us
            self._add(Run(header.gateway, header.boot, header.seq, header.seq, rows, stored_us, stored_us))

    def _add(self, run: Run) -> None:
        runs = self._open.setdefault((run.gateway, run.boot), [])
        if runs and runs[-1].last + 1 == run.first:
            _extend(runs[-1], run)
        else:
            runs.append(run)

    def freeze(self, application: str, epoch: int, shard: int, shards: int, after: int, sequence: int) -> Account:
        """The account of a seal: all there is now, that of a seal that failed first."""
        self._sealing = joined([*self._sealing, *(run for runs in self._open.values() for run in runs)])
        self._open = {}
        return Account(
            application=application, epoch=epoch, shard=shard, shards=shards, after=after, sequence=sequence,
            made_us=clock.now_us(), runs=self._sealing, beginning=self._beginning,
        )  # fmt: skip

    def settle(self) -> None:
        """What was frozen is in the table."""
        self._sealing, self._beginning = [], None

    def tidy(self, storage: Storage, application: str, sequence: int) -> None:
        """Now and then put many small accounts together; blocking."""
        self._seals += 1
        if self._seals >= _JOIN_AT:
            self._seals = 0
            join(storage, application, sequence)


def joined(runs: Iterable[Run]) -> list[Run]:
    """The same runs by gateway and boot, each as long as it goes."""
    found: list[Run] = []
    for run in sorted(runs, key=lambda run: (run.gateway, run.boot, run.first, run.last)):
        last = found[-1] if found else None
        if last is not None and (last.gateway, last.boot, last.last + 1) == (run.gateway, run.boot, run.first):
            _extend(last, run)
        else:
            found.append(msgspec.structs.replace(run))
    return found


def write_account(storage: Storage, account: Account) -> None:
    """Write an account, durable when it returns.

    Raises:
        OSError: the disk is full or refuses; nothing is left behind.
    """
    storage.child(FOLDER).replace(f"{account.sequence:020}-{ids.new_id()}.json", msgspec.json.encode(account))


def read_accounts(storage: Storage) -> list[Account]:
    """Every account that can be read; what is missing of a chain shows in it."""
    place = storage.child(FOLDER)
    found = [_read(place, stored.name) for stored in place.names()]
    return [account for account in found if account is not None]


def _read(place: Storage, name: str) -> Account | None:
    with contextlib.suppress(FileNotFoundError, msgspec.MsgspecError):
        return msgspec.json.decode(place.read(name), type=Account)
    return None


def has_accounts(storage: Storage) -> bool:
    """Whether any writer ever kept one here; blocking."""
    return bool(storage.child(FOLDER).names())


def chain(accounts: Iterable[Account], application: str, sequence: int) -> tuple[list[Account], int | None]:
    """The accounts of an application up to a message, oldest first; and the message before which one is missing."""
    by_end: dict[int, Account] = {}
    for account in accounts:
        if account.application == application:
            known = by_end.get(account.sequence)
            if known is None or _rank(account) > _rank(known):
                by_end[account.sequence] = account
    found: list[Account] = []
    at: int | None = sequence
    while at is not None:
        if at not in by_end:
            return found[::-1], at
        found.append(by_end.pop(at))  # so that a chain that bites its tail ends
        beginning = found[-1].beginning
        at = found[-1].after if beginning is None else beginning.previous
    return found[::-1], None


def _rank(account: Account) -> tuple[int, int, int]:
    """Of accounts that end with one message: the newest writer's, and of its the one that reaches back farthest."""
    return account.epoch, -account.after, account.made_us


def join(storage: Storage, application: str, sequence: int) -> None:
    """Put the small accounts of an application up to its committed message into one.

    Those that were put together stay until the next time, for whoever reads while this is done.
    """
    place = storage.child(FOLDER)
    files: dict[str, Account] = {}
    large = set()
    for stored in place.names():
        account = _read(place, stored.name)
        if account is not None and account.application == application and account.sequence <= sequence:
            files[stored.name] = account
            if stored.size > _LARGE_BYTES:
                large.add(stored.name)
    kept, missing = chain(files.values(), application, sequence)
    if missing is not None:  # what cannot be read is not for this to remove
        return
    alive = {id(account) for account in kept}
    for name in [name for name, account in files.items() if id(account) not in alive]:
        place.delete(name)
        del files[name]
    small = {id(account) for name, account in files.items() if name not in large}
    for part in _stretches(kept, small):
        if len(part) >= _JOIN_AT:
            write_account(storage, _together(part))


def _stretches(accounts: Sequence[Account], small: set[int]) -> list[list[Account]]:
    """Small accounts that follow each other; a beginning in the middle of a chain begins another stretch."""
    found: list[list[Account]] = [[]]
    for account in accounts:
        if id(account) not in small or account.beginning is not None:
            found.append([])
        if id(account) in small:
            found[-1].append(account)
    return found


def _together(accounts: Sequence[Account]) -> Account:
    first, last = accounts[0], accounts[-1]
    return msgspec.structs.replace(
        last, after=first.after, beginning=first.beginning, made_us=first.made_us,
        written=sum(account.written for account in accounts),
        runs=joined(run for account in accounts for run in account.runs),
    )  # fmt: skip


def _extend(run: Run, other: Run) -> None:
    run.last, run.rows = other.last, run.rows + other.rows
    run.from_us, run.to_us = min(run.from_us, other.from_us), max(run.to_us, other.to_us)
