"""`Labels`: what counts for an object now. Reads are from memory; `refresh` looks at the records at most every 2 s."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from lineshaft.access.labels.book import Content, Edge, LabelBook, covers
from lineshaft.access.labels.model import RANK_2022, UNKNOWN, Grades, Label, Subject, grades_of, highest
from lineshaft.core import clock
from lineshaft.records import Database

BELIEVED_SECONDS: Final = 2.0
_REMEMBERED: Final = 200_000

Name = tuple[str, str]
"""(kind, path or handle)."""


class Snapshot:
    """Everything that counts at one moment, and what was worked out from it."""

    def __init__(self, content: Content) -> None:
        self._labels: dict[Name, Label] = {(one.kind, one.object): one.label for one in content.labels}
        self._rules = {rule.name: rule for rule in content.rules}
        self._edges: dict[Name, list[Edge]] = {}
        for edge in content.edges:
            self._edges.setdefault((edge.kind, edge.object), []).append(edge)
        self._worked_out: dict[Subject, Grades] = {}

    def label(self, subject: Subject) -> Label | None:
        """The confirmed label of the object, else of the nearest level above it."""
        return _nearest(self._labels, subject)

    def grades(self, subject: Subject) -> Grades:
        """What an object counts as: the highest of its own label and of what it was derived from."""
        found = self._worked_out.get(subject)
        if found is None:
            if len(self._worked_out) >= _REMEMBERED:
                self._worked_out.clear()
            found = self._worked_out[subject] = self._work_out(subject, frozenset())
        return found

    def _work_out(self, subject: Subject, before: frozenset[Name]) -> Grades:
        name = (subject.kind, subject.path)
        label = self.label(subject)
        own = [] if label is None else [grades_of(label)]
        if name in before:  # derived from itself: it adds nothing to itself
            return highest(own) or UNKNOWN
        edges = _nearest(self._edges, subject) or []
        sources = [self._through(edge, before | {name}) for edge in edges]
        return highest([*own, *sources]) or UNKNOWN

    def _through(self, edge: Edge, before: frozenset[Name]) -> Grades:
        """What a source contributes: its grades, lowered by the rule where that is in force and made for it."""
        source = Subject(edge.source_kind, edge.source)
        grades = self._work_out(source, before)
        rule = self._rules.get(edge.rule or "")
        if rule is None or not covers(rule.kind, rule.source, source):
            return grades
        return msgspec.structs.replace(
            grades, known=True, grade_2020=min(grades.grade_2020, rule.grade_2020),
            grade_2022=min(grades.grade_2022, rule.grade_2022, key=RANK_2022.__getitem__),
        )  # fmt: skip


class Labels:
    """The labels of one tenant, for routes. Safe to share between tasks of one event loop."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._book = LabelBook(tenant)
        self._snapshot: Snapshot | None = None
        self._mark: tuple[Any, ...] | None = None
        self._looked: float | None = None
        self._looking = asyncio.Lock()

    async def refresh(self, *, now: bool = False) -> None:
        """Make what is in memory at most `BELIEVED_SECONDS` old.

        Args:
            now: look however fresh it is.

        Raises:
            Unavailable: the records do not answer.
        """
        if self._fresh() and not now:
            return
        async with self._looking:
            if now or not self._fresh():
                await self._database.query(self._look)

    async def state(self) -> object:
        """Differs once anything that counts has changed.

        Raises:
            Unavailable: the records do not answer.
        """
        await self.refresh()
        return self._mark

    def grades(self, subjects: Iterable[Subject]) -> Grades | None:
        """The highest of each axis over some objects; None of no objects. What is unknown counts as the highest."""
        if self._snapshot is None:
            return UNKNOWN
        return highest({self._snapshot.grades(subject) for subject in subjects})

    def each(self, subjects: Iterable[Subject]) -> list[tuple[Subject, Grades]]:
        """Objects with what each counts as."""
        one = self._snapshot
        return [(subject, UNKNOWN if one is None else one.grades(subject)) for subject in subjects]

    def grade_of(self, subjects: Iterable[Subject]) -> int | None:
        """The grade of 2020 (1 to 3) that policies compare with a clearance; None of no objects."""
        found = self.grades(subjects)
        return None if found is None else found.grade_2020

    def label(self, subject: Subject) -> Label | None:
        """The confirmed label of the object, else of the nearest level above it."""
        return None if self._snapshot is None else self._snapshot.label(subject)

    def _fresh(self) -> bool:
        return self._looked is not None and clock.monotonic() - self._looked <= BELIEVED_SECONDS

    def _look(self, connection: Any) -> None:
        mark = self._book.mark(connection)
        if mark != self._mark:
            self._snapshot = Snapshot(self._book.content(connection))
            self._mark = mark
        self._looked = clock.monotonic()


def _nearest(found: Mapping[Name, Any], subject: Subject) -> Any:
    """What stands by the object's handle or path, else by the nearest path above it; None where nothing does."""
    if subject.handle and (subject.kind, subject.handle) in found:
        return found[subject.kind, subject.handle]
    path = subject.path
    while path:
        if (subject.kind, path) in found:
            return found[subject.kind, path]
        path = path.rpartition("/")[0]
    return None
