"""MTConnect documents of any version (MTConnectStreams, MTConnectDevices, MTConnectError), read by local names.

The parser takes no document type, no entities and nothing from the network.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from lxml import etree

from lineshaft.core import clock
from lineshaft.edge.columns import MISSING

UNAVAILABLE: Final = "UNAVAILABLE"
CONDITIONS: Final = ("Normal", "Warning", "Fault", "Unavailable")
_LONGEST_CONDITION: Final = 2000


class Header(NamedTuple):
    """Of a streams document (ANSI/MTC1.4 Part 1, 6.2.1)."""

    instance: int
    """Changes when the agent starts anew and its sequence numbers with it."""
    first: int
    """Oldest sequence number that the agent still has."""
    next: int
    """What to ask for next."""
    sender: str = ""
    version: str = ""


class Observation(NamedTuple):
    """One value of one data item."""

    item: str
    name: str
    sequence: int
    ts: int
    """Microseconds, or MISSING."""
    text: str
    condition: str = ""
    """`Normal`, `Warning`, `Fault` or `Unavailable`; empty where the item is no condition."""
    entries: dict[str, str] | None = None
    """Of a data set."""
    rate: float = 0.0
    """Samples per second of a time series, whose text is many numbers."""


class Refused(Exception):
    """The agent answered with errors; `codes` such as `OUT_OF_RANGE`."""

    def __init__(self, codes: frozenset[str], message: str) -> None:
        super().__init__(message)
        self.codes = codes


def read(data: bytes) -> Any:
    """The root element of a document.

    Raises:
        ValueError: no XML, or XML with a document type. Refused: an MTConnectError document.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"it is no XML: {error}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ValueError("it has a document type, which no MTConnect document has")
    if local(root) == "MTConnectError":
        raise _refusal(root)
    return root


def streams(data: bytes) -> tuple[Header, list[Observation]]:
    """Header and observations of a streams document.

    Raises:
        ValueError: not one. Refused: the agent's errors.
    """
    root = _streams(data)
    return _header(root), _observations(root)


def present(data: bytes) -> list[Observation]:
    """Observations of a `current` that is polled: nothing follows from its place in the sequence, so it may not say it.

    Raises:
        ValueError: not one. Refused: the agent's errors.
    """
    return _observations(_streams(data))


def _streams(data: bytes) -> Any:
    root = read(data)
    if local(root) != "MTConnectStreams":
        raise ValueError(f"it is a {local(root)} where MTConnectStreams was expected")
    return root


def _observations(root: Any) -> list[Observation]:
    return [_observation(element) for element in root.iter("{*}*") if element.get("dataItemId")]


def devices(data: bytes) -> Any:
    """The root of a devices document.

    Raises:
        ValueError: not one. Refused: the agent's errors.
    """
    root = read(data)
    if local(root) != "MTConnectDevices":
        raise ValueError(f"it is a {local(root)} where MTConnectDevices was expected")
    return root


def local(element: Any) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def children(element: Any, name: str) -> Iterator[Any]:
    """Its children of that local name."""
    return (child for child in element if local(child) == name)


def source_time(text: str) -> int:
    """A timestamp in microseconds; MISSING where there is none that can be read. Without a zone it is UTC (Part 1)."""
    try:
        moment = datetime.fromisoformat(text.partition("@")[0])
        return clock.to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return MISSING


def header_of(root: Any) -> Any:
    """The header element of any document.

    Raises:
        ValueError: there is none.
    """
    for header in children(root, "Header"):
        return header
    raise ValueError("it has no Header")


def _header(root: Any) -> Header:
    element = header_of(root)
    try:
        instance, first, following = (
            int(element.get(name) or "x") for name in ("instanceId", "firstSequence", "nextSequence")
        )
    except ValueError:
        raise ValueError("its Header has no instanceId, firstSequence and nextSequence") from None
    return Header(instance, first, following, element.get("sender") or "", element.get("version") or "")


def _observation(element: Any) -> Observation:
    name = local(element)
    condition = name if name in CONDITIONS and local(element.getparent()) == "Condition" else ""
    text = (element.text or "").strip()
    sequence = element.get("sequence") or ""
    entries = {child.get("key") or "": (child.text or "").strip() for child in children(element, "Entry")}
    if element.get("sampleCount"):
        entries = {}
    return Observation(
        item=element.get("dataItemId"), name=element.get("name") or "",
        sequence=int(sequence) if sequence.isascii() and sequence.isdigit() and len(sequence) < 20 else 0,
        ts=source_time(element.get("timestamp") or ""), text=_words(element, condition, text) if condition else text,
        condition=condition, entries=entries or None, rate=_rate(element) if element.get("sampleCount") else 0.0,
    )  # fmt: skip


def _rate(element: Any) -> float:
    try:
        rate = float(element.get("sampleRate") or "nan")
    except ValueError:
        return -1.0
    return rate if 0 < rate < 1e9 else -1.0


def _words(element: Any, condition: str, text: str) -> str:
    """`Fault 404 HIGH: spindle over temperature` from state, native code, qualifier and message."""
    parts = [condition, element.get("nativeCode") or "", element.get("qualifier") or ""]
    words = " ".join(part for part in parts if part)
    return (f"{words}: {text}" if text else words)[:_LONGEST_CONDITION]


def _refusal(root: Any) -> Refused:
    """An error document: `Error` elements with a code (to 2.5), or elements named after the code (from 2.6)."""
    codes, messages = set(), []
    for element in root.iter("{*}*"):
        code = element.get("errorCode")
        if code:
            codes.add(code)
            message = element.text or next((each.text for each in children(element, "ErrorMessage")), None)
            messages.append(f"{code} {(message or '').strip()}")
    return Refused(frozenset(codes), "; ".join(messages) or "an error without a code")
