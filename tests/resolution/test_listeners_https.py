"""The JSON API's ports: TLS, clients' certificates, heads of requests that are too long."""

import asyncio
import datetime as dt
import ssl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lineshaft.resolution.auth import keys
from lineshaft.resolution.service import make_certificate
from lineshaft.resolution.testing import RECORDS, admin, serving, value

ADMINISTRATOR = "301:88.1/ADMIN"
NEW = {"values": [{"index": 1, "type": "URL", "data": {"format": "string", "value": "https://p.example"}}]}


@pytest.fixture(scope="module")
def own():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def client_certificate(tmp_path, own):
    """A certificate that nobody but its owner signed, and its key, in one file."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, ADMINISTRATOR)])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(own.public_key())
        .serial_number(7).not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1)).sign(own, hashes.SHA256())
    )  # fmt: skip
    key = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "client.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + key)
    return path


def secure(tmp_path, client_certificate):
    make_certificate(tmp_path / "tls.crt", tmp_path / "tls.key", ["127.0.0.1"])
    return {
        "https_port": 0, "tls_certificate": str(tmp_path / "tls.crt"), "tls_key": str(tmp_path / "tls.key"),
        "client_authorities": str(client_certificate),
    }  # fmt: skip


async def test_a_client_certificate_proves_who_asks(tmp_path, client_certificate, own):
    public = value(301, keys.encode_public_key(own.public_key()), b"HS_PUBKEY")
    records = {**RECORDS, b"88.1/ADMIN": [*RECORDS[b"88.1/ADMIN"], public], b"0.NA/88.1": [admin(number=301)]}
    async with serving(records, http_port=0, **secure(tmp_path, client_certificate)) as server:
        url = f"https://127.0.0.1:{server.https_port}/api/handles/88.1/NEW"
        trusting = ssl.create_default_context(cafile=str(tmp_path / "tls.crt"))
        proof = {"Authorization": 'Handle clientCert="true"'}
        async with httpx.AsyncClient(verify=trusting, timeout=60) as client:
            assert (await client.get(url.replace("NEW", "ITEM"))).status_code == 200
            assert (await client.put(url, json=NEW, headers=proof)).status_code in {401, 403}
        trusting.load_cert_chain(client_certificate)
        async with httpx.AsyncClient(verify=trusting, timeout=60) as client:
            assert (await client.put(url, json=NEW, headers=proof)).status_code == 201
            plain = url.replace("https", "http").replace(str(server.https_port), str(server.http_port))
            assert (await client.get(plain)).json()["values"][0]["data"]["value"] == "https://p.example"
            assert (await client.put(plain, json=NEW, headers=proof)).status_code == 401


async def test_a_head_without_end_ends_the_connection():
    async with serving(http_port=0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.http_port)
        writer.write(b"GET /api/handles/88.1/ITEM HTTP/1.1\r\nHost: x\r\n")
        try:
            async with asyncio.timeout(60):
                while not reader.at_eof():
                    writer.write(b"X-Long: " + b"a" * 8000 + b"\r\n")
                    await writer.drain()
                    await asyncio.sleep(0)
        except ConnectionError:
            pass
        writer.close()
        async with httpx.AsyncClient(timeout=60) as client:
            found = await client.get(f"http://127.0.0.1:{server.http_port}/api/handles/88.1/ITEM")
            assert found.status_code == 200
