"""Verification without the system: whatever was changed in a log's folder is named with its file and entry."""

import json
import random
import shutil
import threading

import pytest

from lineshaft.core.errors import InvalidInput, NotFound
from lineshaft.ledger import bodies, checkpoints, journal, merkle
from lineshaft.ledger import log as log_module
from lineshaft.ledger.notes import COSIGNATURE, Note, NoteSigner
from lineshaft.ledger.reader import LogReader
from lineshaft.ledger.tiles import bundle, unbundle
from lineshaft.ledger.verify import verify_folder

SIZE = 256 * 4 + 100


@pytest.fixture
def log(bench):
    """A log of four full bundles and a part, and the entries."""
    bench.entries = bench.filled(500, SIZE - 500)
    (bench.folder / journal.FILE).unlink()  # what is published of a log has none
    bench.verify = lambda **more: verify_folder(bench.folder, [bench.signer.vkey], **more)
    return bench


def kinds(report):
    return [(finding.kind, finding.file, finding.index) for finding in report.problems]


def rewrite(folder, number, change):
    """Write a bundle anew from its changed entries."""
    path = folder / "tile/entries" / f"{number:03}"
    entries = list(unbundle(path.read_bytes()))
    path.write_bytes(bundle(change(entries)))


def test_an_untouched_log_is_right(log):
    seen = []
    report = log.verify(progress=lambda done, total: seen.append((done, total)))
    assert report.ok
    assert (report.origin, report.size, report.entries) == (log.origin, SIZE, SIZE)
    assert report.root == LogReader(log.folder).head().root.hex()
    assert seen[-1] == (SIZE, SIZE)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 65_536, 66_000])
def test_logs_of_every_shape_are_right(bench, size):
    bench.filled(size)
    report = verify_folder(bench.folder, [bench.signer.vkey])
    assert report.ok, report.problems
    assert (report.size, report.entries, report.unsigned) == (size, size, 0)


