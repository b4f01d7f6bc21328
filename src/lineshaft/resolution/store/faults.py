"""The stores' errors, said once for all of them."""

import errno
from pathlib import Path

from lineshaft.core.errors import Unavailable


def store_fault(folder: Path, error: BaseException) -> Unavailable:
    """The error of ours for what a store's library or the system raised."""
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) or "No space left" in reason:
        return Unavailable(
            "resolution.store_full", f"there is no space for records in {folder}: {reason}",
            "Free space on that disk; what was acknowledged is there, what was not was not written.",
            path=str(folder), reason=reason,
        )  # fmt: skip
    return Unavailable(
        "resolution.store_unusable", f"the records in {folder} cannot be used: {reason}",
        "Check that the folder is there, that this user may write to it, and that no other process has it.",
        path=str(folder), reason=reason,
    )  # fmt: skip


def read_only(folder: Path) -> Unavailable:
    """The error of a write to a store that was opened for reading."""
    return Unavailable(
        "resolution.store_read_only", f"the records in {folder} are open for reading only",
        "Write through the process that has them open.", path=str(folder),
    )  # fmt: skip
