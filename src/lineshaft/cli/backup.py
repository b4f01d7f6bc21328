"""`lineshaft backup` and `restore`: the whole home in one file, taken consistently while everything runs.

The order makes it consistent: hot values are sealed first; then the bus server is paused for the moment in which its
folder and the logs of the history's tables are copied, so that no message is trimmed that the copied logs do not hold,
and the stores of resolution nodes are opened as they are then. Table files are immutable and are linked right after;
where maintenance deleted one before that, all of it is done once more. A paused server's files are as a killed one's,
which it recovers from.
The ledger comes before the records: entries that the copied records have and the copied ledger lacks are appended at
the next start, just as after a kill.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import signal
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lineshaft import __version__
from lineshaft.cli.backup_history import Stale, copy, copy_logs, link_files
from lineshaft.cli.backup_nodes import NodeRecords, outside
from lineshaft.core import clock, console
from lineshaft.core.console import HomeOption, JsonOption, home_of, say
from lineshaft.core.errors import Conflict, InvalidInput, LineshaftError, Unavailable
from lineshaft.core.home import Home, read_json, sync_folder
from lineshaft.core.settings import Settings
from lineshaft.history.settings import HistorySettings

if TYPE_CHECKING:
    from sqlalchemy import Connection

backup_app = console.application()
restore_app = console.application()

_MANIFEST = "lineshaft-backup.json"
_FORMAT = 1
_PLAIN = ("identity.json", "lineshaft.toml", "keys", "edge", "demo")
_LEDGER = ("key", "checkpoint.cosigned", "checkpoint", "journal", "tile")
"""A log's files in an order in which each holds at least what those before it speak of."""


class Written(NamedTuple):
    """A backup that was written."""

    size: int
    """Bytes."""
    not_contained: list[str]
    """Stores that the installation has and the backup has not, for people to read."""