def test_every_flipped_bit_of_every_file_is_found_and_its_file_named(bench):
    witness = NoteSigner.generate("witness", COSIGNATURE)
    bench.filled(250, 50)
    with bench.open() as log:
        signed = log.checkpoint()
        log.add_cosignatures(signed, [witness.sign(checkpoints.read(signed)[0].text)])
    keys = [bench.signer.vkey, witness.vkey]
    assert verify_folder(bench.folder, keys).ok
    dice, files = random.Random(7), sorted(path for path in bench.folder.rglob("*") if path.is_file())
    tried = set()
    for path in files:
        name, good = path.relative_to(bench.folder).as_posix(), path.read_bytes()
        if name == "lock":
            continue
        tried.add(name)
        for place in dice.sample(range(len(good) * 8), min(25, len(good) * 8)):
            changed = bytearray(good)
            changed[place // 8] ^= 1 << place % 8
            path.write_bytes(changed)
            report = verify_folder(bench.folder, keys)
            if name.startswith("checkpoint") and report.ok:
                # The name or key id of a witness was hit: its signature is now one of nobody we know.
                cosigned = report.cosigned_by if name == "checkpoint" else []
                assert cosigned == []
                continue
            assert name in {finding.file for finding in report.problems}, (name, place, report.problems)
        path.write_bytes(good)
    assert tried >= {"checkpoint", "checkpoint.cosigned", "key", "journal", "tile/0/000", "tile/entries/000",
                     "tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"}  # fmt: skip


@pytest.mark.parametrize("index", [0, 1, 255, 256, 600, 1023, 1024, SIZE - 1])
def test_an_altered_entry_is_located(log, index):
    number, place = divmod(index, 256)
    path = next((log.folder / "tile/entries").glob(f"{number:03}*"))
    path = path if path.is_file() else path / str(SIZE % 256)
    data = bytearray(path.read_bytes())
    data[place * 34 + 2 + index % 32] ^= 1
    path.write_bytes(data)
    name = path.relative_to(log.folder).as_posix()
    assert kinds(log.verify()) == [("entry_altered", name, index)]


def test_a_dropped_entry_is_located(log):
    rewrite(log.folder, 2, lambda entries: entries[:7] + entries[8:])
    assert kinds(log.verify()) == [("entry_dropped", "tile/entries/002", 512 + 7)]


def test_an_inserted_entry_is_located(log):
    rewrite(log.folder, 1, lambda entries: [*entries[:9], bytes(32), *entries[9:]])
    assert kinds(log.verify()) == [("entry_inserted", "tile/entries/001", 256 + 9)]


def test_an_entry_inserted_with_the_last_pushed_out_is_located(log):
    rewrite(log.folder, 1, lambda entries: [*entries[:9], bytes(32), *entries[9:-1]])
    assert kinds(log.verify()) == [("entry_inserted", "tile/entries/001", 256 + 9)]


def test_reordered_entries_are_located(log):
    rewrite(log.folder, 3, lambda entries: [*entries[:4], entries[9], *entries[5:9], entries[4], *entries[10:]])
    report = log.verify()
    assert kinds(report) == [("entries_reordered", "tile/entries/003", 768 + 4)]
    assert report.problems[0].facts["last"] == 768 + 9


def test_an_entry_dropped_from_all_that_follow_is_located_at_its_place(log):
    """Somebody takes one entry out and writes all bundles behind it anew."""
    entries = log.entries[:300] + log.entries[301:]
    for number in range(4):
        (log.folder / f"tile/entries/{number:03}").write_bytes(bundle(entries[number * 256 : number * 256 + 256]))
    (log.folder / "tile/entries/004.p/100").write_bytes(bundle(entries[1024:]))
    assert kinds(log.verify())[0] == ("entry_dropped", "tile/entries/001", 300)


def test_a_missing_bundle_and_a_truncated_one_are_named(log):
    path = log.folder / "tile/entries/002"
    good = path.read_bytes()
    path.unlink()
    assert kinds(log.verify()) == [("file_missing", "tile/entries/002", 512)]
    path.write_bytes(good[: 34 * 20])
    assert kinds(log.verify()) == [("entries_cut", "tile/entries/002", 532)]
    path.write_bytes(good[: 34 * 20 + 5])
    found = kinds(log.verify())
    assert found[0] == ("entry_altered", "tile/entries/002", 532)
    assert found[1] == ("entries_cut", "tile/entries/002", 533)
    path.write_bytes(b"")
    assert kinds(log.verify())[0][1] == "tile/entries/002"
    path.write_bytes(good + b"\0")
    assert kinds(log.verify()) == [("bundle_surplus", "tile/entries/002", None)]


def test_an_altered_length_is_located(log):
    path = log.folder / "tile/entries/002"
    data = bytearray(path.read_bytes())
    data[34 * 9 + 1] ^= 8
    path.write_bytes(data)
    assert kinds(log.verify())[0] == ("entry_altered", "tile/entries/002", 512 + 9)


@pytest.mark.parametrize(("name", "place"), [("tile/0/001", 77), ("tile/0/004.p/100", 3), ("tile/1/000.p/4", 2)])
def test_an_altered_hash_is_told_from_an_altered_entry(log, name, place):
    path = log.folder / name
    data = bytearray(path.read_bytes())
    data[place * 32] ^= 128
    path.write_bytes(data)
    report = log.verify()
    assert [(finding.kind, finding.file) for finding in report.problems] == [("tile_altered", name)]
    assert report.problems[0].facts["place"] == place
    path.unlink()
    assert [(finding.kind, finding.file) for finding in log.verify().problems] == [("file_missing", name)]
    path.write_bytes(bytes(data)[:-1])
    assert [(finding.kind, finding.file) for finding in log.verify().problems] == [("tile_wrong_length", name)]


@pytest.mark.parametrize(
    ("size", "name"), [(65_500, "tile/1/000.p/255"), (65_536 + 300, "tile/1/000"), (65_536 + 300, "tile/2/000.p/1")]
)
def test_altered_hashes_high_in_the_tree_are_located(bench, size, name):
    bench.filled(size)
    path = bench.folder / name
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    report = verify_folder(bench.folder, [bench.signer.vkey])
    assert [(found.kind, found.file) for found in report.problems] == [("tile_altered", name)]


def test_a_tile_and_an_entry_altered_together_are_both_named(log):
    rewrite(log.folder, 1, lambda entries: [*entries[:3], bytes(32), *entries[4:]])
    tile = bytearray((log.folder / "tile/0/001").read_bytes())
    tile[3 * 32 : 4 * 32] = merkle.leaf_hash(bytes(32))
    (log.folder / "tile/0/001").write_bytes(tile)
    found = log.verify()
    assert not found.ok
    assert {finding.file for finding in found.problems} & {"checkpoint", "tile/entries/001", "tile/0/001"}


def test_a_log_written_anew_as_a_whole_does_not_pass(log, make_bench, make_entry):
    forged = make_bench("forged")
    forged.signer = log.signer
    with forged.open() as other:
        other.append([bytes(32), *log.entries[1:]])
        other.checkpoint()
    shutil.rmtree(log.folder / "tile")
    shutil.copytree(forged.folder / "tile", log.folder / "tile")
    assert kinds(log.verify()) == [("root_differs", "checkpoint", None)]


def test_a_wrong_key_a_foreign_origin_and_a_foreign_checkpoint_are_told(log, make_bench):
    other = NoteSigner.generate(log.origin)
    report = verify_folder(log.folder, [other.vkey])
    assert ("signature_wrong", "checkpoint", None) in kinds(report)
    assert ("key_foreign", "key", None) in kinds(report)
    foreign = make_bench("foreign", "lineshaft.99.2/main/audit")
    foreign.filled(3)
    report = verify_folder(foreign.folder, [log.signer.vkey])
    assert ("signature_wrong", "checkpoint", None) in kinds(report)
    text = checkpoints.read((log.folder / "checkpoint").read_bytes())[0].text.replace(b"99.1", b"99.2")
    (log.folder / "checkpoint").write_bytes(bytes(Note(text, (log.signer.sign(text),))))
    assert kinds(log.verify()) == [("origin_foreign", "checkpoint", None)]


def test_without_a_checkpoint_nothing_is_believed(log):
    (log.folder / "checkpoint").unlink()
    assert kinds(log.verify())[0] == ("checkpoint_missing", "checkpoint", None)
    (log.folder / "checkpoint").write_bytes(b"junk")
    assert kinds(log.verify())[0] == ("checkpoint_unreadable", "checkpoint", None)


def test_a_forged_size_does_not_keep_us_busy(log):
    path = log.folder / "checkpoint"
    path.write_bytes(path.read_bytes().replace(b"\n%d\n" % SIZE, b"\n%d\n" % 10**18))
    report = log.verify()
    assert ("signature_wrong", "checkpoint", None) in kinds(report)
    assert report.found < 40


def test_cosignatures_are_counted_and_wrong_ones_told(bench):
    witness, unknown = NoteSigner.generate("witness", COSIGNATURE), NoteSigner.generate("unknown", COSIGNATURE)
    bench.filled(5)
    with bench.open() as log:
        signed = log.checkpoint()
        text = checkpoints.read(signed)[0].text
        log.add_cosignatures(signed, [witness.sign(text), unknown.sign(text)])
        log.append([bytes(32)])
        log.checkpoint()
    keys = [bench.signer.vkey, witness.vkey]
    report = verify_folder(bench.folder, keys)
    assert report.ok
    assert (report.cosigned_by, report.cosigned_size, report.unknown_signatures) == ([], 5, 0)
    path = bench.folder / "checkpoint"
    note = checkpoints.read(path.read_bytes())[0]
    wrong = witness.sign(text)
    path.write_bytes(bytes(Note(note.text, (*note.signatures, wrong))))
    assert kinds(verify_folder(bench.folder, keys)) == [("cosignature_wrong", "checkpoint", None)]


def test_a_cosigned_past_that_the_log_no_longer_has_is_told(bench, make_bench):
    """A log begun anew with its own key: its signatures are right, only what a witness saw gives it away."""
    witness = NoteSigner.generate("witness", COSIGNATURE)
    bench.filled(5)
    with bench.open() as log:
        signed = log.checkpoint()
        log.add_cosignatures(signed, [witness.sign(checkpoints.read(signed)[0].text)])
    other = make_bench("anew")
    other.signer = bench.signer
    with other.open() as log:
        log.append([bytes(32)] * 9)
        log.checkpoint()
    shutil.copy(bench.folder / "checkpoint.cosigned", other.folder / "checkpoint.cosigned")
    report = verify_folder(other.folder, [bench.signer.vkey, witness.vkey])
    assert kinds(report) == [("root_differs", "checkpoint.cosigned", None)]


def test_stray_files_and_changed_old_partials_are_named(bench):
    bench.filled(3, 2)
    (bench.folder / "tile/0/x").write_bytes(b"")
    (bench.folder / "tile/0/.000.new").write_bytes(b"left by a crash")
    path = bench.folder / "tile/0/000.p/3"
    path.write_bytes(bytes(96))
    found = kinds(verify_folder(bench.folder, [bench.signer.vkey]))
    assert sorted(found) == [("file_unknown", "tile/0/x", None), ("partial_differs", "tile/0/000.p/3", None)]
    path.write_bytes(bytes(95))
    assert ("tile_wrong_length", "tile/0/000.p/3", None) in kinds(verify_folder(bench.folder, [bench.signer.vkey]))


@pytest.mark.parametrize(("signed", "more"), [(100, 300), (65_500, 700), (0, 600), (300, 100)])
def test_entries_behind_the_checkpoint_are_counted(bench, make_entry, signed, more):
    with bench.open() as log:
        log.append([make_entry(number) for number in range(signed)])
        log.checkpoint()
        log.append([make_entry(number) for number in range(more)])
    report = verify_folder(bench.folder, [bench.signer.vkey])
    assert report.ok, report.problems
    assert (report.size, report.unsigned) == (signed, more)


def test_a_journal_begun_anew_and_a_torn_one_are_judged(bench, monkeypatch):
    monkeypatch.setattr(log_module, "JOURNAL_BYTES", 5000)
    bench.filled(*[90] * 9)
    path = bench.folder / journal.FILE
    assert journal.read(path).edge.size > 0
    assert verify_folder(bench.folder, [bench.signer.vkey]).ok
    path.write_bytes(path.read_bytes() + b"LSJ1 torn")
    assert kinds(verify_folder(bench.folder, [bench.signer.vkey])) == [("journal_torn", "journal", None)]


def test_a_journal_of_other_entries_is_told(bench, make_bench):
    bench.filled(40)
    other = make_bench("other")
    with other.open() as log:
        log.append([bytes(32)] * 40)
    shutil.copy(other.folder / journal.FILE, bench.folder / journal.FILE)
    assert kinds(verify_folder(bench.folder, [bench.signer.vkey])) == [("journal_differs", "journal", None)]


# -- bodies -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def audited(bench):
    """A log whose entries stand for bodies, written beside it."""
    lines, entries = [], []
    for seq in range(300):
        body, salt = {"who": "安娜", "seq": seq, "what": ["a", None, 1.5]}, bodies.new_salt()
        entries.append(bodies.entry_of(salt, bodies.canonical(body)))
        lines.append({"seq": seq, "salt": salt.hex(), "body": body})
    with bench.open() as log:
        log.append(entries)
        log.checkpoint()
    bench.lines = lines
    bench.write = lambda: (bench.folder / bodies.FILE).write_text(
        "".join(json.dumps(line) + "\n" if not isinstance(line, str) else line for line in bench.lines)
    )
    bench.write()
    return bench


def test_bodies_are_checked_in_any_json_form(audited):
    report = verify_folder(audited.folder, [audited.signer.vkey])
    assert report.ok, report.problems
    assert (report.bodies, report.pruned) == (300, 0)


def test_pruned_bodies_are_counted_and_break_nothing(audited):
    audited.lines[7] = {"seq": 7, "pruned": True}
    del audited.lines[100:150]
    audited.write()
    report = verify_folder(audited.folder, [audited.signer.vkey])
    assert report.ok
    assert (report.bodies, report.pruned) == (249, 51)


def test_an_altered_body_is_located(audited):
    audited.lines[7]["body"]["who"] = "eve"
    audited.lines[8]["salt"] = "00"
    audited.lines[9] = "{}\n"
    audited.write()
    report = verify_folder(audited.folder, [audited.signer.vkey])
    assert kinds(report) == [
        ("body_altered", "bodies.ndjson", 7), ("body_altered", "bodies.ndjson", 8), ("body_unreadable", "bodies.ndjson", None),
    ]  # fmt: skip


def test_a_body_has_one_canonical_text():
    assert (
        bodies.canonical({"b": 1, "a": {"d": "é", "c": [True, None]}})
        == '{"a":{"c":[true,null],"d":"é"},"b":1}'.encode()
    )
    with pytest.raises(ValueError, match="range"):
        bodies.canonical({"a": float("nan")})


# -- what cannot be verified --------------------------------------------------------------------------------------------


def test_a_folder_without_a_log_and_a_call_without_a_key_are_refused(bench, tmp_path):
    bench.filled(1)
    with pytest.raises(NotFound) as caught:
        verify_folder(tmp_path, [bench.signer.vkey])
    assert caught.value.code == "ledger.folder_empty"
    for keys in ([], [NoteSigner.generate("witness", COSIGNATURE).vkey]):
        with pytest.raises(InvalidInput) as caught:
            verify_folder(bench.folder, keys)
        assert caught.value.code == "ledger.no_log_key"


def test_every_finding_reads_in_both_languages(audited):
    audited.lines[7]["body"]["who"] = "eve"
    audited.write()
    finding = verify_folder(audited.folder, [audited.signer.vkey]).problems[0]
    assert finding.text("en") == "bodies.ndjson: the body of entry 7 (line 8) is not the one that was signed"
    assert "条目 7" in finding.text("zh")


def test_a_log_that_grows_meanwhile_is_right_at_every_moment(bench, make_entry):
    witness, done, reports = NoteSigner.generate("witness", COSIGNATURE), threading.Event(), []

    def write():
        try:
            with bench.open() as log:
                for number in range(40):
                    log.append([make_entry(log.size + step) for step in range(37 + number)])
                    signed = log.checkpoint()
                    log.add_cosignatures(signed, [witness.sign(checkpoints.read(signed)[0].text)])
        finally:
            done.set()

    bench.filled(1)
    writer = threading.Thread(target=write)
    writer.start()
    while not done.is_set():
        reports.append(verify_folder(bench.folder, [bench.signer.vkey, witness.vkey]))
    writer.join()
    assert reports
    assert [report.problems for report in reports if not report.ok] == []
