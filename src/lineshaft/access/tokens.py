"""API tokens: shown once, kept as a digest, always expiring, never worth more than their owner.

No clock deletes them: one that steps ahead and back must not cost a plant its machine clients.
"""

from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from lineshaft.access.model import NewToken, Token
from lineshaft.access.secret_texts import digest, matches, new_secret, new_token_text, split_token
from lineshaft.access.store import PRINCIPAL, TOKEN
from lineshaft.core import clock
from lineshaft.core.errors import Conflict, NotFound, Unauthenticated

EVERYTHING: Final = "*"
"""Scope of the machine's own token: all that the owner's roles allow. No other token gets it."""
DAY_US: Final = 24 * 3600 * clock.MICROSECONDS
USED_EVERY_US: Final = 600 * clock.MICROSECONDS
PER_PRINCIPAL: Final = 100
_LONGEST_LABEL: Final = 120
# Compared with where there is no such token, so that both take the same way.
_NOTHING: Final = digest(new_secret())


def create(connection: Connection, principal: str, label: str, scopes: list[str], expires: int) -> NewToken:
    """A new token in the caller's transaction; the scopes are already checked.

    Raises:
        Conflict: the principal has too many.
    """
    count = connection.scalar(select(func.count()).where(TOKEN.c.principal == principal)) or 0
    if count >= PER_PRINCIPAL:
        raise Conflict(
            "access.tokens_too_many", f"there are already {count} tokens of this principal",
            "Revoke those that have expired or are not used any more.", count=count, maximum=PER_PRINCIPAL,
        )  # fmt: skip
    token, text, stored = new_token_text()
    made = Token(
        id=token, principal=principal, label=label[:_LONGEST_LABEL], scopes=sorted(scopes), created=clock.now_us(),
        expires=expires, used=None,
    )  # fmt: skip
    connection.execute(
        insert(TOKEN).values(
            id=token, digest=stored, principal=principal, label=made.label, scopes=made.scopes, created=made.created,
            expires=expires, used=None,
        )
    )  # fmt: skip
    return NewToken(token=made, text=text)


def find(connection: Connection, text: str) -> Row[Any]:
    """The token of a text with its principal's columns: `token`, `scopes`, `used`, `expires`, and theirs.

    The principal may be of any tenant in the records; what it then reaches is another question.

    Raises:
        Unauthenticated: no such token, a wrong secret, a revoked owner; all with the same words.
    """
    parts = split_token(text)
    row = None
    if parts is not None:
        row = connection.execute(
            select(TOKEN.c.id.label("token"), TOKEN.c.digest, TOKEN.c.scopes, TOKEN.c.used, TOKEN.c.expires, PRINCIPAL)
            .join(PRINCIPAL, PRINCIPAL.c.id == TOKEN.c.principal)
            .where(TOKEN.c.id == parts[0], PRINCIPAL.c.revoked.is_(None))
        ).one_or_none()
    if not matches(parts[1] if parts else "", row.digest if row is not None else _NOTHING) or row is None:
        raise Unauthenticated(
            "access.token_refused", "the API token is not valid",
            "It may have been revoked; make a new one with `lineshaft access token create`.",
        )  # fmt: skip
    return row


def check(row: Row[Any]) -> None:
    """Refuse a token that has expired. Only who holds its secret learns that.

    Raises:
        Unauthenticated: expired.
    """
    if clock.now_us() >= row.expires:
        when = clock.rfc3339(row.expires)
        raise Unauthenticated(
            "access.token_expired", f"the API token expired at {when}",
            "Make a new one with `lineshaft access token create`.", expires=when,
        )  # fmt: skip


def note_use(connection: Connection, token: str, used: int) -> None:
    connection.execute(update(TOKEN).where(TOKEN.c.id == token).values(used=used))


def list_of(connection: Connection, principal: str) -> list[Token]:
    """A principal's tokens, newest first."""
    rows = connection.execute(select(TOKEN).where(TOKEN.c.principal == principal).order_by(TOKEN.c.created.desc()))
    return [
        Token(
            id=row.id, principal=row.principal, label=row.label, scopes=row.scopes, created=row.created,
            expires=row.expires, used=row.used,
        )
        for row in rows
    ]  # fmt: skip


def owner(connection: Connection, tenant: str, token: str) -> str:
    """The principal a token belongs to.

    Raises:
        NotFound: no such token.
    """
    found = connection.scalar(
        select(TOKEN.c.principal)
        .join(PRINCIPAL, PRINCIPAL.c.id == TOKEN.c.principal)
        .where(TOKEN.c.id == token, PRINCIPAL.c.tenant == tenant)
    )
    if found is None:
        raise NotFound(
            "access.token_unknown", f"there is no API token {token[:40]!r}",
            "`lineshaft access token list` shows them.", value=token[:40],
        )  # fmt: skip
    return str(found)


def remove(connection: Connection, token: str) -> None:
    connection.execute(delete(TOKEN).where(TOKEN.c.id == token))
