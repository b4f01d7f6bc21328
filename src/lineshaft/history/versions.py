"""How far a table's log goes, seen without the library that writes it: each version is a file named by its number."""

from lineshaft.history.storage import Storage

_LOG = "_delta_log"


def newest_version(table: Storage, known: int) -> int:
    """The newest version from one that there is; blocking. It costs one look more than there are newer ones.

    Raises:
        OSError: the storage cannot be asked.
    """
    log, version = table.child(_LOG), known
    while True:
        try:
            log.open(f"{version + 1:020}.json").close()
        except FileNotFoundError:
            return version
        version += 1
