"""The log on disk: what is acknowledged stays, through kills, torn writes and full disks; nothing stands twice."""

import errno
import itertools
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, NotFound, Unavailable
from lineshaft.ledger import checkpoints, disk, journal, merkle
from lineshaft.ledger import log as log_module
from lineshaft.ledger.log import Log
from lineshaft.ledger.notes import COSIGNATURE, NoteSigner
from lineshaft.ledger.reader import LogReader
from lineshaft.ledger.tiles import ENTRIES, Tile, unbundle, width_at


def stored(folder, size):
    """Every entry of the first `size`, from the bundles."""
    reader, entries = LogReader(folder), []
    for number in range(-(-size // 256)):
        entries += unbundle(reader.tile(Tile(ENTRIES, number, width_at(size, ENTRIES, number)))) or ()
    return entries


def assert_consistent(folder, verifier, expected):
    """The folder holds exactly these entries, below a signed root, with proofs that hold."""
    reader = LogReader(folder)
    note, head = checkpoints.read(reader.checkpoint())
    assert note.signed_by(verifier)
    assert stored(folder, head.size) == list(expected)
    for index in random.Random(1).sample(range(head.size), min(20, head.size)):
        leaf = merkle.leaf_hash(expected[index])
        assert merkle.verify_inclusion(index, head.size, leaf, reader.inclusion(index), head.root)


@pytest.mark.parametrize("batches", [(1,), (255, 1), (256,), (300, 300, 5), (70_000,), (1,) * 30])
def test_appended_entries_are_there_with_proofs(bench, batches):
    entries = bench.filled(*batches)
    assert_consistent(bench.folder, bench.signer.verifier, entries)


def test_reopening_goes_on_where_it_stopped(bench, make_entry):
    entries = []
    for count in (1, 254, 1, 1, 600, 3):
        with bench.open() as log:
            new = [make_entry(len(entries) + number) for number in range(count)]
            assert log.append(new).start == len(entries)
            entries += new
            assert log.size == len(entries)
    with bench.open() as log:
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, entries)


def test_every_checkpoint_is_a_beginning_of_the_next(bench, make_entry):
    heads = []
    with bench.open() as log:
        for number in range(40):
            log.append([make_entry(number * 31 + step) for step in range(31)])
            heads.append(checkpoints.read(log.checkpoint())[1])
        for old, new in itertools.pairwise(heads):
            proof = log.consistency(old.size, new.size)
            assert merkle.verify_consistency(old.size, new.size, proof, old.root, new.root)
        assert log.root(heads[3].size) == heads[3].root
        proof = log.inclusion(5, heads[2].size)
        assert merkle.verify_inclusion(5, heads[2].size, merkle.leaf_hash(make_entry(5)), proof, heads[2].root)
    reader = LogReader(bench.folder)
    proof = reader.consistency(heads[0].size)
    assert merkle.verify_consistency(heads[0].size, heads[-1].size, proof, heads[0].root, heads[-1].root)
    assert reader.root(heads[5].size) == heads[5].root
    assert reader.entry(700) == make_entry(700)


def test_an_empty_log_signs_the_empty_tree(bench):
    with bench.open() as log:
        head = checkpoints.read(log.checkpoint())[1]
    assert (head.origin, head.size, head.root) == (bench.origin, 0, merkle.EMPTY_ROOT)


def test_nothing_new_means_the_same_checkpoint(bench, make_entry):
    with bench.open() as log:
        log.append([make_entry(0)])
        first = log.checkpoint()
        assert log.checkpoint() == first
        assert log.append([]) == range(1, 1)
    with bench.open() as log:
        assert log.checkpoint() == first
        assert log.signed_size == 1


def test_entries_of_any_length_come_back(bench):
    entries = [b"", b"x", bytes(2000), b"y" * 65535, b"", b"z" * 32]
    with bench.open() as log:
        log.append(entries)
        with pytest.raises(InvalidInput) as caught:
            log.append([b"short", bytes(65536)])
        assert caught.value.code == "ledger.entry_too_long"
        assert log.size == len(entries)
        log.checkpoint()
    assert stored(bench.folder, len(entries)) == entries


def test_partial_tiles_of_every_checkpoint_stay_until_the_full_one_is_there(bench, make_entry):
    with bench.open() as log:
        for number in range(3):
            log.append([make_entry(number)])
            log.checkpoint()
        names = sorted(path.name for path in (bench.folder / "tile/0/000.p").iterdir())
        assert names == ["1", "2", "3"]
        log.append([make_entry(number) for number in range(3, 260)])
        assert not (bench.folder / "tile/0/000.p").exists()
        assert (bench.folder / "tile/0/000").stat().st_size == 8192
    assert len(LogReader(bench.folder).tile(Tile(0, 0, 3))) == 96  # the checkpoint of 3 is still provable
    assert len(unbundle(LogReader(bench.folder).tile(Tile(ENTRIES, 0, 3)))) == 3
    with pytest.raises(NotFound):
        LogReader(bench.folder).tile(Tile(0, 1, 4))


def test_only_one_process_writes(bench):
    with bench.open():
        with pytest.raises(Conflict) as caught:
            bench.open()
        assert caught.value.code == "ledger.log_in_use"
    bench.open().close()


def test_another_key_does_not_go_on(bench, make_entry):
    bench.filled(3)
    with pytest.raises(Conflict) as caught:
        Log.open(bench.folder, bench.origin, NoteSigner.generate(bench.origin))
    assert caught.value.code == "ledger.key_changed"
    with pytest.raises(InvalidInput) as caught:
        Log.open(bench.folder, "another", bench.signer)
    assert caught.value.code == "ledger.origin_differs"


def test_threads_append_one_after_another(bench, make_entry):
    taken = []
    with bench.open() as log:
        threads = [
            threading.Thread(target=lambda: taken.extend(log.append([make_entry(0)] * 7) for _ in range(20)))
            for _ in range(4)
        ]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert sorted(index for found in taken for index in found) == list(range(560))


# -- the journal --------------------------------------------------------------------------------------------------------


def test_a_long_journal_is_begun_anew_and_opening_reads_little(bench, make_entry, monkeypatch):
    monkeypatch.setattr(log_module, "JOURNAL_BYTES", 20_000)
    entries = bench.filled(*[301] * 30)
    path = bench.folder / journal.FILE
    assert path.stat().st_size < 40_000
    assert journal.read(path).edge.size > 256
    read = []
    monkeypatch.setattr(
        LogReader, "tile", lambda self, tile, real=LogReader.tile: read.append(tile) or real(self, tile)
    )
    with bench.open() as log:
        assert log.size == len(entries)
    assert len(read) < 10
    monkeypatch.undo()
    assert_consistent(bench.folder, bench.signer.verifier, entries)


@pytest.mark.parametrize("torn", ["cut", "zeros", "garbage", "no head"])
def test_a_torn_append_is_cut_and_what_was_acknowledged_stays(bench, make_entry, torn):
    entries = bench.filled(10, 300)
    path = bench.folder / journal.FILE
    whole = journal.record((310).to_bytes(8) + b"\x00\x01a" * 50)
    tail = {
        "cut": whole[:-1], "zeros": whole[:30] + bytes(len(whole) - 30), "garbage": random.Random(2).randbytes(500),
        "no head": whole[:5],
    }[torn]  # fmt: skip
    path.write_bytes(path.read_bytes() + tail)
    with bench.open() as log:
        assert log.size == 310
        log.append([make_entry(310)])
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, [*entries, make_entry(310)])


