"""Where the logs of an installation lie: `ledger/<log>` in its home; public keys beside them."""

import re
from pathlib import Path
from typing import Final

from lineshaft.core.errors import NotFound
from lineshaft.core.home import Home, write_file
from lineshaft.ledger.reader import KEY, LogReader

FOLDER: Final = "ledger"
WITNESS_KEY: Final = "witness.key"
"""Public key of this installation as a witness."""

_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)


def log_folder(home: Home, name: str) -> Path:
    """Folder of one log, which need not be there.

    Raises:
        NotFound: no log can have this name.
    """
    if _NAME.fullmatch(name) is None or name == "witness":
        raise _unknown(name)
    return home.path / FOLDER / name


def reader(home: Home, name: str) -> LogReader:
    """A log of this installation; raises NotFound where there is none of this name."""
    folder = log_folder(home, name)
    if not (folder / KEY).is_file():
        raise _unknown(name)
    return LogReader(folder)


def readers(home: Home) -> list[LogReader]:
    """Every log of this installation, by name."""
    base = home.path / FOLDER
    found = sorted(base.iterdir()) if base.is_dir() else []
    return [LogReader(folder) for folder in found if _NAME.fullmatch(folder.name) and (folder / KEY).is_file()]


def publish_witness_key(home: Home, vkey: str) -> None:
    """Let everybody read which key this installation cosigns with."""
    write_file(home.folder(FOLDER) / WITNESS_KEY, f"{vkey}\n".encode())


def witness_key(home: Home) -> str:
    """Public key of this installation as a witness; raises NotFound before its first start."""
    try:
        return (home.path / FOLDER / WITNESS_KEY).read_text("utf-8").strip()
    except FileNotFoundError:
        raise NotFound(
            "ledger.no_witness_key", "this installation has no witness key yet", "`lineshaft up` makes one.",
        ) from None  # fmt: skip


def _unknown(name: str) -> NotFound:
    return NotFound(
        "ledger.log_unknown", f"there is no log {name[:63]!r}", "`lineshaft ledger show` lists the logs.", log=name[:63]
    )
