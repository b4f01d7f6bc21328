"""What import and export jobs are asked for, and what their processes are told and answer. Imports no heavy library."""

from typing import Any, Final, Literal

import msgspec

from lineshaft.core.principals import Principal
from lineshaft.history.model import Tag
from lineshaft.history.transfer.files import FileFormat
from lineshaft.records import RecordsSettings

IMPORT: Final = "history.import"
EXPORT: Final = "history.export"

ExportFormat = Literal["parquet", "csv", "ndjson", "arrow"]


class ImportAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of an import."""

    principal: Principal
    """As it asked; what it may do is looked up anew."""
    stored: str
    """Name of the file here."""
    name: str
    """The file's own name."""
    format: FileFormat
    mapping: dict[str, str]
    time: str
    skip_faulty: bool


class ImportOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that reads a file is told."""

    asked: ImportAsked
    file: str
    home: str
    records: RecordsSettings
    prefix: str
    memory_mb: int


class Reading(msgspec.Struct, frozen=True, tag=True):
    """How many rows have been looked at."""

    rows: int


class Checked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the whole file holds; it comes before the first batch."""

    name: str
    """32 hexadecimal digits of the content and of what else decides the batches."""
    rows: int
    faults: int
    tags: int
    first: str | None
    last: str | None
    faulty: list[dict[str, Any]]


class Batch(msgspec.Struct, frozen=True, tag=True):
    """Rows as a telemetry batch; the one without any comes last."""

    seq: int
    rows: int
    data: bytes


class Failed(msgspec.Struct, frozen=True, tag=True):
    """Why there is no more."""

    code: str
    message: str
    hint: str
    status: int
    facts: dict[str, Any]


ImportLine = Reading | Checked | Batch | Failed


class ImportResult(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Result of an import."""

    rows: int
    faults: int
    tags: int
    from_: str | None
    to: str | None
    stored: int
    """Rows that are in the history now; none where the file was refused for its faults."""


class ExportAsked(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments of an export."""

    principal: Principal
    tags: list[int]
    start_us: int
    end_us: int
    format: ExportFormat
    purpose: str
    recipient: str
    language: str


class ExportOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the process that writes a file is told; then come frames of rows."""

    format: ExportFormat
    tags: list[Tag]
    language: str
    memory_mb: int


class ExportResult(msgspec.Struct, frozen=True, kw_only=True):
    """Result of an export."""

    file: str
    """Where it is fetched, below the server's address."""
    format: ExportFormat
    rows: int
    bytes: int
    sha256: str
    expires: str
    obligations: list[str]
    """Under which conditions it left; it is given out while they are the same."""
