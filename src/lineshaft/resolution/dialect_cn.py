"""The Chinese dialect of the protocol, on the same ports, recognised by what it sends.

What is different: clients log in on a connection (operations 2000, 2001) and keep it, with many requests on it; a
resolution carries one more field behind the list of types, the asker's identity (four zero bytes when empty); flag 0x4
asks a recursive server to pass that identity on; there are further response codes; keys may be SM2, digests SM3.
The bodies are in `messages`, keys and signatures in `auth.keys`.
"""

from typing import Final

import msgspec

from lineshaft.resolution import codes
from lineshaft.resolution.messages import Login, Resolve
from lineshaft.resolution.model import Reference
from lineshaft.resolution.wire import Message

PORT: Final = 3641
"""Where recursive servers of the dialect listen, by convention."""

LOGINS: Final = frozenset((codes.OC_LOGIN, codes.OC_LOGIN_SYSTEM))

MEANINGS: Final[dict[int, str]] = {
    codes.RC_LOGIN_AGAIN: "log in again",
    codes.RC_LOGIN_FIRST: "log in first",
    codes.RC_CHANNEL_ERROR: "the connection failed",
    codes.RC_CHANNEL_TIMEOUT: "the server did not answer in time",
    codes.RC_DAILY_LIMIT: "the limit of requests per day is reached",
    codes.RC_REGISTRATION_LIMIT: "the limit of registrations is reached",
    codes.RC_PREFIX_LIMIT: "the limit of prefixes is reached",
    codes.RC_DIALECT_ERROR: "the server failed",
}
"""Response codes that only the dialect has, in words."""

_PLAIN: Final[dict[int, int]] = {
    codes.RC_LOGIN_AGAIN: codes.RC_AUTHENTICATION_NEEDED,
    codes.RC_LOGIN_FIRST: codes.RC_AUTHENTICATION_NEEDED,
    codes.RC_CHANNEL_ERROR: codes.RC_ERROR,
    codes.RC_CHANNEL_TIMEOUT: codes.RC_ERROR,
    codes.RC_DAILY_LIMIT: codes.RC_SERVER_BUSY,
    codes.RC_REGISTRATION_LIMIT: codes.RC_NOT_PERMITTED,
    codes.RC_PREFIX_LIMIT: codes.RC_NOT_PERMITTED,
    codes.RC_DIALECT_ERROR: codes.RC_ERROR,
}


class Connection(msgspec.Struct):
    """What a server remembers of one connection: whether it speaks the dialect, and who logged in on it."""

    dialect: bool = False
    identity: Reference | None = None
    logging_in: Reference | None = None
    """Who was challenged last."""

    def note(self, request: Message) -> None:
        """Learn from a request what is spoken; once the dialect, always the dialect."""
        self.dialect = self.dialect or speaks_dialect(request)
        if isinstance(request.body, Login):
            self.identity = None
            self.logging_in = Reference(request.body.handle, request.body.index)

    def logged_in(self, identity: Reference) -> None:
        """Note that the answer to a challenge was right; every later request on the connection is of this identity."""
        self.identity, self.logging_in = identity, None


def speaks_dialect(request: Message) -> bool:
    """Whether a request is of the dialect: it logs in, carries the further field, or has the flag."""
    if request.header.operation in LOGINS or request.header.flags & codes.RECURSIVE_IDENTITY:
        return True
    return isinstance(request.body, Resolve) and request.body.identity is not None


def code_for(code: int, *, dialect: bool) -> int:
    """The response code to send: the dialect's own ones are put in plain terms for others (402, 3, 401, 2)."""
    return code if dialect else _PLAIN.get(code, code)