@backup_app.command()
def backup(
    file: Annotated[Path | None, typer.Argument(help="[default: a dated file in the home's backups folder]")] = None,
    recipient: Annotated[
        str, typer.Option("--for", help="Who gets the file, where it leaves the organisation; needs an approval.")
    ] = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Write the whole installation (records, keys, history, bus) to one file, running or not."""
    from lineshaft.access.labels import copies
    from lineshaft.cli.catalogue import load_settings

    place = home_of(home)
    identity = place.identity()
    target = file or place.backups / f"lineshaft-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    running = place.running_pid() is not None
    settings = load_settings(place)
    _in_records(place, settings, lambda connection: copies.check(connection, identity, recipient))
    if running:
        _seal(place)
    size, missing = write_backup(place, settings, target)
    _in_records(
        place, settings, lambda connection: copies.record(connection, identity, recipient=recipient, size=size)
    )  # fmt: skip
    answer = {"file": str(target), "bytes": size, "online": running, "not_contained": missing}
    if json:
        console.output(answer, as_json=True)
    else:
        console.note(say(f"Wrote {target} ({size:,} bytes).", f"已写入 {target}（{size:,} 字节）。"))
        _say_missing(missing)


@restore_app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `lineshaft backup` wrote.", exists=True, dir_okay=False)],
    home: HomeOption = None,
) -> None:
    """Make the home folder from a backup; the folder must be new or empty."""
    place = home_of(home)
    missing = read_backup(file, place)
    console.note(
        say(f"Restored {place.path}; `lineshaft up` starts it.", f"已恢复 {place.path}；用 lineshaft up 启动。")
    )
    _say_missing(missing)


def before_upgrade(home: Home, settings: Settings, kept: int) -> None:
    """The backup that `up` takes before it migrates; only the newest `kept` of these stay."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    written = write_backup(home, settings, home.folder("backups") / f"before-upgrade-{stamp}.tar.gz")
    _say_missing(written.not_contained)
    for old in sorted(home.backups.glob("before-upgrade-*.tar.gz"))[:-kept]:
        old.unlink()


def write_backup(home: Home, settings: Settings, target: Path) -> Written:
    """Write a backup whole or not at all, after another one that is being written.

    Raises:
        Conflict: the file exists.
        Unavailable: a file that a table names is gone, at the second try too; or records cannot be read.
    """
    with _alone(home):
        return _write_alone(home, settings, target)


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Wait until no other process backs up this home: whoever is done first would let the bus go on for both.

    The lock is on the folder itself: what lies in `run` goes at a start, and a backup may outlive a run.
    """
    descriptor = os.open(home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.note(say("Another backup is being written; waiting for its end.", "正在写另一个备份，等待其结束。"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _write_alone(home: Home, settings: Settings, target: Path) -> Written:
    if target.exists():
        raise Conflict("cli.backup_exists", f"{target} exists", "Choose another name.", file=str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished_name = _unfinished_name(home)
    for folder in {home.backups, target.parent}:  # what a backup left that was killed: keys are in it
        for left in folder.glob(f"{unfinished_name}*"):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=unfinished_name) as unfinished_folder:
        staging = Path(unfinished_folder)
        missing = _gather_live(home, settings, staging)
        _copy_ledger(home.path / "ledger", staging / "ledger")
        _copy_records(home, settings, staging)
        for name in _PLAIN:
            copy(home.path / name, staging / name)
        manifest = {
            "format": _FORMAT, "version": __version__, "written": clock.rfc3339(clock.now_us()),
            "not_contained": missing,
        }  # fmt: skip
        (staging / _MANIFEST).write_text(json.dumps(manifest))
        unfinished = staging / ".archive"
        with tarfile.open(unfinished, "w:gz", compresslevel=1) as archive:
            # The manifest goes last: an archive that holds it is whole.
            for entry in sorted(staging.iterdir(), key=lambda path: path.name == _MANIFEST):
                if entry != unfinished:
                    archive.add(entry, entry.name)
        with unfinished.open("rb") as written:
            os.fsync(written.fileno())
        unfinished.chmod(0o600)
        size = unfinished.stat().st_size
        unfinished.replace(target)
    sync_folder(target.parent)
    return Written(size, missing)


def _unfinished_name(home: Home) -> str:
    """How the folder of an unfinished backup begins: that of another home may be in use beside it."""
    return f".backup-{hashlib.sha256(bytes(home.path.resolve())).hexdigest()[:12]}-"


def _gather_live(home: Home, settings: Settings, staging: Path) -> list[str]:
    """Copy what changes by the second: bus, history, nodes' records. Returns what cannot be copied."""
    try:
        return _gather_once(home, settings, staging)
    except Stale:
        for name in ("bus", "history", "resolution"):
            shutil.rmtree(staging / name, ignore_errors=True)
    try:
        return _gather_once(home, settings, staging)
    except Stale as stale:
        raise Unavailable(
            "cli.backup_segment_missing", f"the history's tables name {stale.path}, and it is not there",
            "`lineshaft history verify` tells what is damaged; `--quarantine` takes it out of the table. "
            "No backup was written.", path=str(stale.path),
        ) from stale  # fmt: skip


def _gather_once(home: Home, settings: Settings, staging: Path) -> list[str]:
    storage = settings.of(HistorySettings).storage(home)
    history = storage.folder
    with contextlib.ExitStack() as held:
        with _paused_bus(home):
            copy(home.path / "bus", staging / "bus")
            if history is not None:  # what lies in an object store stays there
                copy_logs(history, staging / "history")
            nodes = NodeRecords(home, held)  # while the bus stands still, no change becomes "published"
        if history is not None:
            link_files(history, staging / "history")
        nodes.copy(staging)
    elsewhere = outside(home, settings)
    missing = [] if history is not None else [f"history in {storage}"]
    return [*missing, *(f"identifiers' records in {path}" for path in (*nodes.foreign, elsewhere) if path is not None)]


def read_backup(file: Path, home: Home) -> list[str]:
    """Unpack a backup into a new home; nothing remains where it fails. Returns what the backup said it lacks.

    Raises:
        InvalidInput: not a whole backup, or one of a newer release.
        Conflict: the home exists.
    """
    if home.path.exists() and any(home.path.iterdir()):
        raise Conflict(
            "cli.restore_not_empty", f"{home.path} is not empty", "Restore into a new folder, then move the two.",
            path=str(home.path),
        )  # fmt: skip
    home.path.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(dir=home.path.parent, prefix=".restore-"))
    try:
        missing = _unpack(file, staging)
        _load_records(Home(staging))
        if home.path.exists():
            home.path.rmdir()
        staging.chmod(0o700)
        staging.replace(home.path)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    sync_folder(home.path.parent)
    return missing


