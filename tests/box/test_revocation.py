"""Who is revoked is out within five seconds: bus, HTTP, gateway and live connections, all of them real."""

import asyncio
import concurrent.futures
import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
import websockets.exceptions
from asyncua import Server, ua
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from websockets.sync.client import connect

from lineshaft.bus.server import free_port
from lineshaft.cli.testing import running_box
from lineshaft.core.home import Home
from lineshaft.edge.enrolment.papers import Papers

pytestmark = pytest.mark.timeout(300)
SECONDS = 5.0 if os.environ.get("LINESHAFT_SOAK") == "1" else 60.0
"""Five is the promise; with others on the machine nobody can hold it to the second."""
PLANT = "acme/hall/area/line/cell"


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    with running_box(tmp_path_factory.mktemp("revocation") / "home", demo=False) as running:
        yield running


class Clock:
    """Time since an order was given, and waiting until its effect is there."""

    def __init__(self):
        self._began = time.monotonic()

    def until(self, condition, what):
        """Wait at most what is left of the time; says how long it took."""
        while not condition():
            assert time.monotonic() - self._began < SECONDS, f"not within {SECONDS} s: {what}"
            time.sleep(0.02)
        self.note(what, time.monotonic())

    def note(self, what, at):
        assert at - self._began < SECONDS, f"not within {SECONDS} s: {what}"
        print(f"{at - self._began:.2f} s: {what}")


# -- a gateway on a machine of its own --------------------------------------------------------------------------------------


