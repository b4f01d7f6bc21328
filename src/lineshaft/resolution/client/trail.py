"""What was asked on the way to an answer: one hop for each question to a server."""

from typing import Final

import msgspec

from lineshaft.resolution import codes

CODE_NAMES: Final = {
    number: name[3:].lower().replace("_", " ")
    for name, number in vars(codes).items()
    if name.startswith("RC_")
}  # fmt: skip


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    handle: bytes
    """What was asked for."""
    zone: bytes
    """The prefix that the server was taken to serve; empty: everything (a root)."""
    server: str
    """Address and port."""
    protocol: str
    """`UDP`, `TCP`; empty where nothing was answered."""
    code: int | None
    """Response code; None: no answer."""
    seconds: float
    signed: bool = False
    """The answer was signed by the server's key."""
    key: str = ""
    """SHA-256 of that key; empty where the answer is not signed."""
    note: str = ""


Trail = list[Hop]


def name_of(code: int) -> str:
    """`handle not found` of 100."""
    return CODE_NAMES.get(code, "")
