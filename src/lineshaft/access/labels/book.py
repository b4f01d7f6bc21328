"""The book of labels: every version of every label, what was derived from what, and the rules that lower a grade.

Every function works in the caller's transaction. A label is never changed: a new version follows, proposed or
confirmed; only what a person has confirmed counts.
"""

from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, case, func, insert, select, update

from lineshaft.access.labels.model import Grade2020, Grade2022, Kind, Label, LabelVersion, State, Subject
from lineshaft.access.labels.store import DECLASSIFICATION, LABEL, LINEAGE
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, NotFound

_FIELDS: Final = Label.__struct_fields__


class Declassification(msgspec.Struct, frozen=True, kw_only=True):
    """A named rule by which what is derived from an object, or from what lies below it, has a lower grade."""

    name: str
    kind: Kind
    source: str
    grade_2020: Grade2020
    grade_2022: Grade2022
    reason: str
    approver: str
    created: int
    withdrawn: int | None = None


class Edge(msgspec.Struct, frozen=True, kw_only=True):
    """`object` was derived from `source`, by a declassification rule where one is named."""

    kind: Kind
    object: str
    source_kind: Kind
    source: str
    rule: str | None


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """All that counts at one moment."""

    labels: list[LabelVersion]
    edges: list[Edge]
    rules: list[Declassification]


