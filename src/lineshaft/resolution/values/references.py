"""HS_VLIST: a list of values elsewhere, mostly a group of administrators (RFC 3651 3.2.5)."""

from collections.abc import Iterable

from lineshaft.resolution.fields import Reader, counted, u32
from lineshaft.resolution.model import Reference
from lineshaft.resolution.values.value import read_references


def encode_references(references: Iterable[Reference]) -> bytes:
    encoded = [counted(reference.handle) + u32(reference.index) for reference in references]
    return u32(len(encoded)) + b"".join(encoded)


def decode_references(data: bytes) -> tuple[Reference, ...]:
    """The data of an HS_VLIST value.

    Raises:
        Malformed: anything else.
    """
    reader = Reader(data)
    references = read_references(reader)
    reader.finish("list of values")
    return references
