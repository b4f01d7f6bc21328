"""The bus's errors: what went wrong between a caller and the bus, said once for everybody."""

from typing import Any

from lineshaft.core.errors import (
    Conflict,
    Corrupt,
    DeadlineExceeded,
    Forbidden,
    InvalidInput,
    LineshaftError,
    NotFound,
    TooLarge,
    Unavailable,
)

_LIMIT_REACHED = ("maximum bytes exceeded", "maximum messages exceeded")
_DISK_FULL = "no space left on device"
_STREAM_NOT_FOUND = 10059
_CONSUMER_NOT_FOUND = 10014


def unreachable(name: str, reason: str) -> Unavailable:
    return Unavailable(
        "bus.unreachable", f"{name} has no connection to the bus ({reason})",
        "`lineshaft status` shows whether the bus runs; the connection comes back by itself when it does.",
        name=name, reason=reason,
    )  # fmt: skip


def refused(name: str, reason: str) -> Unavailable:
    return Unavailable(
        "bus.refused", f"the bus refuses the credentials of {name} ({reason})",
        "The principal may be revoked: `lineshaft access list` shows it.", name=name, reason=reason,
    )  # fmt: skip


def connection_lost(subject: str) -> Unavailable:
    return Unavailable(
        "bus.connection_lost", f"the connection to the bus broke before an answer on {subject} came",
        "It may or may not have been done: read the state again before you repeat it.", subject=subject,
    )  # fmt: skip


def unanswered(subject: str, seconds: float) -> DeadlineExceeded:
    return DeadlineExceeded(
        "bus.unanswered", f"no answer on {subject} within {seconds:g} seconds",
        "It may or may not have been done: read the state again before you repeat it.",
        subject=subject, seconds=seconds,
    )  # fmt: skip


def unacknowledged(subject: str, seconds: float) -> Unavailable:
    return Unavailable(
        "bus.unacknowledged", f"the bus did not confirm within {seconds:g} seconds that a message on {subject} is stored",
        "Publish it again with the same message id: it is stored once. If it lasts, see the free space of the bus's disk.",
        subject=subject, seconds=seconds,
    )  # fmt: skip


def gateway_away(gateway: str, verb: str) -> Unavailable:
    return Unavailable(
        "bus.gateway_away", f"the gateway {gateway!r} is not connected, so it cannot be asked for {verb}",
        "Start it, or see its log for why it does not reach the bus; `lineshaft status` shows the box's own.",
        gateway=gateway, verb=verb,
    )  # fmt: skip


def nobody_listens(package: str, verb: str) -> Unavailable:
    return Unavailable(
        "bus.no_service", f"the service {package} does not answer (asked for {verb})",
        "`lineshaft status` shows whether it runs.", package=package, verb=verb,
    )  # fmt: skip


def forbidden(name: str, action: str, subject: str) -> Forbidden:
    return Forbidden(
        "bus.forbidden", f"{name} may not {action} {subject} on the bus",
        "What a principal may do on the bus follows from its roles and grants.",
        name=name, action=action, subject=subject,
    )  # fmt: skip


def too_large(subject: str, size: int, maximum: int) -> TooLarge:
    return TooLarge(
        "bus.message_too_large", f"a message of {size} bytes for {subject} is over the bus's limit of {maximum} bytes",
        "Send it in smaller parts, or raise bus.max_payload.", subject=subject, size=size, maximum=maximum,
    )  # fmt: skip


def header_name_invalid(name: str) -> InvalidInput:
    return InvalidInput(
        "bus.header_name_invalid", f"{name!r} cannot be the name of a message's header",
        "Use ASCII letters, digits and hyphens.", field="headers", value=name,
    )  # fmt: skip


def not_stored(subject: str, error: dict[str, Any]) -> LineshaftError:
    """From the error in the acknowledgement of a published message."""
    description = str(error.get("description", "unknown"))
    if description in _LIMIT_REACHED:
        return Unavailable(
            "bus.full", f"the stream that keeps {subject} is full ({description}): the message is not stored",
            "It empties as its reader works: see whether history runs, or raise bus.store_max_bytes.",
            subject=subject, reason=description,
        )  # fmt: skip
    if _DISK_FULL in description:
        return disk_full(subject)
    return Unavailable(
        "bus.not_stored", f"the bus did not store a message on {subject}: {description}",
        "See the bus's log and the free space of its disk.", subject=subject, reason=description,
    )  # fmt: skip


def disk_full(subject: str) -> Unavailable:
    return Unavailable(
        "bus.disk_full", f"the disk of the bus is full: {subject} is not done",
        "Free space on it: the bus then goes on by itself.", subject=subject,
    )  # fmt: skip


def no_stream(subject: str) -> Unavailable:
    return Unavailable(
        "bus.not_kept", f"no stream keeps {subject}, or the bus's storage is switched off",
        "Streams are made when the access service starts; a full disk switches the bus's storage off until a restart.",
        subject=subject,
    )  # fmt: skip


def stream_missing(stream: str) -> NotFound:
    return NotFound(
        "bus.stream_missing", f"the bus has no stream {stream}", "It is made when the access service starts.",
        stream=stream,
    )  # fmt: skip


def stream_recreated(stream: str, before: str, created: str) -> Conflict:
    return Conflict(
        "bus.stream_recreated", f"the stream {stream} was made anew at {created}; the one read before was of {before}",
        "Its sequence numbers began again: start over with the new stream.",
        stream=stream, before=before, created=created,
    )  # fmt: skip


def stream_behind(stream: str, wanted: int, last: int) -> Conflict:
    return Conflict(
        "bus.stream_behind", f"the stream {stream} ends at {last}, before the message {wanted} that is to be read next",
        "The bus lost its end, or an older copy was restored: messages after it would be skipped.",
        stream=stream, wanted=wanted, last=last,
    )  # fmt: skip


def reader_replaced(stream: str, reader: str) -> Conflict:
    return Conflict(
        "bus.reader_replaced", f"another reader {reader} of the stream {stream} has taken over",
        "Give the second reader a name of its own.", stream=stream, reader=reader,
    )  # fmt: skip


def api_error(subject: str, error: dict[str, Any]) -> LineshaftError:
    """From the error of a JetStream API call."""
    number, description = error.get("err_code"), str(error.get("description", "unknown"))
    if number == _STREAM_NOT_FOUND:
        return stream_missing(subject.split(".")[4])
    if number == _CONSUMER_NOT_FOUND:
        return NotFound(
            "bus.consumer_missing", f"the bus has no such reader ({subject})", "It is made anew by itself.",
            subject=subject,
        )  # fmt: skip
    if _DISK_FULL in description:
        return disk_full(subject)
    return Unavailable(
        "bus.call_refused", f"the bus refused {subject}: {description}", "See the bus's log.",
        subject=subject, reason=description,
    )  # fmt: skip


def answer_unreadable(what: str, reason: str) -> Corrupt:
    return Corrupt(
        "bus.answer_unreadable", f"the answer of {what} cannot be read: {reason}",
        "The two sides may be of different releases: restart the box.", what=what, reason=reason,
    )  # fmt: skip