class LabelBook:
    """The labels of one tenant."""

    def __init__(self, tenant: str) -> None:
        self._tenant = tenant

    # -- versions ---------------------------------------------------------------------------------------------------

    def put(
        self, connection: Connection, subject: Subject, label: Label, *, author: str, state: State, reason: str = "",
    ) -> LabelVersion:  # fmt: skip
        """Add a version; a confirmed one is in force at once and ends the proposals before it."""
        now = clock.now_us()
        version = (connection.scalar(select(func.max(LABEL.c.version)).where(self._of(subject))) or 0) + 1
        decided = state != "proposed"
        row = {
            "id": ids.new_id(), "tenant": self._tenant, "kind": subject.kind, "object": subject.path,
            "version": version, "state": state, **msgspec.structs.asdict(label), "reason": reason, "author": author,
            "created": now, "decided_by": author if decided else None, "decided": now if decided else None,
        }  # fmt: skip
        if decided:
            self._end_proposals(connection, subject, author, now)
        connection.execute(insert(LABEL).values(row))
        return self._version(connection, row["id"])

    def propose(
        self, connection: Connection, subject: Subject, label: Label, *, author: str, reason: str
    ) -> LabelVersion | None:
        """Propose a label for a person to decide; None where that is in force or proposed already."""
        newest = self._newest(connection, subject, "confirmed", "proposed")
        if newest is not None and _label(newest) == label:
            return None
        return self.put(connection, subject, label, author=author, state="proposed", reason=reason)

    def decide(
        self, connection: Connection, subject: Subject, *, by: str, confirm: bool, version: int | None = None
    ) -> LabelVersion:
        """Confirm or reject a proposal: the newest, or exactly the version that the person saw.

        Raises:
            NotFound: nothing is proposed. Conflict: another version was proposed meanwhile.
        """
        row = self._newest(connection, subject, "proposed")
        if row is None:
            raise NotFound(
                "access.label_not_proposed", f"nothing is proposed for {subject.path!r}",
                "`lineshaft labels propose` lists what is.", object=subject.path,
            )  # fmt: skip
        if version is not None and version != row.version:
            raise Conflict(
                "access.label_changed_meanwhile",
                f"version {row.version} is proposed for {subject.path!r} by now, not {version}",
                "Look at the newest proposal before you decide.", object=subject.path, version=version,
                newest=row.version,
            )  # fmt: skip
        state, now = "confirmed" if confirm else "rejected", clock.now_us()
        connection.execute(
            update(LABEL).where(LABEL.c.id == row.id).values(state=state, decided_by=by, decided=now)
        )  # fmt: skip
        self._end_proposals(connection, subject, by, now)
        return self._version(connection, row.id)

    def withdraw(self, connection: Connection, subject: Subject, *, by: str, reason: str) -> LabelVersion:
        """End an object's own label: what its path says above it counts again, else nothing.

        Raises:
            NotFound: it has none.
        """
        row = self._in_force(connection, subject)
        if row is None:
            raise NotFound(
                "access.label_unknown", f"{subject.path!r} has no confirmed label of its own",
                "`lineshaft labels show` lists the labels.", object=subject.path,
            )  # fmt: skip
        return self.put(connection, subject, _label(row), author=by, state="withdrawn", reason=reason)

    def versions(self, connection: Connection, subject: Subject) -> list[LabelVersion]:
        """Every version of an object's label, newest first."""
        query = select(LABEL).where(self._of(subject)).order_by(LABEL.c.version.desc())
        return [_from_row(row) for row in connection.execute(query)]

    def proposals(self, connection: Connection, *, after: str = "", limit: int = 100) -> list[LabelVersion]:
        """What waits for a person, by object, beginning behind `after`."""
        waiting = (LABEL.c.tenant == self._tenant) & (LABEL.c.state == "proposed") & (LABEL.c.object > after)
        query = select(LABEL).where(waiting).order_by(LABEL.c.object, LABEL.c.version).limit(limit)
        return [_from_row(row) for row in connection.execute(query)]

    def in_force(self, connection: Connection) -> list[LabelVersion]:
        """Every label in force, by kind and object."""
        decided = (LABEL.c.tenant == self._tenant) & LABEL.c.state.in_(("confirmed", "withdrawn"))
        query = select(LABEL).where(decided).order_by(LABEL.c.kind, LABEL.c.object, LABEL.c.version)
        newest = {(row.kind, row.object): row for row in connection.execute(query)}
        return [_from_row(row) for row in newest.values() if row.state == "confirmed"]

    # -- lineage ----------------------------------------------------------------------------------------------------

    def derive(
        self, connection: Connection, subject: Subject, sources: list[Subject], *, author: str, rule: str | None = None
    ) -> None:
        """Note what an object was derived from; it counts as the highest of its sources, or as the rule says.

        Raises:
            NotFound: no such rule, or it is withdrawn. Conflict: a source lies outside what the rule is for.
        """
        found = None if rule is None else self.rule(connection, rule)
        for source in sources:
            if found is not None and not covers(found.kind, found.source, source):
                raise Conflict(
                    "access.declassification_elsewhere",
                    f"the rule {found.name!r} is for {found.source!r}, which {source.path!r} is not part of",
                    "Name another rule, or have one approved for this source.", rule=found.name, source=source.path,
                    object=found.source,
                )  # fmt: skip
            key = {
                "tenant": self._tenant, "kind": subject.kind, "object": subject.path, "source_kind": source.kind,
                "source": source.path,
            }  # fmt: skip
            values = {"rule": rule, "author": author, "created": clock.now_us()}
            same = [LINEAGE.c[name] == value for name, value in key.items()]
            if not connection.execute(update(LINEAGE).where(*same).values(values)).rowcount:
                connection.execute(insert(LINEAGE).values(**key, **values))

    def declassify(self, connection: Connection, rule: Declassification) -> None:
        """Add a rule.

        Raises:
            Conflict: the name is taken; a rule is never changed.
        """
        taken = (DECLASSIFICATION.c.tenant == self._tenant) & (DECLASSIFICATION.c.name == rule.name)
        if connection.scalar(select(DECLASSIFICATION.c.name).where(taken)) is not None:
            raise Conflict(
                "access.declassification_exists", f"there is already a rule {rule.name!r}",
                "Choose another name: a rule is never changed.", name=rule.name,
            )  # fmt: skip
        connection.execute(insert(DECLASSIFICATION).values(tenant=self._tenant, **msgspec.structs.asdict(rule)))

    def withdraw_rule(self, connection: Connection, name: str) -> None:
        """End a rule: what was derived by it counts as its sources again.

        Raises:
            NotFound: no such rule, or it is withdrawn already.
        """
        self.rule(connection, name)
        named = (DECLASSIFICATION.c.tenant == self._tenant) & (DECLASSIFICATION.c.name == name)
        connection.execute(update(DECLASSIFICATION).where(named).values(withdrawn=clock.now_us()))

    def rule(self, connection: Connection, name: str) -> Declassification:
        """A rule that is not withdrawn.

        Raises:
            NotFound: there is none.
        """
        found = next((rule for rule in self.rules(connection) if rule.name == name and rule.withdrawn is None), None)
        if found is None:
            raise NotFound(
                "access.declassification_unknown", f"there is no rule {name[:63]!r} in force",
                "An administrator can make one.", name=name[:63],
            )  # fmt: skip
        return found

    def rules(self, connection: Connection) -> list[Declassification]:
        """Every rule, withdrawn ones too, by name."""
        mine = DECLASSIFICATION.c.tenant == self._tenant
        query = select(DECLASSIFICATION).where(mine).order_by(DECLASSIFICATION.c.name)
        return [
            Declassification(**{name: row[name] for name in Declassification.__struct_fields__})
            for row in connection.execute(query).mappings()
        ]

    # -- all of it --------------------------------------------------------------------------------------------------

    def mark(self, connection: Connection) -> tuple[Any, ...]:
        """Something that differs once anything that counts has changed; cheap."""
        # Counts too: a clock that stepped back must not hide a change behind an older one from the future.
        confirmed = func.sum(case((LABEL.c.state == "confirmed", 1), else_=0))
        labels = select(func.count(), func.max(LABEL.c.created), func.max(LABEL.c.decided), confirmed).where(
            LABEL.c.tenant == self._tenant
        )
        lineage = select(func.count(), func.max(LINEAGE.c.created)).where(LINEAGE.c.tenant == self._tenant)
        rules = select(
            func.count(), func.max(DECLASSIFICATION.c.created), func.count(DECLASSIFICATION.c.withdrawn)
        ).where(DECLASSIFICATION.c.tenant == self._tenant)  # fmt: skip
        return tuple(tuple(connection.execute(query).one()) for query in (labels, lineage, rules))

    def content(self, connection: Connection) -> Content:
        """All that counts now."""
        edges = connection.execute(select(LINEAGE).where(LINEAGE.c.tenant == self._tenant)).mappings()
        names = Edge.__struct_fields__
        return Content(
            labels=self.in_force(connection),
            edges=[Edge(**{name: row[name] for name in names}) for row in edges],
            rules=[rule for rule in self.rules(connection) if rule.withdrawn is None],
        )

    # -- inside -----------------------------------------------------------------------------------------------------

    def _of(self, subject: Subject) -> Any:
        return (LABEL.c.tenant == self._tenant) & (LABEL.c.kind == subject.kind) & (LABEL.c.object == subject.path)

    def _newest(self, connection: Connection, subject: Subject, *states: State) -> Row[Any] | None:
        query = select(LABEL).where(self._of(subject), LABEL.c.state.in_(states)).order_by(LABEL.c.version.desc())
        return connection.execute(query.limit(1)).one_or_none()

    def _in_force(self, connection: Connection, subject: Subject) -> Row[Any] | None:
        row = self._newest(connection, subject, "confirmed", "withdrawn")
        return row if row is not None and row.state == "confirmed" else None

    def _end_proposals(self, connection: Connection, subject: Subject, by: str, now: int) -> None:
        waiting = self._of(subject) & (LABEL.c.state == "proposed")
        connection.execute(update(LABEL).where(waiting).values(state="rejected", decided_by=by, decided=now))

    def _version(self, connection: Connection, label_id: str) -> LabelVersion:
        return _from_row(connection.execute(select(LABEL).where(LABEL.c.id == label_id)).one())


def covers(kind: str, path: str, subject: Subject) -> bool:
    """Whether a path or handle is that of the subject, or lies above it."""
    if kind != subject.kind:
        return False
    return path in (subject.path, subject.handle) or subject.path.startswith(f"{path}/")


def _label(row: Row[Any]) -> Label:
    values = row._mapping  # noqa: SLF001  # the library's public way to the columns by name
    return Label(**{name: values[name] for name in _FIELDS})


def _from_row(row: Row[Any]) -> LabelVersion:
    return LabelVersion(
        id=row.id, kind=row.kind, object=row.object, version=row.version, state=row.state, label=_label(row),
        reason=row.reason, author=row.author, created=row.created, decided_by=row.decided_by, decided=row.decided,
    )  # fmt: skip
