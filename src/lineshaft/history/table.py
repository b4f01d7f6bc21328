"""A Delta table as its writer sees it: open, look, commit with a fence, make the log durable.

The library never syncs its log to the disk, does not notice a second writer that works one commit behind, and lets two
commits remove one file: what is missing is here. Only this module and `sealed` import the library.

Every writer has an application id. Its transaction version is the stream sequence that the table holds; a second one,
`fence:<application>`, counts the writers that have opened the table. Both are checked before each commit and carried in
it, so of two writers that begin at one version exactly one wins, and one that was superseded stops.
"""

import contextlib
import json
from collections.abc import Iterator

import msgspec
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction

from lineshaft.core import clock
from lineshaft.core.errors import Corrupt, LineshaftError
from lineshaft.history.commits import Commit, Fence, Segment, TableName
from lineshaft.history.faults import commit_conflict, folder_error, no_space, superseded
from lineshaft.history.storage import Storage

MAINTENANCE = "maintain"
"""Application id that every commit carries which removes files: two such from one version cannot both win."""

LOG = "_delta_log"
_STORE = "Error performing"
"""What the library says of a request that an object store did not answer well."""

_UNSYNCED = 20
"""How many commits before its own a new process brings to the disk: those of writers killed in between."""

_ROLLUP = [
    ("tag", "integer", False), ("ts", "timestamp", False), ("count", "long", False), ("good", "long", False),
    ("uncertain", "long", False), ("bad", "long", False), ("sum", "double", False), ("min", "double", True),
    ("max", "double", True), ("min_ts", "timestamp", True), ("max_ts", "timestamp", True), ("center", "double", True),
    ("sum_sq", "double", False), ("first", "double", True), ("first_ts", "timestamp", False),
    ("first_q", "long", False), ("last", "double", True), ("last_ts", "timestamp", False), ("last_q", "long", False),
    ("integral", "double", False), ("covered", "double", False), ("good_seconds", "double", False),
    ("sloped", "double", False),
]  # fmt: skip
_COLUMNS: dict[TableName, list[tuple[str, str, bool]]] = {
    "samples": [
        ("tag", "integer", False), ("ts", "timestamp", False), ("arrival", "timestamp", False), ("v", "double", True),
        ("vi", "long", True), ("mul", "double", True), ("div", "double", True), ("vs", "string", True),
        ("vb", "boolean", True), ("q", "long", False),
    ],
    "gaps": [
        ("gateway", "string", False), ("boot", "string", False), ("cause", "string", False), ("from_seq", "long", True),
        ("to_seq", "long", True), ("from_ts", "timestamp", False), ("to_ts", "timestamp", False), ("rows", "long", True),
        ("detail", "string", False), ("noted", "timestamp", False), ("sequence", "long", False),
    ],
    "corrections": [
        ("tag", "integer", False), ("ts", "timestamp", False), ("noted", "timestamp", False),
        ("who", "string", False), ("reason", "string", False), ("old_v", "double", True), ("old_vi", "long", True),
        ("old_vs", "string", True), ("old_vb", "boolean", True), ("old_q", "long", True),
        ("old_arrival", "timestamp", True), ("v", "double", True), ("vi", "long", True), ("vs", "string", True),
        ("vb", "boolean", True), ("q", "long", False), ("sequence", "long", False),
    ],
    "rollup_1s": _ROLLUP, "rollup_1min": _ROLLUP, "rollup_1h": _ROLLUP,
}  # fmt: skip
_DESCRIPTIONS: dict[TableName, str] = {
    "samples": "Samples of tags, one row per (tag, ts). Number = coalesce(v, vi * mul / div); vs text; vb boolean; "
    "q = OPC UA StatusCode. ts is the source's time, arrival the time of the first system that took it in.",
    "gaps": "Samples known to be missing: which lane, which batches, when, and why.",
    "corrections": "Samples whose value or quality was replaced: the old one, the new one, who, when, and why.",
}
_BUCKETS = (
    "Per tag and {} that has samples: counts, statistics of the Good numbers, first and last, time-weighted figures "
    "from the first sample to the last. ts is the bucket's beginning."
)
_DESCRIPTIONS |= {
    "rollup_1s": _BUCKETS.format("second"), "rollup_1min": _BUCKETS.format("minute"),
    "rollup_1h": _BUCKETS.format("hour"),
}  # fmt: skip


