"""Application certificates: made as OPC UA asks, trusted one by one, refused with what to do."""

import re
import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, Corrupt, InvalidInput, NotFound
from lineshaft.edge.certificates import REJECTED_KEPT, VALID_DAYS, ApplicationCertificates, fingerprint


@pytest.fixture
def certificates(tmp_path):
    return ApplicationCertificates(tmp_path / "mine", "gateway")


@pytest.fixture
def server_der(tmp_path):
    """A server's certificate."""
    return (
        ApplicationCertificates(tmp_path / "server", "plant", ["127.0.0.1", "localhost"]).own().certificate.read_bytes()
    )


def test_the_own_certificate_has_what_opc_ua_asks_for(certificates):
    own = certificates.own()
    certificate = x509.load_der_x509_certificate(own.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [own.application_uri]
    assert names.get_values_for_type(x509.DNSName)
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH} <= set(extended)
    assert certificate.public_key().key_size >= 2048
    assert own.fingerprint == fingerprint(own.certificate.read_bytes())


def test_the_key_is_its_owners_alone_and_is_kept(certificates):
    own = certificates.own()
    assert stat.S_IMODE(own.private_key.stat().st_mode) == 0o600
    assert certificates.own() == own


def test_a_certificate_half_made_is_completed(certificates):
    own = certificates.own()
    own.certificate.unlink()  # killed between key and certificate
    again = certificates.own()
    key = serialization.load_pem_private_key(again.private_key.read_bytes(), password=None)
    assert x509.load_der_x509_certificate(again.certificate.read_bytes()).public_key() == key.public_key()


def test_a_key_of_another_certificate_is_refused(certificates, tmp_path):
    other = ApplicationCertificates(tmp_path / "other", "gateway").own()
    certificates.own().private_key.write_bytes(other.private_key.read_bytes())
    with pytest.raises(Corrupt, match="the key is not the certificate's"):
        certificates.own()


def test_an_unknown_server_is_refused_with_its_fingerprint_and_the_command_and_kept(certificates, server_der):
    seen = fingerprint(server_der)
    with pytest.raises(Conflict) as refusal:
        certificates.check_server(server_der, pinned="", device="press")
    assert refusal.value.code == "edge.server_untrusted"
    assert seen in refusal.value.message
    assert f"lineshaft device trust {seen}" in refusal.value.hint
    assert [(one.fingerprint, one.trusted) for one in certificates.known()] == [(seen, False)]


def test_a_trusted_server_is_accepted_and_no_longer_among_the_rejected(certificates, server_der):
    certificates.reject(server_der)
    assert certificates.trust_rejected(fingerprint(server_der)) == fingerprint(server_der)
    certificates.check_server(server_der, pinned="", device="press")
    assert [one.trusted for one in certificates.known()] == [True]


@pytest.mark.parametrize(
    "write", [lambda text: text.upper(), lambda text: text[:16], lambda text: ":".join(re.findall("..", text))]
)
def test_a_fingerprint_may_be_written_as_people_do(certificates, server_der, write):
    certificates.reject(server_der)
    certificates.trust_rejected(write(fingerprint(server_der)))
    assert certificates.is_trusted(server_der)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("ab" * 32, NotFound), ("abcd", InvalidInput), ("../own/certificate", InvalidInput), ("z" * 64, InvalidInput)],
)
def test_what_is_no_rejected_certificate_cannot_be_trusted(certificates, text, kind):
    with pytest.raises(kind):
        certificates.trust_rejected(text)


def test_a_pinned_fingerprint_admits_exactly_that_server(certificates, server_der):
    certificates.check_server(server_der, pinned=fingerprint(server_der).upper(), device="press")
    with pytest.raises(Conflict) as refusal:
        certificates.check_server(server_der, pinned="ab" * 32, device="press")
    assert refusal.value.code == "edge.server_certificate_changed"
    assert fingerprint(server_der) in refusal.value.message


def test_trust_in_general_does_not_help_a_server_that_is_not_the_pinned_one(certificates, server_der):
    certificates.trust(server_der)
    with pytest.raises(Conflict):
        certificates.check_server(server_der, pinned="ab" * 32, device="press")


@pytest.mark.parametrize("days", [VALID_DAYS + 1, -1])
def test_outside_its_time_even_a_trusted_certificate_is_refused(certificates, server_der, days):
    certificates.trust(server_der)
    then = clock.to_us(clock.now() + timedelta(days=days))
    with clock.fixed(lambda: then), pytest.raises(InvalidInput) as refusal:
        certificates.check_server(server_der, pinned="", device="press")
    assert refusal.value.code == "edge.server_certificate_invalid"


def test_bytes_that_are_no_certificate_are_refused(certificates):
    with pytest.raises(InvalidInput, match="cannot be read"):
        certificates.check_server(b"no certificate", pinned="", device="press")


def test_trust_can_be_taken_back(certificates, server_der):
    seen = certificates.trust(server_der)
    certificates.distrust(seen)
    assert not certificates.is_trusted(server_der)
    with pytest.raises(NotFound):
        certificates.distrust(seen)


def test_strangers_cannot_fill_the_disk_with_rejected_certificates(certificates):
    for number in range(REJECTED_KEPT + 5):
        certificates.reject(b"%d" % number)
    assert len(list((certificates.folder / "rejected").iterdir())) == REJECTED_KEPT
