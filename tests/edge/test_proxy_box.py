"""The Modbus proxy of a whole box: configured over HTTP, and what it refused stands in the installation's audit trail."""

import os
import socket
import ssl
import struct
import subprocess
from pathlib import Path

import pytest

from lineshaft.cli.testing import running_box
from lineshaft.client import connect
from lineshaft.core.errors import LineshaftError

pytestmark = pytest.mark.timeout(300)  # a whole box starts within a test's time

PEERS = Path(__file__).parents[1] / "peers"
POLICY = """
@id("panel")
permit (principal == Principal::"127.0.0.1", action in Action::"write", resource == Device::"meter")
when { context.start == 40 && context.maximum <= 80000000 };
"""
POINTS = [{"name": "speed", "address": "holding:40", "type": "uint16", "scale": "0.1", "access": "read-write"}]


@pytest.fixture
def libmodbus_port(tmp_path):
    """A libmodbus server of this test's own."""
    program = tmp_path / "modbus_server"
    command = ["cc", "-O2", "-o", program, PEERS / "modbus_server.c", "-I/usr/include/modbus", "-lmodbus"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        assert os.environ.get("LINESHAFT_REQUIRE_PEERS") != "1"
        pytest.skip("libmodbus cannot be compiled against")
    with subprocess.Popen([program, "0", "1000"], stdout=subprocess.PIPE, text=True) as process:
        yield int(process.stdout.readline().split()[1])
        process.kill()


def ask(port, pdu, context=None):
    with socket.create_connection(("127.0.0.1", port), timeout=30) as plain:
        way = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        way.sendall(struct.pack(">HHHB", 1, 0, len(pdu) + 1, 1) + pdu)
        answer = way.recv(300)
        way.close()
        return answer[7:]


@pytest.mark.peer("cc")
def test_a_foreign_write_outside_the_policy_is_refused_and_recorded(tmp_path, libmodbus_port):
    with running_box(tmp_path / "home", demo=False) as box, connect(home=box.home.path) as client:
        client.request("POST", "/api/v1/edge/devices", json={
            "name": "meter", "driver": "modbus", "endpoint": f"modbus-tcp://127.0.0.1:{libmodbus_port}",
            "path": "a/b/c/d/e/meter", "groups": [{"name": "main", "mode": "poll", "period_ms": 100}], "points": POINTS,
            "gateway": "gateway", "options": {"timeout_seconds": 30},
        })  # fmt: skip
        parts = "/api/v1/edge/gateways/gateway/parts"
        bad = {"listeners": [{"port": 0, "device": "meter", "clients": ["0.0.0.0/0"]}]}
        with pytest.raises(LineshaftError, match="whole world"):
            client.request("PUT", f"{parts}/modbus_proxy", json=bad)
        client.request("PUT", f"{parts}/guard", json={"policy": POLICY})
        listeners = [{"port": 0, "device": "meter"}, {"port": 0, "device": "meter", "tls": {}}]
        client.request("PUT", f"{parts}/modbus_proxy", json={"listeners": listeners})

        def opened():
            status = client.request("GET", "/api/v1/edge/status", params={"gateway": "gateway"})["parts"]
            return status.get("modbus_proxy", {}).get("listeners", [])

        def listens():
            ports = [listener["port"] for listener in opened()]  # 0 until it is open
            return len(ports) == 2 and all(ports)

        box.until(listens, "the proxy listens")
        plain, secure = (listener["port"] for listener in opened())
        allowed, refused = struct.pack(">BHH", 6, 40, 123), struct.pack(">BHH", 6, 41, 5)
        assert ask(plain, allowed) == allowed
        assert ask(plain, refused) == b"\x86\1"
        certificates = box.home.run / "certs"
        context = ssl.create_default_context(cafile=certificates / "ca.crt")
        context.check_hostname = False  # the gateway's certificate names the gateway, not a host
        context.load_cert_chain(certificates / "history.crt", certificates / "history.key")
        assert ask(secure, struct.pack(">BHH", 3, 40, 1), context) == b"\x03\2\0\x7b"
        assert ask(secure, allowed, context) == b"\x86\1", "another principal, for whom there is no rule"

        def entries(action):
            return client.request("GET", "/api/v1/access/audit", params={"action": action})["items"]

        box.until(lambda: entries("guard:passed") and len(entries("guard:denied")) == 2, "the trail has them")
        (passed,) = entries("guard:passed")
        assert (passed["facts"]["client"], passed["facts"]["rules"]) == ("127.0.0.1", ["panel"])
        assert (passed["resource"], passed["facts"]["values"]) == ("meter/speed", [12_300_000])
        denied = {entry["facts"]["client"]: entry for entry in entries("guard:denied")}
        assert denied["127.0.0.1"]["facts"]["start"] == 41
        assert any("history" in client for client in denied)
