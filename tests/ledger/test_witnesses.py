"""Having checkpoints cosigned by real witnesses over HTTP, and what they say of a log that shows two pasts."""

import asyncio
import shutil
import socket

import pytest

from lineshaft.ledger import checkpoints
from lineshaft.ledger.log import Log
from lineshaft.ledger.notes import COSIGNATURE, NoteSigner
from lineshaft.ledger.reader import LogReader
from lineshaft.ledger.settings import LedgerSettings
from lineshaft.ledger.verify import verify_folder
from lineshaft.ledger.witnesses import Cosigner


@pytest.fixture
async def two(make_installation):
    return [await make_installation("east"), await make_installation("west")]


def cosigner(log, *lines, **values):
    values = {"witness_timeout_seconds": 60, **values}  # a loaded machine is no witness that is away
    return Cosigner(log, LedgerSettings(witnesses=lines, cosign_seconds=1, **values))


def states(asker):
    return [standing.state for standing in asker.standings]


async def test_every_witness_signs_and_the_copy_proves_it(bench, two, make_entry):
    for witness in two:
        witness.trusts(bench)
    with bench.open() as log:
        asker = cosigner(log, *(witness.line for witness in two))
        for count in (1, 300, 5):
            log.append([make_entry(log.size + number) for number in range(count)])
            log.checkpoint()
            await asker.ask()
            assert states(asker) == ["agrees", "agrees"]
        assert all(check.ok for check in asker.checks())
        # Another process starts: it does not know how far the witnesses are, and is told.
        again = cosigner(log, *(witness.line for witness in two))
        log.append([make_entry(log.size)])
        log.checkpoint()
        await again.ask()
        assert states(again) == ["agrees", "agrees"]
    keys = [bench.signer.vkey, *(witness.signer.vkey for witness in two)]
    report = verify_folder(bench.folder, keys)
    assert report.ok
    assert sorted(report.cosigned_by) == ["witness.east", "witness.west"]
    assert report.cosigned_size == 307


async def test_a_forked_log_shown_to_two_witnesses_is_found_out(bench, make_bench, two, make_entry):
    """The log shows one tree to the east and another to the west; whoever asks both hears of it."""
    east, west = two
    for witness in two:
        witness.trusts(bench)
    with bench.open() as log:
        log.append([make_entry(number) for number in range(40)])
        log.checkpoint()
        await cosigner(log, east.line, west.line).ask()
    fork = make_bench("fork")
    fork.signer = bench.signer
    shutil.copytree(bench.folder, fork.folder)
    with bench.open() as log, fork.open() as other:
        for number in range(3):
            log.append([make_entry(40 + number)])
            other.append([bytes(32)])
        log.checkpoint()
        other.checkpoint()
        shown_east, shown_west = cosigner(log, east.line), cosigner(other, west.line)
        await shown_east.ask()
        await shown_west.ask()
        assert states(shown_east) == states(shown_west) == ["agrees"]  # each sees only its own
        for honest, told in ((cosigner(log, west.line), west), (cosigner(other, east.line), east)):
            await honest.ask()
            (check,) = honest.checks()
            assert (states(honest), check.ok) == (["disagrees"], False)
            assert "another past" in check.detail
            assert check.hint
            assert not told.witness.check().ok  # two signed trees of one size: proof against the log
        log.append([make_entry(99)])
        log.checkpoint()
        later = cosigner(log, west.line, east.line)
        await later.ask()
        assert states(later) == ["disagrees", "agrees"]
        assert not checkpoints.read(log.checkpoint())[0].signed_by(west.signer.verifier)


async def test_a_log_restored_from_an_old_backup_is_found_out(bench, two, make_entry, tmp_path):
    east, _ = two
    east.trusts(bench)
    with bench.open() as log:
        log.append([make_entry(0)])
        log.checkpoint()
    shutil.copytree(bench.folder, tmp_path / "backup")
    with bench.open() as log:
        log.append([make_entry(1)])
        log.checkpoint()
        await cosigner(log, east.line).ask()
    with Log.open(tmp_path / "backup", bench.origin, bench.signer) as log:
        asker = cosigner(log, east.line)
        await asker.ask()
        assert states(asker) == ["disagrees"]
        assert "entries were lost here" in asker.checks()[0].detail


async def test_a_witness_that_is_away_stops_nothing_and_hides_no_alarm(bench, two, make_entry):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        key = NoteSigner.generate("silent", COSIGNATURE)
        with bench.open() as log:
            log.append([make_entry(0)])
            asker = cosigner(log, f"{url} {key.vkey}", f"http://127.0.0.1:1 {key.vkey}", witness_timeout_seconds=1)
            await asker.ask()
            assert states(asker) == ["waiting", "waiting"]  # nothing is signed yet
            log.checkpoint()
            await asker.ask()
            assert states(asker) == ["away", "away"]
            assert all(check.ok for check in asker.checks())
            asker.standings[0].state = "disagrees"
            await asker.ask()
            assert states(asker) == ["disagrees", "away"]


async def test_a_witness_that_does_not_know_the_log_or_signs_with_another_key_is_named(bench, two, make_entry):
    east, west = two
    west.trusts(bench)
    other = NoteSigner.generate(west.signer.name, COSIGNATURE)
    with bench.open() as log:
        log.append([make_entry(0)])
        log.checkpoint()
        asker = cosigner(log, east.line, west.line.replace(west.signer.vkey, other.vkey))
        await asker.ask()
        assert states(asker) == ["refuses", "refuses"]
        checks = asker.checks()
        assert "no witness of this log" in checks[0].detail
        assert "key" in checks[1].detail
        assert len(checkpoints.read(log.checkpoint())[0].signatures) == 1


async def test_it_runs_beside_the_log_and_follows_new_checkpoints(bench, two, make_entry):
    east, _ = two
    east.trusts(bench)
    with bench.open() as log:
        log.append([make_entry(0)])
        log.checkpoint()
        asker = cosigner(log, east.line)
        asker._every = 0.01
        running = asyncio.create_task(asker.run())
        try:
            await cosigned(bench, 1)
            log.append([make_entry(1)])
            log.checkpoint()
            await asyncio.to_thread(asker.notice)  # appending has its own thread
            await cosigned(bench, 2)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await cosigner(log).run()  # nobody to ask: nothing to do


async def cosigned(bench, size):
    async with asyncio.timeout(60):
        while True:
            try:
                if checkpoints.read(LogReader(bench.folder).cosigned())[1].size == size:
                    return
            except LookupError:
                raise
            except Exception as error:
                if getattr(error, "code", "") != "ledger.nothing_signed":
                    raise
            await asyncio.sleep(0.01)
