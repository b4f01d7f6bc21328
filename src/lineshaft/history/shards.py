"""Several writers on one history: each reads the whole stream and takes the tags that a hash gives to it.

A shard has a lease (fence), lanes and a snapshot of its own. The first one records gaps and keeps dead letters for all.
"""

import numpy as np

from lineshaft.core.errors import InvalidInput

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


def verb_of(verb: str, shard: int) -> str:
    """A shard's own name for a request."""
    return f"{verb}-{shard}" if shard else verb


def reached_transaction(stream: str, shard: int) -> str:
    """Application id under which a shard of several says how far it is, whatever name it writes under."""
    return f"reached:{stream}/{shard}"


def left_behind(shard: int, shards: int, reached: int, committed: int) -> InvalidInput:
    """A shard that is no more has not sealed what this one will not read again."""
    return InvalidInput(
        "history.shard_left_behind",
        f"setting history.shards is {shards}, and shard {shard} has rows to seal of the messages {reached + 1} to {committed}",
        f"Start all shards again as before, `lineshaft history seal`, stop them, then set history.shards to {shards}.",
        field="history.shards", value=shards, shard=shard, reached=reached, committed=committed,
    )  # fmt: skip
