"""How far the rollups are, and what has changed since: the answer to "may this bucket be used?".

A state belongs to one commit of `rollup_1h`: that table's transaction `maintainer` is the number in the state's name.
What changed later needs no bookkeeping by writers: it lies in files of `samples` that the state has not seen. The
maintainer merges only files that it has rolled, so its own files hold nothing new.
"""

import msgspec
import numpy as np

from lineshaft.history.rollup import Level
from lineshaft.history.sealed import Files

MAINTAINER = "maintainer"
"""Application id of the one maintainer, and the owner in the names of its files."""


class RollupState(msgspec.Struct, frozen=True, kw_only=True):
    """What the rollups hold: every row below `until_us` of one version of `samples`."""

    number: int
    until_us: int
    """A whole hour. Buckets that begin before it are rolled, unless `stale` names them."""
    version: int
    """Version of `samples` that was rolled."""
    seen: list[str]
    """Its files that are not the maintainer's own."""
    tables: dict[Level, int]
    """Versions of the finer tables that belong to it."""


class Stale(msgspec.Struct, frozen=True):
    """Ranges of time and tags whose buckets may not be used; one element per file, bounds included."""

    min_us: np.ndarray
    max_us: np.ndarray
    min_tag: np.ndarray
    max_tag: np.ndarray

    def ranges(self, tag: int) -> list[tuple[int, int]]:
        """(first, last) microsecond of each stretch in which a tag may have changed."""
        hit = (self.min_tag <= tag) & (self.max_tag >= tag)
        return list(zip(self.min_us[hit].tolist(), self.max_us[hit].tolist(), strict=True))


def stale(files: Files, state: RollupState) -> Stale:
    """What the files of a version hold below the watermark that the state has not seen."""
    seen = set(state.seen)
    new = np.array([not path.startswith(f"{MAINTAINER}-") and path not in seen for path in files.paths], bool)
    new &= files.min_us < state.until_us
    return Stale(files.min_us[new], files.max_us[new], files.min_tag[new], files.max_tag[new])


def state_name(number: int) -> str:
    """Name of a state's file in the folder of `rollup_1h`."""
    return f"rolled-{number:016}.json"
