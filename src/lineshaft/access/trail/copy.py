"""A copy of the audit trail in a folder, as `lineshaft ledger verify` reads it: checkpoint, key, tiles, bodies."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from lineshaft.client import Client
from lineshaft.core.errors import Corrupt, InvalidInput, NotFound
from lineshaft.ledger.tiles import tile_paths

LOG = "/api/v1/ledger/audit"
BODIES = "/api/v1/access/audit/bodies"
Progress = Callable[[int, int], None]


class Missing(msgspec.Struct, frozen=True, kw_only=True):
    """Bodies that a copy does not have."""

    pruned: int
    """Below the place up to which the trail itself says it was pruned."""
    lost: list[int]
    """Places above it: somebody took these away. At most the first thousand."""


def download(client: Client, folder: Path, progress: Progress) -> int:
    """Copy the log and every body that is kept into an empty folder; returns the log's size.

    Raises:
        InvalidInput: the folder has files. Else what the server raised.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise InvalidInput(
            "access.audit_copy_not_empty", f"the folder {folder} is not empty", "Name a new folder.",
            field="folder", value=str(folder),
        )  # fmt: skip
    checkpoint = _bytes(client, f"{LOG}/checkpoint")
    size = int(checkpoint.split(b"\n")[1])
    _write(folder / "checkpoint", checkpoint)
    with contextlib.suppress(NotFound):  # no witness has cosigned yet
        _write(folder / "checkpoint.cosigned", _bytes(client, f"{LOG}/checkpoint.cosigned"))
    _write(folder / "key", _bytes(client, f"{LOG}/key"))
    paths = tile_paths(size)
    for done, path in enumerate(paths, start=1):
        _write(folder / path, _bytes(client, f"{LOG}/{path}"))
        progress(done, len(paths) + 1)
    with (folder / "bodies.ndjson").open("wb") as out, client.stream("GET", BODIES) as response:
        for line in response.iter_lines():
            # The trail grows while it is copied: what came after the checkpoint belongs to the next copy.
            if line and msgspec.json.decode(line)["seq"] < size:
                out.write(line.encode() + b"\n")
    progress(len(paths) + 1, len(paths) + 1)
    return size


def missing(folder: Path, size: int) -> Missing:
    """Which bodies a copy does not have, and whether the trail says why.

    Raises:
        Corrupt: a line is none.
    """
    held = bytearray(size)
    below = 0
    with (folder / "bodies.ndjson").open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                entry: dict[str, Any] = msgspec.json.decode(line)
                held[entry["seq"]] = 1
                body = entry["body"]
            except (msgspec.DecodeError, KeyError, IndexError, TypeError):
                raise Corrupt(
                    "access.audit_copy_line", f"line {number} of bodies.ndjson is not an entry", "Copy the trail again.",
                    line=number,
                ) from None  # fmt: skip
            if body["action"] == "access:audit_prune" and body["outcome"] == "done":
                below = max(below, int(body["facts"]["below"]))
    absent = [place for place in range(size) if not held[place]]
    pruned = sum(1 for place in absent if place < below)
    return Missing(pruned=pruned, lost=[place for place in absent if place >= below][:1000])


def _bytes(client: Client, path: str) -> bytes:
    with client.stream("GET", path) as response:
        return response.read()


def _write(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
