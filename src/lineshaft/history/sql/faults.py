"""What goes wrong with a statement."""

from lineshaft.core.errors import DeadlineExceeded, Forbidden, InvalidInput, TooLarge, TooMany, Unprocessable
from lineshaft.history.sql.frames import Limits

_SHOWN = 400


def invalid(reason: str) -> InvalidInput:
    """The statement is not SQL, or names what is not there."""
    shown = " ".join(reason.split())[:_SHOWN]
    return InvalidInput(
        "history.sql_invalid", f"the statement cannot be run: {shown}",
        "The views are samples, tags and rollup_1h; `DESCRIBE samples` lists columns. The dialect is DuckDB's.",
        field="sql", reason=shown,
    )  # fmt: skip


def refused(what: str) -> Forbidden:
    """The statement reaches for something beyond the caller's rows."""
    return Forbidden(
        "history.sql_refused", f"the statement holds {what[:200]}, which is not allowed",
        "One SELECT over the views samples, tags and rollup_1h; no files, settings, extensions or other statements.",
        field="sql", what=what[:200],
    )  # fmt: skip


def too_long(limits: Limits) -> DeadlineExceeded:
    """The statement took more time than it may."""
    return DeadlineExceeded(
        "history.sql_too_long", f"the statement was ended after {limits.seconds:g} seconds",
        "Ask for less time or fewer tags, or from rollup_1h; history.sql_seconds is the limit.",
        field="sql", seconds=limits.seconds,
    )  # fmt: skip


def too_large(limits: Limits) -> TooLarge:
    """The statement took more memory than it may."""
    megabytes = limits.memory_bytes // 2**20
    return TooLarge(
        "history.sql_too_large", f"the statement needs more than {megabytes} MB of memory",
        "Ask for less time or fewer tags, or aggregate; history.sql_memory_bytes is the limit.",
        field="sql", megabytes=megabytes,
    )  # fmt: skip


def too_many_rows(limits: Limits) -> TooLarge:
    """There are more rows in the time and tags given than a statement may look at."""
    return TooLarge(
        "history.sql_too_many_rows", f"there are more than {limits.rows} samples in that time of those tags",
        "Ask for less time or fewer tags; history.sql_rows is the limit.", field="from", maximum=limits.rows,
    )  # fmt: skip


def ended(reason: str) -> Unprocessable:
    """The process ended without an answer."""
    return Unprocessable(
        "history.sql_ended", f"the process that ran the statement ended: {reason}",
        "Nothing else is affected. Make the statement simpler, above all less deeply nested.", field="sql",
        reason=reason,
    )  # fmt: skip


def delivered_too_slowly(seconds: float) -> DeadlineExceeded:
    """The answer was not taken in time."""
    return DeadlineExceeded(
        "history.sql_delivered_too_slowly", f"the answer was not taken whole within {seconds:g} seconds and ended there",
        "Ask for fewer rows, or take them faster; more of them leave through /raw.", field="sql", seconds=seconds,
    )  # fmt: skip


def busy(at_once: int) -> TooMany:
    """All places are taken, or the caller's own."""
    return TooMany(
        "history.sql_busy", f"one of your statements or {at_once} in all are running already",
        "Ask again in a moment.", maximum=at_once,
    )  # fmt: skip
