"""What the routes of labels take and give. Times are RFC 3339."""

from typing import Any

import msgspec

from lineshaft.access.labels.approvals import Approval
from lineshaft.access.labels.book import Declassification
from lineshaft.access.labels.datasets import Dataset
from lineshaft.access.labels.holds import Hold
from lineshaft.access.labels.leaks import Leak, LeakState
from lineshaft.access.labels.model import Domain, Export, Grade2020, Grade2022, Kind, Label, LabelVersion, State
from lineshaft.access.labels.volumes import Export as Exported
from lineshaft.core import clock


class LabelBody(msgspec.Struct, frozen=True, kw_only=True):
    """A label to put on an object and what lies below it."""

    object: str
    domain: Domain
    grade_2020: Grade2020
    grade_2022: Grade2022 = "general"
    purpose: str = ""
    owner: str = ""
    retention_days: int | None = None
    export: Export = "allowed"
    kind: Kind = "tag"
    reason: str = ""

    def label(self) -> Label:
        """The label itself."""
        return Label(**{name: getattr(self, name) for name in Label.__struct_fields__})


class ObjectBody(msgspec.Struct, frozen=True, kw_only=True):
    """An object, and why."""

    object: str
    kind: Kind = "tag"
    reason: str = ""


class FoundBody(msgspec.Struct, frozen=True, kw_only=True):
    """An object for the rules to look at."""

    path: str
    unit: str = ""
    description: str = ""
    samples: list[str] = []
    criticality: int | None = None


class ProposeBody(msgspec.Struct, frozen=True, kw_only=True):
    """What to propose labels for: the tags below a path, or the objects given."""

    prefix: str = ""
    objects: list[FoundBody] = []
    owner: str = ""


class DecideBody(msgspec.Struct, frozen=True, kw_only=True):
    """The decision on proposals: of these objects, or of all below a path."""

    objects: list[str] = []
    prefix: str = ""
    kind: Kind = "tag"
    confirm: bool = True
    version: int | None = None


class LineageBody(msgspec.Struct, frozen=True, kw_only=True):
    """What an object was derived from."""

    object: str
    sources: list[str]
    kind: Kind = "table"
    source_kind: Kind = "tag"
    rule: str | None = None


class DeclassificationBody(msgspec.Struct, frozen=True, kw_only=True):
    """A rule by which what is derived from an object has a lower grade."""

    name: str
    source: str
    grade_2020: Grade2020
    grade_2022: Grade2022
    reason: str
    kind: Kind = "tag"


class ApprovalBody(msgspec.Struct, frozen=True, kw_only=True):
    """Leave for an object to go to a recipient."""

    object: str
    recipient: str
    reason: str
    purpose: str = "operation"
    days: int = 30
    kind: Kind = "tag"


