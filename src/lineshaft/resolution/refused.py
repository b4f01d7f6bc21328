"""A request that is answered with a response code other than success."""

from typing import Final

from lineshaft.resolution import codes

_WORDS: Final = {
    codes.RC_ERROR: "The server cannot do this now",
    codes.RC_SERVER_BUSY: "The server has too much to do; ask again later",
    codes.RC_PROTOCOL_ERROR: "This is not a message of the protocol",
    codes.RC_NOT_SUPPORTED: "This operation is not supported here",
    codes.RC_RECURSION_TOO_DEEP: "Too many servers passed this request on",
    codes.RC_INVALID_VALUE: "A value is not valid",
    codes.RC_OUT_OF_DATE_SITE: "The description of the site is out of date",
    codes.RC_NOT_RESPONSIBLE: "That prefix doesn't live here",
    codes.RC_INVALID_ADMIN: "The administrator named is not one",
    codes.RC_NOT_PERMITTED: "The administrator may not do this",
    codes.RC_AUTHENTICATION_TIMEOUT: "The challenge is over; ask again",
    codes.RC_SESSION_TIMEOUT: "There is no such session",
    codes.RC_SESSION_FAILED: "The message does not belong to its session",
    codes.RC_SESSION_REJECTED: "The session does not take this message",
}
"""What is said beside a code; nothing where the code says it all, as clients of the reference server expect."""


class Refused(Exception):
    """An answer with a response code other than success.

    Args:
        code: of the protocol, see `codes`.
        message: in words for people; those of the code where it is left out.
    """

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message or _WORDS.get(code, ""))
        self.code = code

    @property
    def message(self) -> str:
        return str(self)
