"""Records in RocksDB (`rocksdict`): compressed, for more records than a B+ tree of plain pages should hold.

One process writes; others read as secondaries, which follow it when they `renew`.
"""

import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from lineshaft.core.errors import Unavailable
from lineshaft.resolution.store.base import Pair, Space, Transaction, check_key
from lineshaft.resolution.store.faults import read_only as refuse_read_only
from lineshaft.resolution.store.faults import store_fault
from lineshaft.resolution.store.memory import Pending

_TAGS: dict[Space, bytes] = {"records": b"r", "meta": b"m"}
_BLOCK_BYTES = 4096
_CACHE_BYTES = 512 * 2**20
_BLOOM_BITS = 10
_CHUNK = 200_000


class RocksdbStore:
    """One RocksDB folder; keys carry their space as a first byte."""

    several_processes = False

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._library = _library()
        self._folder = folder
        self._read_only = read_only
        self._lock = threading.Lock()
        self._shadow: str | None = None
        try:
            if read_only:
                self._shadow = tempfile.mkdtemp(prefix="lineshaft-rocksdb-")  # where a secondary keeps its own log
                access = self._library.AccessType.secondary(self._shadow)
            else:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                access = self._library.AccessType.read_write()
            self._base = self._library.Rdict(str(folder), options=_options(self._library), access_type=access)
        except Exception as error:
            self._drop_shadow()
            raise store_fault(folder, error) from error
        self._durably = self._library.WriteOptions()
        self._durably.sync = True

    def get(self, key: bytes, space: Space = "records") -> bytes | None:
        return self._base.get(_TAGS[space] + key)

    def renew(self) -> None:
        if self._read_only:
            self._base.try_catch_up_with_primary()

    @contextlib.contextmanager
    def write(self) -> Iterator[Transaction]:
        if self._read_only:
            raise refuse_read_only(self._folder)
        with self._lock:
            pending = Pending(self.get)
            yield pending
            batch = self._library.WriteBatch(raw_mode=True)
            for (space, key), value in pending.changes.items():
                if value is None:
                    batch.delete(_TAGS[space] + key)
                else:
                    batch.put(_TAGS[space] + key, value)
            self._try(lambda: self._base.write(batch, self._durably))

    def load(self, pairs: Iterable[Pair]) -> int:
        if self._read_only:
            raise refuse_read_only(self._folder)
        count = 0
        iterator = iter(pairs)
        while chunk := {_TAGS["records"] + check_key(key): value for key, value in islice(iterator, _CHUNK)}:
            self._try(partial(self._ingest, chunk))
            count += len(chunk)
        return count

    def _ingest(self, chunk: dict[bytes, bytes]) -> None:
        """A sorted file of its own, taken over whole: no log, no sorting again."""
        path = str(self._folder / f"load-{os.getpid()}-{threading.get_ident()}.sst")
        writer = self._library.SstFileWriter(_options(self._library))
        writer.open(path)
        for key in sorted(chunk):
            writer[key] = chunk[key]
        writer.finish()
        moving = self._library.IngestExternalFileOptions()
        moving.set_move_files(True)
        self._base.ingest_external_file([path], moving)

    def scan(self, prefix: bytes = b"", after: bytes = b"", space: Space = "records") -> Iterator[Pair]:
        tag = _TAGS[space]
        place = self._base.iter()
        place.seek(tag + max(prefix, after))
        while place.valid() and (key := place.key()).startswith(tag + prefix):
            if key[1:] > after or not after:
                yield key[1:], place.value()
            place.next()

    def count(self) -> int:
        return int(self._base.property_int_value("rocksdb.estimate-num-keys") or 0)

    def size(self) -> int:
        return sum(entry.stat().st_blocks * 512 for entry in os.scandir(self._folder))

    def close(self) -> None:
        self._base.close()
        self._drop_shadow()

    def compact(self) -> None:
        """Bring everything into its final, smallest form; long."""
        self._try(lambda: self._base.compact_range(None, None))

    def _drop_shadow(self) -> None:
        if self._shadow is not None:
            shutil.rmtree(self._shadow, ignore_errors=True)

    def _try(self, work: Any) -> None:
        try:
            work()
        except Exception as error:
            raise store_fault(self._folder, error) from error


def _options(library: Any) -> Any:
    options = library.Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.set_compression_type(library.DBCompressionType.lz4())
    options.set_max_open_files(512)
    blocks = library.BlockBasedOptions()
    blocks.set_block_size(_BLOCK_BYTES)
    blocks.set_bloom_filter(_BLOOM_BITS, block_based=False)
    blocks.set_block_cache(library.Cache(_CACHE_BYTES))
    blocks.set_format_version(5)
    options.set_block_based_table_factory(blocks)
    return options


def _library() -> Any:
    try:
        import rocksdict
    except ImportError as error:
        raise Unavailable(
            "resolution.rocksdb_missing", "records are to lie in RocksDB, and its library is not installed",
            "pip install 'lineshaft[rocksdb]'", reason=str(error),
        ) from error  # fmt: skip
    return rocksdict
