"""Batches, proofs and commands against a node over HTTP."""

import base64
import contextlib
import json

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner

from lineshaft.core.errors import Corrupt, InvalidInput, LineshaftError
from lineshaft.resolution import changes, codes
from lineshaft.resolution.auth import keys
from lineshaft.resolution.cli import app
from lineshaft.resolution.http.client import Credentials, NodeClient
from lineshaft.resolution.model import Reference
from lineshaft.resolution.proofs import verify_proof

ADMIN = Reference(b"88.1000.1/ADMIN", 300)
pytestmark = pytest.mark.usefixtures("logs_elsewhere")
ADMIN_VALUE = {
    "index": 100, "type": "HS_ADMIN",
    "data": {"format": "admin", "value": {"handle": "88.1000.1/ADMIN", "index": 300, "permissions": "011111110011"}},
}  # fmt: skip


def line(handle, *values):
    given = [{"index": 1, "type": "URL", "data": "https://a.example/电机"}, *values]
    return json.dumps({"handle": handle, "values": given}).encode()


@pytest.fixture
def client(reference_node):
    with NodeClient(reference_node.plain, Credentials(ADMIN, b"secret")) as client:
        yield client


@pytest.fixture
def command(reference_node, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret\n")

    def run(*arguments, status=0, identity=True):
        who = ["--as", "300:88.1000.1/ADMIN", "--secret-file", str(secret)] if identity else []
        result = CliRunner().invoke(app, [*arguments, "--node", reference_node.plain, *who])
        if status == 0 and result.exception is not None:
            raise result.exception
        assert result.exit_code == status, result.output
        return result.stdout

    return run


def count_of(served):
    """Records of the prefix, by the digest that is kept of it."""
    served.node.store.renew()
    return changes.digest_of(served.node.store, b"88.1000.1").records


def codes_of(results):
    return [one["responseCode"] for one in results]


def test_each_line_of_a_batch_has_its_own_result(client, reference_node):
    before = count_of(reference_node)
    lines = [
        line("88.1000.1/B1"), line("88.1000.1/B2", {"index": 1, "type": "NOTE", "data": "twice"}), b"{nonsense",
        line("99.1/B3"), line("88.1000.1/B4", ADMIN_VALUE), line("88.1000.1/ADMIN"), line("no-slash"),
        line("88.1000.1/B5", {"index": 2, "type": "RAW", "data": {"format": "hex", "value": "00ff"}, "permissions": "1100"}),
    ]  # fmt: skip
    results = client.batch(lines)
    assert codes_of(results) == [1, 202, 202, codes.RC_NOT_RESPONSIBLE, 1, codes.RC_HANDLE_EXISTS, 202, 1]
    assert [one["handle"] for one in results[:2]] == ["88.1000.1/B1", "88.1000.1/B2"]
    assert count_of(reference_node) == before + 3
    assert codes_of(client.batch(lines)) == codes_of(results)  # said again: nothing changes, everything succeeds again
    assert client.values("88.1000.1/B1")[0]["data"]["value"] == "https://a.example/电机"
    changed = [line("88.1000.1/B1", {"index": 9, "type": "NOTE", "data": "n"})]
    assert codes_of(client.batch(changed)) == [codes.RC_HANDLE_EXISTS]
    assert codes_of(
        client.batch([line("88.1000.1/B4", ADMIN_VALUE, {"index": 9, "type": "NOTE", "data": "n"})], overwrite=True)
    ) == [1]


def test_log_and_digest_follow_a_batch_as_they_follow_single_changes(client, reference_node):
    store = reference_node.node.store
    client.batch([line(f"88.1000.1/S{number % 700}") for number in range(1500)])
    pairs = [*store.scan(b"88.1000.1/")]
    store.renew()
    assert changes.digest_of(store, b"88.1000.1") == changes.computed_digest(pairs)
    logged = [entry.key for entry in changes.entries(store, 0, 10_000)]
    assert sorted(key for key in logged if key.startswith(b"88.1000.1/")) == [key for key, _ in pairs]


def test_a_batch_without_a_right_or_a_secret_is_refused(reference_node):
    with (
        NodeClient(reference_node.plain, Credentials(ADMIN, b"wrong")) as client,
        pytest.raises(LineshaftError) as refused,
    ):
        client.batch([line("88.1000.1/B1")])
    assert refused.value.facts.get("response_code", 401) != 1
    url = f"{reference_node.plain}/api/v1/resolution/handles:batch"
    assert httpx.post(url, content=line("88.1000.1/B1"), timeout=60).status_code == 403
    assert (
        httpx.post(url, content=line("88.1000.1/B1"), auth=("300%3A88.1000.1/ADMIN", "secret"), timeout=60).status_code
        == 403
    )
    assert httpx.get(f"{reference_node.plain}/api/handles/88.1000.1/B1", timeout=60).status_code == 404


def test_every_registration_has_a_proof_that_holds_offline(client, reference_node):
    client.batch([line(f"88.1000.1/P{number}", ADMIN_VALUE) for number in range(37)])
    client.register("88.1000.1/Q", [{"index": 1, "type": "URL", "data": "u"}, ADMIN_VALUE])
    client.put("88.1000.1/P9", [{"index": 2, "type": "NOTE", "data": "n"}])
    client.delete("88.1000.1/P9", [1])
    key = keys.encode_public_key(keys.decode_public_key(reference_node.node.site.servers[0].public_key))
    for handle in ("88.1000.1/P0", "88.1000.1/p36", "88.1000.1/Q", "88.1000.1/P9"):
        proof = client.proof(handle)
        found = verify_proof(proof, key=key)
        assert (found.handle, found.origin, found.key_known) == (handle, "node.example", True)
        public = [value for value in client.values(handle) if value.get("permissions", "1110")[2] == "1"]
        assert found.values == public
        assert verify_proof(proof).key_known is False
    assert client.proof("88.1000.1/P0")["batch"]["size"] == 37
    with pytest.raises(LineshaftError):
        client.proof("88.1000.1/NOPE")


def test_a_proof_that_was_changed_anywhere_does_not_hold(client):
    client.batch([line(f"88.1000.1/P{number}") for number in range(5)])
    proof = client.proof("88.1000.1/P3")
    batch = proof["batch"]
    other = base64.b64encode(b"\0" * 32).decode()
    for changed in (
        {"handle": "88.1000.1/P4"}, {"record": proof["record"].replace("A", "B", 1)},
        {"batch": {**batch, "index": batch["index"] ^ 1}}, {"batch": {**batch, "time": batch["time"] + 1}},
        {"batch": {**batch, "root": other}}, {"batch": {**batch, "origin": "node.other"}},
        {"batch": {**batch, "path": [other, *batch["path"][1:]]}}, {"batch": {**batch, "size": batch["size"] + 1}},
    ):  # fmt: skip
        with pytest.raises((Corrupt, InvalidInput)):
            verify_proof(proof | changed)
    with pytest.raises(Corrupt):
        verify_proof(proof, key=b"another")
    with pytest.raises(InvalidInput):
        verify_proof({"form": "else"})


def test_a_node_with_a_log_enters_each_batch_in_it(tmp_path, client, reference_node):
    from lineshaft.ledger import notes
    from lineshaft.resolution.entries import Entering, Entries

    signer, folder = notes.NoteSigner.generate("node.example/registrations"), tmp_path / "log"
    reference_node.proofs._log = Entries(
        folder, reference_node.proofs._key, signer.vkey
    )  # as its maker would have given it
    client.batch([line("88.1000.1/L1"), line("88.1000.1/L2")])
    client.batch([line("88.1000.1/L3")])
    with contextlib.closing(Entering(reference_node.node.store, folder, signer.private_text)) as entering:
        assert entering.step() == 2
    proof = client.proof("88.1000.1/L2")
    found = verify_proof(proof, log_key=signer.vkey)
    assert (found.log_origin, found.log_index, found.log_known) == (signer.name, 0, True)
    with pytest.raises(Corrupt):
        verify_proof(proof, log_key=notes.NoteSigner.generate(signer.name).vkey)


def test_commands_register_change_and_delete(command):
    made = json.loads(command("register", "88.1000.1/C1", "--value", "URL=https://a.example", "--json"))
    assert made == {"handle": "88.1000.1/C1", "values": 2}
    command("update", "88.1000.1/C1", "--value", "5:NOTE=five")
    command("delete", "88.1000.1/C1", "--index", "1")
    exported = [json.loads(one) for one in command("export", "88.1000.1").splitlines()]
    found = next(one for one in exported if one["handle"] == "88.1000.1/C1")
    assert [value["index"] for value in found["values"]] == [5, 100]
    assert len(exported) == 10
    command("delete", "88.1000.1/C1", "--yes")
    with pytest.raises(LineshaftError):
        command("delete", "88.1000.1/C1", "--yes")
    with pytest.raises(InvalidInput):
        command("register", "88.1000.1/C2", "--value", "nonsense")


def test_ten_thousand_products_are_imported_by_one_command(command, tmp_path, reference_node):
    file = tmp_path / "products.csv"
    rows = "".join(f"SN{number:06},https://a.example/{number},Motor {number % 7},\n" for number in range(10_000))
    file.write_text("suffix,URL,3:NAME,BATCH\n" + rows + "a b,https://a.example/x,,\nSN000001,other,,\n", "utf-8")
    faults = tmp_path / "faults.ndjson"
    output = command("import", str(file), "--prefix", "88.1000.1", "--faults", str(faults), "--json", status=1)
    answer = json.loads(output)
    assert (answer["registered"], answer["refused"]) == (10_001, 1)
    (fault,) = map(json.loads, faults.read_text().splitlines())
    assert (fault["line"], fault["handle"], fault["responseCode"]) == (10_003, "88.1000.1/SN000001", 101)
    assert count_of(reference_node) == 10_010
    assert not [*tmp_path.glob("*.resume")]


def test_an_interrupted_import_goes_on_behind_its_last_line(command, tmp_path, monkeypatch, reference_node):
    file = tmp_path / "products.ndjson"
    file.write_bytes(b"\n".join(line(f"88.1000.1/R{number}") for number in range(9192)))
    batch, sent = NodeClient.batch, []

    def cut(self, lines, **options):
        if sent:
            raise KeyboardInterrupt
        sent.append(lines)
        return batch(self, lines, **options)

    monkeypatch.setattr(NodeClient, "batch", cut)
    command("import", str(file), status=130)
    assert json.loads((tmp_path / "products.ndjson.resume").read_text())["line"] == 8192
    monkeypatch.setattr(NodeClient, "batch", batch)
    answer = json.loads(command("import", str(file), "--json"))
    assert answer == {"registered": 1000, "refused": 0, "skipped_lines": 8192, "faults": []}


def test_a_proof_is_fetched_and_checked_by_commands(command, reference_node, tmp_path):
    command("register", "88.1000.1/C1", "--value", "URL=https://a.example")
    file, pem = tmp_path / "proof.json", tmp_path / "node.pem"
    command("proof", "get", "88.1000.1/C1", "--file", str(file), identity=False)
    public = keys.decode_public_key(reference_node.node.site.servers[0].public_key)
    pem.write_text(public.pem() if callable(public.pem) else public.pem)
    result = CliRunner().invoke(app, ["proof", "verify", str(file), "--key", str(pem), "--json"])
    found = json.loads(result.stdout)
    assert (found["handle"], found["key_known"]) == ("88.1000.1/C1", True)
    assert serialization.load_pem_public_key(pem.read_bytes())
