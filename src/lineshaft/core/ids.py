"""Identifiers: handles `prefix/suffix` under the installation's own provisional prefix, and sortable random ids.

A handle is minted once and never changes; paths may. When a prefix is allotted later, aliases are added.
"""

import re
import secrets
import threading

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LEVEL = re.compile(r"^[^\x00-\x1f\x7f+#/$]{1,255}$")
PATH_LEVELS = ("enterprise", "site", "area", "line", "cell", "device", "tag")


_LAST = [0]
_TURN = threading.Lock()
_BACK_MS = 3_600_000
"""A clock set back by less than this does not disturb the order of ids."""


def new_id() -> str:
    """26 characters, time-ordered to the millisecond, 80 random bits (the ULID layout).

    Ids of one process grow in the order they were made, within a millisecond and while a clock is set back, too.
    """
    now = clock.now_us() // 1000
    with _TURN:
        last = _LAST[0]
        if 0 <= (last >> 80) - now < _BACK_MS:
            value = last + 1 + secrets.randbits(32)
        else:
            value = now << 80 | secrets.randbits(80)
        _LAST[0] = value
    return "".join(_CROCKFORD[value >> shift & 31] for shift in range(125, -5, -5))


def new_provisional_prefix() -> str:
    """A random prefix for a new installation, in the range that no registry allots."""
    return f"99.{secrets.randbelow(9 * 10**9) + 10**9}"


class HandleMinter:
    """Mints handles under one prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def mint(self, kind: str) -> str:
        """A new handle for an object of `kind` (`device`, `tag`, `person` …)."""
        return f"{self.prefix}/{kind}.{new_id()}"


def check_path(path: str, *, field: str = "path", levels: int | None = None) -> str:
    """An ISA-95 path `enterprise/site/area/line/cell/device/tag`, or a leading part of it; returned unchanged.

    Raises:
        InvalidInput: an empty or over-long level, a character no level may hold, or not `levels` levels.
    """
    parts = path.split("/")
    wrong = next((part for part in parts if not _LEVEL.match(part)), None)
    if wrong is not None:
        raise InvalidInput(
            "core.path_level_invalid",
            f"{field} {path!r} has the level {wrong!r}",
            "A level has 1 to 255 characters, none of them + # / $ or a control character.",
            field=field, value=path, level=wrong,
        )  # fmt: skip
    if levels is not None and len(parts) != levels:
        raise InvalidInput(
            "core.path_depth_invalid",
            f"{field} {path!r} has {len(parts)} levels, not {levels}",
            "Give " + "/".join(PATH_LEVELS[:levels]) + ".",
            field=field, value=path, levels=levels,
        )  # fmt: skip
    return path