class Table:
    """One Delta table in a storage. Blocking; every method may raise the errors of `table_error`."""

    def __init__(self, storage: Storage, name: TableName) -> None:
        self._storage = storage
        self._name = name
        self._table = self._open_or_create()
        self._synced: int | None = None

    @property
    def version(self) -> int:
        return int(self._table.version())

    @property
    def identity(self) -> str:
        """The table's own id, another one after it was deleted and made anew."""
        return str(self._table.metadata().id)

    def transaction(self, application: str) -> int | None:
        """The version that `application` committed last."""
        with faults_of(self._storage):
            version = self._table.transaction_version(application)
        return None if version is None else int(version)

    def segments(self) -> list[Segment]:
        """Every file of the present version."""
        with faults_of(self._storage):
            actions = self._table.get_add_actions(flatten=True)
        names = actions.schema.names

        def column(name: str) -> list[object]:
            return list(actions.column(name).to_pylist()) if name in names else [None] * actions.num_rows

        time = _time_column(self._name)
        rows = zip(
            column("path"), column("size_bytes"), column("num_records"), column("min.tag"), column("max.tag"),
            column(f"min.{time}"), column(f"max.{time}"), strict=True,
        )  # fmt: skip
        return [_segment(*row) for row in rows]

    def retired(self, older_than_hours: int) -> list[str]:
        """Files that left the table at least so long ago, as far as its log remembers them."""
        with faults_of(self._storage):
            return list(self._table.vacuum(older_than_hours, dry_run=True, enforce_retention_duration=False))

    def refresh(self) -> None:
        """See what others committed."""
        with faults_of(self._storage):
            self._table.update_incremental()

    def claim(self, application: str) -> Fence:
        """Become the one writer of `application`: whoever was it before cannot commit from now on."""
        with faults_of(self._storage):
            self._table.update_incremental()
            sequence = self.transaction(application)
            epoch = (self.transaction(_fence(application)) or 0) + 1
            transactions = {_fence(application): epoch}
            if sequence is not None:
                transactions[application] = sequence  # repeated, so that a commit under way conflicts with this one
            self._write([], transactions)
            self._sync_log()
        return Fence(application=application, sequence=sequence, epoch=epoch)

    def commit(self, commit: Commit) -> int:
        """Commit, make the log durable, return the table's version. Repeating a commit that went through is harmless.

        Raises:
            Conflict: another writer has the table now.
            Unavailable: no space, or the folder cannot be used; nothing was committed.
        """
        with faults_of(self._storage):
            self._table.update_incremental()
            if not self._is_done(commit):
                self._check(commit.fence)
                self._check_agreed(commit.agreed)
                self._try(commit)
            self._sync_log()
        return self.version

    def _is_done(self, commit: Commit) -> bool:
        """Whether this very commit is in the table: nobody else can write its sequence in its epoch."""
        fence = commit.fence
        return (
            commit.sequence != fence.sequence
            and self.transaction(fence.application) == commit.sequence
            and self.transaction(_fence(fence.application)) == fence.epoch
        )

    def _check(self, fence: Fence) -> None:
        found = self.transaction(fence.application), self.transaction(_fence(fence.application))
        if found != (fence.sequence, fence.epoch):
            raise superseded(fence, *found)

    def _check_agreed(self, agreed: dict[str, int]) -> None:
        for name, version in agreed.items():
            if (found := self.transaction(name)) not in (None, version):
                raise commit_conflict(self._storage, f"it holds {found} for {name}, and {version} was agreed")

    def _try(self, commit: Commit) -> None:
        now_ms = clock.now_us() // 1000
        actions: list[AddAction | RemoveAction] = [_add(self._name, segment, now_ms) for segment in commit.add]
        actions += [RemoveAction(path, True, now_ms, None, {}) for path in commit.remove]  # noqa: FBT003
        self._check_present(commit.remove)
        fence = commit.fence
        agreed = {name: version for name, version in commit.agreed.items() if self.transaction(name) is None}
        transactions = {
            **agreed, **commit.transactions, fence.application: commit.sequence, _fence(fence.application): fence.epoch,
        }  # fmt: skip
        if commit.remove:
            transactions[MAINTENANCE] = (self.transaction(MAINTENANCE) or 0) + 1
        try:
            self._write(actions, transactions)
        except (DeltaError, OSError):
            # A checkpoint that failed after the commit raises too: the table knows whether it went through.
            self._table.update_incremental()
            if not self._is_done(commit):
                self._check(fence)
                self._check_agreed(commit.agreed)
                if not agreed or any(self.transaction(name) is None for name in agreed):
                    raise
                self._try(commit)  # another writer came first and said the same

    def _check_present(self, paths: list[str]) -> None:
        """The library removes a file twice without a word; its rows would then be in the table twice."""
        gone = set(paths) - {segment.path for segment in self.segments()} if paths else set()
        if gone:
            raise commit_conflict(self._storage, f"{min(gone)} is no longer in the table")

    def _write(self, actions: list[AddAction | RemoveAction], transactions: dict[str, int]) -> None:
        properties = CommitProperties(app_transactions=[Transaction(*item) for item in transactions.items()])
        self._table.create_write_transaction(actions, "append", _schema(self._name), commit_properties=properties)
        self._table.update_incremental()  # the library's object stays at the version before its own commit

    def _sync_log(self) -> None:
        """Make every log entry up to the present version durable, and the checkpoint that readers would start from."""
        first = max(0, self.version - _UNSYNCED if self._synced is None else self._synced + 1)
        entries = [
            f"{version:020}.{kind}"
            for version in range(first, self.version + 1)
            for kind in ("json", "checkpoint.parquet")
        ]  # fmt: skip
        self._storage.child(LOG).sync([*entries, "_last_checkpoint"])
        self._synced = self.version

    def _open_or_create(self) -> DeltaTable:
        with faults_of(self._storage):
            self._storage.prepare()
            _set_torn_entry_aside(self._storage.child(LOG))
            url, options = self._storage.table_arguments()
            try:
                table = DeltaTable(url, storage_options=options)
            except TableNotFoundError:
                table = self._create(url, options)
            _migrate(table, self._name)
            _check_columns(table, self._name, self._storage)
            return table

    def _create(self, url: str, options: dict[str, str] | None) -> DeltaTable:
        try:
            table = DeltaTable.create(
                url, _schema(self._name), mode="ignore", name=self._name,
                description=_DESCRIPTIONS[self._name], storage_options=options,
                commit_properties=CommitProperties(max_commit_retries=0),  # else the second one makes it another table
            )  # fmt: skip
        except CommitFailedError:  # another shard, which starts at the same moment, made it
            table = DeltaTable(url, storage_options=options)
        self._storage.sync()
        return table


