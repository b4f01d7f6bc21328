"""What a resource answered, as rows of the points that it feeds; and a value to write, as its payload."""

from collections.abc import Sequence
from typing import Any

from lineshaft.core import quality
from lineshaft.edge.columns import NUMBER, Columns
from lineshaft.edge.drivers.coap import documents, senml
from lineshaft.edge.drivers.coap.address import PointAddress
from lineshaft.edge.drivers.coap.options import Format
from lineshaft.edge.drivers.http import scalars
from lineshaft.edge.drivers.http.pointer import ABSENT
from lineshaft.edge.drivers.http.scalars import Sample
from lineshaft.edge.model import Point

_MISSING = Sample(NUMBER, float("nan"), quality.BAD_NO_DATA, "the answer does not have it")
_UNNAMED = Sample(NUMBER, float("nan"), quality.BAD_NOT_SUPPORTED, "the pack has several names: say which behind #")


class Feed:
    """Fills rows of one device.

    Args:
        points: of the plan, with their addresses.
    """

    def __init__(self, points: Sequence[Point], addresses: Sequence[PointAddress]) -> None:
        self._points = points
        self._addresses = addresses

    def take(self, chosen: Sequence[int], payload: bytes, kind: Format, now_us: int, columns: Columns) -> str:
        """Append rows of the points `chosen` from one answer; what is wrong with it, empty where nothing is."""
        try:
            document = documents.read(payload, kind)
            records = senml.resolve(document, now_us) if kind.startswith("senml") else None
        except ValueError as error:
            self.refuse(chosen, quality.BAD_DECODING, now_us, columns)
            return str(error)
        problem = ""
        for index in chosen:
            for ts, sample in self._samples(index, document, records, kind, now_us):
                scalars.add(columns, index, ts, sample)
                problem = problem or (f"{self._points[index].name}: {sample.problem}" if sample.problem else "")
        return problem

    @staticmethod
    def refuse(chosen: Sequence[int], status: int, now_us: int, columns: Columns) -> None:
        """Append a row without a value for each of the points."""
        for index in chosen:
            columns.add(index, now_us, now_us, status)

    def _samples(
        self, index: int, document: Any, records: list[senml.Record] | None, kind: Format, now_us: int
    ) -> list[tuple[int, Sample]]:
        point, address = self._points[index], self._addresses[index]
        if address.pointer is not None:
            found = ABSENT if kind == "text" else address.pointer.find(document)
            return [(now_us, _MISSING if found is ABSENT else scalars.fit(point, found))]
        if records is not None:
            return _of_pack(point, address.name, records, now_us)
        if address.name:
            return [(now_us, _MISSING)]
        sample = scalars.read_text(point, document) if kind == "text" else scalars.fit(point, document)
        return [(now_us, sample)]


def _of_pack(point: Point, name: str, records: list[senml.Record], now_us: int) -> list[tuple[int, Sample]]:
    if not name and len({record.name for record in records}) > 1:
        return [(now_us, _UNNAMED)]
    chosen = [record for record in records if record.name == (name or record.name)]
    return [(record.ts, scalars.fit(point, record.value)) for record in chosen] or [(now_us, _MISSING)]


def to_send(point: Point, address: PointAddress, value: float | str, kind: Format) -> bytes:
    """The payload that writes a value.

    A pointer becomes an object that holds nothing else; a name, a SenML record; neither, the bare value.

    Raises:
        ValueError: the point cannot hold the value, or the format cannot say where it goes.
    """
    plain = scalars.unscale(point, value)
    if kind.startswith("senml"):
        if address.pointer is not None:
            raise ValueError("a value behind a pointer cannot be written as SenML: address the record by its name")
        label = "vs" if isinstance(plain, str) else "vb" if isinstance(plain, bool) else "v"
        record: dict[Any, Any] = {label: plain} | ({"n": address.name} if address.name else {})
        if kind == "senml+cbor":
            record = {{"n": 0, "v": 2, "vs": 3, "vb": 4}[name]: each for name, each in record.items()}
        return documents.write([record], kind)
    if address.name:
        raise ValueError(f"a record named {address.name} cannot be written as {kind}")
    if address.pointer is not None and address.pointer.steps:
        if kind == "text":
            raise ValueError("a value behind a pointer cannot be written as text")
        return documents.write(address.pointer.wrap(plain), kind)
    return documents.write(plain, kind)
