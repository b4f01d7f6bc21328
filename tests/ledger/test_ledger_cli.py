"""`lineshaft ledger` as people and programs call it."""

import json

import pytest
from typer.testing import CliRunner

from lineshaft.core.errors import Corrupt, InvalidInput, NotFound
from lineshaft.core.home import Home
from lineshaft.ledger import places
from lineshaft.ledger.cli import app
from lineshaft.ledger.notes import COSIGNATURE, NoteSigner


def run(*arguments, fails=None):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if fails is None:
        assert result.exception is None, result.output
    else:
        assert isinstance(result.exception, fails), result.output
    return result


@pytest.fixture
def home(tmp_path):
    place = Home(tmp_path / "home")
    place.prepare()
    return place


@pytest.fixture
def audit(home, make_bench):
    made = make_bench("home/ledger/audit")
    made.filled(30)
    return made


def test_a_good_log_is_said_to_be_good(audit):
    result = run("verify", audit.folder, "--key", audit.signer.vkey)
    assert "as it was signed" in result.stdout
    assert "Warning" not in result.stderr
    answer = json.loads(run("verify", audit.folder, "--key", audit.signer.vkey, "--json").stdout)
    assert (answer["ok"], answer["size"], answer["origin"], answer["problems"]) == (True, 30, audit.origin, [])


def test_without_a_key_it_warns_that_it_trusts_the_folder(audit):
    result = run("verify", audit.folder)
    assert "Warning" in result.stderr
    assert audit.signer.vkey in result.stderr
    (audit.folder / "key").unlink()
    run("verify", audit.folder, fails=NotFound)


def test_a_changed_log_is_named_and_the_command_fails(audit):
    path = audit.folder / "tile/entries/000.p/30"
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(data)
    result = run("verify", audit.folder, "--key", audit.signer.vkey, fails=Corrupt)
    assert "tile/entries/000.p/30: entry 1 is not the one that was signed" in result.stdout
    assert result.exception.code == "ledger.verification_failed"
    result = run("verify", audit.folder, "-k", audit.signer.vkey, "--json", fails=Corrupt)
    (problem,) = json.loads(result.stdout)["problems"]
    assert (problem["kind"], problem["file"], problem["index"]) == ("entry_altered", "tile/entries/000.p/30", 1)


def test_keys_and_logs_are_shown(home, audit, make_bench):
    witness = NoteSigner.generate("witness", COSIGNATURE)
    assert run("key", "audit", "--home", home.path).stdout == f"{audit.signer.vkey}\n"
    run("key", "witness", "--home", home.path, fails=NotFound)
    run("key", "../keys", "--home", home.path, fails=NotFound)
    places.publish_witness_key(home, witness.vkey)
    assert run("key", "witness", "--home", home.path).stdout == f"{witness.vkey}\n"
    keys = json.loads(run("key", "--home", home.path, "--json").stdout)
    assert keys == [{"log": "audit", "key": audit.signer.vkey}, {"log": "witness", "key": witness.vkey}]
    make_bench("home/ledger/young").open().close()
    rows = json.loads(run("show", "--home", home.path, "--json").stdout)
    assert [(row["log"], row["size"], row["cosigned"]) for row in rows] == [("audit", 30, 0), ("young", 0, 0)]


def test_whom_we_witness_and_ask_is_shown(home, audit):
    witness = NoteSigner.generate("witness", COSIGNATURE)
    assert json.loads(run("witness", "--home", home.path, "--json").stdout) == []
    home.settings_file.write_text(
        f'[ledger]\nwitnessed = ["{audit.origin} {audit.signer.vkey}"]\nwitnesses = ["https://w.example {witness.vkey}"]\n'
    )
    rows = json.loads(run("witness", "--home", home.path, "--json").stdout)
    assert [(row["role"], row["who"]) for row in rows] == [
        ("we witness", audit.origin), ("we ask", "witness https://w.example"),
    ]  # fmt: skip


def test_a_folder_without_a_log_is_named(tmp_path):
    result = run("verify", tmp_path / "nowhere", fails=InvalidInput)
    assert result.exception.code == "ledger.folder_without_log"
    assert "nowhere" in str(result.exception)
