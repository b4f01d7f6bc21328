"""`Idempotency-Key` on POST: the same request sent twice by the same principal is carried out once.

Only answers that say "done" are kept; a refused request may be sent again with its key. Answers of `access` hold
secrets that are shown once: they are not kept, and whoever repeats such a request is told that it was carried out.
"""

import hashlib
from typing import Any

from lineshaft.core.errors import Conflict, LineshaftError
from lineshaft.core.http import PROBLEM_JSON
from lineshaft.records import Answer, Idempotency
from lineshaft.web import problems
from lineshaft.web.callers import Caller, header
from lineshaft.web.gate import CALLER

KEY_HEADER = "Idempotency-Key"
LARGEST_KEPT_BYTES = 1 << 20
_SECRET_ANSWERS = "/api/v1/access/"  # noqa: S105 (a path)
_KEPT_HEADERS = (b"content-type", b"location", b"etag")


class IdempotentPosts:
    """ASGI middleware inside the gate."""

    def __init__(self, app: Any, idempotency: Idempotency) -> None:
        self._app = app
        self._idempotency = idempotency

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        caller: Caller | None = scope.get(CALLER)
        key = header(scope, KEY_HEADER)
        if scope["method"] != "POST" or key is None or caller is None:
            await self._app(scope, receive, send)
            return
        try:
            body = await _read(receive)
            # A digest of a body with a password would be a weak hash of that password: there the key alone must do.
            digest = _digest(scope, b"" if scope["path"].startswith(_SECRET_ANSWERS) else body)
            known = await self._idempotency.get(caller.principal.id, key, digest)
        except LineshaftError as error:
            await problems.send(error, scope, send)
            return
        if known is not None:
            await _replay(known, send)
            return
        await self._carry_out(scope, _Again(body, receive), send, (caller.principal.id, key, digest))

    async def _carry_out(self, scope: Any, again: "_Again", send: Any, claim: tuple[str, str, str]) -> None:
        principal, key, digest = claim
        held = _Held(send)
        try:
            await self._app(scope, again.receive, held.send)
        except BaseException:
            await self._idempotency.release(principal, key)
            raise
        answer = held.answer()
        if answer is not None and scope["path"].startswith(_SECRET_ANSWERS):
            answer = _not_kept(scope)
        if answer is not None:
            await self._idempotency.put(principal, key, digest, answer)
        else:
            await self._idempotency.release(principal, key)
        await held.flush()


async def _read(receive: Any) -> bytes:
    parts = []
    while True:
        event = await receive()
        parts.append(event.get("body", b""))
        if not event.get("more_body", False):
            return b"".join(parts)


def _digest(scope: Any, body: bytes) -> str:
    head = b"\0".join((scope["method"].encode(), scope["path"].encode(), scope["query_string"]))
    return hashlib.sha256(head + b"\0" + body).hexdigest()


class _Again:
    """Gives a body that was already read."""

    def __init__(self, body: bytes, receive: Any) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Any:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


class _Held:
    """Holds an answer back until it is kept, unless it grows too large for that."""

    def __init__(self, send: Any) -> None:
        self._send = send
        self._events: list[Any] = []
        self._size = 0
        self._let_go = False

    async def send(self, event: Any) -> None:
        self._events.append(event)
        self._size += len(event.get("body", b""))
        if self._let_go or self._size > LARGEST_KEPT_BYTES:
            self._let_go = True
            await self.flush()

    async def flush(self) -> None:
        events, self._events = self._events, []
        for event in events:
            await self._send(event)

    def answer(self) -> Answer | None:
        """The answer to keep; None where there is none that says "done"."""
        if self._let_go or not self._events or not 200 <= self._events[0]["status"] < 300:
            return None
        start, *rest = self._events
        fields = {name.decode(): value.decode("latin-1") for name, value in start["headers"] if name in _KEPT_HEADERS}
        body = b"".join(event.get("body", b"") for event in rest)
        return Answer(status=start["status"], headers=fields, body=body)


def _not_kept(scope: Any) -> Answer:
    error = Conflict(
        "web.answer_not_kept", "this request was carried out before; its answer holds a secret and was shown once",
        "List what it made, remove it if its secret is lost, and repeat with a new key.", field=KEY_HEADER,
    )  # fmt: skip
    return Answer(status=error.status, headers={"content-type": PROBLEM_JSON}, body=problems.document(error, scope))


async def _replay(answer: Answer, send: Any) -> None:
    headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers += [(b"content-length", str(len(answer.body)).encode()), (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
