"""The nouns of labels. Domain, grade of 2020 and grade of 2022 are three axes; none is ever computed from another."""

from collections.abc import Iterable
from typing import Final, Literal

import msgspec

from lineshaft.core.errors import InvalidInput

Kind = Literal["tag", "stream", "table", "file", "dataset"]
Domain = Literal[
    "r_and_d", "production", "maintenance", "management", "external", "platform_operation", "enterprise_management"
]
Grade2020 = Literal[1, 2, 3]
Grade2022 = Literal["general", "important", "core"]
Export = Literal["allowed", "approval", "forbidden"]
State = Literal["proposed", "confirmed", "rejected", "withdrawn"]

DOMAINS: Final[dict[str, str]] = {
    "r_and_d": "研发", "production": "生产", "maintenance": "运维", "management": "管理", "external": "外部",
    "platform_operation": "平台运营", "enterprise_management": "企业管理",
}  # fmt: skip
"""Domains of industrial data: the five of an industrial enterprise, the last two of a platform enterprise."""
GRADES_2020: Final[dict[int, str]] = {1: "一级", 2: "二级", 3: "三级"}
"""Grades by possible harm (classification guide of 2020); 3 is the highest."""
GRADES_2022: Final[dict[str, str]] = {"general": "一般数据", "important": "重要数据", "core": "核心数据"}
"""Grades by importance to the state (measures of 2022), lowest first."""
EXPORTS: Final[tuple[Export, ...]] = ("allowed", "approval", "forbidden")
"""Least restrictive first."""

RANK_2022: Final[dict[Grade2022, int]] = {"general": 0, "important": 1, "core": 2}


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of an object and of everything below its path."""

    domain: Domain
    grade_2020: Grade2020
    grade_2022: Grade2022
    purpose: str = ""
    """What the data are for, in words."""
    owner: str = ""
    """Who answers for them: a principal's name or a department."""
    retention_days: int | None = None
    """How long they are kept; None: without end."""
    export: Export = "allowed"


class Subject(msgspec.Struct, frozen=True):
    """An object that can have a label: its kind, its path or name, and its handle and project where it has them."""

    kind: Kind
    path: str
    handle: str = ""
    project: str = ""
    """That of a tag or dataset, where whoever asks knows it."""


class Grades(msgspec.Struct, frozen=True, kw_only=True):
    """What counts for an object or a set of objects: the highest of each axis, and the strictest export rule."""

    grade_2020: Grade2020
    grade_2022: Grade2022
    export: Export
    known: bool
    """False where an object has no confirmed label: it counts as the highest."""


UNKNOWN: Final = Grades(grade_2020=3, grade_2022="core", export="allowed", known=False)
"""What an object without a confirmed label counts as."""


class LabelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an object's label. The newest confirmed one is in force."""

    id: str
    kind: Kind
    object: str
    version: int
    state: State
    label: Label
    reason: str
    """Which rules proposed it and why, or what its author said."""
    author: str
    """Handle of who set or proposed it."""
    created: int
    decided_by: str | None
    """Handle of the person who confirmed or rejected it."""
    decided: int | None


def grades_of(label: Label) -> Grades:
    """What a confirmed label counts as."""
    return Grades(grade_2020=label.grade_2020, grade_2022=label.grade_2022, export=label.export, known=True)


def highest(grades: Iterable[Grades]) -> Grades | None:
    """The maximum along each axis by itself; None of nothing."""
    found = list(grades)
    if not found:
        return None
    return Grades(
        grade_2020=max(one.grade_2020 for one in found),
        grade_2022=max((one.grade_2022 for one in found), key=RANK_2022.__getitem__),
        export=max((one.export for one in found), key=EXPORTS.index),
        known=all(one.known for one in found),
    )


def check_object(path: str, *, field: str = "object") -> str:
    """A path or name that can carry a label, without slashes at its ends.

    Raises:
        InvalidInput: empty, too long, or with an empty level.
    """
    clean = path.strip("/")
    if not clean or len(clean) > 500 or "//" in clean or not clean.isprintable():
        raise InvalidInput(
            "access.label_object_invalid", f"{field} is {path[:80]!r}, which is no path or name",
            "Give the path of a tag or of a level above it, a handle, or the name of a stream, table, file or dataset.",
            field=field, value=path[:80],
        )  # fmt: skip
    return clean


def check_label(label: Label) -> Label:
    """A label whose texts and retention are within bounds.

    Raises:
        InvalidInput: names the field.
    """
    for field in ("purpose", "owner"):
        if len(getattr(label, field)) > 200:
            raise InvalidInput(
                "access.label_text_long", f"{field} has more than 200 characters", "Say it shorter.",
                field=field, maximum=200,
            )  # fmt: skip
    if label.retention_days is not None and not 1 <= label.retention_days <= 36_500:
        raise InvalidInput(
            "access.label_retention_invalid", f"retention_days is {label.retention_days}, outside 1 to 36500",
            "Leave it out to keep the data without end.", field="retention_days", value=label.retention_days,
        )  # fmt: skip
    return label
