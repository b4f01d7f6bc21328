"""Names of principals: what they may look like, and which belong to the system."""

import re
from typing import Final

from lineshaft.core.errors import InvalidInput

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

_RESERVED = """
access alarms analytics anonymous apps audit box bus cli core demo edge evaluate everybody gateway history jobs
ledger lineshaft local market nats network nobody plant planning records resolution root security service share
system trace twin web
"""
RESERVED: Final = frozenset(_RESERVED.split())
"""Names that services have or will have: no person gets one."""


def normal_name(name: str) -> str:
    """The form in which names are compared: people type capitals and blanks around them."""
    return name.strip().lower()


def searched_name(name: str) -> str:
    """The name to look for in the records; empty, which nobody has, for what cannot be a name."""
    plain = normal_name(name)
    return plain if _NAME.fullmatch(plain) else ""


def check_name(name: str, *, field: str = "name", reserved: bool = False) -> str:
    """A name a principal may have, normalised.

    Args:
        reserved: admit the names of services.

    Raises:
        InvalidInput: a character that no name has, a wrong length, or a reserved name.
    """
    plain = normal_name(name)
    if not _NAME.fullmatch(plain):
        raise InvalidInput(
            "access.name_invalid", f"{field} is {name[:80]!r}, which cannot be a name",
            "A name has 1 to 63 of a-z, 0-9, - and _, and begins with a letter or digit.", field=field, value=name[:80],
        )  # fmt: skip
    if plain in RESERVED and not reserved:
        raise InvalidInput(
            "access.name_reserved", f"{field} is {plain!r}, which is kept for a service", "Choose another name.",
            field=field, value=plain,
        )  # fmt: skip
    return plain
