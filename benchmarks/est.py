"""Enrolment: how many EST enrolments (P-256) one second of processor time carries.

A real box; machines on real sockets, each with a TLS connection of its own: handshake, `simpleenroll` with a one-time
token, answer, end. Counted is the processor time of the web and the access process, user and system, in slices, so that
the machine's noise shows; the bus's server and the client (keys, requests and handshakes of its own) are printed beside.
    enrol   simpleenroll with a token, a connection each
    renew   simplereenroll with the certificate just made, a connection each: mutual TLS
    peer    as many bare TLS handshakes of the same sort on a plain server, and as many requests checked and
            certificates signed with `cryptography`, in one process: what the cryptography alone takes
Last line: one JSON object.
"""

import argparse
import asyncio
import base64
import datetime as dt
import json
import ssl
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lineshaft.cli.testing import Box, running_box
from lineshaft.client import connect

TARGET = 200.0
TOGETHER = 32
SLICES = 4
COUNTED = ("web", "access")


class Machine:
    """One device: its key, its request, its certificate."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.key, hashes.SHA256())
        self.der = request.public_bytes(serialization.Encoding.DER)
        self.body = base64.b64encode(self.der)
        self.secret = ""
        self.answer = b""

    def message(self, operation: str) -> bytes:
        login = base64.b64encode(f"{self.name}:{self.secret}".encode()).decode()
        proof = f"Authorization: Basic {login}\r\n" if operation == "simpleenroll" else ""
        return (
            f"POST /.well-known/est/{operation} HTTP/1.1\r\nHost: a\r\nContent-Type: application/pkcs10\r\n{proof}"
            f"Connection: close\r\nContent-Length: {len(self.body)}\r\n\r\n"
        ).encode() + self.body

    def context(self, authority: Path, folder: Path) -> ssl.SSLContext:
        """TLS that shows the certificate."""
        from cryptography.hazmat.primitives.serialization import pkcs7

        made = pkcs7.load_der_pkcs7_certificates(base64.b64decode(self.answer))[0]
        pem = made.public_bytes(serialization.Encoding.PEM) + private_pem(self.key)
        file = folder / f"{self.name}.pem"
        file.write_bytes(pem)
        context = ssl.create_default_context(cafile=str(authority))
        context.load_cert_chain(file)
        return context


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def processor(pids: list[int]) -> float:
    return sum(sum(psutil.Process(pid).cpu_times()[:2]) for pid in pids)


async def call(port: int, context: ssl.SSLContext, message: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    writer.write(message)
    answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"refused: {answer[:400]!r}")
    return body


async def all_of(machines: list[Machine], port: int, operation: str, contexts: list[ssl.SSLContext]) -> None:
    gate = asyncio.Semaphore(TOGETHER)

    async def one(machine: Machine, context: ssl.SSLContext) -> None:
        async with gate:
            machine.answer = await call(port, context, machine.message(operation))

    await asyncio.gather(*(one(machine, context) for machine, context in zip(machines, contexts, strict=True)))


def measure(
    box: Box, machines: list[Machine], port: int, operation: str, contexts: list[ssl.SSLContext]
) -> list[float]:
    """Enrolments per second of processor time, a figure for each slice."""
    counted = {name: [box.pid(name) or 0] for name in (*COUNTED, "bus")}
    size, rates = len(machines) // SLICES, []
    for number in range(SLICES):
        part = slice(number * size, (number + 1) * size)
        before, client, began = (
            {name: processor(counted[name]) for name in counted},
            time.process_time(),
            time.monotonic(),
        )
        uvloop.run(all_of(machines[part], port, operation, contexts[part]))
        spent = {name: processor(counted[name]) - before[name] for name in counted}
        rates.append(size / sum(spent[name] for name in COUNTED))
        each = ", ".join(f"{name} {1e3 * seconds / size:.2f} ms" for name, seconds in spent.items())
        print(
            f"{operation:<15} {size} in {time.monotonic() - began:.2f} s: {each},"
            f" client {1e3 * (time.process_time() - client) / size:.2f} ms"
        )
    return rates


def invite(box: Box, machines: list[Machine]) -> None:
    with connect(home=box.home.path) as client:
        for machine in machines:
            body = {"name": machine.name, "kind": "device"}
            machine.secret = client.request("POST", "/api/v1/access/enrolment/invitations", json=body)["secret"]


# -- the peer -------------------------------------------------------------------------------------------------------


def peer(machines: list[Machine], folder: Path) -> float:
    """Bare handshakes, and requests checked and certificates signed, per second of processor time."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    own = sign(name, name, key.public_key(), key)
    file = folder / "peer.pem"
    file.write_bytes(own.public_bytes(serialization.Encoding.PEM) + private_pem(key))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    spent = sum(handshake(server, client) for _ in machines)
    began = time.process_time()
    for machine in machines:
        request = x509.load_der_x509_csr(machine.der)
        assert request.is_signature_valid
        sign(request.subject, name, request.public_key(), key).public_bytes(serialization.Encoding.DER)
    return len(machines) / (spent + time.process_time() - began)


def sign(subject: x509.Name, issuer: x509.Name, public: Any, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=90))
        .sign(key, hashes.SHA256())
    )


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> float:
    """Processor time of the server's half of a handshake in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server)
    spent, done = 0.0, False
    while not done:
        done = step(theirs)
        began = time.process_time()
        done = step(ours) and done
        spent += time.process_time() - began
    return spent


def step(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, default=400)
    machines = [Machine(f"device-{number}") for number in range(parser.parse_args().machines)]
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        alone = peer(machines, folder)
        with running_box(folder / "home", demo=False) as box:
            invite(box, machines)
            listening = json.loads((box.home.run / "web.json").read_bytes())
            port = int(listening["device_url"].rsplit(":", 1)[1])
            authority = box.home.run / "certs/ca.crt"
            plain = ssl.create_default_context(cafile=str(authority))
            enrol = measure(box, machines, port, "simpleenroll", [plain] * len(machines))
            contexts = [machine.context(authority, folder) for machine in machines]
            renew = measure(box, machines, port, "simplereenroll", contexts)
    result = {
        "benchmark": "est", "enrol_per_cpu_s": round(statistics.median(enrol), 1),
        "enrol_per_cpu_s_slices": [round(rate, 1) for rate in enrol], "enrol_per_cpu_s_must": TARGET,
        "renew_per_cpu_s": round(statistics.median(renew), 1), "peer_per_cpu_s": round(alone, 1),
        "ratio_to_peer": round(alone / statistics.median(enrol), 2),
    }  # fmt: skip
    print(f"cryptography alone: {alone:.0f} per second of processor time")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
