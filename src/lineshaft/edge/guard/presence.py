"""Physical presence: somebody at the gateway's own machine says so, for a limited time, with a reason.

The statement is a file that only the machine's owner of the installation can have written. It ends by itself: by the
wall clock, and by the clock that nobody can set back, whichever is first.
"""

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.core.home import Home, write_file

MOST_MINUTES: Final = 240
_LOOK_SECONDS: Final = 1.0


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is there, why, and until when."""

    user: str
    """Name of the machine's user."""
    reason: str
    since: int
    until: int
    """Microseconds UTC."""


def statement_file(home: Home) -> Path:
    """Where the statement lies."""
    return home.folder("edge") / "guard" / "presence.json"


def state_presence(home: Home, user: str, minutes: int, reason: str) -> Statement:
    """Say that somebody is here; replaces what was said before.

    Raises:
        InvalidInput: no reason, or too long.
    """
    if not 1 <= minutes <= MOST_MINUTES:
        raise InvalidInput(
            "edge.guard_presence_minutes", f"--minutes is {minutes}, not from 1 to {MOST_MINUTES}",
            "It can be said again when the time is over.", field="--minutes", value=minutes, maximum=MOST_MINUTES,
        )  # fmt: skip
    if not reason.strip():
        raise InvalidInput(
            "edge.guard_presence_reason", "--reason is empty", "Say why: it goes into the audit trail.",
            field="--reason", value=reason,
        )  # fmt: skip
    now = clock.now_us()
    said = Statement(user=user, reason=reason.strip()[:500], since=now, until=now + minutes * 60 * clock.MICROSECONDS)
    file = statement_file(home)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    write_file(file, msgspec.json.encode(said))
    return said


def end_presence(home: Home) -> bool:
    """Take the statement back; whether there was one."""
    file = statement_file(home)
    existed = file.exists()
    file.unlink(missing_ok=True)
    return existed


class Presence:
    """Looks, once a second at most, whether somebody is there."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._looked = float("-inf")
        self._seen: Statement | None = None
        """The newest statement that counted; remembered with its end even while it does not."""
        self._ends = 0.0
        self._counts = False
        self.refused = ""
        """Why a statement that lies there does not count."""

    def now(self) -> Statement | None:
        """What is said at this moment; None: nobody is there."""
        moment = clock.monotonic()
        if moment - self._looked >= _LOOK_SECONDS:
            self._looked = moment
            self._look(moment)
        return self._seen if self._counts and moment < self._ends else None

    def _look(self, moment: float) -> None:
        self._counts, self.refused = False, ""
        try:
            said = _read(self._file)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            self.refused = str(error)
            return
        now = clock.now_us()
        if now < said.since or not 0 < said.until - said.since <= MOST_MINUTES * 60 * clock.MICROSECONDS:
            self.refused = "its time cannot be: the clock was set back, or the file was not made here"
            return
        ends = moment + (said.until - now) / clock.MICROSECONDS
        self._ends = ends if said != self._seen else min(self._ends, ends)
        self._seen, self._counts = said, True


def _read(file: Path) -> Statement:
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        about = os.fstat(descriptor)
        if about.st_uid != os.geteuid() or stat.S_IMODE(about.st_mode) & 0o077:
            raise PermissionError(f"{file} must belong to the gateway's user, and to nobody else")
        return msgspec.json.decode(opened.read(65_536), type=Statement)
