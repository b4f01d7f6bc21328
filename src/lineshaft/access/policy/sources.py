"""Policy texts that other subjects of access make from what they keep; read in the transaction that loads the rest."""

import importlib
from collections.abc import Callable
from typing import Final, cast

from sqlalchemy import Connection

SOURCES: Final[dict[str, str]] = {"zones": "lineshaft.access.zones:cedar_source"}
"""By the name of the text: `module:function` that makes, for a tenant, what reads its texts."""

Source = Callable[[Connection], list[tuple[str, str]]]


def texts(connection: Connection, tenant: str) -> list[tuple[str, str]]:
    """Name and text of each."""
    return [text for target in SOURCES.values() for text in _source(target, tenant)(connection)]


def _source(target: str, tenant: str) -> Source:
    module, _, name = target.partition(":")
    return cast("Source", getattr(importlib.import_module(module), name)(tenant))
