"""Labels: what counts for an object, by its own label, the levels above it and what it was derived from."""

import pytest

from lineshaft.access.labels import Subject
from lineshaft.access.labels.administration import ensure
from lineshaft.access.labels.grading import Object, is_identity_number, propose
from lineshaft.access.labels.model import highest
from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, NotFound

PLANT = "acme/north/area/line/cell/dev"


async def test_what_has_no_label_counts_as_the_highest_on_both_axes(shelf):
    grades = await shelf.grades(f"{PLANT}/T1")
    assert (grades.grade_2020, grades.grade_2022, grades.known) == (3, "core", False)
    assert shelf.labels.grade_of([Subject("tag", f"{PLANT}/T1")]) == 3
    assert shelf.labels.grade_of([]) is None


async def test_a_label_counts_for_what_lies_below_its_path_until_a_nearer_one(shelf):
    await shelf.put("acme", grade_2020=3)
    await shelf.put(PLANT, grade_2020=1)
    await shelf.put(f"{PLANT}/T2", grade_2020=2)
    assert (await shelf.grades(f"{PLANT}/T1")).grade_2020 == 1
    assert (await shelf.grades(f"{PLANT}/T2")).grade_2020 == 2
    assert (await shelf.grades("acme/south/x")).grade_2020 == 3
    assert not (await shelf.grades("acmeplus/x")).known


async def test_a_label_on_a_handle_comes_before_those_of_the_path(shelf):
    await shelf.put(PLANT, grade_2020=1)
    await shelf.put("99.1/tag.7", grade_2020=3)
    assert (await shelf.grades(f"{PLANT}/T1", handle="99.1/tag.7")).grade_2020 == 3


async def test_the_axes_are_never_merged(shelf):
    await shelf.put(f"{PLANT}/A", grade_2020=3, grade_2022="general")
    await shelf.put(f"{PLANT}/B", grade_2020=1, grade_2022="core", export="forbidden")
    await shelf.labels.refresh()
    both = shelf.labels.grades([Subject("tag", f"{PLANT}/A"), Subject("tag", f"{PLANT}/B")])
    assert (both.grade_2020, both.grade_2022, both.export) == (3, "core", "forbidden")
    assert (await shelf.grades(f"{PLANT}/A")).grade_2022 == "general"
    assert highest([]) is None


async def test_versions_are_kept_and_a_withdrawn_label_counts_no_more(shelf, database):
    await shelf.put(PLANT, grade_2020=1)
    await shelf.put(PLANT, grade_2020=2)
    subject = Subject("tag", PLANT)
    await shelf.administration.withdraw(shelf.local, subject, reason="wrong object")
    shelf.forget()
    assert not (await shelf.grades(PLANT)).known
    with database.read() as connection:
        versions = shelf.administration._book.versions(connection, subject)
    assert [(one.version, one.state, one.label.grade_2020) for one in versions] == [
        (3, "withdrawn", 2), (2, "confirmed", 2), (1, "confirmed", 1),
    ]  # fmt: skip
    with pytest.raises(NotFound, match=r"access\.label_unknown"):
        await shelf.administration.withdraw(shelf.local, subject, reason="")


async def test_a_change_is_felt_within_two_seconds_and_costs_no_read_before(shelf, monkeypatch):
    from lineshaft.access.labels.labels import BELIEVED_SECONDS
    from lineshaft.core import clock

    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    await shelf.put(PLANT, grade_2020=1)
    assert (await shelf.grades(PLANT)).grade_2020 == 1
    await shelf.administration.set_label(
        shelf.local, Subject("tag", PLANT), shelf.label(grade_2020=2), reason=""
    )  # fmt: skip
    assert (await shelf.grades(PLANT)).grade_2020 == 1
    now[0] += BELIEVED_SECONDS + 0.01
    assert (await shelf.grades(PLANT)).grade_2020 == 2
    assert BELIEVED_SECONDS <= 2


async def test_another_tenants_labels_do_not_count(shelf, database):
    database.transact(
        ensure, "other", Subject("tag", PLANT), shelf.label(grade_2020=1), author="x", reason="theirs"
    )  # fmt: skip
    assert not (await shelf.grades(PLANT)).known


# -- lineage ------------------------------------------------------------------------------------------------------------