class LabelView(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a label."""

    object: str
    kind: Kind
    version: int
    state: State
    label: Label
    reason: str
    author: str
    created: str
    decided_by: str | None
    decided: str | None


class LabelPage(msgspec.Struct, frozen=True, kw_only=True):
    """Labels, by object."""

    items: list[LabelView]
    next: str | None


class ShownView(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for an object now, and its own label's versions."""

    object: str
    kind: Kind
    label: Label | None
    """Its own, or that of the nearest level above it; null where there is none."""
    grade_2020: Grade2020
    grade_2022: Grade2022
    export: Export
    known: bool
    """False: no confirmed label anywhere; it counts as the highest grade."""
    versions: list[LabelView]


class Many(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects were changed."""

    count: int


class RuleView(msgspec.Struct, frozen=True, kw_only=True):
    """A declassification rule."""

    name: str
    kind: Kind
    source: str
    grade_2020: Grade2020
    grade_2022: Grade2022
    reason: str
    approver: str
    created: str
    withdrawn: str | None


class RuleList(msgspec.Struct, frozen=True, kw_only=True):
    """Declassification rules, by name."""

    items: list[RuleView]


class ApprovalView(msgspec.Struct, frozen=True, kw_only=True):
    """An approval of exports."""

    id: str
    object: str
    kind: Kind
    recipient: str
    purpose: str
    reason: str
    approver: str
    created: str
    expires: str


class ApprovalList(msgspec.Struct, frozen=True, kw_only=True):
    """Approvals that have not expired, newest first."""

    items: list[ApprovalView]


class ExportView(msgspec.Struct, frozen=True, kw_only=True):
    """One export."""

    id: str
    time: str
    principal: str
    recipient: str
    outside: bool
    purpose: str
    what: str
    objects: int
    rows: int
    bytes: int
    grade_2020: int
    grade_2022: str
    decision: str
    whole: bool


class ExportPage(msgspec.Struct, frozen=True, kw_only=True):
    """Exports, newest first."""

    items: list[ExportView]
    next: str | None


class CanaryView(msgspec.Struct, frozen=True, kw_only=True):
    """A planted row. Whoever sees it could take it out of a leaked file: for administrators only."""

    recipient: str
    egress: str
    path: str
    time: int
    value: float | None
    planted: int


class CanaryList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[CanaryView]


class CatalogueRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the catalogue of data for filing."""

    object: str
    kind: Kind
    domain: str
    grade_2020: int
    grade_2022: str
    volume: int
    """Tags at or below it, or 1."""
    owner: str
    purpose: str
    retention_days: int | None
    place: str
    export: str
    exports: int
    """How often it left."""


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The catalogue; `headings` are those of the filing form, Chinese and English."""

    headings: dict[str, str]
    items: list[CatalogueRow]


class DatasetBody(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    place: str = ""
    """Where its files are kept, in words."""
    project: str = ""
    """Empty: main, or the only project that one is a member of."""


class DatasetView(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset."""

    id: str
    name: str
    key: str
    place: str
    project: str
    author: str
    created: str
    erased: str | None
    erased_by: str | None


class DatasetList(msgspec.Struct, frozen=True, kw_only=True):
    """Datasets, by name."""

    items: list[DatasetView]


class EraseBody(msgspec.Struct, frozen=True, kw_only=True):
    reason: str


class FileKeyBody(msgspec.Struct, frozen=True, kw_only=True):
    """The wrapped key of a file's header."""

    key: str
    wrapped: bytes
    """Base64."""


class FileKeyView(msgspec.Struct, frozen=True, kw_only=True):
    """The key of one file; bytes are base64. It is in this answer and nowhere else."""

    dataset: str
    key: str
    file_key: bytes
    wrapped: bytes


class ReasonBody(msgspec.Struct, frozen=True, kw_only=True):
    reason: str


class HoldView(msgspec.Struct, frozen=True, kw_only=True):
    """A legal hold."""

    id: str
    object: str
    kind: Kind
    reason: str
    author: str
    created: str
    released: str | None
    released_by: str | None
    release_reason: str | None


class HoldList(msgspec.Struct, frozen=True, kw_only=True):
    """Legal holds, newest first."""

    items: list[HoldView]


class LeakBody(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    text: str = ""


class LeakStepBody(msgspec.Struct, frozen=True, kw_only=True):
    state: LeakState
    text: str


class LeakStepView(msgspec.Struct, frozen=True, kw_only=True):
    state: LeakState
    time: str
    by: str
    text: str


class LeakView(msgspec.Struct, frozen=True, kw_only=True):
    """A leak notice and its clock."""

    id: str
    title: str
    state: LeakState
    opened: str
    due: str
    overdue: bool
    reported: str | None
    steps: list[LeakStepView]


class LeakList(msgspec.Struct, frozen=True, kw_only=True):
    """Leak notices, newest first."""

    items: list[LeakView]


def label_view(one: LabelVersion) -> LabelView:
    return _view(LabelView, one)


def rule_view(one: Declassification) -> RuleView:
    return _view(RuleView, one)


def approval_view(one: Approval) -> ApprovalView:
    return _view(ApprovalView, one)


def export_view(one: Exported) -> ExportView:
    return _view(ExportView, one)


def dataset_view(one: Dataset) -> DatasetView:
    return _view(DatasetView, one)


def hold_view(one: Hold) -> HoldView:
    return _view(HoldView, one)


def leak_view(one: Leak) -> LeakView:
    steps = [_view(LeakStepView, step) for step in one.steps]
    return _view(LeakView, one, steps=steps, overdue=one.overdue(clock.now_us()))


_TIMES = frozenset(
    {"created", "decided", "withdrawn", "expires", "time", "erased", "released", "opened", "due", "reported"}
)


def _view(kind: Any, one: Any, **others: Any) -> Any:
    """A view with the fields of the same names, times as text."""
    values = dict(others)
    for name in kind.__struct_fields__:
        if name not in values:
            value = getattr(one, name)
            values[name] = clock.rfc3339(value) if name in _TIMES and value is not None else value
    return kind(**values)
