"""Routes of labels, datasets, legal holds and leak notices, under /api/v1/access."""

from collections.abc import Sequence
from typing import Annotated, Any, Protocol, TypeVar

from litestar import Response, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from lineshaft.access.labels import approvals, canaries, catalogue, datasets, grading, holds, leaks, volumes
from lineshaft.access.labels.administration import LabelAdministration
from lineshaft.access.labels.book import LabelBook
from lineshaft.access.labels.datasets import Dataset
from lineshaft.access.labels.egress import Egress
from lineshaft.access.labels.labels import Snapshot
from lineshaft.access.labels.messages import CreateDataset, FileKeyAnswer, OfDataset, OpenFileKey
from lineshaft.access.labels.model import Kind, Subject, check_object
from lineshaft.access.labels.views import (
    ApprovalBody,
    ApprovalList,
    ApprovalView,
    CanaryList,
    CanaryView,
    Catalogue,
    DatasetBody,
    DatasetList,
    DatasetView,
    DecideBody,
    DeclassificationBody,
    EraseBody,
    ExportPage,
    FileKeyBody,
    FileKeyView,
    HoldList,
    HoldView,
    LabelBody,
    LabelPage,
    LabelView,
    LeakBody,
    LeakList,
    LeakStepBody,
    LeakView,
    LineageBody,
    Many,
    ObjectBody,
    ProposeBody,
    ReasonBody,
    RuleList,
    RuleView,
    ShownView,
    approval_view,
    dataset_view,
    export_view,
    hold_view,
    label_view,
    leak_view,
    rule_view,
)
from lineshaft.access.model import Actor
from lineshaft.access.projects.sight import Sight
from lineshaft.access.requests import ask_to_change
from lineshaft.bus.client import Bus
from lineshaft.core.errors import InvalidInput
from lineshaft.core.http import check_limit, decode_cursor, encode_cursor
from lineshaft.core.principals import Principal
from lineshaft.records import Database

_ROOT = "/api/v1/access"
_TAGS = ["labels"]
_READ = {"action": "access:labels"}
_LABEL = {"action": "access:label"}
_APPROVE = {"action": "access:approve_export"}
_DATASET = {"action": "access:dataset"}
_ERASE = {"action": "access:erase"}
_HOLD = {"action": "access:hold"}
_LEAK = {"action": "access:leak"}
_TRACE = {"action": "access:trace"}
_NO_STORE = {"cache-control": "no-store"}
_MOST_TAGS = 100_000


class _About(Protocol):
    """What is about one object."""

    @property
    def kind(self) -> Kind: ...

    @property
    def object(self) -> str: ...


T = TypeVar("T", bound=_About)


Cursor = Annotated[str | None, QueryParameter(description="`next` of the page before")]
Limit = Annotated[int, QueryParameter(description="Items on one page")]
KindOf = Annotated[Kind, QueryParameter(name="kind", description="tag, stream, table, file or dataset")]