async def test_derived_data_count_as_the_highest_of_their_sources(shelf):
    await shelf.put(f"{PLANT}/A", grade_2020=2)
    await shelf.put(f"{PLANT}/B", grade_2020=1, grade_2022="important")
    table = Subject("table", "oee")
    await shelf.put("oee", kind="table", grade_2020=1)
    await shelf.administration.derive(
        shelf.local, table, [Subject("tag", f"{PLANT}/A"), Subject("tag", f"{PLANT}/B")]
    )  # fmt: skip
    shelf.forget()
    grades = await shelf.grades("oee", kind="table")
    assert (grades.grade_2020, grades.grade_2022) == (2, "important")
    await shelf.administration.derive(shelf.local, Subject("file", "report"), [table])
    shelf.forget()
    assert (await shelf.grades("report", kind="file")).grade_2020 == 2
    await shelf.administration.derive(shelf.local, table, [Subject("tag", "unlabelled/tag")])
    shelf.forget()
    grades = await shelf.grades("report", kind="file")
    assert (grades.grade_2020, grades.known) == (3, False)


async def test_what_is_derived_from_itself_ends(shelf):
    one, two = Subject("table", "one"), Subject("table", "two")
    await shelf.administration.derive(shelf.local, one, [two])
    await shelf.administration.derive(shelf.local, two, [one])
    assert not (await shelf.grades("one", kind="table")).known


async def test_only_a_named_rule_lowers_a_grade_and_its_use_is_recorded(shelf, office):
    await shelf.put(PLANT, grade_2020=3, grade_2022="important")
    table, source = Subject("table", "monthly"), Subject("tag", f"{PLANT}/A")
    await shelf.administration.declassify(
        shelf.local, name="monthly-mean", source=Subject("tag", PLANT), grade_2020=1, grade_2022="general",
        reason="a mean over a month tells nothing of the process",
    )  # fmt: skip
    await shelf.administration.derive(shelf.local, table, [source], rule="monthly-mean")
    shelf.forget()
    grades = await shelf.grades("monthly", kind="table")
    assert (grades.grade_2020, grades.grade_2022, grades.known) == (1, "general", True)
    uses = [entry for entry in await office.audit("access:label") if entry.facts.get("rule") == "monthly-mean"]
    assert len(uses) == 1
    with pytest.raises(Conflict, match=r"access\.declassification_elsewhere"):
        await shelf.administration.derive(shelf.local, table, [Subject("tag", "other/tag")], rule="monthly-mean")
    with pytest.raises(NotFound, match=r"access\.declassification_unknown"):
        await shelf.administration.derive(shelf.local, table, [source], rule="weekly-mean")
    with pytest.raises(Conflict, match=r"access\.declassification_exists"):
        await shelf.administration.declassify(
            shelf.local, name="monthly-mean", source=source, grade_2020=1, grade_2022="general", reason="again"
        )
    await shelf.administration.withdraw_declassification(shelf.local, "monthly-mean")
    shelf.forget()
    assert (await shelf.grades("monthly", kind="table")).grade_2020 == 3


async def test_a_rule_never_raises_a_grade(shelf):
    await shelf.put(PLANT, grade_2020=1)
    await shelf.administration.declassify(
        shelf.local, name="up", source=Subject("tag", PLANT), grade_2020=3, grade_2022="core", reason="none"
    )  # fmt: skip
    await shelf.administration.derive(shelf.local, Subject("table", "t"), [Subject("tag", PLANT)], rule="up")
    shelf.forget()
    assert (await shelf.grades("t", kind="table")).grade_2020 == 1


# -- who may ------------------------------------------------------------------------------------------------------------


async def test_a_viewer_labels_nothing_and_an_engineer_approves_nothing(shelf, office):
    await office.person("vera", "viewer")
    await office.person("egon", "engineer")
    vera, egon, subject = office.principal("vera"), office.principal("egon"), Subject("tag", PLANT)
    with pytest.raises(Forbidden, match=r"access\.denied"):
        await shelf.administration.set_label(vera, subject, shelf.label(), reason="")
    await shelf.administration.set_label(egon, subject, shelf.label(), reason="")
    for refused in (
        lambda: shelf.administration.declassify(
            egon, name="r", source=subject, grade_2020=1, grade_2022="general", reason="r"
        ),
        lambda: shelf.administration.approve(
            egon, subject, recipient="x", purpose="operation", reason="r", days=1
        ),
        lambda: shelf.administration.hold(egon, subject, reason="r"),
    ):  # fmt: skip
        with pytest.raises(Forbidden, match=r"access\.denied"):
            await refused()


