"""Sessions over HTTP: a nonce to prove oneself over, and from then on an identity for as long as it is used.

They live in the worker that made them; a client keeps its connection, or says who it is with each request.
"""

import secrets

import msgspec

from lineshaft.resolution.auth.table import Halves
from lineshaft.resolution.model import Reference

MOST: int = 20_000
MOST_OF_ONE: int = 2_000
"""Of one source network."""
NEW_SECONDS: float = 120.0
"""How long a session waits for its proof."""
IDLE_SECONDS: float = 900.0
LONGEST_SECONDS: float = 8 * 3600.0
"""From the proof on."""


class HttpSession(msgspec.Struct):
    """One session."""

    id: str
    nonce: bytes
    source: str
    """Address of the peer; a session is no good from elsewhere."""
    identity: Reference | None = None
    """Who has proved to ask; None: nobody yet."""
    ends: float = 0.0
    until: float = 0.0


class HttpSessions:
    """The sessions of one worker; those unused for longest go first, and none that was proved for one that was not."""

    def __init__(self, most: int = MOST, most_of_one: int = MOST_OF_ONE) -> None:
        self._open: Halves[str, HttpSession] = Halves(most, most_of_one, lambda session, now: session.until <= now)

    def open(self, source: str, now: float) -> HttpSession:
        """A new session that nobody has proved anything in.

        Args:
            source: address of the peer.
            now: seconds on a clock that never steps.
        """
        session = HttpSession(secrets.token_hex(16), secrets.token_bytes(16), source, ends=now + LONGEST_SECONDS)
        session.until = now + NEW_SECONDS
        self._open.put(session.id, session, source, now, proved=False)
        return session

    def find(self, number: str, source: str, now: float) -> HttpSession | None:
        session = self._open.get(number)
        if session is None or session.source != source or session.until <= now:
            return None
        if session.identity is not None:
            session.until = min(session.ends, now + IDLE_SECONDS)
            self._open.use(number)
        return session

    def prove(self, session: HttpSession, identity: Reference, now: float) -> None:
        """From now on it is this identity's; its nonce is used up."""
        session.identity = identity
        session.nonce = secrets.token_bytes(16)
        session.until = now + IDLE_SECONDS
        self._open.prove(session.id, session.source, now)

    def close(self, number: str) -> None:
        self._open.pop(number)

    def __len__(self) -> int:
        return len(self._open)
