"""Secrets in files: written whole, readable by their owner only, with a clear refusal where the disk does not take them."""

from pathlib import Path

from lineshaft.core.errors import Unavailable
from lineshaft.core.home import write_file


def write_secret(path: Path, text: str) -> None:
    """Replace a file whole and durably, mode 0600.

    Raises:
        Unavailable: the disk is full, read-only, or fails; the file is as it was.
    """
    write_whole(path, text.encode())


def write_whole(path: Path, content: bytes) -> None:
    """The same for bytes."""
    try:
        write_file(path, content)
    except OSError as error:
        raise Unavailable(
            "access.file_not_written", f"{path} cannot be written: {error.strerror}",
            "Free space on the volume of the home folder, and check that this user may write there.",
            path=str(path), reason=str(error.strerror),
        ) from error  # fmt: skip
