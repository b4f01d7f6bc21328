"""The logs over HTTP: what a foreign verifier needs, without signing in; and the witness's answers."""

import base64

import pytest

from lineshaft.core import clock
from lineshaft.ledger import checkpoints, merkle, places
from lineshaft.ledger.notes import NoteVerifier, parse_signatures
from lineshaft.ledger.tiles import unbundle
from lineshaft.ledger.verify import verify_folder


@pytest.fixture
async def box(make_installation):
    made = await make_installation("box")
    made.log = made.bench("audit")
    made.entries = made.log.filled(300, 400)
    return made


async def test_a_log_can_be_copied_and_verified_by_anybody(box, tmp_path):
    from lineshaft.ledger.tiles import tile_paths

    copy = tmp_path / "copy"
    async with box.client() as client:
        for path in ["checkpoint", "key", *tile_paths(700)]:
            answer = await client.get(f"/audit/{path}")
            assert answer.status_code == 200, path
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            (copy / path).write_bytes(answer.content)
        listed = (await client.get("")).json()["items"]
    report = verify_folder(copy, [box.log.signer.vkey])
    assert report.ok, report.problems
    assert report.entries == 700
    assert [(item["log"], item["size"], item["origin"]) for item in listed] == [("audit", 700, box.log.origin)]
    written = (box.log.folder / "checkpoint").stat().st_mtime_ns // 1000
    assert [item["signed"] for item in listed] == [clock.rfc3339(written)]


async def test_proofs_hold(box, make_entry):
    async with box.client() as client:
        for index, size in ((0, None), (699, None), (5, 300), (299, 300)):
            params = {"index": index} | ({} if size is None else {"size": size})
            answer = (await client.get("/audit/proof/inclusion", params=params)).json()
            proof = [base64.b64decode(value) for value in answer["proof"]]
            root, leaf = base64.b64decode(answer["root"]), base64.b64decode(answer["leaf"])
            assert leaf == merkle.leaf_hash(make_entry(index))
            assert merkle.verify_inclusion(index, answer["size"], leaf, proof, root)
        answer = (await client.get("/audit/proof/consistency", params={"old": 300})).json()
        proof = [base64.b64decode(value) for value in answer["proof"]]
        roots = [base64.b64decode(answer[name]) for name in ("old_root", "new_root")]
        assert merkle.verify_consistency(300, 700, proof, *roots)
        signed = checkpoints.read((await client.get("/audit/checkpoint")).content)
        assert signed[1].root == roots[1]
        assert signed[0].signed_by(NoteVerifier.parse((await client.get("/audit/key")).text))


async def test_headers_say_what_may_be_kept(box):
    async with box.client() as client:
        kept = {
            path: (await client.get(f"/audit/{path}")).headers
            for path in ("tile/0/000", "tile/0/002.p/188", "tile/entries/001", "checkpoint")
        }
    assert "immutable" in kept["tile/0/000"]["cache-control"]
    assert "immutable" in kept["tile/entries/001"]["cache-control"]
    assert kept["tile/0/002.p/188"]["cache-control"] == "public, max-age=86400"
    assert kept["checkpoint"]["cache-control"] == "public, max-age=1"
    assert kept["checkpoint"]["content-type"] == "text/plain; charset=utf-8"
    assert kept["tile/0/000"]["content-type"] == "application/octet-stream"


async def test_an_old_partial_tile_is_still_served(box):
    async with box.client() as client:
        answer = await client.get("/audit/tile/entries/001.p/44")
    assert list(unbundle(answer.content)) == box.entries[256:300]


FOREIGN = (
    "audit/tile/0/0", "audit/tile/0/000.p/0", "audit/tile/0/000.p/256", "audit/tile/0/x000/000", "audit/tile/00/000",
    "audit/tile/64/000", "audit/tile/..%2fkey", "audit/tile/0/%2e%2e/%2e%2e/%2e%2e/journal", "audit/tile//etc/passwd",
    "audit/tile/0/003", "audit/tile/9/000", "audit/tile/entries/000.p/1%00", "audit/tile/0/000%0a", "none/checkpoint",
    "Audit/checkpoint", "..%2fkeys/checkpoint", "%2e%2e/checkpoint", "witness/checkpoint", "audit%00/key", "audit/journal",
    "audit/lock", "audit/tile/0/\u0660\u0660\u0660",
)  # fmt: skip


async def test_no_other_file_is_reached(box):
    async with box.client() as client:
        for path in FOREIGN:
            answer = await client.get(f"/{path}")
            assert answer.status_code in (400, 404, 405), path
            assert b"LSJ1" not in answer.content


async def test_what_the_tree_does_not_have_is_refused_clearly(box):
    refused = {
        "proof/inclusion?index=700": "ledger.index_out_of_range",
        "proof/inclusion?index=5&size=5": "ledger.index_out_of_range",
        "proof/inclusion?index=0&size=701": "ledger.size_out_of_range",
        "proof/consistency?old=701": "ledger.size_out_of_range",
        "proof/consistency?old=5&new=4": "ledger.size_out_of_range",
        "proof/inclusion?index=-1": None,
        "proof/inclusion?index=x": None,
        "proof/inclusion": None,
        "proof/consistency?old=99999999999999999999999": None,
    }
    async with box.client() as client:
        for path, code in refused.items():
            answer = await client.get(f"/audit/{path}")
            assert answer.status_code == 400, path
            assert code is None or answer.json()["code"] == code


async def test_a_witness_answers_as_the_protocol_says(box, make_installation, make_entry):
    other = await make_installation("other")
    log = other.bench("audit")
    box.trusts(log)
    with log.open() as writer:
        writer.append([make_entry(0), make_entry(1)])
        signed = writer.checkpoint()
        async with box.client() as client:

            async def send(body: bytes):
                return await client.post("/witness/add-checkpoint", content=body)

            answer = await send(b"old 0\n\n" + signed)
            assert answer.status_code == 200
            (line,) = parse_signatures(answer.content)
            assert box.signer.verifier.verify(checkpoints.read(signed)[0].text, line.signature)
            answer = await send(b"old 0\n\n" + signed)
            assert (answer.status_code, answer.content) == (409, b"2\n")
            assert answer.headers["content-type"].startswith("text/x.tlog.size")
            writer.append([make_entry(2)])
            answer = await send(b"old 2\n" + base64.b64encode(bytes(32)) + b"\n\n" + writer.checkpoint())
            assert (answer.status_code, answer.json()["code"]) == (422, "ledger.proof_rejected")
            assert (await send(b"junk")).status_code == 400
            assert (await send(b"old 9\n\n" + signed)).status_code == 400
            assert (await send(b"old 0\n\n" + signed.replace(b"\n2\n", b"\n7\n"))).status_code == 403
            foreign = checkpoints.read((box.log.folder / "checkpoint").read_bytes())[0]
            box.trusts()
            assert (await send(b"old 0\n\n" + bytes(foreign))).status_code == 404
            assert (await send(b"old 0\n\n" + b"x" * 200_000)).status_code == 413


async def test_the_witness_key_is_public(box):
    async with box.client() as client:
        assert (await client.get("/witness/key")).status_code == 404
        places.publish_witness_key(box.home, box.signer.vkey)
        assert (await client.get("/witness/key")).text == f"{box.signer.vkey}\n"


async def test_an_installation_without_logs_lists_none(make_installation):
    empty = await make_installation("empty")
    empty.bench("young").open().close()
    async with empty.client() as client:
        assert (await client.get("")).json() == {"items": []}
        answer = await client.get("/young/checkpoint")
    assert (answer.status_code, answer.json()["code"]) == (404, "ledger.nothing_signed")
