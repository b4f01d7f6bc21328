"""`lineshaft id resolve`, `trace`, `verify`, `site`, `list`, `sign` and `certify` against servers on loopback."""

import asyncio
import json
import threading

import msgspec
import pytest
from typer.testing import CliRunner

from lineshaft.core import suites
from lineshaft.core.errors import Corrupt, Forbidden, InvalidInput, NotFound, Unavailable
from lineshaft.resolution.auth import keys
from lineshaft.resolution.cli import app
from lineshaft.resolution.client import fingerprint
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.proofs import Proofs
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.refusals import error_of
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.values.json_form import value_to_json
from lineshaft.resolution.values.site_json import site_to_json

PUMP = "88.100/PUMP-7"
pytestmark = pytest.mark.usefixtures("logs_elsewhere")


@pytest.fixture
def space(new_hierarchy, tmp_path):
    """The hierarchy in a thread of its own, and the files that commands want."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="hierarchy")
    thread.start()

    def within(work):
        return asyncio.run_coroutine_threadsafe(work, loop).result(60)

    try:
        within(new_hierarchy.start())
        new_hierarchy.files = tmp_path
        trust = keys.to_jwk(keys.public_key_of(new_hierarchy.administrators["key"].key))
        content = {"sites": [site_to_json(new_hierarchy.root.homes.site)], "trust": [trust]}
        (tmp_path / "roots.json").write_bytes(msgspec.json.encode(content))
        (tmp_path / "secret").write_bytes(b"a secret\n")
        (tmp_path / "key.pem").write_text(new_hierarchy.administrators["key"].key.pem())
        yield new_hierarchy
        within(new_hierarchy.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(60)
        loop.close()


@pytest.fixture
def call(space, monkeypatch):
    monkeypatch.setenv("LINESHAFT_LANGUAGE", "en")

    def run(*arguments, roots=True):
        given = [*arguments, *(["--roots", str(space.files / "roots.json")] if roots else [])]
        result = CliRunner().invoke(app, given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result

    return run


def test_values_are_shown_with_where_they_came_from(call, space):
    shown = call("resolve", PUMP).output
    assert "https://a.example/7" in shown
    assert "authoritative" in shown
    assert call("resolve", PUMP, "--type", "URL", "--short").stdout == "https://a.example/7\n"
    found = json.loads(call("resolve", PUMP, "--certified", "--json").stdout)
    assert (found["signed"], found["authoritative"], found["stale"]) == (True, True, False)
    at = f"127.0.0.1:{space.a.port}"
    assert json.loads(call("resolve", PUMP, "--at", at, "--json", roots=False).stdout)["server"] == at
    mine = call("resolve", PUMP, "--as", "301:88.100/ADMIN", "--key-file", str(space.files / "key.pem")).output
    assert "internal" in mine
    assert "(secret)" in call(
        "resolve", "88.100/ADMIN", "--as", "300:88.100/ADMIN", "--secret-file", str(space.files / "secret")
    ).output  # fmt: skip
    assert "88.200/ALIAS → 88.100/PUMP-7" in call("resolve", "88.200/ALIAS").output


def test_errors_say_what_to_do(call, space):
    with pytest.raises(NotFound) as error:
        call("resolve", PUMP, "--type", "ULR")
    assert error.value.hint == "It has URL."
    with pytest.raises(NotFound) as error:
        call("resolve", "88.100.9/x")
    assert error.value.facts["nearest"] == "88.100"
    with pytest.raises(NotFound):
        call("resolve", PUMP, "--at", f"127.0.0.1:{space.b.port}", roots=False)
    with pytest.raises(Forbidden):
        call("list", "88.100")
    with pytest.raises(InvalidInput) as error:
        call("resolve", PUMP, "--home", str(space.files), roots=False)
    assert error.value.code == "resolution.nowhere_to_start"
    for wrong in (["--as", "300:88.1/x"], ["--secret-file", "x"], ["--as", "nobody", "--key-file", "x"]):
        with pytest.raises(InvalidInput):
            call("resolve", PUMP, *wrong)
    assert isinstance(error_of(Refused(3), PUMP), Unavailable)


def test_the_way_to_a_handle_is_shown(call):
    hops = json.loads(call("trace", PUMP, "--json").stdout)["hops"]
    assert [(hop["handle"], hop["zone"]) for hop in hops] == [("0.NA/88", "."), ("0.NA/88.100", "88"), (PUMP, "88.100")]
    shown = call("trace", PUMP).output
    assert "0.NA/88.100" in shown


def test_a_site_and_a_list_are_shown(call, space):
    found = json.loads(call("site", "88.100", "--json").stdout)
    assert found["servers"][0]["interfaces"][0]["port"] == space.a.port
    assert str(space.a.port) in call("site", PUMP).output
    listed = call("list", "88.100", "--as", "300:88.100/ADMIN", "--secret-file", str(space.files / "secret")).stdout
    assert PUMP in listed.splitlines()


def test_a_record_is_signed_and_verified_online_and_offline(call, space):
    with pytest.raises(NotFound) as error:
        call("verify", PUMP)
    assert error.value.code == "resolution.record_unproved"
    key = ["--as", "301:88.100/ADMIN", "--key-file", str(space.files / "key.pem")]
    call("sign", PUMP, *key)
    call("sign", PUMP, *key)
    verdict = json.loads(call("verify", PUMP, "--json").stdout)
    assert verdict["proved"] == [1, 2, 100]
    assert verdict["unproved"] == []
    assert verdict["proofs"][0]["absent"] == [3]
    assert len(verdict["proofs"]) == 1
    assert "300" not in call("verify", PUMP).stdout
    records = space.files / "records.json"
    records.write_bytes(call("resolve", PUMP, "--json").stdout_bytes)
    assert "proved" in call("verify", PUMP, "--records", str(records)).output
    records.write_text(records.read_text().replace("a.example", "evil.example"))
    with pytest.raises(Corrupt) as error:
        call("verify", PUMP, "--records", str(records))
    assert error.value.facts["indexes"] == "1"


def test_a_certified_key_signs_for_its_prefix(call, space):
    signer = keys.generate_rsa()
    public = keys.encode_public_key(signer.public_key())
    space.put(space.a, b"88.100/SIGNER", [
        HandleValue(index=300, type=b"HS_PUBKEY", data=public), space.admin_value,
    ])  # fmt: skip
    (space.files / "signer.pem").write_bytes(_pem(signer))
    admin = ["--as", "300:88.100/ADMIN", "--secret-file", str(space.files / "secret")]
    call(
        "certify", "300:88.100/SIGNER", "--permission", "handlesUnderThisPrefix=0.NA/88.100", "--issuer", "301:88.100/ADMIN",
        "--issuer-key-file", str(space.files / "key.pem"), *admin,
    )  # fmt: skip
    space.put(
        space.a, b"88.100/PUMP-7", [HandleValue(index=1, type=b"URL", data=b"x"), space.admin_for(b"88.100/SIGNER")]
    )
    call(
        "sign",
        PUMP,
        "--as",
        "300:88.100/SIGNER",
        "--key-file",
        str(space.files / "signer.pem"),
        "--chain",
        "400:88.100/SIGNER",
    )
    verdict = json.loads(call("verify", PUMP, "--json").stdout)
    assert verdict["holds"]
    assert [link["subject"] for link in verdict["proofs"][0]["chain"]] == ["300:88.100/SIGNER", "301:88.100/ADMIN"]


def _pem(key):
    from cryptography.hazmat.primitives import serialization

    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture
def proof(space):
    """The proof of PUMP-7's registration by the node that holds it, as `id proof get` writes it."""
    space.put(space.a, PUMP.encode(), values := [HandleValue(index=1, type=b"URL", data=b"x", timestamp=7)])
    record = pack_record(values)
    with space.a.store.write() as transaction:
        space.a.proofs.record(transaction, [(PUMP.encode(), None, record)], 1, 7)
    made = space.a.proofs.proof_of(space.a.store, PUMP.encode(), record)

    def write(name="proof.json", **changes):
        path = space.files / name
        path.write_bytes(msgspec.json.encode(made | changes))
        return str(path)

    return write


