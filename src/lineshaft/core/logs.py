"""Structured logs: constant event names, facts as keys. JSON lines in services, readable lines on a terminal."""

import contextlib
import logging
import sys
from typing import Any, TextIO

from lineshaft.core import memory

with memory.refusing("rich"):  # structlog takes it where it is, 6 MB and 0.1 s, for tracebacks that we print otherwise
    import structlog

_SECRET_WORDS = ("password", "secret", "token", "credential", "seed", "private_key")

# Without local variables: those of a sign-in hold a password.
_tracebacks = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


def configure(service: str, *, level: str = "info", json_lines: bool | None = None) -> None:
    """Send this process's logs to standard error.

    Args:
        service: bound to every line.
        level: `debug`, `info`, `warning` or `error`.
        json_lines: JSON when True, readable when False; None chooses by whether standard error is a terminal.
    """
    if json_lines is None:
        json_lines = not sys.stderr.isatty()
    renderer: Any = structlog.processors.JSONRenderer(default=str) if json_lines else structlog.dev.ConsoleRenderer()
    number = getattr(logging, level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _redact,
            _tracebacks if json_lines else structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(_Unfailing(sys.stderr)),  # type: ignore[arg-type]  # a file as far as it is used
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries log through the standard library: their warnings matter, their chatter does not.
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr, format="%(name)s: %(message)s")


class _Unfailing:
    """A stream of which writing never fails: a full disk behind the log costs lines, not the service that writes them."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def get(name: str) -> Any:
    """A logger whose lines carry `component=name`."""
    return structlog.get_logger(component=name)


def _redact(_logger: Any, _method: str, event: Any) -> Any:
    """Blank every fact whose name says it is a secret."""
    for key in event:
        if any(word in key.lower() for word in _SECRET_WORDS):
            event[key] = "***"
    return event
