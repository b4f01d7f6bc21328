"""Headers of what travels on the bus: telemetry batches (`Ls-…`) and domain events (CloudEvents 1.0, `ce-…`)."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

import msgspec

from lineshaft.bus.subjects import check_token
from lineshaft.core import clock, ids
from lineshaft.core.errors import InvalidInput

T = TypeVar("T")

MESSAGE_ID = "Nats-Msg-Id"
"""The server stores a message with the same id once within two minutes."""
_MAXIMUM_SEQUENCE = (1 << 63) - 1
_MAXIMUM_ROWS = (1 << 31) - 1

GapCause = Literal["restart", "sequence", "overflow", "dropped", "undecodable"]


class Gap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Samples that a gateway knows it could not send; it travels in the lane, with the batch after them."""

    cause: GapCause
    from_ts: int
    """Microseconds since 1970 of the first missing sample, or the best lower bound."""
    to_ts: int
    rows: int = 0
    """How many samples are missing; 0 where nobody can know."""
    detail: str = ""


class Dropped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Batches of one boot that a gateway's own store had to let go; it travels with the oldest batch still there."""

    boot: str
    from_seq: int
    to_seq: int
    rows: int
    from_ts: int
    """Microseconds since 1970 of the first missing sample."""
    to_ts: int
    stored_us: int
    """When the gateway's own bus took in the last of them."""
    last: bool = False
    """The last batch of a clean stop was among them."""
    gaps: list[Gap] = []
    """What the batches themselves told."""
    detail: str = ""


class BatchHeader(msgspec.Struct, frozen=True, kw_only=True):
    """Who made a telemetry batch and where it stands in its lane. `(gateway, boot, seq)` names it for ever."""

    gateway: str
    boot: str
    """Random id of one run of the gateway."""
    seq: int
    """From 1 in each boot, without holes."""
    rows: int
    group: str
    config: int = 0
    """Version of the configuration that the tags' numbers come from."""
    clock_offset_us: int = 0
    """The gateway's estimate of its clock's error against the bus: its time minus the true one."""
    first: bool = False
    """The first batch of a boot."""
    last: bool = False
    """The last batch of a clean stop."""
    gap: Gap | None = None
    complete_us: int | None = None
    """Every sample with an earlier source time is in this batch or one before it; None where the gateway cannot say."""
    oldest: tuple[str, int] | None = None
    """(boot, seq) of the gateway's oldest batch that may still come, where newer ones are sent before older ones: what
    is older and never came, never will. None: this batch."""
    stored_us: int | None = None
    """When the gateway's own bus took the batch in; None where it has none."""
    dropped: list[Dropped] = []
    """What the gateway's own bus had to let go before `oldest`."""

    @property
    def message_id(self) -> str:
        return f"{self.gateway}:{self.boot}:{self.seq}"

    def to_headers(self) -> dict[str, str]:
        """The message's headers; the subject carries the group, the message id is set when it is published."""
        headers = {
            "Ls-Gateway": self.gateway, "Ls-Boot": self.boot, "Ls-Seq": str(self.seq), "Ls-Config": str(self.config),
            "Ls-Clock-Offset": str(self.clock_offset_us), "Ls-Rows": str(self.rows),
        }  # fmt: skip
        if self.first:
            headers["Ls-First"] = "1"
        if self.last:
            headers["Ls-Last"] = "1"
        if self.complete_us is not None:
            headers["Ls-Complete"] = str(self.complete_us)
        if self.gap is not None:
            headers["Ls-Gap"] = msgspec.json.encode(self.gap).decode()
        return headers


def forwarding_headers(oldest: tuple[str, int], stored_us: int, dropped: Sequence[Dropped]) -> dict[str, str]:
    """What a gateway adds to a batch's headers when it hands it on from its own bus."""
    headers = {"Ls-Oldest": f"{oldest[0]}:{oldest[1]}", "Ls-Stored": str(stored_us)}
    if dropped:
        headers["Ls-Dropped"] = msgspec.json.encode(dropped).decode()
    return headers


