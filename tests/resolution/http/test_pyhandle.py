"""pyhandle, unchanged: its own integration tests, and a script with a password and with a client certificate.

Its tests come with the package and are copied only to stand beside the file of settings that they read. What they ask of
the public resolver is left out, and so is what this release of pyhandle fails whatever a server answers.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pyhandle
import pytest

from lineshaft.resolution.values.json_form import value_from_json

SUITE = """
import sys, unittest, unittest.mock
sys.modules["mock"] = unittest.mock
sys.path.insert(0, sys.argv[1])
BROKEN = (
    "global_resolve",  # asks the public resolver
    "with_credentials",  # makes credentials without the `client` that they must name
    "test_register_handle.", "generate_and_register",  # give additional_URLs, which raises NotImplementedError, or is no data
    "delete_handle_inexistent",  # expects None where delete_handle raises HandleNotFoundException
)
suite = unittest.TestSuite()
for module in sys.argv[2:]:
    for case in unittest.defaultTestLoader.loadTestsFromName(module):
        suite.addTests(one for one in case if not any(name in one.id() + "." for name in BROKEN))
result = unittest.TextTestRunner().run(suite)
print("ran", result.testsRun)
sys.exit(not result.wasSuccessful())
"""
SCRIPT = """
import json, sys
from pyhandle.clientcredentials import PIDClientCredentials
from pyhandle.client.resthandleclient import RESTHandleClient
from pyhandle.handleexceptions import HandleAlreadyExistsException, HandleAuthenticationError, HandleNotFoundException

settings = {"client": "rest", **json.loads(sys.argv[1])}
wrong = settings.pop("wrong", None)
prefix = "88.1000.1"
client = RESTHandleClient.instantiate_with_credentials(PIDClientCredentials(**settings))
handle = client.register_handle(prefix + "/PYH-" + sys.argv[2], "https://a.example/1", checksum="77", BATCH="b")
try:
    client.register_handle(handle, "https://a.example/2")
    raise SystemExit("registered twice")
except HandleAlreadyExistsException:
    pass
client.register_handle(handle, "https://a.example/3", overwrite=True, BATCH="c")
assert client.retrieve_handle_record(handle)["URL"] == "https://a.example/3"
client.modify_handle_value(handle, URL="https://a.example/4", COLOUR="red", ttl=60)
assert client.get_value_from_handle(handle, "COLOUR") == "red"
client.delete_handle_value(handle, "COLOUR")
assert client.get_value_from_handle(handle, "COLOUR") is None
record = client.retrieve_handle_record_json(handle, indices=[1])
assert [value["index"] for value in record["values"]] == [1], record
assert len(client.retrieve_handle_record_json(handle, type=["URL", "BATCH"])["values"]) == 2
made = client.generate_and_register_handle(prefix, "https://a.example/5")
assert client.delete_handle(made) and client.retrieve_handle_record(made) is None
client.register_handle_json(handle, [{"index": 1, "type": "URL", "data": {"format": "string", "value": "x"}}], overwrite=True)
client.delete_handle(handle)
try:
    client.modify_handle_value(handle, URL="u")
    raise SystemExit("modified what is gone")
except HandleNotFoundException:
    pass
if wrong:
    other = RESTHandleClient.instantiate_with_credentials(PIDClientCredentials(**{**settings, "password": wrong}))
    try:
        other.register_handle(prefix + "/no", "u")
        raise SystemExit("registered with a wrong password")
    except HandleAuthenticationError:
        pass
print("done")
"""
USER = "300:21.T14999/B2HANDLE_INTEGRATION_TESTS"


def run(code, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def its_node(tmp_path, serve, node_of):
    """A node with the prefix and the handles that the tests are written for."""

    def one(index, kind, data, permissions="1110"):
        return value_from_json({"index": index, "type": kind, "data": data, "permissions": permissions})

    admin = {"format": "admin", "value": {"handle": USER[4:], "index": 300, "permissions": "011111110011"}}
    record = [
        one(4, "TEST4", "val4"),
        one(100, "HS_ADMIN", admin),
        one(111, "TEST1", "val1"),
        one(222, "TEST2", "val2"),
    ]
    records = {
        b"0.NA/21.T14999": [one(100, "HS_ADMIN", admin)],
        USER[4:].encode(): [one(300, "HS_SECKEY", "secret", "1100"), one(100, "HS_ADMIN", admin)],
        b"21.T14999/READ": record, b"21.T14999/WRITE": record,
    }  # fmt: skip
    return serve(*node_of(tmp_path / "records", [b"21.T14999"], records, []))


def test_its_own_read_and_write_tests_pass(its_node, tmp_path):
    source = Path(pyhandle.__file__).parent / "tests"
    shutil.copytree(source / "testcases", tmp_path / "testcases")
    (tmp_path / "resources").mkdir()
    settings = {
        "user": USER, "password": "secret", "HTTPS_verify": its_node.authority,
        "handle_server_url_read": its_node.secure, "handle_server_url_write": its_node.secure,
        "url_extension_REST_API": "/api/handles/", "handle_for_read_tests": "21.T14999/READ",
        "handle_globally_resolvable": "", "handle_to_be_modified": "21.T14999/WRITE",
        "handle_to_be_created": "21.T14999/NEW",
    }  # fmt: skip
    (tmp_path / "resources" / "testvalues_for_integration_tests_IGNORE.json").write_text(json.dumps(settings))
    modules = ["testcases.handleclient_read_integration_test", "testcases.handleclient_write_integration_test"]
    assert "ran 22" in run(SUITE, str(tmp_path), *modules)


def test_a_script_with_a_password(reference_node):
    settings = {
        "handle_server_url": reference_node.secure, "HTTPS_verify": reference_node.authority,
        "username": "300:88.1000.1/ADMIN", "password": "secret", "handleowner": "300:88.1000.1/ADMIN", "wrong": "guess",
    }  # fmt: skip
    assert "done" in run(SCRIPT, json.dumps(settings), "1")


def test_a_script_with_a_client_certificate(reference_node, client_identity):
    settings = {
        "handle_server_url": reference_node.secure, "HTTPS_verify": reference_node.authority,
        "handleowner": "301:88.1000.1/ADMIN", "certificate_and_key": str(client_identity.both),
    }  # fmt: skip
    assert "done" in run(SCRIPT, json.dumps(settings), "2")