def test_a_proof_is_believed_with_the_key_of_the_site_that_the_roots_lead_to(call, space, proof):
    verdict = json.loads(call("verify", PUMP, "--proof", proof(), "--json").stdout)
    assert (verdict["registered"]["origin"], verdict["registered"]["keyFrom"]) == ("88.100", "88.100")
    assert "of the servers of 88.100" in call("verify", PUMP, "--proof", proof()).output
    own = fingerprint(space.a.homes.site.servers[0].public_key)
    assert "(given)" in call("verify", PUMP, "--proof", proof(), "--proof-key", own.upper()).output


def test_a_proof_of_another_handle_values_or_key_is_not_believed(call, space, proof, tmp_path):
    space.put(space.a, b"88.100/TWIN", values := [HandleValue(index=1, type=b"URL", data=b"x", timestamp=7)])
    with pytest.raises(Corrupt, match=r"is of 88\.100/PUMP-7, not of 88\.100/TWIN"):
        call("verify", "88.100/TWIN", "--proof", proof())
    with pytest.raises(Corrupt, match="is not of the servers that hold"):
        call("verify", PUMP, "--proof", proof(), "--proof-key", "00" * 32)
    with pytest.raises(InvalidInput, match="neither the SHA-256"):
        call("verify", PUMP, "--proof", proof(), "--proof-key", "nonsense")
    with pytest.raises(Corrupt, match="entered in no log"):
        call("verify", PUMP, "--proof", proof(), "--log-key", "x")
    forger = Proofs("88.100", suites.PrivateKey.generate("ed25519"))
    store, record = MemoryStore(), pack_record(values)
    with store.write() as transaction:
        forger.record(transaction, [(PUMP.encode(), None, record)], 1, 7)
    forged = tmp_path / "forged.json"
    forged.write_bytes(msgspec.json.encode(forger.proof_of(store, PUMP.encode(), record)))
    with pytest.raises(Corrupt, match="is not of the servers that hold"):
        call("verify", PUMP, "--proof", str(forged))
    space.put(space.a, PUMP.encode(), [HandleValue(index=1, type=b"URL", data=b"y", timestamp=7)])
    with pytest.raises(Corrupt, match="other values"):
        call("verify", PUMP, "--proof", proof())