@pytest.mark.parametrize("path", ["", "/", "a//b", "x" * 501, "a\nb"])
async def test_what_is_no_object_is_refused(shelf, path):
    with pytest.raises(InvalidInput, match=r"access\.label_object_invalid"):
        await shelf.put(path)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"retention_days": 0}, "label_retention_invalid"), ({"owner": "o" * 201}, "label_text_long")],
)  # fmt: skip
async def test_labels_out_of_bounds_are_refused(shelf, change, code):
    with pytest.raises(InvalidInput, match=rf"access\.{code}"):
        await shelf.put(PLANT, **change)


# -- grading by rules -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "domain", "grade", "important"),
    [
        (Object(path=f"{PLANT}/FT101", unit="m3/h"), "production", 2, False),
        (Object(path=f"{PLANT}/recipe_step"), "production", 2, False),
        (Object(path=f"{PLANT}/SIS_TRIP"), "production", 3, True),
        (Object(path=f"{PLANT}/P1_vibration"), "maintenance", 1, False),
        (Object(path=f"{PLANT}/备件_价格"), "management", 2, False),
        (Object(path=f"{PLANT}/total", unit="kWh"), "production", 2, False),
        (Object(path=f"{PLANT}/note", samples=["call 13800138000 now"]), "management", 2, False),
        (Object(path=f"{PLANT}/note", samples=["mail ada@example.org"]), "management", 2, False),
        (Object(path=f"{PLANT}/note", samples=["11010519491231002X"]), "management", 3, False),
        (Object(path=f"{PLANT}/P1_vibration", criticality=1), "maintenance", 3, True),
    ],
)  # fmt: skip
def test_rules_propose_by_name_unit_content_and_criticality(found, domain, grade, important):
    label, reason = propose(found)
    assert (label.domain, label.grade_2020, label.grade_2022 == "important") == (domain, grade, important)
    assert reason
    assert label.export == ("allowed" if grade == 1 else "approval")


def test_an_identity_number_is_told_by_its_check_character():
    assert is_identity_number("11010519491231002X")
    assert not is_identity_number("110105194912310021")
    label, _ = propose(Object(path=f"{PLANT}/P1_vibration", samples=["110105194912310021"]))
    assert label.grade_2020 == 1


async def test_a_proposal_counts_only_once_a_person_has_confirmed_it(shelf, office):
    await office.person("egon", "engineer")
    egon, path = office.principal("egon"), f"{PLANT}/P1_vibration"
    assert len(await shelf.administration.propose(shelf.local, [Object(path=path)], owner="shop")) == 1
    assert not await shelf.administration.propose(shelf.local, [Object(path=path)], owner="shop")
    assert not (await shelf.grades(path)).known
    (made,) = await shelf.administration.decide(egon, [Subject("tag", path)], confirm=True, version=1)
    assert (made.state, made.decided_by, made.label.owner) == ("confirmed", egon.id, "shop")
    shelf.forget()
    assert (await shelf.grades(path)).grade_2020 == 1
    with pytest.raises(NotFound, match=r"access\.label_not_proposed"):
        await shelf.administration.decide(egon, [Subject("tag", path)], confirm=True)


async def test_a_decision_on_a_version_that_is_not_the_newest_is_refused(shelf):
    path = f"{PLANT}/P1_vibration"
    await shelf.administration.propose(shelf.local, [Object(path=path)], owner="a")
    await shelf.administration.propose(shelf.local, [Object(path=path)], owner="b")
    with pytest.raises(Conflict, match=r"access\.label_changed_meanwhile"):
        await shelf.administration.decide(shelf.local, [Subject("tag", path)], confirm=True, version=1)
    (made,) = await shelf.administration.decide(shelf.local, [Subject("tag", path)], confirm=False, version=2)
    assert made.state == "rejected"
    assert not (await shelf.grades(path)).known


async def test_a_program_confirms_no_grading(shelf, office):
    path = f"{PLANT}/P1_vibration"
    await shelf.administration.propose(shelf.local, [Object(path=path)], owner="")
    with pytest.raises(Conflict, match=r"access\.label_needs_person"):
        await shelf.administration.decide(office.principal("web"), [Subject("tag", path)], confirm=True)


async def test_what_an_installation_brings_is_labelled_once_and_peoples_changes_stay(shelf, database):
    brought = (shelf.office.identity.tenant, Subject("tag", PLANT), shelf.label())
    for _ in range(2):
        database.transact(ensure, *brought, author=shelf.local.id, reason="generated data")
    await shelf.put(PLANT, grade_2020=2)
    database.transact(ensure, *brought, author=shelf.local.id, reason="generated data")
    assert (await shelf.grades(PLANT)).grade_2020 == 2
    assert len(await shelf.office.audit("access:label")) == 2
