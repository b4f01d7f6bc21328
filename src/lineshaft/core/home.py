"""The home folder: where one installation keeps all its state, and the lock that one running instance holds.

lineshaft.toml   settings of this installation (optional, written by people)
identity.json    what the installation is; written last at first start, so its presence means "complete"
keys/            private keys and credentials, readable by the owner only
records.db       relational records where they are SQLite
bus/             the embedded bus server's streams and account tokens
history/         the Delta tables (samples, gaps, corrections, rollups) and the latest-value snapshot
resolution/      the identifier node's records, proofs and cache
ledger/          the audit trail's log
edge/            what a gateway keeps: its certificate, secrets, last configuration
backups/ logs/   what their names say
run/             lock, state and sockets of the running instance; nothing in it outlives a start
"""

import contextlib
import fcntl
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, Unavailable

FORMAT = 1
_PRIVATE = ("keys", "run", "bus", "history", "ledger", "edge", "backups", "logs")
_MAXIMUM_SOCKET_PATH = 100  # sun_path holds 108 bytes on Linux, 104 on macOS


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What an installation is, decided at its first start and kept for ever."""

    format: int
    tenant: str
    site: str
    prefix: str
    """Provisional handle prefix."""
    created: str
    """RFC 3339."""


class Home:
    """One home folder. `Home(path)` touches nothing; `prepare()` makes it, `locked()` holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()

    @property
    def settings_file(self) -> Path:
        return self.path / "lineshaft.toml"

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def backups(self) -> Path:
        return self.path / "backups"

    def folder(self, name: str) -> Path:
        """A folder of one package, made if missing, readable by the owner only."""
        path = self.path / name
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def socket(self, name: str) -> Path:
        """Path of a Unix socket; moved to a short private folder where the home's own path is too long for one."""
        path = self.run / f"{name}.sock"
        if len(os.fsencode(path)) <= _MAXIMUM_SOCKET_PATH:
            return path
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:12]
        short = Path(tempfile.gettempdir()) / f"lineshaft-{os.getuid()}-{digest}"
        short.mkdir(mode=0o700, exist_ok=True)
        if short.stat().st_uid != os.getuid() or short.stat().st_mode & 0o077:
            raise Unavailable(
                "core.socket_folder_foreign", f"the folder {short} for sockets belongs to somebody else",
                "Remove it, or use a home folder with a shorter path.", path=str(short),
            )  # fmt: skip
        return short / f"{name}.sock"

    def identity(self) -> Identity:
        """The installation's identity.

        Raises:
            Unavailable: no installation here yet.
            Corrupt: the file is there and cannot be read, or a newer release wrote it.
        """
        file = self.path / "identity.json"
        try:
            identity = msgspec.json.decode(file.read_bytes(), type=Identity)
        except FileNotFoundError:
            raise Unavailable(
                "core.home_missing", f"there is no Lineshaft installation in {self.path}",
                "`lineshaft up` makes one; `--home` or LINESHAFT_HOME names another folder.", path=str(self.path),
            ) from None  # fmt: skip
        except msgspec.MsgspecError as error:
            raise Corrupt(
                "core.identity_unreadable", f"{file} cannot be read: {error}",
                "Restore the home folder from a backup.", path=str(file), reason=str(error),
            ) from error  # fmt: skip
        if identity.format > FORMAT:
            raise Corrupt(
                "core.home_newer", f"{self.path} was written by a newer release (format {identity.format})",
                "Install that release or restore an older backup.", path=str(self.path), format=identity.format,
            )  # fmt: skip
        return identity

    def prepare(self, *, tenant: str = "main", site: str = "box") -> Identity:
        """Make the folder and its identity, or complete what an interrupted first start left; returns the identity.

        Raises:
            InvalidInput: the folder holds files that are not ours.
        """
        self.check()
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _PRIVATE:
            self.folder(name)
        if not (self.path / "identity.json").exists():
            identity = Identity(
                format=FORMAT, tenant=tenant, site=site,
                prefix=ids.new_provisional_prefix(), created=clock.rfc3339(clock.now_us()),
            )  # fmt: skip
            write_file(self.path / "identity.json", msgspec.json.format(msgspec.json.encode(identity)))
        return self.identity()

    def check(self) -> None:
        """Refuse a folder that is somebody else's; touches nothing.

        Raises:
            InvalidInput: the folder holds files that are not ours and no identity, or is no folder.
        """
        foreign = [entry.name for entry in self._entries() if entry.name not in _OURS]
        if foreign and not (self.path / "identity.json").exists():
            raise InvalidInput(
                "core.home_foreign", f"{self.path} is not empty and not a Lineshaft home (it holds {foreign[0]!r})",
                "Choose an empty or a new folder.", field="home", value=str(self.path), found=foreign[0],
            )  # fmt: skip

    def clear_run(self) -> None:
        """Remove what an earlier run left in `run/`, except the lock. Only the holder of the lock may call it."""
        for entry in self.run.iterdir():
            if entry.name != "lock" and not entry.is_dir():
                entry.unlink(missing_ok=True)

    def _entries(self) -> list[Path]:
        if self.path.exists() and not self.path.is_dir():
            raise InvalidInput(
                "core.home_not_folder", f"{self.path} is not a folder", "Choose a folder.",
                field="home", value=str(self.path),
            )  # fmt: skip
        return sorted(self.path.iterdir()) if self.path.exists() else []

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home for one running instance.

        Raises:
            Conflict: another instance runs on this home; names its process id.
        """
        self.folder("run")
        descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pid = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
                raise Conflict(
                    "core.already_running", f"Lineshaft already runs on {self.path} (process {pid})",
                    "`lineshaft status` shows it, `lineshaft down` stops it; `--home` starts another beside it.",
                    path=str(self.path), pid=pid,
                ) from None  # fmt: skip
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def running_pid(self) -> int | None:
        """Process id of the instance that holds the lock; None where none runs."""
        try:
            descriptor = os.open(self.run / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            text = os.pread(descriptor, 32, 0).decode().strip()
            return int(text) if text.isdigit() else None
        else:
            return None
        finally:
            os.close(descriptor)


_OURS = frozenset(
    (
        *_PRIVATE,
        "demo",
        "resolution",
        "lineshaft.toml",
        "identity.json",
        "records.db",
        "records.db-wal",
        "records.db-shm",
    )
)


def default_home() -> Path:
    """`LINESHAFT_HOME`, else `~/.lineshaft`."""
    return Path(os.environ.get("LINESHAFT_HOME") or "~/.lineshaft")


def write_file(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace a file whole and durably: write beside it, fsync, rename, fsync the folder."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make a folder's entries durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_json(path: Path) -> dict[str, object] | None:
    """A JSON object from a file that another process replaces whole; None where there is none."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    return document if isinstance(document, dict) else None