def test_a_proof_proves_nothing_of_values_that_it_does_not_cover(call, space, proof):
    own = fingerprint(space.a.homes.site.servers[0].public_key)
    found = json.loads(call("resolve", PUMP, "--json").stdout)
    added = HandleValue(index=2, type=b"URL", data=b"https://elsewhere.example", permissions=0b1100, timestamp=7)
    records = space.files / "records.json"

    def verify(*more, values):
        records.write_bytes(msgspec.json.encode(found | {"values": values}))
        given = ["verify", PUMP, "--records", str(records), "--proof", proof(), "--proof-key", own, *more]
        return CliRunner().invoke(app, [*given, "--roots", str(space.files / "roots.json")])

    for index in (2, 1):  # an index of its own, and one that stands there already
        private = value_to_json(msgspec.structs.replace(added, index=index))
        shown = verify(values=[*found["values"], private])
        assert isinstance(shown.exception, NotFound)
        assert shown.exception.code == "resolution.values_unproved"
        assert shown.exception.facts["indexes"] == str(index)
        assert "not proved" in next(line for line in shown.output.splitlines() if "elsewhere" in line)
    both = verify("--json", values=[*found["values"], value_to_json(added)])
    verdict = json.loads(both.stdout)
    assert (verdict["unproved"], verdict["registered"]["covered"]) == ([1, 2], [1])
    assert "proved by registration only" in verify(values=found["values"]).output


def test_offline_only_a_root_or_a_key_that_is_given_makes_a_proof_believed(call, space, proof):
    records = space.files / "records.json"
    records.write_bytes(call("resolve", PUMP, "--json").stdout_bytes)
    offline = ["verify", PUMP, "--records", str(records), "--proof", proof()]
    with pytest.raises(Corrupt, match="is not of the servers that hold"):
        call(*offline)
    own = fingerprint(space.a.homes.site.servers[0].public_key)
    assert "entered in no log yet" in call(*offline, "--proof-key", own).output
