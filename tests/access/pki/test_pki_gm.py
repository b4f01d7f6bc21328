"""The suite gm: the authority signs with SM2, for keys of either suite; openssl agrees."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from lineshaft.access.pki.settings import PkiSettings
from lineshaft.access.pki.testing import SM2_OPTIONS, der_of, openssl, request_for
from lineshaft.core.errors import InvalidInput

pytestmark = pytest.mark.peer("openssl")


@pytest.fixture
def pki_settings():
    return PkiSettings(suite="gm")


def sm2_request(folder) -> bytes:
    key = folder / "sm2.key"
    assert openssl("genpkey", "-algorithm", "SM2", "-out", key).returncode == 0
    done = openssl("req", "-new", "-key", key, "-subj", "/CN=press", "-sm3", "-sigopt", "distid:1234567812345678")
    assert done.returncode == 0, done.stderr
    return done.stdout


async def test_openssl_verifies_chain_and_list_signed_with_sm2(bureau, tmp_path):
    await bureau.machine("press")
    issuing = bureau.keys / "issuing.crt"
    for request in (request_for("press"), sm2_request(tmp_path)):
        made = await bureau.issue("press", csr=request)
        (tmp_path / "press.crt").write_text(made.chain)
        # The program applies the identity to the certificate it is given only, so it goes link by link.
        for trust, checked in ((issuing, tmp_path / "press.crt"), (bureau.keys / "root.crt", issuing)):
            done = openssl("verify", *SM2_OPTIONS, "-partial_chain", "-trusted", trust, checked)
            assert done.returncode == 0, done.stderr
        assert b"SM2-with-SM3" in openssl("x509", "-in", tmp_path / "press.crt", "-noout", "-text").stdout
        assert made.certificate.suite == "gm"
        caller = await bureau.office.access.principal_of_certificate(der_of(made.chain))
        assert caller.name == "press"
    assert openssl("verify", "-partial_chain", "-trusted", issuing, tmp_path / "press.crt").returncode != 0


async def test_the_list_is_signed_with_sm2_and_names_what_was_revoked(bureau, tmp_path):
    await bureau.machine("press")
    made = await bureau.issue("press", csr=sm2_request(tmp_path))
    await bureau.revoke(made.certificate.fingerprint)
    bureau.part._round()
    text = openssl("crl", "-in", bureau.certs / "crl.pem", "-noout", "-text").stdout
    assert b"SM2-with-SM3" in text
    listed = x509.load_der_x509_crl((bureau.certs / "crl.der").read_bytes())
    assert [line.serial_number for line in listed] == [int(made.certificate.serial, 16)]


async def test_a_request_with_sm2_that_its_key_did_not_sign_is_refused(bureau, tmp_path):
    await bureau.machine("press")
    good = x509.load_pem_x509_csr(sm2_request(tmp_path)).public_bytes(Encoding.DER)
    broken = x509.load_der_x509_csr(good[:-1] + bytes((good[-1] ^ 1,)))
    with pytest.raises(InvalidInput) as refusal:
        await bureau.issue("press", csr=broken.public_bytes(Encoding.PEM))
    assert refusal.value.code == "access.csr_signature_wrong"
