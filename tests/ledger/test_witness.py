"""A witness cosigns only what follows from what it cosigned before, whoever asks, and of two forks at once only one."""

import asyncio
import base64

import pytest

from lineshaft.core.errors import Conflict, Forbidden, InvalidInput, LineshaftError, NotFound
from lineshaft.ledger import checkpoints, merkle
from lineshaft.ledger.checkpoints import Checkpoint
from lineshaft.ledger.notes import COSIGNATURE, Note, NoteSigner, parse_signatures
from lineshaft.ledger.trust import TrustedLog, trusted_logs, trusted_witnesses
from lineshaft.ledger.witness import Witness


def request(old, proof, signed):
    return b"\n".join([b"old %d" % old, *map(base64.b64encode, proof), b"", signed])


def head_note(signer, size, root, origin=None):
    text = Checkpoint(origin or signer.name, size, root).text
    return bytes(Note(text, (signer.sign(text),)))


@pytest.fixture
def signer():
    return NoteSigner.generate("witness.example/w1", COSIGNATURE)


@pytest.fixture
def make_witness(database, signer):
    def make(*benches):
        trusted = [TrustedLog(bench.origin, (bench.signer.verifier,)) for bench in benches]
        return Witness(database, signer, trusted)

    return make


async def refused(witness, body, kind, code):
    with pytest.raises(kind) as caught:
        await witness.add_checkpoint(body)
    assert caught.value.code == code
    return caught.value


async def test_a_log_that_grows_is_cosigned(bench, make_witness, make_entry, signer):
    witness = make_witness(bench)
    with bench.open() as log:
        old = 0
        for count in (0, 1, 0, 5, 300, 1000):
            log.append([make_entry(log.size + number) for number in range(count)])
            signed = log.checkpoint()
            answer = await witness.add_checkpoint(request(old, log.consistency(old), signed))
            (line,) = parse_signatures(answer)
            assert signer.verifier.verify(checkpoints.read(signed)[0].text, line.signature)
            old = log.size
    assert witness.check().ok


async def test_a_wrong_old_size_is_answered_with_the_right_one(bench, make_witness, make_entry):
    witness = make_witness(bench)
    with bench.open() as log:
        log.append([make_entry(number) for number in range(9)])
        await witness.add_checkpoint(request(0, [], log.checkpoint()))
        log.append([make_entry(9)])
        for old in (0, 3, 10):
            error = await refused(
                witness, request(old, log.consistency(old), log.checkpoint()), Conflict, "ledger.witness_size"
            )
            assert error.facts["size"] == 9
        await witness.add_checkpoint(request(9, log.consistency(9), log.checkpoint()))


async def test_a_fork_is_refused_and_two_trees_of_one_size_are_an_alarm(
    bench, make_bench, make_witness, make_entry, database
):
    fork = make_bench("fork")
    fork.signer = bench.signer
    witness = make_witness(bench)
    with bench.open() as log, fork.open() as other:
        log.append([make_entry(number) for number in range(9)])
        other.append([make_entry(number) for number in range(8)] + [bytes(32)])
        await witness.add_checkpoint(request(0, [], log.checkpoint()))
        await refused(witness, request(9, [], other.checkpoint()), Conflict, "ledger.witness_fork")
        assert not witness.check().ok
        assert bench.origin in witness.check().detail
        other.append([make_entry(1)])
        longer = request(9, other.consistency(9), other.checkpoint())
        await refused(witness, longer, LineshaftError, "ledger.proof_rejected")
        log.append([make_entry(9)])
        await witness.add_checkpoint(request(9, log.consistency(9), log.checkpoint()))
    again = Witness(database, NoteSigner.generate("again", COSIGNATURE), [])
    await again.start()
    assert not again.check().ok  # the evidence outlives a restart


async def test_a_bad_proof_that_anybody_may_send_is_no_alarm(bench, make_witness, make_entry):
    witness = make_witness(bench)
    with bench.open() as log:
        log.append([make_entry(number) for number in range(9)])
        await witness.add_checkpoint(request(0, [], log.checkpoint()))
        log.append([make_entry(9)])
        proof = log.consistency(9)
        for wrong in ([], proof[1:], [*proof, bytes(32)], [bytes(32), *proof[1:]]):
            await refused(witness, request(9, wrong, log.checkpoint()), LineshaftError, "ledger.proof_rejected")
        assert witness.check().ok
        await witness.add_checkpoint(request(9, proof, log.checkpoint()))


