"""Secrets: kept for the owner alone, given by name, refused when they are no use."""

import stat

import pytest

from lineshaft.core.errors import Corrupt, Forbidden, InvalidInput, NotFound
from lineshaft.edge.certificates import ApplicationCertificates
from lineshaft.edge.secrets import Secret, Secrets


@pytest.fixture
def secrets(tmp_path):
    return Secrets(tmp_path / "secrets")


@pytest.fixture
def pair(tmp_path):
    """A user certificate and its key in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    own = ApplicationCertificates(tmp_path / "user", "user").own()
    certificate = x509.load_der_x509_certificate(own.certificate.read_bytes())
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), own.private_key.read_text()


def test_a_secret_is_given_back_as_kept_and_its_file_is_its_owners_alone(secrets, tmp_path):
    secret = Secret(user="operator", password="pässwörd")
    secrets.keep("plant", secret)
    assert secrets.get("plant") == secret
    assert stat.S_IMODE((tmp_path / "secrets" / "plant.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert secrets.names() == ["plant"]


def test_a_user_certificate_is_kept_as_well(secrets, pair):
    secret = Secret(certificate=pair[0], private_key=pair[1])
    secrets.keep("user", secret)
    assert secrets.get("user") == secret


def test_a_missing_secret_is_named_with_the_command_that_makes_it(secrets):
    with pytest.raises(NotFound) as missing:
        secrets.get("plant")
    assert "'plant'" in missing.value.message
    assert "lineshaft device secret plant" in missing.value.hint


def test_a_secret_that_others_may_read_is_not_used(secrets, tmp_path):
    secrets.keep("plant", Secret(user="operator", password="right"))
    (tmp_path / "secrets" / "plant.json").chmod(0o640)
    with pytest.raises(Forbidden):
        secrets.get("plant")


def test_a_damaged_secret_is_told(secrets, tmp_path):
    secrets.keep("plant", Secret(user="operator", password="right"))
    (tmp_path / "secrets" / "plant.json").write_text("{")
    with pytest.raises(Corrupt):
        secrets.get("plant")


@pytest.mark.parametrize("name", ["", "../plant", "Plant", "a/b", "x" * 64, "a.json"])
def test_a_name_that_could_lead_elsewhere_is_refused(secrets, name):
    with pytest.raises(InvalidInput):
        secrets.keep(name, Secret(user="operator", password="right"))
    with pytest.raises(InvalidInput):
        secrets.get(name)


@pytest.mark.parametrize(
    "secret",
    [Secret(), Secret(user="operator"), Secret(password="right"), Secret(user="a", password="b", certificate="c"),
     Secret(certificate="no certificate", private_key="no key")],
)  # fmt: skip
def test_what_is_neither_password_nor_certificate_is_refused(secrets, secret):
    with pytest.raises(InvalidInput):
        secrets.keep("plant", secret)
    assert secrets.names() == []


def test_a_key_of_another_certificate_is_refused(secrets, pair, tmp_path):
    other = ApplicationCertificates(tmp_path / "other", "user").own().private_key.read_text()
    with pytest.raises(InvalidInput, match="the key is not the certificate's"):
        secrets.keep("user", Secret(certificate=pair[0], private_key=other))


def test_a_forgotten_secret_is_gone(secrets):
    secrets.keep("plant", Secret(user="operator", password="right"))
    secrets.forget("plant")
    secrets.forget("plant")
    assert secrets.names() == []