def test_a_journal_damaged_before_its_end_is_refused(bench, make_entry):
    bench.filled(10, 10, 10)
    path = bench.folder / journal.FILE
    good = path.read_bytes()
    for place in range(0, len(good), 13):
        changed = bytearray(good)
        changed[place] ^= 4
        path.write_bytes(changed)
        with pytest.raises(Corrupt) as caught:
            bench.open()
        assert caught.value.code in ("ledger.journal_damaged", "ledger.entries_lost")
    path.write_bytes(good)
    assert bench.open().size == 30


def test_a_log_that_lost_or_changed_what_it_signed_does_not_open(bench, make_bench, make_entry):
    bench.filled(300)
    other = make_bench("other")
    other.signer = bench.signer
    with other.open() as log:
        log.append([make_entry(1)] * 299)
    (bench.folder / journal.FILE).write_bytes((other.folder / journal.FILE).read_bytes())
    with pytest.raises(Corrupt) as caught:
        bench.open()
    assert caught.value.code == "ledger.entries_lost"
    with other.open() as log:
        log.append([make_entry(1)] * 10)
    (bench.folder / journal.FILE).write_bytes((other.folder / journal.FILE).read_bytes())
    with pytest.raises(Corrupt) as caught:
        bench.open()
    assert caught.value.code == "ledger.tree_differs"
    (bench.folder / journal.FILE).unlink()
    with pytest.raises(Corrupt) as caught:
        bench.open()
    assert caught.value.code == "ledger.journal_damaged"


