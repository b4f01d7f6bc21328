"""Over HTTP and by the command line: list, issue, revoke, and what everybody may have."""

import asyncio
import json

import pytest
import structlog
from cryptography import x509
from typer.testing import CliRunner

from lineshaft.access.messages import CreatePrincipal
from lineshaft.access.model import Actor
from lineshaft.access.pki.cli import app
from lineshaft.access.pki.testing import der_of, openssl, request_for

ROOT = "/api/v1/access"


@pytest.fixture(autouse=True)
def logs_elsewhere():
    """The access service logs in this process: not into what the commands print."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
async def local(site):
    actor = Actor.of(site.office.principal("local"))
    await site.office.administration.create_principal(
        CreatePrincipal(actor=actor, name="press", kind="device", roles=[])
    )
    async with site.local() as client:
        yield client


async def issued(client, **fields):
    answer = await client.post(f"{ROOT}/certificates", json={"name": "press", "csr": request_for().decode(), **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_issue_read_revoke(site, local, condition):
    made = await issued(local)
    fingerprint = made["certificate"]["fingerprint"]
    read = await local.get(f"{ROOT}/certificates/{fingerprint}")
    assert read.json() == made["certificate"]
    caller = await site.office.access.principal_of_certificate(der_of(made["chain"]))
    assert caller.name == "press"
    done = await local.post(f"{ROOT}/certificates/{fingerprint}/revoke", json={"reason": "keyCompromise"})
    assert (done.status_code, done.json()["reason"]) == (200, "keyCompromise")

    async def on_the_list() -> bool:
        answer = await local.get(f"{ROOT}/crl")
        serial = int(made["certificate"]["serial"], 16)
        return serial in {line.serial_number for line in x509.load_der_x509_crl(answer.content)}

    await condition(on_the_list)


async def test_the_list_is_paged(site, local):
    for _ in range(3):
        await issued(local)
    first = (await local.get(f"{ROOT}/certificates", params={"name": "press", "limit": 2})).json()
    rest = (await local.get(f"{ROOT}/certificates", params={"name": "press", "cursor": first["next"]})).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    everything = (await local.get(f"{ROOT}/certificates", params={"limit": 1000})).json()["items"]
    assert {"root", "issuing", "service", "server", "device"} == {item["profile"] for item in everything}
    assert (await local.get(f"{ROOT}/certificates", params={"cursor": "nonsense"})).status_code == 400


async def test_wrong_requests_are_answered_with_their_reason(site, local):
    async def refused(**fields):
        body = {"name": "press", "csr": request_for().decode(), **fields}
        answer = await local.post(f"{ROOT}/certificates", json=body)
        return answer.status_code, answer.json()["code"]

    assert await refused(csr="nonsense") == (400, "access.csr_unreadable")
    assert await refused(csr=request_for("web").decode()) == (400, "access.csr_foreign_name")
    assert await refused(profile="service") == (409, "access.profile_not_for_kind")
    assert await refused(name="web", profile="service") == (409, "access.no_certificate")
    assert await refused(name="nobody") == (404, "access.principal_unknown")
    answer = await local.post(f"{ROOT}/certificates/{'0' * 64}/revoke", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "access.certificate_unknown")


async def test_everybody_may_have_the_authority_and_the_list_and_nothing_else(site, tmp_path):
    async with site.browser() as stranger:
        ca, crl = await stranger.get(f"{ROOT}/ca.pem"), await stranger.get(f"{ROOT}/crl")
        assert (ca.headers["content-type"], crl.headers["content-type"]) == (
            "application/pem-certificate-chain", "application/pkix-crl",
        )  # fmt: skip
        (tmp_path / "ca.pem").write_bytes(ca.content)
        (tmp_path / "crl.der").write_bytes(crl.content)
        checked = openssl(
            "crl", "-inform", "der", "-in", tmp_path / "crl.der", "-CAfile", tmp_path / "ca.pem", "-noout"
        )
        assert checked.stderr.startswith(b"verify OK")
        assert (await stranger.get(f"{ROOT}/certificates")).status_code == 401
        assert (await stranger.get(f"{ROOT}/certificates/{'0' * 64}")).status_code == 401


async def test_the_command_line_does_the_same(site, local, tmp_path):
    def pki(*arguments: object) -> str:
        command = [*map(str, arguments), "--home", str(site.plant.home.path)]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    (tmp_path / "press.csr").write_bytes(request_for())
    made = json.loads(await asyncio.to_thread(pki, "issue", "press", tmp_path / "press.csr", "--json"))
    assert made["certificate"]["name"] == "press"
    await asyncio.to_thread(pki, "issue", "press", tmp_path / "press.csr", "--out", tmp_path / "press.crt")
    assert (tmp_path / "press.crt").read_text().count("BEGIN CERTIFICATE") == 2
    assert len(json.loads(await asyncio.to_thread(pki, "list", "press", "--json"))) == 2
    assert "press" in await asyncio.to_thread(pki, "list")
    fingerprint = made["certificate"]["fingerprint"]
    assert "superseded" in await asyncio.to_thread(pki, "revoke", fingerprint, "--reason", "superseded", "--yes")
    assert "BEGIN X509 CRL" in await asyncio.to_thread(pki, "crl")
    shown = json.loads(await asyncio.to_thread(pki, "show", "--json"))
    assert (shown["root_key"], shown["request"]) == ("here", None)
