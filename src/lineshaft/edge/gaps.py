"""Gaps: samples that are known to be missing. They travel in the lane, so that they are exactly as durable as data.

sequence: messages of the device never came, or its subscription ended. overflow: its queue ran over. dropped: a full
buffer of ours let go. undecodable: a message came that cannot be read. History itself tells the restarts.
"""

from lineshaft.bus import Gap

__all__ = ["Gap", "merge"]

_DETAIL_LENGTH = 500


def merge(gaps: list[Gap]) -> list[Gap]:
    """One gap per cause, wide enough for all of its kind."""
    merged: dict[str, Gap] = {}
    for gap in gaps:
        before = merged.get(gap.cause)
        merged[gap.cause] = gap if before is None else _join(before, gap)
    return list(merged.values())


def _join(one: Gap, other: Gap) -> Gap:
    details = one.detail if other.detail in one.detail else f"{one.detail}; {other.detail}"
    return Gap(
        cause=one.cause,
        from_ts=min(one.from_ts, other.from_ts),
        to_ts=max(one.to_ts, other.to_ts),
        rows=one.rows + other.rows if one.rows and other.rows else 0,  # 0: nobody can know
        detail=details if len(details) <= _DETAIL_LENGTH else details[: _DETAIL_LENGTH - 1] + "…",
    )
