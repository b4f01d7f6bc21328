"""Changes to labels, lineage, approvals, holds and leak notices: decided, done and recorded in one place.

A change and its audit entry commit together. What needs the vault is in `part`.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection

from lineshaft.access import audit
from lineshaft.access.access import Access
from lineshaft.access.administration import HIGHEST_GRADE
from lineshaft.access.audit import Act
from lineshaft.access.labels import approvals, grading, holds, leaks
from lineshaft.access.labels.approvals import Approval
from lineshaft.access.labels.book import Declassification, LabelBook
from lineshaft.access.labels.holds import Hold
from lineshaft.access.labels.labels import Snapshot
from lineshaft.access.labels.leaks import Leak, LeakState
from lineshaft.access.labels.model import (
    Grade2020,
    Grade2022,
    Label,
    LabelVersion,
    Subject,
    check_label,
    check_object,
)
from lineshaft.access.labels.settings import LabelSettings
from lineshaft.core import clock, ids
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput
from lineshaft.core.home import Identity
from lineshaft.core.principals import Decision, Principal
from lineshaft.records import Database

LABEL: Final = "access:label"
APPROVE: Final = "access:approve_export"
HOLD: Final = "access:hold"
LEAK: Final = "access:leak"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LONGEST_TEXT: Final = 2000
_DAY_US: Final = 86_400 * clock.MICROSECONDS

T = TypeVar("T")


class LabelAdministration:
    """What people change about labels."""

    def __init__(self, database: Database, identity: Identity, settings: LabelSettings, access: Access) -> None:
        self._database = database
        self._tenant = identity.tenant
        self._settings = settings
        self._access = access
        self._book = LabelBook(identity.tenant)

    # -- labels -----------------------------------------------------------------------------------------------------

    async def set_label(self, principal: Principal, subject: Subject, label: Label, *, reason: str) -> LabelVersion:
        """Label an object by a person's own judgement; in force at once.

        Raises:
            Forbidden, InvalidInput. Conflict: the actor is no person, or the machine's own command line.
        """
        subject, label, reason = _checked(subject), check_label(label), _text(reason, "reason")

        def work(connection: Connection) -> LabelVersion:
            self._check_clearance(connection, principal, [subject])
            return self._book.put(
                connection, subject, label, author=principal.id, state="confirmed", reason=reason
            )  # fmt: skip

        facts = {"kind": subject.kind, **msgspec.structs.asdict(label)}
        return await self._change(principal, LABEL, subject.path, work, facts)

    async def propose(self, principal: Principal, found: Sequence[grading.Object], *, owner: str) -> list[LabelVersion]:
        """Let the rules propose labels for objects; what is in force or proposed alike already is left out."""
        proposals = [(_checked(Subject("tag", one.path)), grading.propose(one, owner=owner)) for one in found]

        def work(connection: Connection) -> list[LabelVersion]:
            made = [
                self._book.propose(connection, subject, label, author=principal.id, reason=reason)
                for subject, (label, reason) in proposals
            ]
            return [one for one in made if one is not None]

        return await self._change(principal, LABEL, "*", work, {"proposed": len(proposals)})

    async def decide(
        self, principal: Principal, subjects: Sequence[Subject], *, confirm: bool, version: int | None = None
    ) -> list[LabelVersion]:
        """Confirm or reject what the rules proposed; who did is kept with it.

        Raises:
            Forbidden. NotFound: nothing is proposed. Conflict: another version by now; not a person.
        """
        _check_person(principal)
        checked = [_checked(subject) for subject in subjects]

        def work(connection: Connection) -> list[LabelVersion]:
            self._check_clearance(connection, principal, checked if confirm else [])
            return [
                self._book.decide(connection, subject, by=principal.id, confirm=confirm, version=version)
                for subject in checked
            ]

        what = checked[0].path + (f" (+{len(checked) - 1})" if len(checked) > 1 else "") if checked else "*"
        return await self._change(
            principal, LABEL, what, work, {"confirmed": confirm, "objects": len(checked)}
        )  # fmt: skip

    async def withdraw(self, principal: Principal, subject: Subject, *, reason: str) -> LabelVersion:
        """End an object's own label.

        Raises:
            Forbidden. NotFound: it has none.
        """
        subject, reason = _checked(subject), _text(reason, "reason")

        def work(connection: Connection) -> LabelVersion:
            self._check_clearance(connection, principal, [subject])
            return self._book.withdraw(connection, subject, by=principal.id, reason=reason)

        return await self._change(principal, LABEL, subject.path, work, {"withdrawn": True, "reason": reason})

    async def derive(
        self, principal: Principal, subject: Subject, sources: Sequence[Subject], *, rule: str | None = None
    ) -> None:
        """Note what an object was derived from; the use of a declassification rule is recorded by name.

        Raises:
            Forbidden, InvalidInput. NotFound: no such rule. Conflict: the rule is for other sources.
        """
        checked = [_checked(source) for source in sources]
        subject = _checked(subject)

        def work(connection: Connection) -> None:
            self._check_clearance(connection, principal, [subject])
            self._book.derive(connection, subject, checked, author=principal.id, rule=rule)

        facts = {"sources": [source.path for source in checked][:50], "rule": rule}
        await self._change(principal, LABEL, subject.path, work, facts)

    # -- what an administrator approves -----------------------------------------------------------------------------

    async def declassify(
        self, principal: Principal, *, name: str, source: Subject, grade_2020: Grade2020, grade_2022: Grade2022,
        reason: str,
    ) -> Declassification:  # fmt: skip
        """Make a named rule by which what is derived from an object has a lower grade.

        Raises:
            Forbidden, InvalidInput. Conflict: the name is taken.
        """
        source = _checked(source)
        rule = Declassification(
            name=_name(name), kind=source.kind, source=source.path, grade_2020=grade_2020, grade_2022=grade_2022,
            reason=_text(reason, "reason", needed=True), approver=principal.id, created=clock.now_us(),
        )  # fmt: skip
        await self._change(
            principal, APPROVE, f"declassification {rule.name}",
            lambda connection: self._book.declassify(connection, rule), msgspec.structs.asdict(rule),
        )  # fmt: skip
        return rule

    async def withdraw_declassification(self, principal: Principal, name: str) -> None:
        """End a rule: what was derived by it counts as its sources again.

        Raises:
            Forbidden. NotFound.
        """
        await self._change(
            principal, APPROVE, f"declassification {name}",
            lambda connection: self._book.withdraw_rule(connection, name), {"withdrawn": True},
        )  # fmt: skip

    async def approve(
        self, principal: Principal, subject: Subject, *, recipient: str, purpose: str, reason: str, days: int
    ) -> Approval:
        """Approve that an object, and what lies below it, goes to a recipient. One's own approval does not admit one.

        Raises:
            Forbidden, InvalidInput.
        """
        if not 1 <= days <= 366:
            raise InvalidInput(
                "access.approval_days_invalid", f"days is {days}, outside 1 to 366", "Approve again when it expires.",
                field="days", value=days,
            )  # fmt: skip
        subject, now = _checked(subject), clock.now_us()
        approval = Approval(
            id=ids.new_id(), kind=subject.kind, object=subject.path, recipient=_text(recipient, "recipient", needed=True),
            purpose=_name(purpose, "purpose"), reason=_text(reason, "reason", needed=True), approver=principal.id,
            created=now, expires=now + days * _DAY_US,
        )  # fmt: skip
        await self._change(
            principal, APPROVE, subject.path,
            lambda connection: approvals.add(connection, self._tenant, approval), msgspec.structs.asdict(approval),
        )  # fmt: skip
        return approval

    # -- holds and leaks --------------------------------------------------------------------------------------------

    async def hold(self, principal: Principal, subject: Subject, *, reason: str) -> Hold:
        """Keep an object, and what lies below it, from being erased.

        Raises:
            Forbidden, InvalidInput.
        """
        subject, reason = _checked(subject), _text(reason, "reason", needed=True)
        return await self._change(
            principal, HOLD, subject.path, lambda connection: holds.place(
                connection, self._tenant, subject, reason=reason, author=principal.id
            ), {"kind": subject.kind, "reason": reason},
        )  # fmt: skip

    async def release(self, principal: Principal, hold: str, *, reason: str) -> Hold:
        """End a hold.

        Raises:
            Forbidden, InvalidInput. NotFound. Conflict: it is released already.
        """
        reason = _text(reason, "reason", needed=True)
        return await self._change(
            principal, HOLD, f"hold {hold[:26]}", lambda connection: holds.release(
                connection, self._tenant, hold, reason=reason, by=principal.id
            ), {"released": True, "reason": reason},
        )  # fmt: skip

    async def open_leak(self, principal: Principal, *, title: str, text: str) -> Leak:
        """Open a leak notice; its clock starts.

        Raises:
            Forbidden, InvalidInput.
        """
        title, text = _text(title, "title", needed=True)[:200], _text(text, "text")
        return await self._change(
            principal, LEAK, title, lambda connection: leaks.open_notice(
                connection, self._tenant, title=title, text=text, by=principal.id, hours=self._settings.leak_hours
            ), {"state": "opened"},
        )  # fmt: skip

    async def move_leak(self, principal: Principal, leak: str, state: LeakState, *, text: str) -> Leak:
        """Take a leak notice one step further.

        Raises:
            Forbidden, InvalidInput. NotFound. Conflict: that step does not follow.
        """
        text = _text(text, "text", needed=True)
        return await self._change(
            principal, LEAK, f"leak {leak[:26]}", lambda connection: leaks.move(
                connection, self._tenant, leak, state, text=text, by=principal.id
            ), {"state": state},
        )  # fmt: skip

    # -- inside -----------------------------------------------------------------------------------------------------

    def _check_clearance(self, connection: Connection, principal: Principal, subjects: Sequence[Subject]) -> None:
        """Let nobody grade what is above their clearance: they could lower it, and then read it.

        Raises:
            Forbidden: names the first such object.
        """
        if principal.clearance >= HIGHEST_GRADE or not subjects:
            return
        found = Snapshot(self._book.content(connection))
        for subject in subjects:
            grade = found.grades(subject).grade_2020
            if grade > principal.clearance:
                raise Forbidden(
                    "access.clearance_too_low", f"{subject.path!r} counts as grade {grade}, above your clearance",
                    "What has no confirmed label counts as grade 3; an engineer can label it.", object=subject.path,
                    grade=grade, clearance=principal.clearance,
                )  # fmt: skip

    async def _change(
        self, principal: Principal, action: str, resource: str, work: Callable[[Connection], T], facts: dict[str, Any]
    ) -> T:
        """Decide, then change and record in one transaction."""
        decision = await self._access.require(principal, action, resource)

        def both(connection: Connection) -> T:
            done = work(connection)
            note(connection, self._tenant, principal.id, action, resource, decision, facts)
            return done

        return await self._database.write(both)


def note(
    connection: Connection, tenant: str, principal: str, action: str, resource: str, decision: Decision | None,
    facts: dict[str, Any], kind: str = "change",
) -> None:  # fmt: skip
    """The audit entry of a change, in the transaction of the change."""
    audit.write(
        connection, tenant,
        Act(
            principal=principal, action=action, resource=resource, outcome="done", facts=facts, kind=kind,
            decision="" if decision is None else decision.id,
        ),
    )  # fmt: skip


def ensure(connection: Connection, tenant: str, subject: Subject, label: Label, *, author: str, reason: str) -> None:
    """Label what an installation brings with it, once: whatever people decided about it since stays."""
    book = LabelBook(tenant)
    if not book.versions(connection, subject):
        book.put(connection, subject, check_label(label), author=author, state="confirmed", reason=reason)
        facts = {"kind": subject.kind, **msgspec.structs.asdict(label)}
        note(connection, tenant, author, LABEL, subject.path, None, facts)


def _checked(subject: Subject) -> Subject:
    return Subject(subject.kind, check_object(subject.path))


def _check_person(principal: Principal) -> None:
    """A grading is confirmed by somebody who answers for it: a person, or who works on the machine itself."""
    if principal.kind != "person" and principal.name != "local":
        raise Conflict(
            "access.label_needs_person", f"{principal.name!r} is no person: only people confirm gradings",
            "Sign in as a person with the engineer's role.", name=principal.name,
        )  # fmt: skip


def _name(name: str, field: str = "name") -> str:
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            "access.label_name_invalid", f"{field} is {name[:63]!r}, which is no word of a-z, 0-9, _ and -",
            "Use up to 63 of these characters, beginning with a letter or digit.", field=field, value=name[:63],
        )  # fmt: skip
    return name


def _text(text: str, field: str, *, needed: bool = False) -> str:
    clean = text.strip()
    if (needed and not clean) or len(clean) > _LONGEST_TEXT:
        raise InvalidInput(
            "access.label_reason_invalid", f"{field} has {len(clean)} characters, not 1 to {_LONGEST_TEXT}",
            "Say in a sentence why; it is kept with the change.", field=field, value=len(clean), maximum=_LONGEST_TEXT,
        )  # fmt: skip
    return clean
