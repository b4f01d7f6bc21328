"""Argon2id in worker threads, few at a time, so that sign-ins can exhaust neither memory nor the event loop."""

import asyncio
import base64
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

import argon2

from lineshaft.access.password_rules import MAXIMUM_CHARACTERS, normalise
from lineshaft.core.errors import TooMany

TIME_COST: Final = 3
MEMORY_KIB: Final = 48 * 1024
PARALLELISM: Final = 1
WORKERS: Final = 2
WAITING: Final = 32
WAITING_PER_SOURCE: Final = 4
_LONGEST: Final = 4 * MAXIMUM_CHARACTERS  # before normalisation, which may shorten

T = TypeVar("T")


class PasswordHasher:
    """Hashes and verifies with at most `WORKERS` running (`WORKERS × MEMORY_KIB` in all) and a bounded queue."""

    def __init__(self, *, time_cost: int = TIME_COST, memory_kib: int = MEMORY_KIB) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=PARALLELISM)
        self._pool = ThreadPoolExecutor(WORKERS, "argon2")
        self._waiting: Counter[str] = Counter()
        # Verified for names that do not exist, so that they take as long as those that do. No password has this hash.
        self._nobody = f"$argon2id$v=19$m={memory_kib},t={time_cost},p={PARALLELISM}${_base64(16)}${_base64(32)}"

    @contextmanager
    def slot(self, source: str) -> Iterator[None]:
        """A place in the queue, to be held around `hash` and `verify`. `source` is who asks: each has only few.

        Raises:
            TooMany: all places, or all of this source's, are taken.
        """
        if self._waiting.total() >= WAITING or self._waiting[source] >= WAITING_PER_SOURCE:
            raise TooMany(
                "access.busy", "too many sign-ins are being checked at the moment", "Try again in a few seconds.",
                retry_seconds=2,
            )  # fmt: skip
        self._waiting[source] += 1
        try:
            yield
        finally:
            self._waiting[source] -= 1
            if not self._waiting[source]:
                del self._waiting[source]

    async def hash(self, password: str) -> str:
        """The text to store."""
        return await self._run(lambda: self._argon2.hash(normalise(password)))

    async def verify(self, stored: str | None, password: str) -> bool:
        """True where the password has the stored hash; takes as long where nothing is stored."""
        return await self._run(lambda: self._verify(stored or self._nobody, password)) and stored is not None

    def outdated(self, stored: str) -> bool:
        """True where the hash was made with weaker parameters than today's."""
        return self._argon2.check_needs_rehash(stored)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _verify(self, stored: str, password: str) -> bool:
        # An over-long password is cut, not refused: a quick refusal would tell a guesser something.
        try:
            return self._argon2.verify(stored, normalise(password[:_LONGEST]))
        except (argon2.exceptions.VerifyMismatchError, argon2.exceptions.InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)


def _base64(length: int) -> str:
    return base64.b64encode(secrets.token_bytes(length)).decode().rstrip("=")