def _say_missing(missing: list[str]) -> None:
    for name in missing:
        console.note(say(f"not contained: {name}; copy it by itself.", f"未包含：{name}；请另行复制。"))


def _unpack(file: Path, staging: Path) -> list[str]:
    try:
        with tarfile.open(file, "r:gz") as archive:
            archive.extractall(staging, filter="data")
        manifest = json.loads((staging / _MANIFEST).read_text())
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise InvalidInput(
            "cli.backup_unreadable", f"{file} is not a whole backup: {error}", "Use another backup.",
            field="file", value=str(file), reason=str(error),
        ) from error  # fmt: skip
    if manifest["format"] > _FORMAT:
        raise InvalidInput(
            "cli.backup_newer", f"{file} was written by release {manifest['version']}", "Install that release.",
            field="file", value=str(file), version=manifest["version"],
        )  # fmt: skip
    (staging / _MANIFEST).unlink()
    return list(manifest.get("not_contained", []))


def _load_records(home: Home) -> None:
    """Put the copied records where the settings in the backup want them: a file of the home, or PostgreSQL."""
    from lineshaft.cli.catalogue import load_settings
    from lineshaft.records import Database, RecordsSettings, load

    database = Database.open(load_settings(home).of(RecordsSettings), home)
    try:
        load(database, home.path / "records")
    finally:
        database.close()
    shutil.rmtree(home.path / "records")


def _seal(home: Home) -> None:
    """Ask the running history to put what it holds in memory into the table; a backup without it is only larger."""
    from lineshaft.client import connect

    with contextlib.suppress(LineshaftError), connect(home=home.path) as client:
        client.request("POST", "/api/v1/history/seal")


@contextlib.contextmanager
def _paused_bus(home: Home) -> Iterator[None]:
    """Hold the bus server still while its files are copied; its clients wait unharmed."""
    state = read_json(home.run / "state.json") if home.running_pid() else None
    children: list[dict[str, int | str]] = list(state["children"]) if state else []  # type: ignore[call-overload]
    pid = next((int(child["pid"]) for child in children if child["name"] == "bus" and child["pid"]), None)
    if pid is not None:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _copy_ledger(source: Path, target: Path) -> None:
    for log in sorted(path for path in source.glob("*") if path.is_dir()):
        for name in _LEDGER:
            copy(log / name, target / log.name / name)
    copy(source / "witness.key", target / "witness.key")


def _copy_records(home: Home, settings: Settings, staging: Path) -> None:
    from lineshaft.records import Database, RecordsSettings, dump

    database = Database.open(settings.of(RecordsSettings), home)
    try:
        (staging / "records").mkdir()
        dump(database, staging / "records")
    finally:
        database.close()


def _in_records(home: Home, settings: Settings, work: "Callable[[Connection], None]") -> None:
    """Do something in the records; nothing where this release has not migrated them yet."""
    from lineshaft.records import Database, RecordsSettings, pending

    database = Database.open(settings.of(RecordsSettings), home)
    try:
        if not pending(database, ["access"]):
            database.transact(work)
    finally:
        database.close()


__all__ = ["backup_app", "before_upgrade", "read_backup", "restore_app", "write_backup"]
