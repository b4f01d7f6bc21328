"""What stands behind a log's entries: an entry is the salted hash of a body, so a body can be pruned and the tree stays.

`bodies.ndjson` beside a log has one line per entry: `{"seq": 0, "salt": "hex", "body": {…}}`, or `"pruned": true` in
place of salt and body.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, Final

FILE: Final = "bodies.ndjson"
SALT_BYTES: Final = 16


def new_salt() -> bytes:
    """A salt for one entry: without it nobody can guess a body from its entry."""
    return secrets.token_bytes(SALT_BYTES)


def canonical(body: Mapping[str, Any]) -> bytes:
    """The one JSON text of a body: keys sorted by code point, no spaces, UTF-8; raises ValueError for NaN and infinities."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def entry_of(salt: bytes, body: bytes) -> bytes:
    """The entry that stands for a body: SHA-256 over the salt and the body's canonical JSON."""
    return hashlib.sha256(salt + body).digest()
