"""Every failure as one RFC 9457 problem document: ours as it is, Litestar's translated, anything else as an incident.

A document never carries a traceback or an exception's own text; an incident's number finds both in the log.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    SerializationException,
    ValidationException,
)

from lineshaft.core import ids, logs, texts
from lineshaft.core.errors import (
    InvalidInput,
    LineshaftError,
    MethodNotAllowed,
    NotFound,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from lineshaft.core.http import PROBLEM_JSON, problem

_log = logs.get("web")


def headers_of(error: LineshaftError) -> dict[str, str]:
    """Response headers that belong to an error's status."""
    if isinstance(error, Unauthenticated):
        return {"www-authenticate": "Bearer"}
    if isinstance(error, MethodNotAllowed):
        return {"allow": ", ".join(error.facts["allowed"])}
    if error.status in (408, 413):  # what is left of the body must not be taken for the next request
        return {"connection": "close"}
    if isinstance(error, TooMany | Unavailable) and "retry_seconds" in error.facts:
        return {"retry-after": str(int(error.facts["retry_seconds"]))}
    return {}


def document(error: LineshaftError, scope: Mapping[str, Any]) -> bytes:
    """The problem document of `error` in the caller's language."""
    return msgspec.json.encode(problem(error, language_of(scope), scope.get("path", "")))


def language_of(scope: Mapping[str, Any]) -> str:
    """The language that the request's `Accept-Language` asks for."""
    for name, value in scope["headers"]:
        if name == b"accept-language":
            return texts.preferred(value.decode("latin-1"))
    return "en"


async def send(error: LineshaftError, scope: Mapping[str, Any], send_event: Any) -> None:
    """Answer with the problem document on bare ASGI, before a WebSocket is accepted too."""
    prefix = "websocket.http.response" if scope["type"] == "websocket" else "http.response"
    body = document(error, scope)
    fields = {"content-type": PROBLEM_JSON, "content-length": str(len(body)), **headers_of(error)}
    headers = [(name.encode(), value.encode()) for name, value in fields.items()]
    await send_event({"type": f"{prefix}.start", "status": error.status, "headers": headers})
    await send_event({"type": f"{prefix}.body", "body": body})


def handle(request: Request[Any, Any, Any], exception: Exception) -> Response[bytes]:
    """Litestar's handler of every exception."""
    error = translate(exception, request.scope)
    return Response(
        document(error, request.scope), status_code=error.status, media_type=PROBLEM_JSON, headers=headers_of(error)
    )


def translate(exception: Exception, scope: Mapping[str, Any]) -> LineshaftError:
    """The error of ours that says what `exception` means to the caller."""
    if isinstance(exception, LineshaftError):
        return exception
    if isinstance(exception, ValidationException):
        return _invalid(exception)
    if isinstance(exception, HTTPException) and exception.status_code < 500:
        return _client(exception, scope)
    if isinstance(exception, RecursionError) and "deserializing" in str(exception):
        return _unreadable()  # a body nested deeper than anything we take
    return incident(exception, scope)


def incident(exception: BaseException, scope: Mapping[str, Any]) -> LineshaftError:
    """Log what nobody foresaw, in full, and give the caller only its number."""
    number = ids.new_id()
    _log.error(
        "request_failed", incident=number, method=scope.get("method", "WEBSOCKET"), path=scope["path"],
        exc_info=exception,
    )  # fmt: skip
    return LineshaftError(
        "web.unexpected", f"the server failed on this request (incident {number})",
        "Try again; if it stays, give the incident number to the operator, who finds it in logs/web.log.",
        incident=number,
    )  # fmt: skip


_MISSING = re.compile(r"Missing required (\w+) parameter '([^']+)'")


def _invalid(exception: ValidationException) -> LineshaftError:
    """Litestar lists what is wrong as {key, message, source}; name the first and carry all."""
    given = exception.extra if isinstance(exception.extra, list) else []
    wrong = [
        {"field": str(entry.get("key", "")), "rule": str(entry.get("message", "")), "in": str(entry.get("source", ""))}
        for entry in given
        if isinstance(entry, dict)
    ]
    missing = _MISSING.match(exception.detail)
    if missing is not None:
        wrong.append({"field": missing[2], "rule": "is missing", "in": missing[1]})
    first = wrong[0] if wrong else {"field": "request", "rule": "is not of the form that this route takes", "in": ""}
    where = first["field"] or "body"
    return InvalidInput(
        "web.input_invalid", f"{where} is wrong: {first['rule']}", "/api/docs shows what this route takes.",
        field=where, rule=first["rule"], errors=wrong,
    )  # fmt: skip


def _method(exception: MethodNotAllowedException, scope: Mapping[str, Any]) -> LineshaftError:
    allow = (exception.headers or {}).get("allow") or (exception.headers or {}).get("Allow", "")
    allowed = [method.strip() for method in allow.split(",") if method.strip()]
    method = str(scope.get("method", ""))
    return MethodNotAllowed(
        "web.method_not_allowed", f"{scope['path']} does not take {method}", "/api/docs lists every route.",
        path=scope["path"], method=method, allowed=allowed,
    )  # fmt: skip


def _client(exception: HTTPException, scope: Mapping[str, Any]) -> LineshaftError:
    """A refusal by the framework, in our words."""
    if isinstance(exception, NotFoundException):
        return NotFound(
            "web.route_unknown", f"there is nothing at {scope['path']}", "/api/docs lists every route.",
            path=scope["path"],
        )  # fmt: skip
    if isinstance(exception, MethodNotAllowedException):
        return _method(exception, scope)
    if isinstance(exception.__cause__, SerializationException) or exception.status_code == 400:
        return _unreadable()
    if exception.status_code == 415:
        return UnsupportedMedia(
            "web.media_unsupported", "this route does not read that kind of body", "Send application/json."
        )
    return InvalidInput("web.refused", "the request was refused", "/api/docs shows what this route takes.")


def _unreadable() -> InvalidInput:
    return InvalidInput(
        "web.body_unreadable", "the request cannot be read: its body or a header is malformed",
        "Send UTF-8 JSON with Content-Type: application/json.", field="body",
    )  # fmt: skip