@contextlib.contextmanager
def faults_of(place: Storage) -> Iterator[None]:
    """Turn what the library and the system raise into our errors, with the table's folder in them."""
    try:
        yield
    except (DeltaError, OSError) as error:
        raise table_error(error, place) from error


def table_error(error: Exception, place: Storage) -> LineshaftError:
    """The error of ours that says what happened to a table."""
    if isinstance(error, OSError) or no_space(error) or (place.folder is None and _STORE in str(error)):
        return folder_error(error, place)
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    if isinstance(error, CommitFailedError):
        return commit_conflict(place, reason)
    return Corrupt(
        "history.table_unreadable", f"the table in {place} cannot be read: {reason}",
        "Restore the history folder from a backup; the stream keeps what is not in the table.",
        path=str(place), reason=reason,
    )  # fmt: skip


def _fence(application: str) -> str:
    return f"fence:{application}"


def _time_column(name: TableName) -> str:
    return "noted" if name == "gaps" else "ts"


def _schema(name: TableName) -> Schema:
    return Schema([Field(column, PrimitiveType(kind), nullable=nullable) for column, kind, nullable in _COLUMNS[name]])


def _migrate(table: DeltaTable, name: TableName) -> None:
    """Give a table of an older release the columns that came since; they are null in its files."""
    found = {field.name for field in table.schema().fields}
    missing = [
        Field(column, PrimitiveType(kind), nullable=True)
        for column, kind, nullable in _COLUMNS[name]
        if nullable and column not in found
    ]
    if missing and found >= {column for column, _, nullable in _COLUMNS[name] if not nullable}:
        with contextlib.suppress(CommitFailedError):  # another shard gave it the same
            table.alter.add_columns(missing)
        table.update_incremental()


