"""Where an interrupted import goes on: a small file beside the imported one, gone when all of it is in."""

from pathlib import Path

import msgspec

from lineshaft.core.home import write_file


class _State(msgspec.Struct):
    node: str
    overwrite: bool
    size: int
    modified: int
    line: int


class Place:
    """The last line of a file that is registered for certain.

    Args:
        file: that is imported; another size or time of it begins anew, as do another node and other options.
        node: address that it is registered at.
        overwrite: as asked.
    """

    def __init__(self, file: Path, node: str, *, overwrite: bool) -> None:
        self._path = file.with_name(f"{file.name}.resume")
        try:
            found = file.stat()
        except OSError:
            size, modified = 0, 0  # reading it will say so
        else:
            size, modified = found.st_size, found.st_mtime_ns
        self._state = _State(node, overwrite, size, modified, 0)
        self.start = self._earlier()
        self._state.line = self.start

    @property
    def line(self) -> int:
        return self._state.line

    def reached(self, line: int) -> None:
        """Everything up to this line is registered, or refused for good."""
        self._state.line = line
        write_file(self._path, msgspec.json.encode(self._state))

    def finished(self) -> None:
        self._path.unlink(missing_ok=True)

    def _earlier(self) -> int:
        try:
            earlier = msgspec.json.decode(self._path.read_bytes(), type=_State)
        except (OSError, msgspec.DecodeError):
            return 0
        same = msgspec.structs.replace(earlier, line=0) == self._state
        return earlier.line if same else 0
