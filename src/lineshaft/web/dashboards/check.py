"""Reads a dashboard's text: everything wrong with it is named at its field, all in one refusal."""

import re
from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import Any, Final, TypeVar, get_args

import msgspec

from lineshaft.core.errors import InvalidInput
from lineshaft.core.ids import check_path
from lineshaft.web.dashboards import model
from lineshaft.web.dashboards.model import Dashboard, Kind, Node, Place, Widget

MAXIMUM_TEXT: Final = 256 * 1024
LONGEST_NAME: Final = 63
LONGEST_TITLE: Final = 120
LONGEST_DESCRIPTION: Final = 2000
LONGEST_PATH: Final = 512
_SHOWN: Final = 20
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_NAME_RULE: Final = "1 to 63 of a-z, 0-9, - and _, beginning with a letter or digit"
_AT: Final = re.compile(r" - at `\$(.*)`$")
_Made = TypeVar("_Made")
_SYNTAX: Final = re.compile(r"byte (\d+)")


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong."""

    field: str
    """`widgets[3].place.x`, for example; empty for the document as a whole."""
    rule: str
    """What it must be, and is not."""
    fault: str
    """Key of the rule for translation."""


class _Faults:
    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, field: str, fault: str, rule: str) -> None:
        self.found.append(Fault(field=field, fault=fault, rule=rule))

    def unless(self, holds: bool, field: str, fault: str, rule: str) -> None:  # noqa: FBT001
        if not holds:
            self.add(field, fault, rule)

    def refuse(self) -> None:
        if not self.found:
            return
        first, shown = self.found[0], self.found[:_SHOWN]
        sentence = "; ".join(f"{fault.field or 'the text'}: {fault.rule}" for fault in shown)
        raise InvalidInput(
            "web.dashboard_invalid", f"the dashboard cannot be so: {sentence}",
            "Correct what is named; nothing was changed.", field=first.field, reason=sentence, count=len(self.found),
            faults=[msgspec.to_builtins(fault) for fault in shown],
        )  # fmt: skip


def read(text: str) -> Dashboard:
    """The dashboard that a text describes.

    Raises:
        InvalidInput: it is no JSON, or breaks rules: `faults` has each with its field.
    """
    faults = _Faults()
    raw = _parsed(text, faults)
    widgets = _widgets(raw, faults)
    rest = {key: value for key, value in raw.items() if key != "widgets"}
    known = _converted(rest, Dashboard, "", faults)
    if known is None:
        faults.refuse()
        raise AssertionError("a document that cannot be converted has a fault")
    board = msgspec.structs.replace(known, widgets=tuple(widgets))
    _check_head(board, faults)
    _check_together(board.widgets, faults)
    faults.refuse()
    return board


def _parsed(text: str, faults: _Faults) -> Mapping[str, Any]:
    if len(text.encode()) > MAXIMUM_TEXT:
        faults.add("", "too_long", f"it has more than {MAXIMUM_TEXT} bytes")
        faults.refuse()
    try:
        raw = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        faults.add("", "syntax", f"no JSON{_where(text, str(error))}")
    else:
        if isinstance(raw, dict):
            return raw
        faults.add("", "syntax", "no JSON object")
    faults.refuse()
    raise AssertionError("a text that cannot be read has a fault")


def _where(text: str, reason: str) -> str:
    """Line and column of a fault of syntax."""
    found = _SYNTAX.search(reason)
    if found is None:
        return ""
    before = text.encode()[: int(found[1])].decode(errors="replace")
    return f": line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"


def _widgets(raw: Mapping[str, Any], faults: _Faults) -> list[Widget]:
    given = raw.get("widgets", [])
    if not isinstance(given, list):
        faults.add("widgets", "shape", "a list of widgets")
        return []
    faults.unless(len(given) <= model.MOST_WIDGETS, "widgets", "too_many", f"at most {model.MOST_WIDGETS} widgets")
    made = []
    for index, one in enumerate(given[: model.MOST_WIDGETS]):
        field = f"widgets[{index}]"
        kind = one.get("kind") if isinstance(one, dict) else None
        if isinstance(kind, str) and kind not in get_args(Kind):
            faults.add(f"{field}.kind", "kind", f"{kind[:40]!r} is no kind; there are {', '.join(get_args(Kind))}")
            continue
        widget = _converted(one, Widget, field, faults)
        if widget is not None:
            _check_widget(widget, field, one, faults)
            made.append(widget)
    return made


def _converted(raw: Any, kind: type[_Made], field: str, faults: _Faults) -> _Made | None:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        reason = str(error)
        at = _AT.search(reason)
        below = at[1] if at else ""
        faults.add((field + below).lstrip("."), "shape", _AT.sub("", reason))
        return None


def _check_head(board: Dashboard, faults: _Faults) -> None:
    faults.unless(board.schema == model.SCHEMA, "schema", "schema", f"must be {model.SCHEMA!r}")
    faults.unless(_NAME.fullmatch(board.name) is not None, "name", "name", _NAME_RULE)
    faults.unless(len(board.title.strip()) > 0, "title", "empty", "must not be empty")
    _check_words(board.title, LONGEST_TITLE, "title", faults)
    _check_words(board.description.replace("\n", " "), LONGEST_DESCRIPTION, "description", faults)


def _check_words(words: str, most: int, field: str, faults: _Faults) -> None:
    faults.unless(len(words) <= most, field, "words", f"at most {most} characters")
    faults.unless(words.isprintable(), field, "words", "only characters that can be printed")


def _check_widget(widget: Widget, field: str, raw: Mapping[str, Any], faults: _Faults) -> None:
    faults.unless(_NAME.fullmatch(widget.id) is not None, f"{field}.id", "name", _NAME_RULE)
    _check_words(widget.title, LONGEST_TITLE, f"{field}.title", faults)
    _check_place(widget.place, f"{field}.place", faults)
    for name, kinds in model.FIELDS.items():
        faults.unless(
            name not in raw or widget.kind in kinds, f"{field}.{name}", "foreign", f"a {widget.kind} has no {name}"
        )
    most = model.TAGS[widget.kind]
    if widget.kind in model.FIELDS["tags"]:
        faults.unless(len(widget.tags) <= most, f"{field}.tags", "too_many", f"a {widget.kind} shows at most {most}")
    for index, tag in enumerate(widget.tags):
        _check_tag(tag, f"{field}.tags[{index}]", faults)
    faults.unless(
        model.SHORTEST_SECONDS <= widget.seconds <= model.LONGEST_SECONDS, f"{field}.seconds", "outside",
        f"{model.SHORTEST_SECONDS} to {model.LONGEST_SECONDS} seconds",
    )  # fmt: skip
    if widget.low is not None and widget.high is not None:
        faults.unless(widget.low < widget.high, f"{field}.high", "order", "above low")
    if widget.limits is not None:
        given = [value for value in msgspec.structs.astuple(widget.limits) if value is not None]
        ascending = all(one < other for one, other in pairwise(given))
        faults.unless(ascending, f"{field}.limits", "order", "low_low below low below high below high_high")
    _check_flow(widget, field, faults)


def _check_place(place: Place, field: str, faults: _Faults) -> None:
    across = place.x >= 0 and place.w >= 1 and place.x + place.w <= model.COLUMNS
    faults.unless(across, field, "outside", f"x from 0, w from 1, together at most {model.COLUMNS}")
    down = place.y >= 0 and place.h >= 1 and place.y + place.h <= model.ROWS
    faults.unless(down, field, "outside", f"y from 0, h from 1, together at most {model.ROWS}")


def _check_tag(tag: str, field: str, faults: _Faults) -> None:
    if len(tag) > LONGEST_PATH:
        faults.add(field, "path", f"a path of at most {LONGEST_PATH} characters")
        return
    try:
        check_path(tag)
    except InvalidInput as error:
        faults.add(field, "path", error.hint)


def _check_flow(widget: Widget, field: str, faults: _Faults) -> None:
    faults.unless(
        len(widget.nodes) <= model.MOST_NODES, f"{field}.nodes", "too_many", f"at most {model.MOST_NODES} parts"
    )
    faults.unless(
        len(widget.edges) <= model.MOST_EDGES, f"{field}.edges", "too_many", f"at most {model.MOST_EDGES} lines"
    )
    for index, node in enumerate(widget.nodes):
        _check_node(node, f"{field}.nodes[{index}]", faults)
    ids = [node.id for node in widget.nodes]
    faults.unless(len(set(ids)) == len(ids), f"{field}.nodes", "twice", "each id once")
    for index, edge in enumerate(widget.edges):
        for end in (edge.source, edge.target):
            faults.unless(end in ids, f"{field}.edges[{index}]", "nowhere", f"{end[:40]!r} is no part of this picture")


def _check_node(node: Node, field: str, faults: _Faults) -> None:
    faults.unless(_NAME.fullmatch(node.id) is not None, f"{field}.id", "name", _NAME_RULE)
    _check_words(node.label, LONGEST_TITLE, f"{field}.label", faults)
    near = abs(node.x) <= 1e5 and abs(node.y) <= 1e5
    faults.unless(near, field, "outside", "x and y within 100,000")
    if node.tag:
        _check_tag(node.tag, f"{field}.tag", faults)


def _check_together(widgets: tuple[Widget, ...], faults: _Faults) -> None:
    """Each id once, and no widget upon another."""
    for (one, first), (other, second) in combinations(enumerate(widgets), 2):
        faults.unless(
            first.id != second.id, f"widgets[{other}].id", "twice", f"{second.id!r} is widgets[{one}] already"
        )
        a, b = first.place, second.place
        apart = a.x + a.w <= b.x or b.x + b.w <= a.x or a.y + a.h <= b.y or b.y + b.h <= a.y
        faults.unless(apart, f"widgets[{other}].place", "overlap", f"lies upon widgets[{one}]")
