"""Counting failed sign-ins, and for how long nobody is listened to after too many.

An attempt is charged before the password is looked at, so that a hundred at once get no more tries than one after
another. Two accounts are charged: one for the name, one for the address it comes from (an IPv6 address by its /64).

Who signed in from an address before is counted apart there (`pair`), neither by name nor by address: strangers who
lock a name, even the only administrator's, do not lock its owner out at the usual place. Attempts while locked are
neither checked nor counted, a lock never exceeds the set maximum, and `lineshaft access recover` always works.
Names that do not exist are counted like those that do, under a digest: what was typed there may be a password.
"""

import hashlib
import ipaddress
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from lineshaft.access.settings import AccessSettings
from lineshaft.access.store import ATTEMPT
from lineshaft.core import clock
from lineshaft.core.errors import TooMany

ADDRESS_FACTOR: Final = 4
"""An address has this many times the attempts of a name: people behind one router share it."""
FORGET_US: Final = 24 * 3600 * clock.MICROSECONDS
"""Locks stop growing after this long without a failure."""
_MINUTE: Final = 60 * clock.MICROSECONDS


class Limit(msgspec.Struct, frozen=True):
    """One account that attempts are charged to."""

    subject: str
    attempts: int


class Lockout:
    """The rules, with one installation's settings."""

    def __init__(self, settings: AccessSettings) -> None:
        self._attempts = settings.lockout_attempts
        self._window = settings.lockout_window_minutes * _MINUTE
        self._longest = max(settings.lockout_maximum_minutes, settings.lockout_window_minutes) * _MINUTE

    def limits(self, name: str, address: str, *, known: bool) -> list[Limit]:
        """What a sign-in is charged to; `known` where this name has signed in from this address before."""
        if known:
            return [Limit(f"pair:{_digest(name, address)}", self._attempts)]
        return [Limit(f"name:{_digest(name)}", self._attempts), self.address_limit(address)]

    def address_limit(self, address: str) -> Limit:
        return Limit(f"address:{address}", self._attempts * ADDRESS_FACTOR)

    def holder_limit(self, principal: str) -> Limit:
        """For a signed-in person who must give the old password again."""
        return Limit(f"holder:{_digest(principal)}", self._attempts)

    def charge(self, connection: Connection, limits: list[Limit]) -> bool:
        """Count an attempt in the caller's transaction; True where it is the one that locks.

        Raises:
            TooMany: locked; nothing was counted.
        """
        now = clock.now_us()
        rows = [self._row(connection, limit, now) for limit in limits]
        until = max((row["locked_until"] for row in rows), default=0)
        if until > now:
            minutes = -(-(until - now) // _MINUTE)
            raise TooMany(
                "access.sign_in_locked", f"too many failed attempts; sign-in is locked for {minutes} min",
                "Wait, use a place you signed in from before, or run `lineshaft access recover` on the machine itself.",
                minutes=minutes, retry_seconds=minutes * 60,
            )  # fmt: skip
        locked = [self._count(connection, limit, row, now) for limit, row in zip(limits, rows, strict=True)]
        return any(locked)

    def forgive(self, connection: Connection, limits: list[Limit]) -> None:
        """The attempt charged was good: forget the name's failures; the address gets back only this one attempt."""
        for limit in limits:
            if not limit.subject.startswith("address:"):
                connection.execute(delete(ATTEMPT).where(ATTEMPT.c.subject == limit.subject))
                continue
            row = connection.execute(select(ATTEMPT).where(ATTEMPT.c.subject == limit.subject)).one_or_none()
            if row is None:
                continue
            if row.locked_until > clock.now_us():  # it was the one that locked
                back = {"failures": limit.attempts - 1, "locks": row.locks - 1, "locked_until": 0}
            else:
                back = {"failures": max(row.failures - 1, 0)}
            self._store(connection, limit.subject, back)

    def sweep(self, connection: Connection) -> int:
        """Drop what no longer matters; returns how many."""
        old = clock.now_us() - FORGET_US
        return connection.execute(delete(ATTEMPT).where(ATTEMPT.c.since < old, ATTEMPT.c.locked_until < old)).rowcount

    def _row(self, connection: Connection, limit: Limit, now: int) -> dict[str, int]:
        """The account's state now; a fresh one where there is none, or where the clock went back and it lies ahead."""
        row = connection.execute(select(ATTEMPT).where(ATTEMPT.c.subject == limit.subject)).one_or_none()
        if row is None:
            connection.execute(
                insert(ATTEMPT).values(subject=limit.subject, failures=0, since=now, locks=0, locked_until=0)
            )
            return {"failures": 0, "since": now, "locks": 0, "locked_until": 0}
        ahead = row.since > now + _MINUTE or row.locked_until > now + self._longest
        quiet = now - max(row.since, row.locked_until) > FORGET_US
        locks = 0 if quiet else row.locks
        over = row.locked_until <= now and now - row.since > self._window
        if ahead or over:
            return {"failures": 0, "since": now, "locks": locks, "locked_until": 0}
        return {"failures": row.failures, "since": row.since, "locks": locks, "locked_until": row.locked_until}

    def _count(self, connection: Connection, limit: Limit, row: dict[str, int], now: int) -> bool:
        row["failures"] += 1
        locks = row["failures"] >= limit.attempts
        if locks:
            length = min(self._window << min(row["locks"], 16), self._longest)
            row |= {"failures": 0, "since": now, "locks": row["locks"] + 1, "locked_until": now + length}
        self._store(connection, limit.subject, row)
        return locks

    @staticmethod
    def _store(connection: Connection, subject: str, row: dict[str, int]) -> None:
        connection.execute(update(ATTEMPT).where(ATTEMPT.c.subject == subject).values(row))


def normal_address(address: str) -> str:
    """The address attempts are counted under: IPv4 as it is, IPv6 by its /64, `unknown` for anything else."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        if not parsed.is_loopback:
            return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