# -- labels -------------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/labels", opt=_READ, tags=_TAGS)
async def list_labels(
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    prefix: Annotated[str, QueryParameter(description="First characters of the objects wanted")] = "",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> LabelPage:
    """Labels in force, by object."""
    book = LabelBook(principal.tenant)
    after = ("", "") if cursor is None else tuple(decode_cursor(cursor, str, str))
    found = await _seen(Sight(principal, database, tags), await database.query(book.in_force))
    found = sorted(found, key=lambda one: (one.object, one.kind))
    wanted = [one for one in found if one.object.startswith(prefix) and (one.object, one.kind) > after]
    page = wanted[: check_limit(limit)]
    more = encode_cursor(page[-1].object, page[-1].kind) if len(wanted) > limit else None
    return LabelPage(items=[label_view(one) for one in page], next=more)


@get(f"{_ROOT}/labels/show", opt=_READ, tags=_TAGS)
async def show_label(
    database: NamedDependency[Database],
    egress: NamedDependency[Egress],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    object_: Annotated[str, QueryParameter(name="object", description="Path, handle or name")],
    kind: KindOf = "tag",
) -> ShownView:
    """What counts for one object, by its own label, the levels above it and what it was derived from."""
    subject = Subject(kind, check_object(object_))
    await Sight(principal, database, tags).require_seen([subject])
    await egress.labels.refresh(now=True)
    ((_, grades),) = egress.labels.each([subject])
    versions = await database.query(LabelBook(principal.tenant).versions, subject)
    return ShownView(
        object=subject.path, kind=kind, label=egress.labels.label(subject), grade_2020=grades.grade_2020,
        grade_2022=grades.grade_2022, export=grades.export, known=grades.known,
        versions=[label_view(one) for one in versions],
    )  # fmt: skip


@put(f"{_ROOT}/labels", opt=_LABEL, tags=_TAGS)
async def set_label(
    database: NamedDependency[Database],
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    data: JSONBody[LabelBody],
) -> LabelView:
    """Label an object and what lies below it; in force within two seconds."""
    subject = Subject(data.kind, data.object)
    await Sight(principal, database, tags).require_whole([subject])
    return label_view(await labels.set_label(principal, subject, data.label(), reason=data.reason))


@post(f"{_ROOT}/labels/withdraw", opt=_LABEL, tags=_TAGS, status_code=200)
async def withdraw_label(
    database: NamedDependency[Database],
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    data: JSONBody[ObjectBody],
) -> LabelView:
    """End an object's own label: that of a level above it counts again, else the highest grade."""
    subject = Subject(data.kind, data.object)
    await Sight(principal, database, tags).require_whole([subject])
    return label_view(await labels.withdraw(principal, subject, reason=data.reason))


@post(f"{_ROOT}/labels/propose", opt=_LABEL, tags=_TAGS, status_code=200)
async def propose_labels(
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    database: NamedDependency[Database],
    tags: NamedDependency[Any],
    data: JSONBody[ProposeBody],
) -> Many:
    """Let the rules propose labels, for a person to decide: of the objects given, or of all tags below a path."""
    found = [
        grading.Object(
            path=one.path, unit=one.unit, description=one.description, samples=one.samples, criticality=one.criticality
        )
        for one in data.objects
    ]
    await Sight(principal, database, tags).require_whole([Subject("tag", one.path) for one in found])
    if not data.objects:
        found = [
            grading.Object(path=tag.path, unit=tag.unit, description=tag.description, device=tag.device)
            for tag in await _tags_below(tags, principal, data.prefix)
        ]
    return Many(count=len(await labels.propose(principal, found, owner=data.owner)))


@get(f"{_ROOT}/labels/proposals", opt=_READ, tags=_TAGS)
async def list_proposals(
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    cursor: Cursor = None,
    limit: Limit = 100,
) -> LabelPage:
    """What waits for a person's decision, by object."""
    after, size = "" if cursor is None else decode_cursor(cursor, str)[0], check_limit(limit)
    waiting = await database.query(LabelBook(principal.tenant).proposals, after=after, limit=_MOST_TAGS)
    page = (await _seen(Sight(principal, database, tags), waiting))[:size]
    more = encode_cursor(page[-1].object) if len(page) == size else None
    return LabelPage(items=[label_view(one) for one in page], next=more)


@post(f"{_ROOT}/labels/decide", opt=_LABEL, tags=_TAGS, status_code=200)
async def decide_labels(
    database: NamedDependency[Database],
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    data: JSONBody[DecideBody],
) -> Many:
    """Confirm or reject what is proposed; who did is kept with the label."""
    objects, sight = data.objects, Sight(principal, database, tags)
    if not objects:
        waiting = await _seen(sight, await database.query(LabelBook(principal.tenant).proposals, limit=_MOST_TAGS))
        objects = [one.object for one in waiting if one.kind == data.kind and one.object.startswith(data.prefix)]
    subjects = [Subject(data.kind, path) for path in objects]
    await sight.require_whole(subjects)
    return Many(
        count=len(await labels.decide(principal, subjects, confirm=data.confirm, version=data.version))
        if subjects
        else 0
    )


@get(f"{_ROOT}/labels/catalogue", opt=_READ, tags=_TAGS)
async def get_catalogue(
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    form: Annotated[str, QueryParameter(name="format", description="json or csv")] = "json",
) -> Response[Catalogue] | Response[bytes]:
    """The catalogue of data for filing, with headings in Chinese and English."""
    if form not in ("json", "csv"):
        raise InvalidInput(
            "access.catalogue_format_unknown", f"format is {form[:40]!r}, which is neither json nor csv",
            "Leave it out for JSON.", field="format", value=form[:40],
        )  # fmt: skip
    content = await database.query(LabelBook(principal.tenant).content)
    labels = await _seen(Sight(principal, database, tags), content.labels)
    counts = {
        one.object: await _count_below(tags, principal, one.object) for one in labels if one.kind == "tag"
    }  # fmt: skip
    found = catalogue.rows(
        labels, Snapshot(content), await database.query(datasets.every, principal.tenant, principal.projects), counts,
        await database.query(volumes.counts, principal.tenant),
    )  # fmt: skip
    if form == "csv":
        headers = {"content-disposition": 'attachment; filename="catalogue.csv"'}
        return Response(catalogue.as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
    return Response(Catalogue(headings=catalogue.HEADINGS, items=found))


# -- lineage, rules, approvals, exports ------------------------------------------------------------------------------------


@post(f"{_ROOT}/labels/lineage", opt=_LABEL, tags=_TAGS, status_code=204)
async def add_lineage(
    database: NamedDependency[Database],
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    data: JSONBody[LineageBody],
) -> None:
    """Note what an object was derived from: it counts as the highest of that, unless a named rule lowers it."""
    sources = [Subject(data.source_kind, source) for source in data.sources]
    sight, subject = Sight(principal, database, tags), Subject(data.kind, data.object)
    await sight.require_whole([subject])
    await sight.require_seen(sources)
    await labels.derive(principal, subject, sources, rule=data.rule)


@get(f"{_ROOT}/labels/declassifications", opt=_READ, tags=_TAGS)
async def list_rules(
    database: NamedDependency[Database], principal: NamedDependency[Principal], tags: NamedDependency[Any]
) -> RuleList:
    """Declassification rules, withdrawn ones too."""
    rules = await database.query(LabelBook(principal.tenant).rules)
    seen = await Sight(principal, database, tags).seen(Subject(rule.kind, rule.source) for rule in rules)
    return RuleList(items=[rule_view(rule) for rule in rules if (rule.kind, rule.source) in seen])


@post(f"{_ROOT}/labels/declassifications", opt=_APPROVE, tags=_TAGS)
async def add_rule(
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    data: JSONBody[DeclassificationBody],
) -> RuleView:
    """Make a declassification rule; it is never changed, only withdrawn."""
    made = await labels.declassify(
        principal, name=data.name, source=Subject(data.kind, data.source), grade_2020=data.grade_2020,
        grade_2022=data.grade_2022, reason=data.reason,
    )  # fmt: skip
    return rule_view(made)


@post(f"{_ROOT}/labels/declassifications/{{name:str}}/withdraw", opt=_APPROVE, tags=_TAGS, status_code=204)
async def withdraw_rule(
    labels: NamedDependency[LabelAdministration], principal: NamedDependency[Principal], name: FromPath[str]
) -> None:
    """End a rule: what was derived by it counts as its sources again."""
    await labels.withdraw_declassification(principal, name)


@get(f"{_ROOT}/labels/approvals", opt=_READ, tags=_TAGS)
async def list_approvals(
    database: NamedDependency[Database], principal: NamedDependency[Principal], tags: NamedDependency[Any]
) -> ApprovalList:
    """Approvals of exports that have not expired."""
    found = await _seen(Sight(principal, database, tags), await database.query(approvals.valid, principal.tenant))
    return ApprovalList(items=[approval_view(one) for one in found])


@post(f"{_ROOT}/labels/approvals", opt=_APPROVE, tags=_TAGS)
async def add_approval(
    labels: NamedDependency[LabelAdministration], principal: NamedDependency[Principal], data: JSONBody[ApprovalBody]
) -> ApprovalView:
    """Approve that an object goes to a recipient for a purpose. It does not admit the approver's own exports."""
    made = await labels.approve(
        principal, Subject(data.kind, data.object), recipient=data.recipient, purpose=data.purpose, reason=data.reason,
        days=data.days,
    )  # fmt: skip
    return approval_view(made)


@get(f"{_ROOT}/labels/exports", opt=_TRACE, tags=_TAGS)
async def list_exports(
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    search: Annotated[str, QueryParameter(description="Part of recipient, purpose or object")] = "",
    outside: Annotated[bool | None, QueryParameter(description="Only to recipients that are not of this house")] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> ExportPage:
    """What left, to whom, newest first."""
    before = None if cursor is None else decode_cursor(cursor, str)[0]
    page = await database.query(
        volumes.newest, principal.tenant, before=before, limit=check_limit(limit), search=search.strip(),
        outside=outside,
    )  # fmt: skip
    more = encode_cursor(page[-1].id) if len(page) == limit else None
    return ExportPage(items=[export_view(one) for one in page], next=more)


@get(f"{_ROOT}/labels/canaries", opt=_TRACE, tags=_TAGS)
async def list_canaries(
    database: NamedDependency[Database], principal: NamedDependency[Principal]
) -> Response[CanaryList]:
    """The planted rows by which a leaked file is traced."""
    found = await database.query(canaries.every, principal.tenant)
    items = [CanaryView(**{name: getattr(one, name) for name in CanaryView.__struct_fields__}) for one in found]
    return Response(CanaryList(items=items), headers=_NO_STORE)


# -- datasets -----------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/datasets", opt=_READ, tags=_TAGS)
async def list_datasets(database: NamedDependency[Database], principal: NamedDependency[Principal]) -> DatasetList:
    """Datasets by name, erased ones too."""
    found = await database.query(datasets.every, principal.tenant, principal.projects)
    return DatasetList(items=[dataset_view(one) for one in found])


@post(f"{_ROOT}/datasets", opt=_DATASET, tags=_TAGS)
async def create_dataset(
    bus: NamedDependency[Bus], principal: NamedDependency[Principal], data: JSONBody[DatasetBody]
) -> DatasetView:
    """Make a dataset with a key of its own."""
    asked = CreateDataset(actor=Actor.of(principal), name=data.name, place=data.place, project=data.project)
    return dataset_view(await ask_to_change(bus, "create_dataset", asked, Dataset))


@post(f"{_ROOT}/datasets/{{name:str}}/erase", opt=_ERASE, tags=_TAGS, status_code=200)
async def erase_dataset(
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[EraseBody],
) -> DatasetView:
    """Destroy a dataset's key: no copy of its files can be decrypted any more."""
    await database.query(datasets.get, principal.tenant, name, principal)
    asked = OfDataset(actor=Actor.of(principal), name=name, reason=data.reason)
    return dataset_view(await ask_to_change(bus, "erase_dataset", asked, Dataset))


@post(f"{_ROOT}/datasets/{{name:str}}/file-keys", opt=_DATASET, tags=_TAGS)
async def new_file_key(
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    name: FromPath[str],
) -> Response[FileKeyView]:
    """A fresh key for one file of the dataset."""
    await database.query(datasets.get, principal.tenant, name, principal)
    asked = OfDataset(actor=Actor.of(principal), name=name)
    return _file_key(await ask_to_change(bus, "new_file_key", asked, FileKeyAnswer))


@post(f"{_ROOT}/datasets/{{name:str}}/file-keys/open", opt=_DATASET, tags=_TAGS, status_code=200)
async def open_file_key(
    bus: NamedDependency[Bus],
    database: NamedDependency[Database],
    principal: NamedDependency[Principal],
    name: FromPath[str],
    data: JSONBody[FileKeyBody],
) -> Response[FileKeyView]:
    """The key of a file, from what its header holds."""
    await database.query(datasets.get, principal.tenant, name, principal)
    asked = OpenFileKey(actor=Actor.of(principal), name=name, key=data.key, wrapped=data.wrapped)
    return _file_key(await ask_to_change(bus, "open_file_key", asked, FileKeyAnswer))


# -- holds and leaks ------------------------------------------------------------------------------------------------------


@get(f"{_ROOT}/holds", opt=_READ, tags=_TAGS)
async def list_holds(
    database: NamedDependency[Database], principal: NamedDependency[Principal], tags: NamedDependency[Any]
) -> HoldList:
    """Legal holds, released ones too."""
    found = await _seen(Sight(principal, database, tags), await database.query(holds.every, principal.tenant))
    return HoldList(items=[hold_view(one) for one in found])


@post(f"{_ROOT}/holds", opt=_HOLD, tags=_TAGS)
async def place_hold(
    database: NamedDependency[Database],
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    tags: NamedDependency[Any],
    data: JSONBody[ObjectBody],
) -> HoldView:
    """Keep an object, and what lies below it, from being erased."""
    subject = Subject(data.kind, data.object)
    await Sight(principal, database, tags).require_whole([subject])
    return hold_view(await labels.hold(principal, subject, reason=data.reason))


@post(f"{_ROOT}/holds/{{hold:str}}/release", opt=_HOLD, tags=_TAGS, status_code=200)
async def release_hold(
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    hold: FromPath[str],
    data: JSONBody[ReasonBody],
) -> HoldView:
    """End a legal hold."""
    return hold_view(await labels.release(principal, hold, reason=data.reason))


@get(f"{_ROOT}/leaks", opt=_LEAK, tags=_TAGS)
async def list_leaks(database: NamedDependency[Database], principal: NamedDependency[Principal]) -> LeakList:
    """Leak notices and their clocks."""
    return LeakList(items=[leak_view(one) for one in await database.query(leaks.every, principal.tenant)])


@post(f"{_ROOT}/leaks", opt=_LEAK, tags=_TAGS)
async def open_leak(
    labels: NamedDependency[LabelAdministration], principal: NamedDependency[Principal], data: JSONBody[LeakBody]
) -> LeakView:
    """Open a leak notice; its clock starts."""
    return leak_view(await labels.open_leak(principal, title=data.title, text=data.text))


@post(f"{_ROOT}/leaks/{{leak:str}}/steps", opt=_LEAK, tags=_TAGS)
async def move_leak(
    labels: NamedDependency[LabelAdministration],
    principal: NamedDependency[Principal],
    leak: FromPath[str],
    data: JSONBody[LeakStepBody],
) -> LeakView:
    """Take a notice one step further: assessed, reported, closed."""
    return leak_view(await labels.move_leak(principal, leak, data.state, text=data.text))


ROUTES = [
    list_labels, show_label, set_label, withdraw_label, propose_labels, list_proposals, decide_labels, get_catalogue,
    add_lineage, list_rules, add_rule, withdraw_rule, list_approvals, add_approval, list_exports, list_canaries,
    list_datasets, create_dataset, erase_dataset, new_file_key, open_file_key, list_holds, place_hold, release_hold,
    list_leaks, open_leak, move_leak,
]  # fmt: skip


def _file_key(answer: FileKeyAnswer) -> Response[FileKeyView]:
    view = FileKeyView(dataset=answer.dataset, key=answer.key, file_key=answer.file_key, wrapped=answer.wrapped)
    return Response(view, headers=_NO_STORE)


async def _seen(sight: Sight, found: Sequence[T]) -> list[T]:
    """Those that are about an object of which the caller sees something; each has a kind and an object."""
    seen = await sight.seen(Subject(one.kind, one.object) for one in found)
    return [one for one in found if (one.kind, one.object) in seen]


async def _tags_below(tags: Any, principal: Principal, prefix: str) -> list[Any]:
    """Every tag there for the caller whose path begins with `prefix`, page by page."""
    found: list[Any] = []
    after = ""
    while len(found) < _MOST_TAGS:
        page = await tags.list(principal.tenant, prefix=prefix, after=after, limit=1000, projects=principal.projects)
        found.extend(page)
        if len(page) < 1000:
            break
        after = page[-1].path
    return found


async def _count_below(tags: Any, principal: Principal, path: str) -> int:
    below = await _tags_below(tags, principal, path)
    return sum(tag.path == path or tag.path.startswith(f"{path}/") for tag in below)
