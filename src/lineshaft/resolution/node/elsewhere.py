"""What a server needs to know of records that other servers hold."""

from collections.abc import Sequence
from typing import Protocol

from lineshaft.resolution.messages import VerifyAnswer
from lineshaft.resolution.model import HandleValue


class Elsewhere(Protocol):
    """Other servers, as a client reaches them. Methods raise `Refused` where the answer is a refusal, or none came.

    Whoever asks on behalf of another raises the recursion count of its requests: servers resolve for others only what
    comes with count 0, or with the flag for recursion.
    """

    async def values(self, handle: bytes, types: Sequence[bytes] = ()) -> Sequence[HandleValue]:
        """The public values of a handle, verified as far as this server verifies.

        Raises:
            Refused: 100, 200, 301, or 2 where nobody answers.
        """
        ...

    async def verify(self, question: VerifyAnswer) -> bool:
        """Ask the server that holds a secret key whether an answer proves it."""
        ...


class Recursive(Elsewhere, Protocol):
    """Resolves for others, and remembers what it learned."""

    async def values(
        self, handle: bytes, types: Sequence[bytes] = (), *, authoritative: bool = False
    ) -> Sequence[HandleValue]:
        """As of every server; with `authoritative` past what is remembered, from a primary."""
        ...

    def lookup(self, key: bytes) -> bytes | None:
        """The record (`record`'s form, public values only, unchanged) under a handle's comparison form that may be answered
        at once; None: ask `values`.
        """
        ...

    def stale(self, key: bytes) -> bool:
        """Whether what `values` gives for a key is behind its time, because nobody answers."""
        ...


class Nowhere:
    """A server on its own."""

    async def values(self, handle: bytes, types: Sequence[bytes] = ()) -> Sequence[HandleValue]:
        """Nothing."""
        return ()

    async def verify(self, question: VerifyAnswer) -> bool:
        """No."""
        return False
