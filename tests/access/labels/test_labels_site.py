"""Labels over HTTP and from the command line, on the real access service and web server."""

import asyncio
import csv
import io
import json

import pytest
import structlog
from typer.testing import CliRunner

from lineshaft.access.labels import copies
from lineshaft.access.labels.cli import app
from lineshaft.core.errors import Conflict, Forbidden, LineshaftError

PLANT = "acme/north/area/line/cell/dev"
ROOT = "/api/v1/access"
sqlite_only = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def logs_elsewhere():
    """The access service logs in this process: not into what the commands print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


async def run(site, *arguments):
    """What a command printed, as JSON; errors of ours are raised as `main` gets them."""

    def work():
        result = CliRunner().invoke(app, [*arguments, "--json", "--home", str(site.plant.home.path)])
        if isinstance(result.exception, LineshaftError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if result.stdout.strip() else None

    return await asyncio.to_thread(work)


@sqlite_only
async def test_an_encrypted_file_is_read_until_its_dataset_is_erased(site, office, tmp_path):
    plain, sealed = tmp_path / "plain", tmp_path / "plain.enc"
    plain.write_bytes(b"0123456789" * 1000)
    made = await run(site, "encrypt", str(plain), "--dataset", "batch-7", "--place", "tape 4")
    assert made["file"] == str(sealed)
    assert b"0123456789" not in sealed.read_bytes()
    await run(site, "decrypt", str(sealed), "-o", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == plain.read_bytes()
    await run(site, "hold", "batch-7", "--reason", "case 12")
    with pytest.raises(Conflict, match=r"access\.held"):
        await run(site, "erase", "batch-7", "--reason", "done", "--yes")
    await run(site, "release", "batch-7", "--reason", "closed")
    erased = await run(site, "erase", "batch-7", "--reason", "done", "--yes")
    assert erased["erased"]
    with pytest.raises(Conflict, match=r"access\.key_destroyed"):
        await run(site, "decrypt", str(sealed), "-o", str(tmp_path / "again"))
    (receipt,) = await office.audit("access:erase")
    assert receipt.facts["reason"] == "done"
    (listed,) = await run(site, "datasets")
    assert listed["place"] == "tape 4"


@sqlite_only
async def test_labels_are_set_shown_and_put_into_the_catalogue(site):
    await run(site, "set", "oee", "--kind", "table", "--domain", "management", "--grade", "2", "--owner", "=shop")
    shown = await run(site, "show", "oee", "--kind", "table")
    assert (shown["grade_2020"], shown["grade_2022"], shown["known"]) == (2, "general", True)
    assert (await run(site, "show", PLANT))["known"] is False
    assert [row["object"] for row in await run(site, "show")] == ["oee"]
    async with site.local() as client:
        answer = await client.get(f"{ROOT}/labels/catalogue", params={"format": "csv"})
        (heading, row) = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert heading[0] == "数据对象 Object"
        assert row[2:5] == ["管理 management", "二级 2", "一般数据 general"]
        assert row[6] == "'=shop"
        refused = await client.get(f"{ROOT}/labels/catalogue", params={"format": "pdf"})
        assert refused.json()["code"] == "access.catalogue_format_unknown"
    await run(site, "withdraw", "oee", "--kind", "table")
    assert (await run(site, "show", "oee", "--kind", "table"))["known"] is False


@sqlite_only
async def test_proposals_wait_for_a_person(site):
    async with site.local() as client:
        body = {"objects": [{"path": f"{PLANT}/{name}"} for name in ("recipe", "vibration")], "owner": "shop"}
        assert (await client.post(f"{ROOT}/labels/propose", json=body)).json() == {"count": 2}
        waiting = (await client.get(f"{ROOT}/labels/proposals")).json()["items"]
    assert [row["object"].rpartition("/")[2] for row in waiting] == ["recipe", "vibration"]
    assert all(row["decided_by"] is None and row["reason"] for row in waiting)
    assert await run(site, "confirm", f"{PLANT}/recipe") == {"count": 1}
    assert await run(site, "confirm", "--reject", "--prefix", PLANT) == {"count": 1}
    assert (await run(site, "show", f"{PLANT}/recipe"))["grade_2020"] == 2


@sqlite_only
async def test_a_viewer_sees_labels_and_changes_nothing(site, office):
    signed_in = await office.person("vera", "viewer")
    async with site.browser() as client:
        client.cookies.set("lineshaft_session", signed_in.cookie)
        client.cookies.set("__Host-lineshaft_session", signed_in.cookie)
        headers = {"x-csrf-token": signed_in.session.csrf}
        codes = {}
        for method, path, body in (
            ("GET", "labels", None), ("GET", "labels/proposals", None), ("GET", "datasets", None),
            ("GET", "holds", None), ("GET", "labels/approvals", None), ("GET", "labels/declassifications", None),
        ):  # fmt: skip
            codes[path] = (await client.request(method, f"{ROOT}/{path}", json=body, headers=headers)).status_code
        assert set(codes.values()) == {200}
        label = {"object": PLANT, "domain": "production", "grade_2020": 1}
        for method, path, body in (
            ("PUT", "labels", label), ("POST", "labels/decide", {}), ("POST", "datasets", {"name": "x"}),
            ("POST", "datasets/x/erase", {"reason": "x"}), ("POST", "datasets/x/file-keys", None),
            ("POST", "holds", {"object": "x", "reason": "x"}), ("POST", "leaks", {"title": "x"}),
            ("GET", "leaks", None), ("GET", "labels/canaries", None), ("GET", "labels/exports", None),
            ("POST", "labels/approvals", {"object": "x", "recipient": "y", "reason": "z"}),
        ):  # fmt: skip
            answer = await client.request(method, f"{ROOT}/{path}", json=body, headers=headers)
            assert (path, answer.status_code) == (path, 403)


@sqlite_only
async def test_leak_notices_go_step_by_step(site):
    notice = await run(site, "leak", "open", "a laptop is gone")
    await run(site, "leak", "step", notice["id"], "assessed", "--text", "500 rows")
    closed = await run(site, "leak", "step", notice["id"], "closed", "--text", "it was found")
    assert [step["state"] for step in closed["steps"]] == ["opened", "assessed", "closed"]
    (listed,) = await run(site, "leak", "list")
    assert (listed["state"], listed["overdue"]) == ("closed", False)


@sqlite_only
async def test_lineage_rules_and_approvals_over_http(site):
    async with site.local() as client:
        rule = {"name": "mean", "source": PLANT, "grade_2020": 1, "grade_2022": "general", "reason": "a mean"}
        assert (await client.post(f"{ROOT}/labels/declassifications", json=rule)).status_code == 201
        lineage = {"object": "monthly", "sources": [f"{PLANT}/A"], "rule": "mean"}
        assert (await client.post(f"{ROOT}/labels/lineage", json=lineage)).status_code == 204
        shown = (await client.get(f"{ROOT}/labels/show", params={"object": "monthly", "kind": "table"})).json()
        assert (shown["grade_2020"], shown["known"]) == (1, True)
        assert (await client.post(f"{ROOT}/labels/declassifications/mean/withdraw")).status_code == 204
        (listed,) = (await client.get(f"{ROOT}/labels/declassifications")).json()["items"]
        assert listed["withdrawn"]
    made = await run(site, "approve", PLANT, "--for", "vendor", "--reason", "contract 7")
    assert made["recipient"] == "vendor"
    assert await run(site, "exports") == []


async def test_a_backup_for_somebody_outside_needs_an_approval_and_every_one_is_recorded(office, shelf, database):
    await office.person("ada", "administrator")
    identity = office.identity
    database.transact(copies.check, identity, "")
    database.transact(copies.check, identity, "ada")
    with pytest.raises(Forbidden, match=r"access\.backup_approval_needed"):
        database.transact(copies.check, identity, "vendor")
    for approver in ("local", "ada"):
        with pytest.raises(Forbidden):
            database.transact(copies.check, identity, "vendor")
        await shelf.administration.approve(
            office.principal(approver), copies.BACKUP, recipient="vendor", purpose="backup", reason="r", days=1
        )
    database.transact(copies.check, identity, "vendor")
    database.transact(copies.record, identity, recipient="vendor", size=1234)
    (entry,) = await office.audit("access:export")
    assert (entry.resource, entry.facts["bytes"], entry.facts["outside"]) == ("backup", 1234, True)