def read_batch_header(subject: str, headers: Mapping[str, str]) -> BatchHeader:
    """The header of a telemetry message.

    Raises:
        InvalidInput: a header is missing or malformed, or the gateway is not the one that may publish on `subject`.
    """
    parts = subject.split(".")
    gateway = check_token(_header(headers, "Ls-Gateway"), field="Ls-Gateway")
    if parts[3:5] != ["data", gateway] or len(parts) != 6:  # ls.<tenant>.<site>.data.<gateway>.<group>
        raise _invalid("Ls-Gateway", gateway, f"it is not the gateway of the subject {subject}")
    return BatchHeader(
        gateway=gateway, boot=check_token(_header(headers, "Ls-Boot"), field="Ls-Boot"), group=parts[5],
        seq=_integer(headers, "Ls-Seq", 1, _MAXIMUM_SEQUENCE), rows=_integer(headers, "Ls-Rows", 0, _MAXIMUM_ROWS),
        config=_integer(headers, "Ls-Config", 0, _MAXIMUM_SEQUENCE),
        clock_offset_us=_integer(headers, "Ls-Clock-Offset", -_MAXIMUM_SEQUENCE, _MAXIMUM_SEQUENCE),
        first=_flag(headers, "Ls-First"), last=_flag(headers, "Ls-Last"), gap=_gap(headers),
        complete_us=_integer(headers, "Ls-Complete", 0, _MAXIMUM_SEQUENCE) if "Ls-Complete" in headers else None,
        stored_us=_integer(headers, "Ls-Stored", 0, _MAXIMUM_SEQUENCE) if "Ls-Stored" in headers else None,
        oldest=_oldest(headers), dropped=_dropped(headers),
    )  # fmt: skip


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """The attributes of a domain event."""

    id: str
    source: str
    """`/<tenant>/<site>/<principal>` that published it."""
    type: str
    """`<package>.<type>`."""
    time_us: int


def event_headers(*, source: str, type_: str, id_: str | None = None) -> dict[str, str]:
    """CloudEvents attributes of a new event as headers."""
    return {
        "ce-specversion": "1.0", "ce-id": id_ or ids.new_id(), "ce-source": source, "ce-type": type_,
        "ce-time": clock.rfc3339(clock.now_us()), "content-type": "application/json",
    }  # fmt: skip


def read_event(headers: Mapping[str, str]) -> Event:
    """The attributes of an event's message.

    Raises:
        InvalidInput: an attribute is missing, or the time is none.
    """
    return Event(
        id=_header(headers, "ce-id"), source=_header(headers, "ce-source"), type=_header(headers, "ce-type"),
        time_us=clock.parse_time(_header(headers, "ce-time"), field="ce-time"),
    )  # fmt: skip


def encode_body(body: Any) -> bytes:
    """The bytes of a message's body: bytes as they are, nothing as nothing, all else as JSON."""
    if body is None:
        return b""
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def decode_body(body: bytes, type_: type[T]) -> T:
    """A request's or event's body as a typed object.

    Raises:
        InvalidInput: it is not one; names the field.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            "bus.body_invalid", f"the body of the message is not a {getattr(type_, '__name__', type_)}: {error}",
            "See the fields of that object.", reason=str(error),
        ) from error  # fmt: skip


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise InvalidInput(
            "bus.header_missing", f"the message has no header {name}", "It is not one that Lineshaft made.", field=name
        )
    return value


def _integer(headers: Mapping[str, str], name: str, minimum: int, maximum: int) -> int:
    text = _header(headers, name)
    if not text.removeprefix("-").isdecimal() or not text.isascii() or len(text) > 20:  # digits of 64 bits
        raise _invalid(name, text, "it is not a whole number")
    value = int(text)
    if not minimum <= value <= maximum:
        raise _invalid(name, text, f"it is outside {minimum} to {maximum}")
    return value


def _flag(headers: Mapping[str, str], name: str) -> bool:
    text = headers.get(name)
    if text not in (None, "1"):
        raise _invalid(name, str(text), "it is 1 or absent")
    return text is not None


def _gap(headers: Mapping[str, str]) -> Gap | None:
    text = headers.get("Ls-Gap")
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=Gap)
    except msgspec.MsgspecError as error:
        raise _invalid("Ls-Gap", text, str(error)) from error


def _oldest(headers: Mapping[str, str]) -> tuple[str, int] | None:
    text = headers.get("Ls-Oldest")
    if text is None:
        return None
    boot, _, number = text.rpartition(":")
    return check_token(boot, field="Ls-Oldest"), _integer({"Ls-Oldest": number}, "Ls-Oldest", 1, _MAXIMUM_SEQUENCE)


def _dropped(headers: Mapping[str, str]) -> list[Dropped]:
    text = headers.get("Ls-Dropped")
    if text is None:
        return []
    try:
        dropped = msgspec.json.decode(text, type=list[Dropped])
    except msgspec.MsgspecError as error:
        raise _invalid("Ls-Dropped", text, str(error)) from error
    for each in dropped:
        check_token(each.boot, field="Ls-Dropped")
        if not 1 <= each.from_seq <= each.to_seq <= _MAXIMUM_SEQUENCE:
            raise _invalid("Ls-Dropped", text, "a range of numbers begins at 1 or later and ends after its beginning")
    return dropped


def _invalid(name: str, value: str, rule: str) -> InvalidInput:
    return InvalidInput(
        "bus.header_invalid", f"the message's header {name} is {value[:80]!r}: {rule}",
        "It is not one that Lineshaft made.", field=name, value=value[:80], rule=rule,
    )  # fmt: skip
