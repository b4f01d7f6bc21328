"""The folder of the files on their way in and out: bounded in size, and each file in time. Everything here blocks."""

import contextlib
import os
import time
from pathlib import Path

from lineshaft.core.errors import TooLarge
from lineshaft.core.home import sync_folder
from lineshaft.history.transfer.settings import TransferSettings


class Spool:
    """Files by name. Those that are held do not expire."""

    def __init__(self, folder: Path, settings: TransferSettings) -> None:
        self.folder = folder
        self._settings = settings
        self._held: set[str] = set()

    def prepare(self) -> None:
        """Make the folder."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def hold(self, name: str) -> None:
        """Keep a file until `free`, there or not yet."""
        self._held.add(name)

    def free(self, name: str) -> None:
        """Let a file expire."""
        self._held.discard(name)

    def path(self, name: str) -> Path:
        return self.folder / name

    def size(self, name: str) -> int:
        """Bytes of a file; none where it is not there."""
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            return 0

    def expires_us(self, name: str) -> int:
        """When a file is removed.

        Raises:
            FileNotFoundError: it is not there.
        """
        return round((self.path(name).stat().st_mtime + self._settings.keep_seconds) * 1_000_000)

    def check(self, name: str, more: int) -> None:
        """Return where a file may grow by so many bytes.

        Raises:
            TooLarge: it may not; says which bound it is.
        """
        if self.size(name) + more > self._settings.file_bytes:
            raise TooLarge(
                "history.transfer_file_too_large", f"the file is larger than {self._settings.file_bytes:,} bytes",
                "Take it in parts; the bound is the setting transfer.file_bytes.", maximum=self._settings.file_bytes,
            )  # fmt: skip
        if sum(size for _, size, _ in self._files()) + more > self._settings.total_bytes:
            raise TooLarge(
                "history.transfer_full",
                f"files of imports and exports may take {self._settings.total_bytes:,} bytes together, and this would be more",
                "Fetch or delete exports, or wait: all of them expire. The bound is the setting transfer.total_bytes.",
                maximum=self._settings.total_bytes,
            )  # fmt: skip

    def settle(self, name: str, final: str) -> None:
        """Give a complete file its final name, durably."""
        descriptor = os.open(self.path(name), os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        self.path(name).replace(self.path(final))
        sync_folder(self.folder)

    def remove(self, name: str) -> None:
        """Remove a file, where it is there."""
        self.path(name).unlink(missing_ok=True)

    def expire(self) -> int:
        """Remove what is too old; returns how many files."""
        oldest = time.time() - self._settings.keep_seconds  # the clock of files is the system's
        old = [name for name, _, changed in self._files() if changed < oldest and name not in self._held]
        for name in old:
            self.remove(name)
        return len(old)

    def _files(self) -> list[tuple[str, int, float]]:
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    found.append((entry.name, status.st_size, status.st_mtime))
        return found
