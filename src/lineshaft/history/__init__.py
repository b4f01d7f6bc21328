"""Time-series history: telemetry log → latest values, hot rows, sealed segments in a Delta table.

A sample is a row `(tag, ts)` with one value and its exact quality. The writer reads the bus's telemetry stream by
sequence; a row is hot until its segment is committed, and no query sees the seam. `Tags` allocates tag numbers.
Not here: drivers and buffers (`edge`), live push to people (`web`).
May be imported by `edge`, `web`, `cli`, `demo`.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.history.direct.history import SealedHistory as SealedHistory
    from lineshaft.history.direct.history import open_table as open_table
    from lineshaft.history.latest import LatestTable as LatestTable
    from lineshaft.history.model import Committed as Committed
    from lineshaft.history.model import Gap as Gap
    from lineshaft.history.model import HistoryStatus as HistoryStatus
    from lineshaft.history.model import Tag as Tag
    from lineshaft.history.model import TagSpec as TagSpec
    from lineshaft.history.reader import HistoryReader as HistoryReader
    from lineshaft.history.service import HistoryService as HistoryService
    from lineshaft.history.settings import HistorySettings as HistorySettings
    from lineshaft.history.sql import SqlQueries as SqlQueries
    from lineshaft.history.store import Tags as Tags
    from lineshaft.history.transfer.lane import Imports as Imports
    from lineshaft.history.transfer.settings import TransferSettings as TransferSettings
    from lineshaft.history.transfer.transfers import Transfers as Transfers
    from lineshaft.history.verify import Verification as Verification

__all__ = [
    "Committed",
    "Gap",
    "HistoryReader",
    "HistoryService",
    "HistorySettings",
    "HistoryStatus",
    "Imports",
    "LatestTable",
    "SealedHistory",
    "SqlQueries",
    "Tag",
    "TagSpec",
    "Tags",
    "TransferSettings",
    "Transfers",
    "Verification",
    "open_table",
]

__getattr__ = door(
    __name__,
    {
        "latest": ("LatestTable",),
        "model": ("Committed", "Gap", "HistoryStatus", "Tag", "TagSpec"),
        "reader": ("HistoryReader",),
        "direct.history": ("SealedHistory", "open_table"),
        "service": ("HistoryService",),
        "settings": ("HistorySettings",),
        "sql": ("SqlQueries",),
        "store": ("Tags",),
        "transfer.lane": ("Imports",),
        "transfer.settings": ("TransferSettings",),
        "transfer.transfers": ("Transfers",),
        "verify": ("Verification",),
    },
)