async def test_the_first_request_has_no_proof_and_an_empty_tree_its_own_root(bench, make_witness):
    witness = make_witness(bench)
    await refused(
        witness, request(0, [bytes(32)], head_note(bench.signer, 5, bytes(32))), LineshaftError, "ledger.proof_rejected"
    )
    await refused(witness, request(0, [], head_note(bench.signer, 0, bytes(32))), Conflict, "ledger.witness_fork")
    await witness.add_checkpoint(request(0, [], head_note(bench.signer, 0, merkle.EMPTY_ROOT)))


async def test_strangers_are_refused(bench, make_bench, make_witness):
    witness, foreign = make_witness(bench), make_bench("foreign", "lineshaft.99.2/main/audit")
    root = bytes(32)
    unknown = head_note(foreign.signer, 5, root)
    await refused(witness, request(0, [], unknown), NotFound, "ledger.origin_unknown")
    other_key = head_note(foreign.signer, 5, root, origin=bench.origin)
    await refused(witness, request(0, [], other_key), Forbidden, "ledger.signature_untrusted")
    good = head_note(bench.signer, 5, root)
    await refused(witness, request(0, [], good.replace(b"\n5\n", b"\n6\n")), Forbidden, "ledger.signature_untrusted")
    await refused(witness, request(6, [], good), InvalidInput, "ledger.witness_request_invalid")


@pytest.mark.parametrize(
    "head",
    [b"", b"old", b"old 01", b"old -1", b"old 1 ", b"new 1", b"old 0\nAAAA", b"old 0\n" + b"A" * 43 + b"=\n" * 2,
     b"\n".join([b"old 0"] + [base64.b64encode(bytes(32))] * 64), b"old 0\nx" * 3, b"old 0\r", b"\xff"],
)  # fmt: skip
async def test_malformed_requests_are_refused(bench, make_witness, head):
    good = head_note(bench.signer, 5, bytes(32))
    with pytest.raises(InvalidInput):
        await make_witness(bench).add_checkpoint(head + b"\n\n" + good)
    with pytest.raises(InvalidInput):
        await make_witness(bench).add_checkpoint(b"old 0\n\n" + good[:-3])


async def test_of_two_forks_at_once_only_one_is_cosigned(bench, make_bench, make_witness, make_entry):
    witness = make_witness(bench)
    forks = []
    for number in range(8):
        fork = make_bench(f"fork{number}")
        fork.signer = bench.signer
        with fork.open() as log:
            log.append([make_entry(0), make_entry(number + 1)])
            forks.append(request(0, [], log.checkpoint()))
    answers = await asyncio.gather(*map(witness.add_checkpoint, forks), return_exceptions=True)
    assert sum(isinstance(answer, bytes) for answer in answers) == 1
    assert all(isinstance(answer, bytes | Conflict) for answer in answers), answers


async def test_racing_growth_never_rolls_back(bench, make_witness, make_entry):
    witness = make_witness(bench)
    with bench.open() as log:
        log.append([make_entry(0)])
        await witness.add_checkpoint(request(0, [], log.checkpoint()))
        bodies = []
        for number in range(1, 9):
            log.append([make_entry(number)])
            bodies.append(request(1, log.consistency(1), log.checkpoint()))
        answers = await asyncio.gather(*map(witness.add_checkpoint, bodies), return_exceptions=True)
        cosigned = [index for index, answer in enumerate(answers) if isinstance(answer, bytes)]
        assert len(cosigned) == 1
        error = await refused(witness, bodies[0], Conflict, "ledger.witness_size")
        assert error.facts["size"] == cosigned[0] + 2


def test_the_settings_name_logs_and_witnesses():
    log, second, witness = (
        NoteSigner.generate("a/log"),
        NoteSigner.generate("a/log"),
        NoteSigner.generate("w", COSIGNATURE),
    )
    (trusted,) = trusted_logs([f"a/log {log.vkey}", f"a/log {second.vkey}"])
    assert [key.vkey for key in trusted.keys] == [log.vkey, second.vkey]
    (asked,) = trusted_witnesses([f"https://w.example/api/v1/ledger/witness/ {witness.vkey}"])
    assert (asked.url, asked.key.vkey) == ("https://w.example/api/v1/ledger/witness", witness.vkey)
    for wrong in ("", log.vkey, "a/log nothing", f"a/log {witness.vkey}"):
        with pytest.raises(InvalidInput) as caught:
            trusted_logs([wrong])
        assert caught.value.code == "ledger.trust_invalid"
    for wrong in (f"ftp://w {witness.vkey}", f"https://w {log.vkey}"):
        with pytest.raises(InvalidInput):
            trusted_witnesses([wrong])