def test_a_checkpoint_that_is_not_ours_keeps_the_log_shut(bench):
    bench.filled(3)
    path = bench.folder / "checkpoint"
    good = path.read_bytes()
    foreign = NoteSigner.generate(bench.origin).sign(checkpoints.read(good)[0].text)
    for wrong in (
        b"nothing",
        good.replace(b"\n3\n", b"\n2\n"),
        checkpoints.read(good)[0].text + b"\n" + bytes(foreign),
    ):
        path.write_bytes(wrong)
        with pytest.raises(Corrupt) as caught:
            bench.open()
        assert caught.value.code == "ledger.checkpoint_damaged"


# -- kills --------------------------------------------------------------------------------------------------------------

_WRITER = textwrap.dedent(
    """
    import hashlib, sys
    from pathlib import Path
    from lineshaft.ledger import log as log_module
    from lineshaft.ledger.log import Log
    from lineshaft.ledger.notes import NoteSigner
    log_module.JOURNAL_BYTES = 30_000
    signer = NoteSigner.parse(sys.argv[2])
    log = Log.open(Path(sys.argv[1]), signer.name, signer)
    while True:
        size = 1 + log.size * 7 % 400
        new = [hashlib.sha256(b"%d" % (log.size + step)).digest() for step in range(size)]
        sys.stdout.write(f"{log.append(new).stop}\\n")
        sys.stdout.flush()
        if log.size % 3 == 0:
            log.checkpoint()
    """
)


def test_a_killed_writer_loses_nothing_that_it_acknowledged(bench, make_entry):
    dice, acknowledged = random.Random(5), 0
    for _ in range(8):
        command = [sys.executable, "-c", _WRITER, str(bench.folder), bench.signer.private_text]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
            for _ in range(dice.randrange(3, 60)):
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split(b"\n")[:-1]
        acknowledged = int(rest[-1]) if rest else acknowledged
        with bench.open() as log:
            assert log.size >= acknowledged
            log.checkpoint()
            size = log.size
        assert_consistent(bench.folder, bench.signer.verifier, [make_entry(number) for number in range(size)])


def test_tiles_that_a_crash_took_are_made_again_from_the_journal(bench):
    entries = bench.filled(700)
    for path in (bench.folder / "tile").rglob("*"):
        if path.is_file() and path.parent.name != "000.p":
            path.write_bytes(b"")  # as a machine without power may leave a file that nobody made durable
    with bench.open() as log:
        assert log.checkpoint()
    assert stored(bench.folder, 512) == entries[:512]


# -- full disks ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def full(monkeypatch):
    """Make one kind of write fail with ENOSPC until it is lifted."""

    def fill(target, name):
        def refuse(*_args, **_kwargs):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(target, name, refuse)
        return monkeypatch.undo

    return fill


@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
def test_a_full_disk_refuses_the_batch_whole_and_goes_on_once_there_is_room(bench, make_entry, full, call):
    entries = [make_entry(number) for number in range(600)]
    with bench.open() as log:
        log.append(entries[:300])
        lift = full(os, call)
        for _ in range(2):
            with pytest.raises(Unavailable) as caught:
                log.append(entries[300:])
            assert caught.value.code == "ledger.disk_full"
            assert log.size == 300
        lift()
        assert log.append(entries[300:]) == range(300, 600)
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, entries)


def test_a_batch_in_the_journal_is_taken_though_its_tiles_do_not_fit(bench, make_entry, full):
    entries = [make_entry(number) for number in range(900)]
    with bench.open() as log:
        lift = full(disk, "write_tile")
        assert log.append(entries[:300]) == range(300)
        with pytest.raises(Unavailable):
            log.append(entries[300:])
        with pytest.raises(Unavailable):
            log.checkpoint()
        assert log.root() == merkle.root(300, log._tree().subtree)
        lift()
        log.append(entries[300:])
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, entries)


