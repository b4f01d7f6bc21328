"""Queries beyond reading rows: bounding values, aggregates by interval, values at a time, windows around events.

Names and meanings are those of OPC UA: Part 11 (bounding values, reading at a time), Part 13 (aggregates, StatusCodes).
The calculation is pure (`series`, `bounds`, `regions`, `aggregates`); `gather` brings rows with their neighbours out of
hot and sealed data; `rolled` answers from rollups what they can answer exactly. Used by `HistoryReader` and the routes.
"""

from typing import TYPE_CHECKING

from lineshaft.core.door import door

if TYPE_CHECKING:
    from lineshaft.history.query.model import Configuration as Configuration
    from lineshaft.history.query.model import aggregate_named as aggregate_named

__all__ = ["Configuration", "aggregate_named"]

__getattr__ = door(__name__, {"model": ("Configuration", "aggregate_named")})
