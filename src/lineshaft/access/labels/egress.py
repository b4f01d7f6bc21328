"""The egress gate: every answer with data passes `Egress.check`, and what leaves goes through the `Release` it gives.

An *export* is an answer for somebody other than the caller, or in a form made to be carried away (CSV, Arrow, …). It is
refused where a label says so; recorded where it is for somebody else, or has more than `labels.export_rows` rows. A
caller's ordinary pages cost no write: they are added up, and recorded together each time they reach that number.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
from sqlalchemy import Connection

from lineshaft.access import principals
from lineshaft.access.access import Access
from lineshaft.access.audit import Act
from lineshaft.access.denials import Denials
from lineshaft.access.labels import approvals, canaries, volumes
from lineshaft.access.labels.canaries import Canary
from lineshaft.access.labels.labels import Labels
from lineshaft.access.labels.mask import Change, Thinning, changes, needs_key
from lineshaft.access.labels.model import Grades, Subject, highest
from lineshaft.access.labels.settings import LabelSettings
from lineshaft.access.labels.volumes import Export
from lineshaft.core import clock, ids, logs
from lineshaft.core.errors import Forbidden, InvalidInput, LineshaftError, TooMany
from lineshaft.core.home import Identity
from lineshaft.core.principals import Decision, Principal, Resource
from lineshaft.records import Database

OPERATION: Final = "operation"
"""The purpose of what states none."""
_PURPOSE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LONGEST_RECIPIENT: Final = 180
_REMEMBERED: Final = 4096
_log = logs.get("access")

PseudonymKey = Callable[[str, str], Awaitable[bytes]]
"""(purpose, recipient) → key; asks the access service, which has the vault."""


class Egress:
    """The gate of one tenant. Made by the web server; `close` waits for what is still to be recorded."""

    def __init__(
        self, database: Database, identity: Identity, settings: LabelSettings, access: Access, labels: Labels,
        pseudonym_key: PseudonymKey,
    ) -> None:  # fmt: skip
        self._database = database
        self._tenant = identity.tenant
        self.settings = settings
        self.access = access
        self.labels = labels
        self._pseudonym_key = pseudonym_key
        self._keys: dict[tuple[str, str], bytes] = {}
        self._denials = Denials()
        self._pages: dict[str, Pages] = {}
        self._thinned: dict[tuple[str, float], Thinning] = {}
        self._unwritten: list[tuple[Export, list[Canary]]] = []
        self._writing: set[asyncio.Task[None]] = set()
        self._given: dict[str, tuple[int, int]] = {}
        """By recipient outside: a day, and the rows of that day, those too that are still on their way."""

    async def check(
        self, principal: Principal, subjects: Sequence[Subject], decision: Decision, *, purpose: str = OPERATION,
        recipient: str = "", carried: bool = False, start_us: int | None = None,
    ) -> "Release":  # fmt: skip
        """Whether these objects may leave, to whom and how.

        Args:
            decision: that the principal may read them, with its obligations.
            purpose: why, as one word.
            recipient: who gets them; empty for the caller itself.
            carried: the answer is in a form made to be carried away.
            start_us: where the time range asked for begins.

        Raises:
            InvalidInput: purpose or recipient. Forbidden: a label, the clearance or an obligation does not admit it.
            TooMany: the recipient has had what one day allows. Unavailable: records or the audit trail.
        """
        await self.labels.refresh()
        each = self.labels.each(subjects)
        grades = highest({one for _, one in each})
        release = Release(self, principal, [subject for subject, _ in each], grades, decision)
        release.purpose = _checked_purpose(purpose)
        release.recipient, release.others = self._recipient(principal, recipient)
        release.recorded = release.others
        if grades is not None and grades.grade_2020 > principal.clearance:
            too_high = next(subject for subject, one in each if one.grade_2020 > principal.clearance)
            raise await self._refused(release, _clearance_low(too_high, grades, principal))
        if carried or release.others:
            await self._check_export(release, each)
        release.changes = await self._changes(release, start_us)
        return release

    async def admit(
        self, principal: Principal, action: str, subjects: Sequence[Subject], *, purpose: str = OPERATION,
        recipient: str = "", carried: bool = False, start_us: int | None = None,
    ) -> "Release":  # fmt: skip
        """Decide on every object by its grade, then `check`. Obligations for one object hold for the whole answer.

        Raises:
            Forbidden: the policies do not allow one of them. Else as `check`.
        """
        await self.labels.refresh()
        resources = [_resource(principal, subject, grades) for subject, grades in self.labels.each(subjects)]
        decision = await self._decide(principal, action, resources)
        return await self.check(
            principal, subjects, decision, purpose=purpose, recipient=recipient, carried=carried, start_us=start_us
        )  # fmt: skip

    async def unapproved(
        self, principal: Principal, subjects: Sequence[Subject], *, recipient: str, purpose: str
    ) -> Subject | None:  # fmt: skip
        """The first object that may go to this recipient only by an approval that does not hold; None: none, or the caller's own."""
        name, others = self._recipient(principal, recipient)
        if not others:
            return None
        await self.labels.refresh()
        outside, _, approved = await self._database.query(self._look_up, name)
        asking = _asking(self.labels.each(subjects), outside=outside)
        return approvals.missing(asking, approved, recipient=name, purpose=purpose, principal=principal.id)

    async def pushable(self, principal: Principal, action: str, subjects: Sequence[Subject]) -> list[Subject]:
        """Those of the objects whose values may be pushed to the principal as they come, unchanged and at once.

        Live push can neither mask nor thin out nor wait for a second person: where a policy demands that, it is refused.
        """
        await self.labels.refresh()
        found = []
        for subject, grades in self.labels.each(subjects):
            resource = _resource(principal, subject, grades)
            decision = self.access.authorize(principal, action, resource)
            if decision.allowed and not decision.obligations and grades.grade_2020 <= principal.clearance:
                found.append(subject)
        return found

    async def close(self) -> None:
        """Record what pages add up to, and wait until everything is recorded."""
        for pages in self._pages.values():
            if pages.rows:
                self.record(pages.taken(), [])
        await asyncio.gather(*self._writing, return_exceptions=True)

    # -- for `Release` ----------------------------------------------------------------------------------------------

    def record(self, export: Export, planted: list[Canary]) -> asyncio.Task[None]:
        """Record an export; goes on even where whoever waits for it is cancelled. What fails is written with the next."""
        return self.finish(self._record(export, planted))

    def finish(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Do something to its end, whatever becomes of whoever waits for it."""
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    def give(self, recipient: str, rows: int, limit: int) -> None:
        """Count rows that are about to leave to somebody outside: what goes at the same time counts as well.

        Raises:
            TooMany: they would be more than one day allows.
        """
        given = self._given_today(recipient, 0) + rows
        if given > limit:
            raise limit_reached(recipient, limit)
        self._given[recipient] = volumes.day(clock.now_us()), given

    async def count_page(self, release: "Release", rows: int, size: int) -> None:
        """Add a page of the caller's own to what it had before."""
        if len(self._pages) >= _REMEMBERED and release.principal.id not in self._pages:
            await self._flush_pages()
        pages = self._pages.setdefault(release.principal.id, Pages())
        pages.add(release.export(rows, size, whole=True))
        if pages.rows >= self.settings.export_rows:
            await asyncio.shield(self.record(pages.taken(), []))

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _decide(self, principal: Principal, action: str, resources: Sequence[Resource]) -> Decision:
        """One decision for all: the denial of one, else all obligations together; what they demand first is seen to."""
        if len(resources) == 1:
            return await self.access.require(principal, action, resources[0])
        await self.access.refresh_policies()
        found = [(resource, self.access.authorize(principal, action, resource)) for resource in resources]
        denied = next((resource for resource, decision in found if not decision.allowed), None)
        if denied is not None or not found:
            return await self.access.require(principal, action, "*" if denied is None else denied)
        demanding = [decision for _, decision in found if _demands(decision)]
        what = demanding or [decision for _, decision in found]
        together = msgspec.structs.replace(
            what[0],
            resource=", ".join(decision.resource for decision in what),
            policies=tuple(dict.fromkeys(policy for decision in what for policy in decision.policies)),
            obligations=tuple(dict.fromkeys(duty for _, decision in found for duty in decision.obligations)),
        )
        await self.access.see_to(principal, together)
        return together

    async def _flush_pages(self) -> None:
        pages, self._pages = self._pages, {}
        for one in pages.values():
            if one.rows:
                await asyncio.shield(self.record(one.taken(), []))

    async def _record(self, export: Export, planted: list[Canary]) -> None:
        """Write it with whatever could not be written before; reading goes on while the records take nothing."""
        self._unwritten.append((export, planted))
        taken, self._unwritten = self._unwritten, []
        try:
            await self._database.write(self._write, taken)
        except LineshaftError as error:
            self._unwritten = [*taken, *self._unwritten][-_REMEMBERED:]
            _log.warning("exports_not_recorded", code=error.code, message=error.message, waiting=len(self._unwritten))

    def _write(self, connection: Connection, taken: list[tuple[Export, list[Canary]]]) -> None:
        for export, planted in taken:
            volumes.record(connection, self._tenant, export)
            canaries.keep(connection, self._tenant, planted)

    def _recipient(self, principal: Principal, recipient: str) -> tuple[str, bool]:
        """(whom to record, whether it is somebody other than the caller)."""
        text = recipient.strip()
        if not text or text in (principal.name, principal.id):
            return principal.name, False
        if len(text) > _LONGEST_RECIPIENT or not text.isprintable():
            raise InvalidInput(
                "access.export_recipient_invalid", f"recipient is {text[:40]!r}, which cannot be recorded",
                f"Give a name of at most {_LONGEST_RECIPIENT} printable characters.", field="recipient",
                value=text[:40], maximum=_LONGEST_RECIPIENT,
            )  # fmt: skip
        return text, True

    async def _check_export(self, release: "Release", each: list[tuple[Subject, Grades]]) -> None:
        forbidden = next((subject for subject, one in each if one.export == "forbidden"), None)
        if forbidden is not None:
            raise await self._refused(release, _forbidden(forbidden))
        if not release.others:
            return
        await self.access.check_recording()
        outside, given, approved = await self._database.query(self._look_up, release.recipient)
        release.outside = outside
        asking = _asking(each, outside=outside)
        if asking:
            open_one = approvals.missing(
                asking, approved, recipient=release.recipient, purpose=release.purpose, principal=release.principal.id
            )
            if open_one is not None:
                raise await self._refused(release, _not_approved(open_one, release))
        limit = self.settings.external_rows_per_day
        if outside and limit:
            release.limit = limit
            if self._given_today(release.recipient, given) >= limit:
                raise await self._refused(release, limit_reached(release.recipient, limit))
        release.id = ids.new_id()
        facts = {"recipient": release.recipient, "purpose": release.purpose, "objects": len(each), "id": release.id}
        await self.access.note(
            Act(
                principal=release.principal.id, action="access:export", resource=release.what, outcome="asked",
                kind="export", decision=release.decision.id, facts=facts,
            )
        )  # fmt: skip

    def _look_up(self, connection: Connection, recipient: str) -> tuple[bool, int, list[approvals.Approval]]:
        row = principals.find_row(connection, self._tenant, recipient)
        outside = row is None or row.revoked is not None
        given = volumes.today(connection, self._tenant, recipient) if outside else 0
        return outside, given, approvals.valid(connection, self._tenant)

    def _given_today(self, recipient: str, recorded: int) -> int:
        """Rows that a recipient had today: what is recorded, or what is known here where that is more."""
        today = volumes.day(clock.now_us())
        day, given = self._given.get(recipient, (today, 0))
        given = max(recorded, given if day == today else 0)
        if len(self._given) >= _REMEMBERED and recipient not in self._given:
            self._given = {name: known for name, known in self._given.items() if known[0] == today}
        self._given[recipient] = today, given
        return given

    async def _changes(self, release: "Release", start_us: int | None) -> list[Change]:
        obligations = release.decision.obligations
        if not obligations:
            return []
        key = await self._key_for(release) if needs_key(obligations) else None
        found = changes(obligations, start_us=start_us, key=key)
        if start_us is None and found and isinstance(found[0], Thinning):  # newest values: what was given before counts
            found[0] = self._thinned.setdefault((release.principal.id, found[0].seconds), found[0])
            if len(self._thinned) > _REMEMBERED:
                self._thinned.clear()
        return found

    async def _key_for(self, release: "Release") -> bytes:
        name = (release.purpose, release.recipient)
        if name not in self._keys:
            if len(self._keys) >= _REMEMBERED:
                self._keys.clear()
            self._keys[name] = await self._pseudonym_key(*name)
        return self._keys[name]

    async def _refused(self, release: "Release", error: Forbidden | TooMany) -> Forbidden | TooMany:
        """The error, once the refusal is recorded; bounded for each principal as denials are."""
        denial = Decision(
            id=release.decision.id, allowed=False, action="access:export", resource=release.what, reason=error.code
        )
        facts = {"recipient": release.recipient, "purpose": release.purpose}
        for act in self._denials.acts(release.principal.id, denial, facts):
            await self.access.note(act)
        return error


class Release:
    """Leave for one answer: changes its rows as the decision obliges, counts them, and has them recorded."""

    def __init__(
        self, gate: Egress, principal: Principal, subjects: list[Subject], grades: Grades | None, decision: Decision
    ) -> None:
        self._gate = gate
        self.principal = principal
        self.subjects = subjects
        self.grades = grades
        self.decision = decision
        self.purpose = OPERATION
        self.recipient = principal.name
        self.others = False
        """The recipient is not the caller."""
        self.outside = False
        self.recorded = False
        self.id = ""
        self.limit: int | None = None
        """Rows that the recipient may have in a day; None: any number."""
        self.changes: list[Change] = []
        self._rows = 0
        self._planted: list[Canary] = []

    @property
    def what(self) -> str:
        """The objects in short: the first, and how many more."""
        if not self.subjects:
            return "nothing"
        more = len(self.subjects) - 1
        return self.subjects[0].path + (f" (+{more})" if more else "")

    def changed(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Rows as they may leave."""
        for change in self.changes:
            rows = change(rows)
        return rows

    async def page(self, rows: int, size: int = 0) -> None:
        """Count an answer that is complete: the caller's own pages are added up, another's are recorded."""
        if self.recorded:
            self._take(rows)
            await asyncio.shield(self._gate.record(self.export(rows, size, whole=True), self._planted))
        elif rows:
            await self._gate.count_page(self, rows, size)

    async def rows(
        self, batches: AsyncIterator[pa.RecordBatch], paths: Mapping[int, str]
    ) -> AsyncIterator[pa.RecordBatch]:
        """The batches of a streamed answer as they may leave; counts them.

        Args:
            paths: of the tags, by number: rows may be planted. Empty: none are.

        Raises:
            TooMany: the recipient's day is full; what came before has left.
        """
        async for rows in batches:
            changed = self._with_canaries(self.changed(rows), paths)
            self._take(len(changed))
            yield changed

    async def pieces(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The bytes of a streamed answer; recorded at its end, also where the recipient leaves before."""
        size, whole = 0, False
        try:
            async for piece in pieces:
                size += len(piece)
                yield piece
            whole = True
        finally:
            await asyncio.shield(self._ended(size, whole=whole))

    def export(self, rows: int, size: int, *, whole: bool) -> Export:
        """What is recorded of it."""
        grades = self.grades
        return Export(
            principal=self.principal.id, recipient=self.recipient, outside=self.outside, purpose=self.purpose,
            what=self.what, objects=len(self.subjects), rows=rows, bytes=size,
            grade_2020=1 if grades is None else grades.grade_2020,
            grade_2022="general" if grades is None else grades.grade_2022,
            decision=self.decision.id, whole=whole, id=self.id,
        )  # fmt: skip

    def _take(self, rows: int) -> None:
        if self.limit is not None:
            self._gate.give(self.recipient, rows, self.limit)
        self._rows += rows

    def _ended(self, size: int, *, whole: bool) -> asyncio.Task[None]:
        if self.recorded or self._rows > self._gate.settings.export_rows:
            return self._gate.record(self.export(self._rows, size, whole=whole), self._planted)
        return self._gate.finish(self._gate.count_page(self, self._rows, size))

    def _with_canaries(self, rows: pa.RecordBatch, paths: Mapping[int, str]) -> pa.RecordBatch:
        count = self._gate.settings.canaries
        if not (paths and count and self.outside and self.grades is not None and self.grades.grade_2020 > 1):
            return rows
        made, planted = canaries.plant(rows, 1 if self._planted else count)
        self._planted += [
            Canary(
                recipient=self.recipient, egress=self.id, path=paths[tag], time=time, value=value,
                planted=clock.now_us(),
            )
            for tag, time, value in planted
        ]  # fmt: skip
        return made


class Pages:
    """A caller's own pages since they were last recorded."""

    def __init__(self) -> None:
        self.rows = 0
        self._exports: list[Export] = []

    def add(self, export: Export) -> None:
        """One page more; of many pages only sums and the highest grade are kept."""
        self.rows += export.rows
        self._exports.append(export)
        if len(self._exports) > 100:
            self._exports = [_together(self._exports)]

    def taken(self) -> Export:
        """All pages as one export; counts from nothing afterwards."""
        together = _together(self._exports)
        self._exports, self.rows = [], 0
        return together


def _resource(principal: Principal, subject: Subject, grades: Grades) -> Resource:
    return Resource(
        id=subject.path, kind=subject.kind, tenant=principal.tenant, project=subject.project, grade=grades.grade_2020
    )


def _together(exports: list[Export]) -> Export:
    last = exports[-1]
    values: dict[str, Any] = {
        "rows": sum(one.rows for one in exports), "bytes": sum(one.bytes for one in exports),
        "objects": max(one.objects for one in exports), "grade_2020": max(one.grade_2020 for one in exports),
        "grade_2022": max((one.grade_2022 for one in exports), key=["general", "important", "core"].index),
    }  # fmt: skip
    return Export(**{name: values.get(name, getattr(last, name)) for name in Export.__struct_fields__})


def _demands(decision: Decision) -> bool:
    """Whether something has to be seen to before the answer: an entry in the trail, a second person."""
    return any(one.kind in ("record", "approve") for one in decision.obligations)


def limit_reached(recipient: str, limit: int) -> TooMany:
    """The refusal of more than a recipient may have in a day."""
    return TooMany(
        "access.export_limit_reached", f"{recipient!r} would have more than {limit} rows today",
        "Go on after midnight UTC, or have `labels.external_rows_per_day` raised.", recipient=recipient, maximum=limit,
    )  # fmt: skip


def _asking(each: Sequence[tuple[Subject, Grades]], *, outside: bool) -> list[Subject]:
    """The objects that may be given to somebody else only by approval."""
    return [subject for subject, one in each if one.export == "approval" or (outside and _sensitive(one))]


def _sensitive(grades: Grades) -> bool:
    """Whether what is not known here may have it only by approval."""
    return not grades.known or grades.grade_2020 == 3 or grades.grade_2022 != "general"


def _checked_purpose(purpose: str) -> str:
    if not _PURPOSE.fullmatch(purpose):
        raise InvalidInput(
            "access.export_purpose_invalid", f"purpose is {purpose[:40]!r}, which is no word of a-z, 0-9, _ and -",
            "Say why the data leave in one word, such as operation, maintenance or research.", field="purpose",
            value=purpose[:40],
        )  # fmt: skip
    return purpose


def _forbidden(subject: Subject) -> Forbidden:
    return Forbidden(
        "access.export_forbidden", f"the label of {subject.path!r} forbids its export",
        "Single pages can be read by whoever may see it; an engineer can change the label.", object=subject.path,
    )  # fmt: skip


def _not_approved(subject: Subject, release: Release) -> Forbidden:
    return Forbidden(
        "access.export_approval_needed",
        f"nobody has approved that {subject.path!r} goes to {release.recipient!r} for {release.purpose!r}",
        "An administrator other than you can: `lineshaft labels approve`. What has no confirmed label counts as grade 3.",
        object=subject.path, recipient=release.recipient, purpose=release.purpose,
    )  # fmt: skip


def _clearance_low(subject: Subject, grades: Grades, principal: Principal) -> Forbidden:
    return Forbidden(
        "access.clearance_too_low", f"{subject.path!r} counts as grade {grades.grade_2020}, above your clearance",
        "What has no confirmed label counts as grade 3; an engineer can label it.", object=subject.path,
        grade=grades.grade_2020, clearance=principal.clearance,
    )  # fmt: skip
