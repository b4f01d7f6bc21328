"""What a backup holds of a history in a folder: logs and snapshots of one moment, then exactly the files they name.

Rollups are copied, not left to be made anew: samples may have expired that they were made of.
"""

import contextlib
import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from deltalake import DeltaTable

_LOG = "_delta_log"
_TABLES = ("samples", "gaps", "corrections")
_FINER = ("rollup_1s", "rollup_1min")
_HOURS = "rollup_1h"
"""Its state, `rolled-<number>.json`, says which version of the finer ones belongs to it."""
_ROLLUPS = (_HOURS, *_FINER)
_MAINTAINER = "maintainer"
_QUARANTINE = "quarantine"
_LOOKS = 20


class Stale(Exception):
    """The logs that were copied no longer tell what is there.

    Args:
        path: the file that is gone, or the log that does not hold still.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path


def copy_logs(history: Path, target: Path) -> None:
    """Copy the tables' logs and the writers' snapshots. Call it while no message can be trimmed from the stream.

    The rollups' logs stay the same while the others are copied, so no file of samples is taken for one that was rolled.
    The logs go before the snapshots: in that order the snapshots that belong to the copied logs are among them.

    Raises:
        Stale: the rollups changed at every look.
    """
    for _ in range(_LOOKS):
        shutil.rmtree(target, ignore_errors=True)
        before = _rollup_entries(history)
        for table in (*_ROLLUPS, *_TABLES):
            copy(history / table / _LOG, target / table / _LOG)
        if _rollup_entries(history) == before:
            break
    else:
        raise Stale(history / _HOURS / _LOG)
    for folder in (*history.glob("snapshots*"), history / "batches"):
        copy(folder, target / folder.name)


def link_files(history: Path, target: Path) -> None:
    """Bring the files that the copied logs name beside them, and what was set aside as broken.

    A link keeps a file that maintenance deletes later; between two file systems it is a copy.

    Raises:
        Stale: a file that a log names is gone.
    """
    for table in (*_TABLES, *_ROLLUPS):
        for path in _live_files(target / table):
            _link(history / table / path, target / table / path)
    if (target / _HOURS / _LOG).exists():
        _link_rolled(history, target)
    copy(history / _QUARANTINE, target / _QUARANTINE)


def copy(source: Path, target: Path) -> None:
    """Copy a file or folder that may be missing, or whose files may vanish meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for entry in os.scandir(source):
            if not entry.is_symlink():
                copy(Path(entry.path), target / entry.name)
    else:
        with contextlib.suppress(FileNotFoundError):
            shutil.copy2(source, target)


def _rollup_entries(history: Path) -> list[str]:
    return sorted(str(path) for table in _ROLLUPS for path in (history / table / _LOG).glob("*"))


def _link_rolled(history: Path, target: Path) -> None:
    """The rollups' state, and the files of the finer versions that it names."""
    number = _table(target / _HOURS).transaction_version(_MAINTAINER)
    if number is None:
        return
    name = f"rolled-{number:016}.json"
    _link(history / _HOURS / name, target / _HOURS / name)
    versions = json.loads((target / _HOURS / name).read_bytes())["tables"]
    for table in _FINER:
        if versions.get(table, -1) >= 0:
            for path in _live_files(target / table, versions[table]):
                _link(history / table / path, target / table / path)


def _link(source: Path, target: Path) -> None:
    if target.exists():
        return
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise Stale(source) from None
    except OSError:  # another file system, or one without links
        try:
            shutil.copy2(source, target)
        except FileNotFoundError:
            raise Stale(source) from None


def _live_files(table: Path, version: int | None = None) -> list[str]:
    """Data files that the copied log names, relative to the table; of the newest version unless another is given."""
    if not any((table / _LOG).glob("*.json")):
        return []
    return [unquote(path) for path in _table(table, version).get_add_actions(flatten=True).column("path").to_pylist()]


def _table(table: Path, version: int | None = None) -> "DeltaTable":
    from deltalake import DeltaTable

    return DeltaTable(str(table), version=version)
