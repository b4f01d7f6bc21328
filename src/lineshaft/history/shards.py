"""Several writers on one history: each reads the whole stream and takes the tags that a hash gives to it.

A shard has a lease (fence), lanes and a snapshot of its own. The first one records gaps and keeps dead letters for all.
The table knows how many there are: a shard that is set to another number does not start before the change-over of
`resharding`, which the first one does.
"""

from collections.abc import Collection, Sequence

import numpy as np

from lineshaft.core.errors import InvalidInput, Unavailable
from lineshaft.history.snapshot import FOLDER as SNAPSHOTS

MAXIMUM = 8
_FIBONACCI = np.uint32(2654435769)


def shard_of(tags: np.ndarray, shards: int) -> np.ndarray:
    """Which shard has each tag. Neighbours come apart: the tags of one device are of a kind."""
    return (tags.astype(np.uint32) * _FIBONACCI >> np.uint32(16)) % np.uint32(shards)


def check_shard(shard: int, shards: int) -> None:
    """Refuse a shard that is none of them.

    Raises:
        InvalidInput: it is not.
    """
    if shard >= shards:
        raise InvalidInput(
            "history.shard_out_of_range", f"setting history.shard is {shard}, and there are {shards} shards",
            "Shards are numbered from 0; set history.shards to the same number for all of them.",
            field="history.shard", value=shard, shards=shards,
        )  # fmt: skip


def snapshots_of(shard: int) -> str:
    """Folder of a shard's snapshots."""
    return f"{SNAPSHOTS}-{shard}" if shard else SNAPSHOTS


def verb_of(verb: str, shard: int) -> str:
    """A shard's own name for a request."""
    return f"{verb}-{shard}" if shard else verb


def reached_transaction(stream: str, shard: int) -> str:
    """Application id under which a shard of several says how far it is, whatever name it writes under."""
    return f"reached:{stream}/{shard}"


COUNT = "shards"
"""Application id whose version is the number of shards that the table is written by; it changes when all stand at one
message, in one commit."""


def since_transaction(stream: str) -> str:
    """Application id whose version is the message behind which the present number of shards holds."""
    return f"sharded:{stream}"


def count_of(reached: Sequence[int | None], opened: Collection[int], *, is_begun: bool) -> int | None:
    """By how many shards a table is written that does not say so; None where it is by none yet.

    Args:
        reached: how far each of several shards came.
        opened: shards that opened the table, also such as have sealed nothing yet: what they were to seal, the others
            left out.
        is_begun: the first shard has committed to it.
    """
    sealed = [shard for shard, sequence in enumerate(reached) if sequence is not None]
    if not sealed:  # nobody has left anything out
        return 1 if is_begun else None
    return max(1, *sealed, *opened) + 1


def shards_differ(shards: int, found: int) -> Unavailable:
    """Another number of shards than the one that the table is written by: tags would change hands in mid-stream."""
    return Unavailable(
        "history.shards_differ",
        f"setting history.shards is {shards}, and the table is written by {found} shards",
        f"Set history.shards to {shards} for every shard and for the web server, then restart them: shard 0 brings all "
        f"{found} to one message of the stream and changes over. To stay at {found}, set it back.",
        field="history.shards", value=shards, found=found,
    )  # fmt: skip
