"""Time-series history: telemetry log → latest values, hot rows, sealed segments in a Delta table.

A sample is a row `(tag, ts)` with one value and its exact quality. The writer reads the bus's telemetry stream by
sequence; a row is hot until its segment is committed, and no query sees the seam. `Tags` allocates tag numbers.
Not here: drivers and buffers (`edge`), live push to people (`web`).
May be imported by `edge`, `web`, `cli`, `demo`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lineshaft.history.latest import LatestTable
    from lineshaft.history.model import Committed, Gap, HistoryStatus, Tag, TagSpec
    from lineshaft.history.reader import HistoryReader
    from lineshaft.history.service import HistoryService
    from lineshaft.history.settings import HistorySettings
    from lineshaft.history.store import Tags

__all__ = [
    "Committed",
    "Gap",
    "HistoryReader",
    "HistoryService",
    "HistorySettings",
    "HistoryStatus",
    "LatestTable",
    "Tag",
    "TagSpec",
    "Tags",
]

_MODULES = {
    "Committed": "model",
    "Gap": "model",
    "HistoryReader": "reader",
    "HistoryService": "service",
    "HistorySettings": "settings",
    "HistoryStatus": "model",
    "LatestTable": "latest",
    "Tag": "model",
    "TagSpec": "model",
    "Tags": "store",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
