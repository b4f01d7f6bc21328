"""The policies that every installation has: the texts beside this file, and one made from the grants of services."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from lineshaft.access.grants import GRANTS

SERVICES: Final = "services"
_FILES: Final = ("roles", "limits")

NAMES: Final = frozenset({*_FILES, SERVICES})
"""Names that no other policy may have."""


def texts() -> Iterator[tuple[str, str]]:
    """Name and text of each."""
    for name in _FILES:
        yield name, files(__name__).joinpath(f"{name}.cedar").read_text(encoding="utf-8")
    yield SERVICES, services_text()


def services_text() -> str:
    """What the grants let each service ask of another."""
    parts = ["// What a service may ask of others, from the table of grants.\n"]
    for name, grant in GRANTS.items():
        if grant.asks:
            actions = ",\n  ".join(f'Action::"{action}"' for action in sorted(set(grant.asks)))
            parts.append(
                f'@id("{name}")\npermit (\n  principal in Grant::"{name}",\n  action in [\n  {actions}],\n  resource\n);\n'
            )
    return "\n".join(parts)