def test_the_journal_goes_on_when_it_cannot_be_begun_anew(bench, make_entry, full, monkeypatch):
    monkeypatch.setattr(log_module, "JOURNAL_BYTES", 1000)
    entries = [make_entry(number) for number in range(900)]
    with bench.open() as log:
        full(journal, "write_file")
        log.append(entries[:300])
        log.append(entries[300:600])
        assert log.size == 600
        monkeypatch.undo()
        log.append(entries[600:])
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, entries)


def test_a_journal_replaced_at_the_last_moment_is_the_one_written_to(bench, make_entry, monkeypatch):
    monkeypatch.setattr(log_module, "JOURNAL_BYTES", 1000)
    entries = [make_entry(number) for number in range(600)]

    def replaced_then_failed(path, edge, real=journal.begin):
        real(path, edge)
        raise OSError(errno.EIO, "the folder did not sync")

    with bench.open() as log:
        monkeypatch.setattr(journal, "begin", replaced_then_failed)
        log.append(entries[:300])
        monkeypatch.undo()
        log.append(entries[300:])
    with bench.open() as log:
        assert log.size == 600
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, entries)


def test_a_limit_on_file_sizes_is_a_full_disk(bench, make_entry):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with bench.open() as log:
        log.append([make_entry(0)])
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        try:
            with pytest.raises(Unavailable) as caught:
                log.append([make_entry(number) for number in range(1, 200)])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert caught.value.code == "ledger.disk_full"
        assert log.append([make_entry(number) for number in range(1, 200)]) == range(1, 200)
        log.checkpoint()
    assert_consistent(bench.folder, bench.signer.verifier, [make_entry(number) for number in range(200)])


def test_a_disk_that_fails_is_named(bench, make_entry, monkeypatch):
    def fail(*_args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with bench.open() as log:
        monkeypatch.setattr(os, "fdatasync", fail)
        with pytest.raises(Unavailable) as caught:
            log.append([make_entry(0)])
        assert caught.value.code == "ledger.write_failed"
        monkeypatch.undo()
        assert log.append([make_entry(0)]) == range(1)


# -- cosignatures -------------------------------------------------------------------------------------------------------


def test_cosignatures_stay_with_their_checkpoint(bench, make_entry):
    witness = NoteSigner.generate("witness", COSIGNATURE)
    with bench.open() as log:
        log.append([make_entry(0)])
        first = log.checkpoint()
        text = checkpoints.read(first)[0].text
        log.add_cosignatures(first, [witness.sign(text)])
        log.add_cosignatures(first, [witness.sign(text)])
        note = checkpoints.read(log.checkpoint())[0]
        assert note.signed_by(witness.verifier)
        assert len(note.signatures) == 2
        assert LogReader(bench.folder).cosigned() == log.checkpoint()
        log.append([make_entry(1)])
        second = log.checkpoint()
        assert not checkpoints.read(second)[0].signed_by(witness.verifier)
        assert checkpoints.read(LogReader(bench.folder).cosigned())[1].size == 1
        log.add_cosignatures(second, [witness.sign(checkpoints.read(second)[0].text)])
        log.add_cosignatures(first, [witness.sign(text)])  # a late answer does not bring the old one back
        assert checkpoints.read(LogReader(bench.folder).cosigned())[1].size == 2
    with bench.open() as log:
        assert checkpoints.read(log.checkpoint())[0].signed_by(witness.verifier)


def test_a_reader_refuses_what_the_tree_does_not_have(bench):
    bench.filled(5)
    reader = LogReader(bench.folder)
    for call in (lambda: reader.inclusion(5), lambda: reader.inclusion(-1), lambda: reader.entry(5)):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert caught.value.code == "ledger.index_out_of_range"
    for call in (lambda: reader.inclusion(0, 6), lambda: reader.consistency(3, 6), lambda: reader.consistency(4, 3)):
        with pytest.raises(InvalidInput) as caught:
            call()
        assert caught.value.code == "ledger.size_out_of_range"
    (bench.folder / "tile/0/000.p/5").unlink()
    with pytest.raises(Corrupt) as caught:
        reader.inclusion(0)
    assert caught.value.code == "ledger.tile_damaged"
    with pytest.raises(NotFound) as caught:
        LogReader(bench.folder.parent / "none").checkpoint()
    assert caught.value.code == "ledger.nothing_signed"
