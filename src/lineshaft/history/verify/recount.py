"""Rows and batches counted again: what the accounts of the writers say against what the table and its gap records say.

For each boot of a gateway every batch up to the last must have come, or lie in a gap record. For the whole table the
rows that seals brought, less those that maintenance left out or that lie in quarantine, must be the rows in its files.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from lineshaft.history.batches import LEFT_OUT, UNKNOWN, Account, Run, accounted_transaction, chain
from lineshaft.history.model import Gap
from lineshaft.history.rollup_state import MAINTAINER
from lineshaft.history.verify.report import Hole, Recount

_Lane = tuple[str, str]
"""Gateway, boot."""
MAXIMUM_HOLES = 10_000


class _Part(msgspec.Struct, frozen=True):
    """Batches that came (times known), or that a record or an earlier release speaks for (times None)."""

    first: int
    last: int
    from_us: int | None = None
    to_us: int | None = None


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What belongs to one version of the samples."""

    transactions: Mapping[str, int]
    accounts: Sequence[Account]
    gaps: Sequence[Gap]
    rows: int
    """In its files, as its log says."""
    quarantined: Sequence[tuple[int, int]] = ()
    """When a file was set aside, and how many of its rows could not be saved."""


def recounted(books: Books) -> Recount:
    """Every hole with its cause, and whether the rows add up."""
    holes = [_told(gap) for gap in books.gaps]
    kept: list[Account] = []
    whole = True
    for application in _applications(books.transactions):
        found, missing = chain(books.accounts, application, books.transactions[accounted_transaction(application)])
        kept += found
        if missing is not None:
            holes.append(_lost(application, missing, found))
        holes += _holes(found, books, partial=missing is not None)
        whole = whole and missing is None
    expected = _expected(kept, books) if whole else None
    holes.sort(key=lambda hole: (hole.explained, hole.gateway, hole.boot, hole.first or 0, hole.from_us))
    return Recount(
        batches=sum(run.last - run.first + 1 for account in kept if account.shard == 0 for run in account.runs),
        taken=sum(run.rows for account in kept for run in account.runs), expected=expected, stored=books.rows,
        unexplained=sum(not hole.explained for hole in holes), holes=holes[:MAXIMUM_HOLES],
        left_off=max(0, len(holes) - MAXIMUM_HOLES),
    )  # fmt: skip


def _applications(transactions: Mapping[str, int]) -> list[str]:
    prefix = accounted_transaction("")
    return sorted(name.removeprefix(prefix) for name in transactions if name.startswith(prefix))


def _told(gap: Gap) -> Hole:
    return Hole(
        gateway=gap.gateway, boot=gap.boot, cause=gap.cause, first=gap.from_seq, last=gap.to_seq, from_us=gap.from_us,
        to_us=gap.to_us, rows=gap.rows, detail=gap.detail, explained=True,
    )  # fmt: skip


def _lost(application: str, sequence: int, found: Sequence[Account]) -> Hole:
    """A file of the accounts themselves is gone."""
    until_us = found[0].made_us if found else 0
    return Hole(
        gateway="", boot="", cause="account", first=None, last=sequence, from_us=0, to_us=until_us, rows=None,
        detail=f"there is no account of what {application} took in up to message {sequence}", explained=False,
    )  # fmt: skip


# -- batches ----------------------------------------------------------------------------------------------------------


def _holes(accounts: Sequence[Account], books: Books, *, partial: bool) -> list[Hole]:
    """Batches that neither came to this writer nor are in a record of a gap, although later ones are settled.

    Args:
        partial: something is not known of what came before these accounts.
    """
    came: dict[_Lane, list[_Part]] = {}
    for account in accounts:
        if account.beginning is not None:
            partial = partial or bool(account.beginning.known) or account.after > 0
            for known in account.beginning.known:
                _assume(came.setdefault((known.gateway, known.boot.boot), []), known.boot.seq, known.boot.ahead)
        for run in account.runs:
            came.setdefault((run.gateway, run.boot), []).append(_part(run))
    shard = accounts[-1].shard if accounts else 0
    marks = _marks(books.transactions, shard)
    explained = _explained(books.gaps)
    holes = []
    for lane in sorted({*came, *(() if partial else marks)}):
        parts = came.get(lane, [])
        covered = [*parts, *explained.get(lane, [])]
        if partial and parts and not any(part.first == 1 for part in parts):
            covered.append(_Part(1, min(part.first for part in parts) - 1))  # before there were accounts
        holes += [_hole(lane, part, shard) for part in _between(covered, marks.get(lane, 0))]
    return holes


