"""Idempotency keys: the same request sent twice is carried out once and answered twice.

`get` claims a key; the caller carries the request out, then calls `put` with the answer, or `release` where the
request failed and may be tried again. Whoever comes with the same key meanwhile is told so.
"""

from collections.abc import Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.records.database import Database
from lineshaft.records.store import IDEMPOTENCY

KEPT_US = 24 * 3600 * clock.MICROSECONDS
CLAIM_US = 60 * clock.MICROSECONDS
"""After this long a claim without an answer is void: whoever made it was killed."""
MAXIMUM_KEY = 255


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP answer as it was sent the first time."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Idempotency:
    """Answers by (principal, key), kept for 24 hours."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, principal: str, key: str, digest: str) -> Answer | None:
        """The answer already given to this request; None where the caller now holds the key and carries it out.

        Args:
            principal: who asks; keys of different principals never meet.
            key: the header's value.
            digest: of method, path and body, so that a key cannot be used for two different requests.

        Raises:
            InvalidInput: an empty or over-long key.
            Conflict: the key was used for another request, or the same request is still being carried out.
        """
        if not 1 <= len(key) <= MAXIMUM_KEY or not key.isprintable():
            raise InvalidInput(
                "records.key_invalid", f"Idempotency-Key {key[:40]!r} is not 1 to {MAXIMUM_KEY} printable characters",
                "Use a random UUID for each request.", field="Idempotency-Key", value=key[:40], maximum=MAXIMUM_KEY,
            )  # fmt: skip
        return await self._db.write(_claim, principal, key, digest)

    async def put(self, principal: str, key: str, digest: str, answer: Answer) -> None:
        """Keep the answer of a request whose key the caller holds."""
        await self._db.write(_keep, principal, key, digest, answer)

    async def release(self, principal: str, key: str) -> None:
        """Give a key back whose request failed; the next one with it is carried out."""
        await self._db.write(_release, principal, key)


def _claim(connection: Connection, principal: str, key: str, digest: str) -> Answer | None:
    now = clock.now_us()
    connection.execute(delete(IDEMPOTENCY).where(IDEMPOTENCY.c.created < now - KEPT_US))
    row = connection.execute(select(IDEMPOTENCY).where(_is(principal, key))).one_or_none()
    if row is None or (row.status is None and row.created < now - CLAIM_US):
        connection.execute(delete(IDEMPOTENCY).where(_is(principal, key)))
        connection.execute(insert(IDEMPOTENCY).values(principal=principal, key=key, digest=digest, created=now))
        return None
    if row.digest != digest:
        raise Conflict(
            "records.key_reused", f"Idempotency-Key {key!r} was used for a different request",
            "Use a new key for each new request; repeat a request unchanged.", field="Idempotency-Key", value=key,
        )  # fmt: skip
    if row.status is None:
        raise Conflict(
            "records.key_in_progress", f"the first request with Idempotency-Key {key!r} is still being carried out",
            "Repeat it in a few seconds to get its answer.", field="Idempotency-Key", value=key,
        )  # fmt: skip
    return Answer(status=row.status, headers=row.headers, body=row.body)


def _keep(connection: Connection, principal: str, key: str, digest: str, answer: Answer) -> None:
    connection.execute(
        update(IDEMPOTENCY)
        .where(_is(principal, key), IDEMPOTENCY.c.digest == digest)
        .values(status=answer.status, headers=dict(answer.headers), body=answer.body)
    )


def _release(connection: Connection, principal: str, key: str) -> None:
    connection.execute(delete(IDEMPOTENCY).where(_is(principal, key), IDEMPOTENCY.c.status.is_(None)))


def _is(principal: str, key: str) -> ColumnElement[bool]:
    return and_(IDEMPOTENCY.c.principal == principal, IDEMPOTENCY.c.key == key)