class Gateway:
    """A second home on this machine, enrolled, with its own process."""

    def __init__(self, box, folder, name):
        token = box.lineshaft("edge", "invite", name).stdout.strip()
        self.home = Home(folder / name)
        box.lineshaft("edge", "enrol", token, "--home", str(self.home.path))
        self.name = name
        self._box = box
        self._context = ssl.create_default_context(cafile=str(Papers(self.home).authority))
        self._context.load_cert_chain(Papers(self.home).identity)

    @contextlib.contextmanager
    def running(self):
        argv = [sys.executable, "-m", "lineshaft.cli.main", "run", "gateway", "--home", str(self.home.path)]
        with self.output.open("wb") as out:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        try:
            self._box.until(lambda: self.readiness() == 200, f"{self.name} is ready, its bus reached")
            yield self
        finally:
            process.terminate()
            process.wait(60)

    @property
    def output(self):
        return self.home.path / "gateway.out"

    def readiness(self):
        """The gateway's own word, as an HTTP status; 0 where it says nothing."""
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.settimeout(30)
                line.connect(str(self.home.socket("gateway")))
                line.sendall(b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return int(line.recv(64).split()[1])
        except (OSError, IndexError):
            return 0

    def call(self):
        """Status and code that the device listener gives to the gateway's certificate; 0 where it ends the call itself."""
        try:
            answer = httpx.get(f"{self._url}/api/v1/access/session", verify=self._context, trust_env=False, timeout=30)
        except httpx.TransportError:  # a revocation ends what is under way
            return 0, ""
        return answer.status_code, answer.json().get("code")

    def connection(self):
        """An open connection that has made one request."""
        where = urlsplit(self._url)
        line = self._context.wrap_socket(
            socket.create_connection((where.hostname, where.port)), server_hostname=where.hostname
        )
        line.sendall(b"GET /api/v1/access/session HTTP/1.1\r\nHost: a\r\n\r\n")
        assert line.recv(65536).startswith(b"HTTP/1.1 ")
        return line

    @property
    def _url(self):
        return Papers(self.home).server().url


def ended_at(line):
    """When the other side hangs up."""
    line.settimeout(90)
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while line.recv(65536):
            pass
    return time.monotonic()


def test_a_revoked_gateway_is_out_of_the_bus_and_of_http(box, tmp_path):
    gateway = Gateway(box, tmp_path, "gateway-east")
    with gateway.running(), concurrent.futures.ThreadPoolExecutor() as pool, gateway.connection() as line:
        (row,) = [row for row in box.json("access", "list") if row["name"] == "gateway-east"]
        assert (row["kind"], row["revoked"]) == ("service", None)
        (certificate,) = box.json("pki", "list", "gateway-east")
        assert certificate["revoked"] is None
        assert gateway.call()[1] != "access.certificate_refused"
        end = pool.submit(ended_at, line)
        revoked = Clock()
        box.lineshaft("access", "revoke", "gateway-east", "--yes")
        revoked.until(lambda: gateway.readiness() == 503, "the gateway has lost its bus")
        revoked.until(
            lambda: gateway.call() == (401, "access.certificate_refused"), "its certificate is refused by HTTP"
        )
        revoked.note("its open HTTPS connection is closed", end.result(90))
        (certificate,) = box.json("pki", "list", "gateway-east")
        assert certificate["revoked"] is not None


def test_a_gateway_whose_last_certificate_is_revoked_leaves_the_bus(box, tmp_path):
    gateway = Gateway(box, tmp_path, "gateway-south")
    with gateway.running():
        box.lineshaft("edge", "renew", "--home", str(gateway.home.path))
        newer, older = (row["fingerprint"] for row in box.json("pki", "list", "gateway-south"))
        box.lineshaft("pki", "revoke", older, "--reason", "superseded", "--yes")
        assert box.json("audit", "search", "--action", "access:revoke_certificate")[0]["facts"]["void_keys"] == []
        assert gateway.readiness() == 200
        revoked = Clock()
        box.lineshaft("pki", "revoke", newer, "--reason", "keyCompromise", "--yes")
        revoked.until(lambda: gateway.readiness() == 503, "the gateway has lost its bus")


# -- a device whose certificate is ours -------------------------------------------------------------------------------------


class OpcUaServer:
    """A foreign OPC UA server with a certificate that the box has issued; open to anonymous clients, always encrypted."""

    def __init__(self, box, folder, name):
        self.name = name
        self.url = f"opc.tcp://127.0.0.1:{free_port('127.0.0.1')}/"
        box.lineshaft("access", "create", name, "--kind", "device")
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        (folder / "csr.pem").write_bytes(request.public_bytes(serialization.Encoding.PEM))
        box.lineshaft("pki", "issue", name, str(folder / "csr.pem"), "--profile", "server", "--host", "127.0.0.1",
                      "--out", str(folder / "chain.pem"))  # fmt: skip
        self.certificate = x509.load_pem_x509_certificate((folder / "chain.pem").read_bytes())
        self._der, self._key = folder / "server.der", folder / "server.pem"
        self._der.write_bytes(self.certificate.public_bytes(serialization.Encoding.DER))
        self._key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.fingerprint = self.certificate.fingerprint(hashes.SHA256()).hex()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @contextlib.contextmanager
    def running(self):
        self._thread.start()
        self._call(self._start())
        try:
            yield self
        finally:
            self._call(self._server.stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def sessions(self):
        """How many clients are signed in."""
        processors = [client.processor for client in self._server.bserver.clients]
        return sum(1 for each in processors if each and each.session and each.session.is_activated())

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _start(self):
        server = self._server = Server()
        await server.init()
        server.set_endpoint(self.url)
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
        names = self.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        (uri,) = names.get_values_for_type(x509.UniformResourceIdentifier)
        await server.set_application_uri(uri)
        await server.load_certificate(self._der)
        await server.load_private_key(self._key)
        await server.register_namespace("urn:press")
        await server.nodes.objects.add_variable(ua.NodeId("Level", 2), "Level", 1.5, ua.VariantType.Double)
        await server.start()


@pytest.fixture(scope="module")
def server(box, tmp_path_factory):
    with OpcUaServer(box, tmp_path_factory.mktemp("press"), "press-7").running() as running:
        yield running


def test_a_server_certificate_is_one_that_opc_ua_accepts(server):
    usage = server.certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment


def test_gateways_hang_up_on_a_device_whose_certificate_is_revoked(box, server, tmp_path):
    """Both the box's own gateway and one that has enrolled; the values of both are in the history."""
    east = Gateway(box, tmp_path, "gateway-west")
    points = tmp_path / "points.json"
    points.write_text(json.dumps([{"name": "level", "address": "ns=2;s=Level"}]))
    with east.running():
        for gateway in ("gateway", "gateway-west"):
            box.lineshaft(
                "device", "add", f"press-{gateway}", "--endpoint", server.url, "--path", f"{PLANT}/{gateway}", "--gateway",
                gateway, "-o", "identity=anonymous", "-o", f"server_fingerprint={server.fingerprint}", "--points", str(points),
            )  # fmt: skip
        box.until(lambda: server.sessions() == 2, "both gateways are connected")
        box.until(lambda: box.good_values() == 2, "the values of both are live")
        path = f"{PLANT}/gateway-west/level"
        query = ("history", "query", path, "--from", "-10m")
        box.until(lambda: 1.5 in [row["value"] for row in box.json(*query)], "and in the history")
        revoked = Clock()
        box.lineshaft("pki", "revoke", server.fingerprint, "--yes")
        revoked.until(lambda: server.sessions() == 0, "both gateways have hung up")
        revoked.until(lambda: "edge.certificate_revoked" in east.output.read_text(), "the enrolled one refuses it")
        revoked.until(lambda: refusal(box) == "edge.certificate_revoked", "the box's own refuses it")
        assert server.sessions() == 0


def refusal(box):
    return next(device["code"] for device in box.json("device", "status")["devices"])


def test_another_gateways_device_is_not_asked_by_the_boxs_own(box):
    box.lineshaft("access", "create", "gateway-north", "--kind", "service", "--template", "gateway")
    box.lineshaft("device", "add", "far", "--endpoint", "opc.tcp://127.0.0.1:1/", "--path", f"{PLANT}/far", "--gateway",
                  "gateway-north", "-o", "identity=anonymous")  # fmt: skip
    assert "gateway-north" in box.lineshaft("device", "test", "far", check=False).stderr
    misspelled = box.lineshaft("device", "add", "lost", "--endpoint", "opc.tcp://127.0.0.1:1/", "--path", f"{PLANT}/lost",
                               "--gateway", "gateway-nord", "-o", "identity=anonymous", check=False)  # fmt: skip
    assert misspelled.returncode != 0


# -- a person ---------------------------------------------------------------------------------------------------------------


def closed_at(live):
    """When the server ends a live socket."""
    with contextlib.suppress(websockets.exceptions.ConnectionClosed):
        while True:
            live.recv(90)
    return time.monotonic()


def test_a_revoked_persons_session_token_and_live_sockets_end(box):
    url = json.loads((box.home.run / "web.json").read_text())["url"]
    live = f"{url.replace('http', 'ws', 1)}/api/v1/live"
    invitation = box.json("access", "create", "alice", "--role", "viewer")["invitation"]
    token = box.json(
        "access", "token", "create", "her script", "--for", "alice", "--scope", "access:self", "--scope", "history:read"
    )["text"]
    bearer = {"Authorization": f"Bearer {token}"}
    with contextlib.ExitStack() as stack:
        session = stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=60))
        program = stack.enter_context(httpx.Client(base_url=url, trust_env=False, headers=bearer, timeout=60))
        redeemed = session.post("/api/v1/access/invitations/redeem", json={
            "invitation": invitation["path"].rpartition("#")[2].rpartition("=")[2], "password": "seven brown horses graze",
        })  # fmt: skip
        assert redeemed.status_code == 201, redeemed.text
        cookie = {"Cookie": f"lineshaft_session={session.cookies['lineshaft_session']}", "Origin": url}
        sockets = {
            name: stack.enter_context(connect(live, additional_headers=headers, proxy=None, open_timeout=60))
            for name, headers in (("session", cookie), ("token", bearer))
        }
        callers = {"session": session, "token": program}
        assert {status(caller) for caller in callers.values()} == {200}
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor())
        ends = {name: pool.submit(closed_at, one) for name, one in sockets.items()}
        revoked = Clock()
        box.lineshaft("access", "revoke", "alice", "--yes")
        for name, caller in callers.items():
            revoked.until(lambda caller=caller: status(caller) == 401, f"her {name} is refused")
        for name, end in ends.items():
            revoked.note(f"her live socket by {name} is closed", end.result(90))


def status(client):
    return client.get("/api/v1/access/session").status_code
