"""What travels on the live socket, each message as it is encoded."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from lineshaft.core.errors import InvalidInput, LineshaftError
from lineshaft.core.http import problem

CLOSE_UNAUTHENTICATED = 4401
CLOSE_FORBIDDEN = 4403


class ClientMessage(msgspec.Struct, forbid_unknown_fields=True):
    """What a client may say."""

    subscribe: list[str] = []
    unsubscribe: list[str] = []


_decoder = msgspec.json.Decoder(ClientMessage)
_encoder = msgspec.json.Encoder()


def decode(event: dict[str, Any]) -> ClientMessage:
    """Read a client's message.

    Raises:
        InvalidInput: not text, not JSON, or not of the agreed form.
    """
    text = event.get("text")
    try:
        return _decoder.decode(text if text is not None else b"")
    except msgspec.MsgspecError as error:
        raise InvalidInput(
            "web.live_message_invalid", f"the message is not understood: {error}",
            'Send {"subscribe": ["path"]} or {"unsubscribe": ["path"]} as text.',
            field="message", value=(text or "")[:80], rule=str(error),
        ) from error  # fmt: skip


def encode_rows(rows: Iterable[tuple[str, int, Any, int]]) -> list[bytes]:
    """Each row (path, microseconds, value, StatusCode) as JSON, in order."""
    lines = _encoder.encode_lines(rows)
    return lines.split(b"\n")[:-1]


def values(rows: Iterable[bytes]) -> bytes | None:
    """The message that carries encoded rows; None where there are none."""
    body = b",".join(rows)
    return b'{"values":[' + body + b"]}" if body else None


def subscribed(total: int, refused: Sequence[tuple[str, LineshaftError]], language: str) -> str:
    """The answer to a subscription."""
    names = [{"path": path, "code": error.code, "message": error.text(language)[0]} for path, error in refused]
    return _encoder.encode({"subscribed": total, "refused": names}).decode()


def error(reason: LineshaftError, language: str) -> str:
    """The answer to a message that was not understood or not admitted."""
    return _encoder.encode({"error": problem(reason, language)}).decode()


def state(*, stale: bool, now_us: int) -> bytes:
    """Whether values are coming, and the server's time, by which a client tells how old a value is."""
    return _encoder.encode({"stale": stale, "now": now_us})
