"""A client's side of sessions: one for each server, set up when it is first needed (RFC 3652 3.6)."""

import asyncio
import functools
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa

from lineshaft.core import clock
from lineshaft.resolution.auth import keys
from lineshaft.resolution.auth.sessions import Session, unwrap_key
from lineshaft.resolution.client.identity import Identity
from lineshaft.resolution.messages import SessionReady, SetUpSession
from lineshaft.resolution.messages.sessions import CLIENT_KEY
from lineshaft.resolution.site import Server

SECONDS: Final = 3600
_RENEWED: Final = 300
"""Seconds before its end that a session is replaced."""


@functools.cache
def exchange_key() -> rsa.RSAPrivateKey:
    """The key pair that servers encrypt session keys for; of this process, made once."""
    return keys.generate_rsa()


class ClientSessions:
    """The sessions of one identity."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[str, int], Session] = {}
        self._locks: dict[tuple[str, int], asyncio.Lock] = {}

    def lock(self, server: Server) -> asyncio.Lock:
        """Held while a session with the server is set up."""
        return self._locks.setdefault(_key(server), asyncio.Lock())

    def find(self, server: Server) -> Session | None:
        session = self._sessions.get(_key(server))
        if session is None or clock.monotonic() > session.used + session.timeout - _RENEWED:
            return None
        return session

    def drop(self, server: Server) -> None:
        self._sessions.pop(_key(server), None)

    def opened(self, server: Server, number: int, ready: SessionReady, identity: Identity) -> Session:
        """Note a session that the server agreed to.

        Raises:
            Malformed: its key was not encrypted for us. InvalidInput: for a cipher other than AES.
        """
        key = unwrap_key(ready.data, exchange_key())
        session = Session(number, key, identity.who, SECONDS, clock.monotonic())
        self._sessions[_key(server)] = session
        return session


async def proposal(identity: Identity) -> SetUpSession:
    """The request that a session be set up."""
    key = await asyncio.to_thread(exchange_key)
    return SetUpSession(
        mode=CLIENT_KEY, timeout=SECONDS, identity=identity.who.handle, index=identity.who.index,
        public_key=keys.encode_public_key(key.public_key()),
    )  # fmt: skip


def _key(server: Server) -> tuple[str, int]:
    return server.address, min((one.port for one in server.interfaces), default=0)