def _assume(parts: list[_Part], seq: int, ahead: Iterable[tuple[int, int]]) -> None:
    """What came while nobody kept an account: from the last batch that one tells of."""
    last = max((part.last for part in parts), default=0)
    parts += [_Part(max(last, 0) + 1, seq)] if seq > last else []
    parts += [_Part(first, end) for first, end in ahead]


def _part(run: Run) -> _Part:
    return _Part(run.first, run.last, run.from_us, run.to_us)


def _marks(transactions: Mapping[str, int], shard: int) -> dict[_Lane, int]:
    """Batch up to which each boot is settled, for one shard, as far as the first one is, which records the gaps."""
    found: dict[str, dict[_Lane, int]] = {"0": {}, str(shard): {}}
    for name, seq in transactions.items():
        kind, _, lane = name.partition(":")
        gateway, _, boot = lane.rpartition(":")
        boot, _, number = boot.partition("/")
        if kind == "gw" and (number or "0") in found:
            found[number or "0"][gateway, boot] = seq
    return {lane: min(seq, found["0"].get(lane, 0)) for lane, seq in found[str(shard)].items()}


def _explained(gaps: Iterable[Gap]) -> dict[_Lane, list[_Part]]:
    found: dict[_Lane, list[_Part]] = {}
    for gap in gaps:
        if gap.from_seq is not None and gap.to_seq is not None:
            found.setdefault((gap.gateway, gap.boot), []).append(_Part(gap.from_seq, gap.to_seq))
    return found


def _between(parts: Iterable[_Part], last: int) -> list[_Part]:
    """What of 1 to `last` no part covers, with the times of the parts beside it."""
    found, at, since_us = [], 1, None
    for part in sorted(parts, key=lambda part: (part.first, part.last)):
        if at > last:
            break
        if part.first > at:
            found.append(_Part(at, min(part.first - 1, last), since_us, part.from_us))
        if part.last >= at:
            at, since_us = part.last + 1, part.to_us if part.to_us is not None else since_us
    return [*found, _Part(at, last, since_us)] if at <= last else found


def _hole(lane: _Lane, part: _Part, shard: int) -> Hole:
    times = [time for time in (part.from_us, part.to_us) if time is not None] or [0]
    return Hole(
        gateway=lane[0], boot=lane[1], cause="unexplained", first=part.first, last=part.last, from_us=min(times),
        to_us=max(times), rows=None, detail=f"shard {shard} took in none of them, and no record says why",
        explained=False,
    )  # fmt: skip


# -- rows -------------------------------------------------------------------------------------------------------------


def _expected(accounts: Sequence[Account], books: Books) -> int | None:
    """Rows that the table should have; None where an older release wrote or maintained what nobody counted."""
    bases = [
        account for account in accounts if account.beginning is not None and account.beginning.rows
    ]  # fmt: skip
    base = max(bases, key=lambda account: account.made_us, default=None)
    beginning = None if base is None else base.beginning
    maintained = books.transactions.get(MAINTAINER)
    counted = books.transactions.get(f"counted:{MAINTAINER}")
    if beginning is not None and beginning.rows == UNKNOWN:
        return None
    if maintained not in (counted, None if beginning is None else beginning.maintained):
        return None
    since_us = 0 if base is None else base.made_us
    written = sum(account.written for account in accounts if account.made_us >= since_us)
    left_out = books.transactions.get(LEFT_OUT, 0) - (0 if beginning is None else beginning.left_out)
    lost = sum(rows for noted_us, rows in books.quarantined if noted_us >= since_us)
    return (0 if beginning is None else beginning.rows) + written - left_out - lost
