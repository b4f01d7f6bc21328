"""How JSON columns are written: by msgspec on both engines, so that what one takes the other takes too."""

from typing import Any

import msgspec


def to_json(value: Any) -> str:
    """Compact JSON text; not-a-number becomes null, which is all that JSON can say."""
    return msgspec.json.encode(value).decode()
