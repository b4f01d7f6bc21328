"""The trace id of what is being done: the same in every service that one request passes through.

It is the trace id of W3C Trace Context: 32 hexadecimal digits. The web server takes a caller's or makes one, the bus
carries it from service to service, the audit trail keeps it.
"""

import re
import secrets
from contextvars import ContextVar
from typing import Final

_CURRENT: Final = ContextVar("lineshaft_trace", default="")
_TRACEPARENT: Final = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$")
_TRACE: Final = re.compile(r"^[0-9a-f]{32}$")
_NONE: Final = "0" * 32


def current() -> str:
    """The present trace id; empty outside any request."""
    return _CURRENT.get()


def begin(traceparent: str | None = None) -> str:
    """Start a request with the trace of its `traceparent` header, else with a new one; returns the trace id."""
    found = _TRACEPARENT.match(traceparent or "")
    trace = found.group(1) if found and found.group(1) != _NONE else secrets.token_hex(16)
    _CURRENT.set(trace)
    return trace


def resume(trace: str) -> None:
    """Go on with a trace that another service began; what is none is left out."""
    _CURRENT.set(trace if _TRACE.match(trace) else "")
