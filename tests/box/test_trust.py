"""The box's own past: proven offline by a program that has nothing but the copy, and not rewritten unseen."""

import contextlib
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys

import pytest

from lineshaft.cli.testing import running_box

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with running_box(tmp_path_factory.mktemp("trust") / "home", demo=False) as running:
        yield running


def offline(*arguments):
    """The command line without any installation."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LINESHAFT")}
    environment["LINESHAFT_HOME"] = "/nonexistent/home"
    return subprocess.run(
        [sys.executable, "-m", "lineshaft.cli.main", *arguments], capture_output=True, text=True, check=False,
        env=environment, timeout=60,
    )  # fmt: skip


@pytest.fixture(scope="module")
def copy(box, tmp_path_factory):
    """A copy of the trail after some acts, and the log's key."""
    box.lineshaft("access", "create", "bob", "--role", "viewer")
    box.lineshaft("access", "clearance", "bob", "1")
    box.lineshaft("access", "revoke", "bob", "--yes")
    box.until(lambda: all(entry["seq"] is not None for entry in box.json("audit", "search")), "all have places")
    folder = tmp_path_factory.mktemp("copy") / "trail"
    box.lineshaft("audit", "export", str(folder))
    return folder, box.lineshaft("ledger", "key", "audit").stdout.strip()


def test_the_copy_is_proven_where_nothing_else_is(copy):
    folder, key = copy
    done = offline("ledger", "verify", str(folder), "--key", key, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["size"] > 3


@pytest.mark.parametrize("file", ["checkpoint", "bodies.ndjson"])
def test_a_changed_byte_is_found(copy, tmp_path, file):
    folder, key = copy
    changed = tmp_path / "trail"
    shutil.copytree(folder, changed)
    data = bytearray((changed / file).read_bytes())
    data[len(data) // 2] ^= 1
    (changed / file).write_bytes(data)
    assert offline("ledger", "verify", str(changed), "--key", key).returncode != 0


def test_another_key_does_not_do(copy):
    folder, _ = copy
    other = "lineshaft.99.1/main/audit+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert offline("ledger", "verify", str(folder), "--key", other).returncode != 0


def test_the_running_box_verifies_itself_and_proves_one_entry(box, copy, tmp_path):
    _, key = copy
    answer = box.json("audit", "verify")
    assert answer["ok"]
    assert answer["bodies_lost"] == []
    proof = tmp_path / "proof.json"
    (revoked,) = box.json("audit", "search", "--action", "access:revoke")
    box.lineshaft("audit", "prove", revoked["id"], "--out", str(proof))
    assert offline("audit", "verify", str(proof), "--key", key).returncode == 0
    document = json.loads(proof.read_text())
    document["body"]["outcome"] = "denied"
    proof.write_text(json.dumps(document))
    assert offline("audit", "verify", str(proof), "--key", key).returncode != 0


def test_names_are_not_in_the_copy_and_gone_after_erasing(box, copy):
    folder, _ = copy
    assert b'"bob"' not in (folder / "bodies.ndjson").read_bytes()
    created = box.json("audit", "search", "--action", "access:create_principal")
    assert created[0]["facts"]["name"] == "bob"
    box.lineshaft("access", "erase", "bob", "--yes")
    created = box.json("audit", "search", "--action", "access:create_principal")
    assert created[0]["facts"].get("name") is None
    assert created[0]["facts"]["personal"] == "erased"
    assert box.json("audit", "verify")["ok"]


def test_early_pruning_is_refused_and_recorded(box):
    done = box.lineshaft("audit", "prune", "--before", "-179d", "--yes", check=False)
    assert done.returncode != 0
    assert "180" in done.stderr
    (refused,) = box.json("audit", "search", "--action", "access:audit_prune")
    assert refused["outcome"] == "refused"


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process's files")
def test_without_room_for_the_ledger_changes_stop_reading_goes_on_and_all_resumes_by_itself(box):
    pid = box.pid("access")
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
    try:
        # Another process writes entries meanwhile, and they wait for their places.
        box.until(lambda: "audit_stalled" in box.lineshaft("history", "seal", check=False).stderr, "changes stop", 90)
        # A service that takes longer than two seconds to say how it is tells nothing of itself.
        box.until(lambda: "audit ledger" in box.lineshaft("status", check=False).stdout, "the status says why")
        box.lineshaft("history", "status")
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    box.until(lambda: box.lineshaft("history", "seal", check=False).returncode == 0, "changes are taken again")
    box.until(lambda: box.lineshaft("status", check=False).returncode == 0, "it is well again")
    assert box.json("audit", "verify")["ok"]


@pytest.mark.usefixtures("copy")
def test_who_rewrites_the_records_is_found_out(box):
    leaf, body = entry_with(box, b'"done"')
    rewrite(box, leaf, body.replace(b'"done"', b'"Done"'))
    try:
        done = box.lineshaft("audit", "verify", check=False)
    finally:
        rewrite(box, leaf, body)
    assert done.returncode != 0
    assert str(leaf) in done.stdout
    assert box.json("audit", "verify")["ok"]


def entry_with(box, part):
    """Place and body of the first entry that has `part`: which one that is depends on what other tests did before."""
    with contextlib.closing(sqlite3.connect(box.home.path / "records.db", timeout=30)) as records:
        rows = records.execute("SELECT leaf, body FROM access_audit WHERE leaf IS NOT NULL ORDER BY leaf").fetchall()
    return next((leaf, body) for leaf, body in rows if part in body)


def rewrite(box, leaf, body):
    """Change the body of an entry behind everybody's back."""
    with contextlib.closing(sqlite3.connect(box.home.path / "records.db", timeout=30)) as records:
        records.execute("UPDATE access_audit SET body = ? WHERE leaf = ?", (body, leaf))
        records.commit()