def _check_columns(table: DeltaTable, name: TableName, place: Storage) -> None:
    found = {field.name: getattr(field.type, "type", str(field.type)) for field in table.schema().fields}
    for column, kind, _ in _COLUMNS[name]:
        if found.get(column) != kind:
            raise Corrupt(
                "history.table_foreign", f"the table in {place} has no column {column} of type {kind}",
                "Another program or another release made this table; name another folder in history.url.",
                path=str(place), column=column, type=kind,
            )  # fmt: skip


def _add(name: TableName, segment: Segment, now_ms: int) -> AddAction:
    time = _time_column(name)
    # Readers may cut these times to milliseconds: rounded outwards, no row falls outside.
    low: dict[str, object] = {time: clock.rfc3339(segment.min_us // 1000 * 1000)}
    high: dict[str, object] = {time: clock.rfc3339(-(-segment.max_us // 1000) * 1000)}
    if name != "gaps":
        low["tag"], high["tag"] = segment.min_tag, segment.max_tag
    statistics = {
        "numRecords": segment.rows, "minValues": low, "maxValues": high, "nullCount": dict.fromkeys(low, 0),
    }  # fmt: skip
    return AddAction(segment.path, segment.size, {}, now_ms, True, json.dumps(statistics))  # noqa: FBT003


def _segment(path: object, size: object, rows: object, *bounds: object) -> Segment:
    """A file as the log describes it; one without statistics may hold anything."""
    min_tag, max_tag, min_ts, max_ts = bounds
    return Segment(
        path=str(path), size=int(size or 0), rows=int(rows or 0),  # type: ignore[call-overload]  # untyped library
        min_tag=0 if min_tag is None else int(min_tag),  # type: ignore[call-overload]
        max_tag=2**31 - 1 if max_tag is None else int(max_tag),  # type: ignore[call-overload]
        min_us=-(2**62) if min_ts is None else clock.to_us(min_ts),  # type: ignore[arg-type]
        max_us=2**62 if max_ts is None else clock.to_us(max_ts),  # type: ignore[arg-type]
    )  # fmt: skip


def _set_torn_entry_aside(log: Storage) -> None:
    """A power cut may leave the newest log entry cut short. It was never trusted: nothing upstream was trimmed for it."""
    if log.folder is None:  # an object store has an entry whole or not at all
        return
    newest = max(log.folder.glob("*.json"), default=None)
    if newest is None:
        return
    try:
        for line in newest.read_bytes().splitlines():
            msgspec.json.decode(line)
    except msgspec.DecodeError:
        newest.replace(newest.with_suffix(".torn"))
        log.sync()
