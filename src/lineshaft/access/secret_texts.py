"""Random secrets and how they are kept: 256 bits, shown once, stored as SHA-256.

A fast hash is right here: unlike a password, 256 random bits cannot be guessed from their hash.
"""

import hashlib
import hmac
import re
import secrets
from typing import Final

from lineshaft.core import ids

_TOKEN: Final = re.compile(r"ls_([0-9A-HJKMNP-TV-Z]{26})_([A-Za-z0-9_-]{43})")


def new_secret() -> str:
    """43 characters that URLs, headers and cookies carry unchanged."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def matches(secret: str, stored: str) -> bool:
    """Whether `stored` is this secret's digest, in the same time whatever it is."""
    return hmac.compare_digest(digest(secret), stored)


def new_token_text() -> tuple[str, str, str]:
    """(id, text, digest) of a new API token."""
    token, secret = ids.new_id(), new_secret()
    return token, f"ls_{token}_{secret}", digest(secret)


def split_token(text: str) -> tuple[str, str] | None:
    """(id, secret) of an API token's text; None where it is no such text."""
    match = _TOKEN.fullmatch(text)
    return (match[1], match[2]) if match else None
