"""Enrolment as `curl` and `openssl` see it: RFC 7030 by programs that know nothing of us."""

import asyncio

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from lineshaft.access.est.messages import Enrol
from lineshaft.access.store import AUDIT
from lineshaft.core import trace

MINE = ("--cert", "device.crt", "--key", "device.key")

pytestmark = [pytest.mark.peer("openssl", "curl"), pytest.mark.timeout(120)]


async def test_the_authorities_certificates_are_given_to_everybody(machine, station):
    status, answer = await machine.curl("/.well-known/est/cacerts")
    assert status == 200
    given = x509.load_pem_x509_certificates((await machine.certificates(answer)).encode())
    assert {*given} == {*x509.load_pem_x509_certificates(station.authority.read_bytes())}


async def test_what_a_request_should_hold_is_said_in_asn1(machine):
    status, answer = await machine.curl("/.well-known/est/csrattrs")
    der = await machine.openssl("base64", "-d", feed=answer)
    parsed = (await machine.openssl("asn1parse", "-inform", "DER", feed=der)).decode()
    assert status == 200
    assert [word in parsed for word in ("id-ecPublicKey", "prime256v1", "ecdsa-with-SHA256")] == [True] * 3


async def test_a_one_time_token_gets_a_certificate_for_at_most_ninety_days(machine, station):
    await machine.enrolled("press-7")
    await machine.openssl("verify", "-CAfile", str(station.authority), "device.crt")
    made = x509.load_pem_x509_certificates((machine.folder / "device.crt").read_bytes())[0]
    assert made.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == "press-7"
    assert (made.not_valid_after_utc - made.not_valid_before_utc).days <= 90
    assert station.certificates("press-7") == [made.fingerprint(hashes.SHA256()).hex()]


async def test_a_certificate_renews_itself_with_a_new_key(machine, station):
    await machine.enrolled("press-7")
    await machine.request("/CN=press-7", key="next.key")
    status, answer = await machine.enrol(*MINE, operation="simplereenroll")
    assert status == 200
    renewed = x509.load_pem_x509_certificates((await machine.certificates(answer)).encode())[0]
    before = x509.load_pem_x509_certificates((machine.folder / "device.crt").read_bytes())[0]
    assert isinstance(renewed.public_key(), ec.EllipticCurvePublicKey)
    assert renewed.public_key() != before.public_key()
    assert renewed.subject == before.subject
    assert len(station.certificates("press-7")) == 2


async def test_a_certificate_may_be_renewed_with_its_key(machine, station):
    await machine.enrolled("press-7")
    await machine.request("/CN=press-7", new=False)
    assert (await machine.enrol(*MINE, operation="simplereenroll"))[0] == 200


async def test_a_certificate_cannot_get_one_for_another_name(machine, station):
    await machine.enrolled("press-7")
    await station.invite("press-8")
    await machine.request("/CN=press-8", key="next.key")
    status, answer = await machine.enrol(*MINE, operation="simplereenroll")
    assert status == 400
    assert b"press-8" in answer
    assert station.certificates("press-8") == []


async def test_many_at_once_get_one_certificate_each(machine, station):
    names = [f"press-{number}" for number in range(12)]
    secrets = [await station.invite(name) for name in names]
    for name in names:
        await machine.request(f"/CN={name}")
        (machine.folder / "request.b64").rename(machine.folder / f"{name}.b64")
    answers = await asyncio.gather(
        *(
            machine.enrol("-u", f"{name}:{secret}", body=f"{name}.b64")
            for name, secret in zip(names, secrets, strict=True)
        )
    )
    assert [status for status, _ in answers] == [200] * 12
    assert [len(station.certificates(name)) for name in names] == [1] * 12


async def test_an_enrolment_is_recorded_with_its_certificate_and_without_its_token(machine, station):
    await machine.enrolled("press-7")
    (entry,) = await station.recorded("access:enrol")
    assert entry["outcome"] == "done"
    assert entry["fingerprint"] == station.certificates("press-7")[0]
    assert entry["via"] == "token"


async def test_enrolments_that_share_a_transaction_keep_their_own_traces(station):
    names = ["press-1", "press-2", "press-3"]
    secrets = [await station.invite(name) for name in names]

    async def enrol(name: str, secret: str) -> str:
        trace.begin(None)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        request = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
        await station.ask(Enrol(request=request.public_bytes(Encoding.DER), renew=False, name=name, secret=secret))
        return trace.current()

    traces = await asyncio.gather(*(enrol(name, secret) for name, secret in zip(names, secrets, strict=True)))
    with station.database.read() as connection:
        rows = connection.execute(select(AUDIT.c.trace).where(AUDIT.c.action == "access:enrol")).scalars().all()
    assert len({*traces}) == 3
    assert {*rows} == {*traces}
