"""The issuing key in a token: softhsm2 stands for a hardware security module."""

import os
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography import x509

from lineshaft.access.pki.authority import CertificateAuthority
from lineshaft.access.pki.installation import install
from lineshaft.access.pki.settings import PkiSettings
from lineshaft.access.pki.testing import openssl, request_for
from lineshaft.access.pki.token_key import TokenKey
from lineshaft.core.errors import InvalidInput
from lineshaft.core.settings import Settings

pkcs11 = pytest.importorskip("pkcs11", reason="needs the extra pkcs11")
pytestmark = pytest.mark.peer("softhsm2-util", "openssl")
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "20262027"


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """softhsm2 with its tokens in a folder of ours. The library is loaded once into this process."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    library = next((path for path in MODULES if Path(path).exists()), None)
    if library is None:
        pytest.skip("libsofthsm2.so is not where it is looked for")
    yield library
    del os.environ["SOFTHSM2_CONF"]


@pytest.fixture
def token_settings(module, request, tmp_path):
    label = f"box{abs(hash(request.node.nodeid)) % 10**9}"
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN],
        check=True, capture_output=True,
    )  # fmt: skip
    pkcs11.lib(module).reinitialize()
    (tmp_path / "pin").write_text(f"{PIN}\n")
    return PkiSettings(pkcs11_module=module, pkcs11_token=label, pkcs11_pin_file=str(tmp_path / "pin"))


@pytest.fixture
def office(home, database):
    from lineshaft.access import bootstrap

    class Made: ...

    made = Made()
    made.identity = home.prepare()
    made.database = database
    bootstrap(home, made.identity, database, ["gateway", "web"])
    return made


def test_the_box_issues_from_the_token_and_the_key_never_leaves_it(home, office, token_settings):
    install(home, office.identity, office.database, token_settings)
    assert not (home.keys / "pki" / "issuing.key").exists()
    certs = home.run / "certs"
    checked = openssl(
        "verify", "-x509_strict", "-crl_check", "-CRLfile", certs / "crl.pem", "-CAfile", certs / "ca.crt",
        certs / "gateway.crt",
    )  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    token = pkcs11.lib(token_settings.pkcs11_module).get_token(token_label=token_settings.pkcs11_token)
    with token.open() as session:  # the box's sign-in counts for the process
        (key,) = session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY})
        assert (key[pkcs11.Attribute.EXTRACTABLE], key[pkcs11.Attribute.SENSITIVE]) == (False, True)
        with pytest.raises(pkcs11.PKCS11Error):
            _ = key[pkcs11.Attribute.VALUE]


def test_a_second_start_uses_the_same_key(home, office, token_settings):
    first = CertificateAuthority(home, office.identity, token_settings).chain_pem()
    assert CertificateAuthority(home, office.identity, token_settings).chain_pem() == first


def test_threads_share_the_token(token_settings):
    key, wrong = TokenKey(token_settings), []

    def sign(number: int) -> None:
        data = b"%d" % number
        if not all(key.public.verify_value(key.sign_value(data), data) for _ in range(20)):
            wrong.append(number)

    threads = [threading.Thread(target=sign, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_token_that_forgets_the_session_is_opened_anew(token_settings):
    key = TokenKey(token_settings)
    pkcs11.lib(token_settings.pkcs11_module).reinitialize()
    assert key.public.verify_value(key.sign_value(b"data"), b"data")


@pytest.mark.parametrize("change", [{"pkcs11_token": "elsewhere"}, {"pkcs11_pin": "0000", "pkcs11_pin_file": ""}])
def test_a_box_whose_token_is_away_starts_and_says_so(home, office, token_settings, change):
    install(home, office.identity, office.database, token_settings)
    away = PkiSettings(**{field: getattr(token_settings, field) for field in token_settings.__struct_fields__} | change)
    pkcs11.lib(token_settings.pkcs11_module).reinitialize()  # as in a new process, which has not signed in
    install(home, office.identity, office.database, away)
    authority = CertificateAuthority(home, office.identity, away)
    assert "cannot be used" in authority.trouble()
    assert PIN not in authority.trouble()
    assert isinstance(authority.issuing, x509.Certificate)


def test_no_pin_is_told_before_the_token_is_asked(home, office, token_settings):
    for change, code in (
        ({"pkcs11_pin_file": ""}, "access.pkcs11_pin_missing"),
        ({"pkcs11_pin_file": "/nowhere/pin"}, "access.pkcs11_pin_unreadable"),
    ):
        wrong = PkiSettings(
            **{field: getattr(token_settings, field) for field in token_settings.__struct_fields__} | change
        )
        with pytest.raises(InvalidInput) as refusal:
            CertificateAuthority(home, office.identity, wrong)
        assert refusal.value.code == code


def test_the_pin_from_the_environment_is_never_shown(token_settings):
    loaded = Settings.load([PkiSettings], environment={"LINESHAFT_PKI__PKCS11_PIN": PIN})
    assert loaded.of(PkiSettings).pkcs11_pin == PIN
    assert PIN not in repr([row.shown for row in loaded.rows()])


def test_an_offline_root_signs_for_a_key_in_a_token(home, office, token_settings, tmp_path):
    from lineshaft.access.pki import offline_root
    from lineshaft.access.pki.authority_files import AuthorityFiles

    offline = PkiSettings(
        **{field: getattr(token_settings, field) for field in token_settings.__struct_fields__} | {"root": "offline"}
    )
    CertificateAuthority(home, office.identity, offline)
    offline_root.root_create(tmp_path / "safe", organization="Plant")
    files = AuthorityFiles.of(home)
    chain = offline_root.root_sign(tmp_path / "safe", files.get("issuing.csr"))
    offline_root.install_certificate(files, chain.encode())
    assert CertificateAuthority(home, office.identity, offline).trouble() == ""


def test_requests_are_signed_from_the_token(home, office, token_settings):
    from lineshaft.access.principals import from_row, get_row

    authority = CertificateAuthority(home, office.identity, token_settings)
    with office.database.begin() as connection:
        gateway = from_row(get_row(connection, office.identity.tenant, "gateway"))
        made = authority.issue(connection, request_for("gateway"), "service", gateway)
    assert made.certificate.issuer == authority.issuing.subject
