"""Which facts of an entry are personal, and whose: they are sealed under that person's key.

When the key is destroyed nobody can read them any more, and the ledger's tree stays as it is: its leaves are hashes of
bodies that hold the sealed text.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

PURPOSE: Final = "audit"
PERSONAL: Final = frozenset({"name", "address", "user", "email", "label", "subject", "display_name"})
"""Facts that say who a person is or where they were."""
_PERSON: Final = "/person."


def subject_of(principal: str, resource: str) -> str | None:
    """Handle of the person whose data an entry's facts are: whom it is about, else who acted; None where nobody."""
    return next((handle for handle in (resource, principal) if _PERSON in handle), None)


def split(facts: Mapping[str, Any], subject: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """(open facts, personal facts)."""
    if subject is None:
        return dict(facts), {}
    personal = {key: value for key, value in facts.items() if key in PERSONAL}
    return {key: value for key, value in facts.items() if key not in PERSONAL}, personal


def encode(facts: Mapping[str, Any]) -> bytes:
    """The plain text that is sealed."""
    return msgspec.json.encode(facts, order="deterministic")


def decode(text: bytes) -> dict[str, Any]:
    """What `encode` made a text of."""
    return msgspec.json.decode(text, type=dict[str, Any])
