"""Suites: published vectors, both ways with the `openssl` program, and what is refused."""

import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from lineshaft.core.errors import Corrupt, InvalidInput, Unavailable
from lineshaft.core.suites import (
    ALGORITHMS,
    SUITES,
    PrivateKey,
    PublicKey,
    Signature,
    digest,
    key_bytes,
    libcrypto,
    open_sealed,
    seal,
)

ID = "1234567812345678"


def openssl(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, check=False)


def sm2_public(x: str, y: str) -> PublicKey:
    """From its coordinates."""
    head = "3059301306072a8648ce3d020106082a811ccf5501822d03420004"
    return PublicKey(bytes.fromhex(head + x + y))


def two_integers(first: str, second: str) -> bytes:
    """DER of a signature's two integers."""
    parts = b"".join(
        b"\x02" + bytes((len(number),)) + number
        for number in (int(text, 16).to_bytes(33).lstrip(b"\0") for text in (first, second))
        for number in (b"\0" + number if number[0] & 0x80 else number,)
    )
    return b"\x30" + bytes((len(parts),)) + parts


# -- published vectors --------------------------------------------------------------------------------------------------


def test_sm2_of_gbt_32918_5_annex_a():
    public = sm2_public(
        "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020",
        "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
    )
    published = two_integers(
        "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3",
        "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa",
    )
    assert public.algorithm == "sm2"
    assert public.verify_value(published, b"message digest")
    assert not public.verify_value(published, b"message digesu")
    private = PrivateKey(
        bytes.fromhex(
            "308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420"
            "3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8"
            "a14403420004"
            "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
            "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
        )
    )
    assert private.public.der == public.der
    assert public.verify(private.sign(b"message digest"), b"message digest")


@pytest.mark.parametrize(
    ("message", "published"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_of_gbt_32905_annex_a(message, published):
    assert digest("gm", message).hex() == published


def test_sha_256_of_fips_180():
    assert digest("intl", b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sm4_of_gbt_32907_annex_a():
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")
    block = Cipher(algorithms.SM4(key), modes.ECB()).encryptor()
    assert block.update(key).hex() == "681edf34d206965e86b3e94f536e4246"


def test_sm4_gcm_of_rfc_8998_a_1():
    key, nonce = bytes.fromhex("0123456789abcdeffedcba9876543210"), bytes.fromhex("00001234567800000000abcd")
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    plaintext = bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "ee" * 8 + "aa" * 8)
    sealed = seal("gm", key, plaintext, aad, nonce=nonce)
    assert sealed[12:-16].hex() == (
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d"
    )
    assert sealed[-16:].hex() == "83de3541e4c2b58177e065a9bf7b62ec"
    assert open_sealed("gm", key, sealed, aad) == plaintext


def test_aes_256_gcm_of_the_gcm_specification_case_16():
    key = bytes.fromhex("feffe9928665731c6d6a8f9467308308" * 2)
    plaintext = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
        "b16aedf5aa0de657ba637b39"
    )
    aad = bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2")
    sealed = seal("intl", key, plaintext, aad, nonce=bytes.fromhex("cafebabefacedbaddecaf888"))
    assert sealed[12:].hex() == (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
        "c5f61e6393ba7a0abcc9f662" + "76fc6ece0f4e1768cddf8853bb2d551b"
    )


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_ed25519_of_rfc_8032_7_1(seed, public, message, signature):
    key = PrivateKey(bytes.fromhex("302e020100300506032b657004220420" + seed))
    assert key.public.der.hex().endswith(public)
    assert key.sign_value(bytes.fromhex(message)).hex() == signature


# -- both ways with openssl -----------------------------------------------------------------------------------------------


@pytest.mark.peer("openssl")
@pytest.mark.parametrize(
    ("algorithm", "make", "options"),
    [
        ("sm2", ["-algorithm", "SM2"], ["-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{ID}"]),
        ("ecdsa-p256", ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], ["-rawin", "-digest", "sha256"]),
        ("ed25519", ["-algorithm", "ED25519"], ["-rawin"]),
    ],
)
def test_what_openssl_signs_we_verify_and_the_other_way_round(tmp_path, algorithm, make, options):
    theirs, message, value = tmp_path / "theirs.pem", tmp_path / "message", tmp_path / "value"
    message.write_bytes(b"pressure 4.2 bar\n" * 20)
    assert openssl("genpkey", *make, "-out", theirs).returncode == 0

    signed = openssl("pkeyutl", "-sign", "-inkey", theirs, "-in", message, "-out", value, *options)
    assert signed.returncode == 0, signed.stderr
    key = PrivateKey.load(theirs)
    assert key.algorithm == algorithm
    assert key.public.verify_value(value.read_bytes(), message.read_bytes())

    own = PrivateKey.generate(algorithm)
    (tmp_path / "own.pub").write_text(own.public.pem())
    value.write_bytes(own.sign(message.read_bytes()).value)
    check = (
        "pkeyutl",
        "-verify",
        "-pubin",
        "-inkey",
        tmp_path / "own.pub",
        "-in",
        message,
        "-sigfile",
        value,
        *options,
    )
    assert openssl(*check).returncode == 0, openssl(*check).stderr
    message.write_bytes(b"pressure 4.3 bar\n" * 20)
    assert openssl(*check).returncode != 0


@pytest.mark.peer("openssl")
def test_openssl_with_another_identity_does_not_verify_sm2(tmp_path):
    key = PrivateKey.generate("sm2")
    (tmp_path / "pub").write_text(key.public.pem())
    (tmp_path / "message").write_bytes(b"x")
    (tmp_path / "value").write_bytes(key.sign(b"x").value)
    command = [
        "pkeyutl", "-verify", "-pubin", "-inkey", tmp_path / "pub", "-in", tmp_path / "message", "-sigfile",
        tmp_path / "value", "-rawin", "-digest", "sm3", "-pkeyopt",
    ]  # fmt: skip
    assert openssl(*command, f"distid:{ID}").returncode == 0
    assert openssl(*command, "distid:somebody").returncode != 0


@pytest.mark.peer("openssl")
def test_openssl_reads_what_we_write(tmp_path):
    for algorithm in ALGORITHMS:
        key = PrivateKey.generate(algorithm)
        key.save(tmp_path / "key.pem")
        assert openssl("pkey", "-in", tmp_path / "key.pem", "-pubout").stdout.decode() == key.public.pem()


# -- signatures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_says_what_it_was_made_with_and_each_word_counts(algorithm):
    key, other = PrivateKey.generate(algorithm), PrivateKey.generate(algorithm)
    signed = key.sign(b"data")
    assert (signed.suite, signed.algorithm, signed.key) == (ALGORITHMS[algorithm], algorithm, key.public.id)
    assert key.public.verify(signed, b"data")
    assert not key.public.verify(signed, b"dato")
    assert not other.public.verify(signed, b"data")
    words = {"suite": signed.suite, "algorithm": signed.algorithm, "key": signed.key, "value": signed.value}
    wrong = {
        "suite": next(suite for suite in SUITES if suite != signed.suite), "key": other.public.id,
        "algorithm": next(name for name in ALGORITHMS if name != algorithm),
        "value": signed.value[:-1] + bytes((signed.value[-1] ^ 1,)),
    }  # fmt: skip
    for field, value in wrong.items():
        assert not key.public.verify(Signature(**words | {field: value}), b"data"), field
    for value in (b"", b"\x30", b"\x00" * 64, signed.value + b"\x00"):
        assert not key.public.verify_value(value, b"data")


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_in_a_file_is_for_its_owner_only(tmp_path, algorithm):
    key, file = PrivateKey.generate(algorithm), tmp_path / "key.pem"
    key.save(file)
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert PrivateKey.load(file).der() == key.der()
    assert file.stat().st_mode & 0o777 == 0o600
    assert PublicKey.from_pem(key.public.pem()).id == key.public.id


@pytest.mark.parametrize("text", ["", "hello", "-----BEGIN PRIVATE KEY-----\n%%\n-----END PRIVATE KEY-----\n"])
def test_what_is_no_key_is_refused(text):
    for read in (PrivateKey.from_pem, PublicKey.from_pem):
        with pytest.raises(Corrupt):
            read(text)
    curve = bytes.fromhex("06082a811ccf5501822d")
    for read in (PrivateKey, PublicKey):
        for der in (b"", b"\x30\x00", curve, b"\x30\x0a" + curve):
            with pytest.raises(Corrupt):
                read(der)


def test_keys_of_no_suite_are_refused():
    for key in (ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)):
        with pytest.raises(InvalidInput):
            PublicKey(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        with pytest.raises(InvalidInput):
            PrivateKey(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(InvalidInput):
        PrivateKey.generate("rsa")


def test_without_libcrypto_sm2_says_so(monkeypatch):
    monkeypatch.setattr(libcrypto.ctypes.util, "find_library", lambda _: None)
    libcrypto._library.cache_clear()
    try:
        with pytest.raises(Unavailable) as refusal:
            PrivateKey.generate("sm2")
        assert refusal.value.code == "core.sm2_unavailable"
    finally:
        libcrypto._library.cache_clear()


# -- sealing --------------------------------------------------------------------------------------------------------------


@given(suite=st.sampled_from(SUITES), plaintext=st.binary(max_size=200), aad=st.binary(max_size=50), data=st.data())
def test_what_is_sealed_opens_only_whole_with_its_key_and_context(suite, plaintext, aad, data):
    key = data.draw(st.binary(min_size=key_bytes(suite), max_size=key_bytes(suite)))
    sealed = seal(suite, key, plaintext, aad)
    assert open_sealed(suite, key, sealed, aad) == plaintext
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:place] + bytes((sealed[place] ^ 1,)) + sealed[place + 1 :]
    for wrong in ((key, changed, aad), (key, sealed, aad + b"x"), (bytes((key[0] ^ 1,)) + key[1:], sealed, aad)):
        with pytest.raises(Corrupt):
            open_sealed(suite, *wrong)


@pytest.mark.parametrize("suite", SUITES)
def test_wrong_lengths_are_refused(suite):
    key = bytes(key_bytes(suite))
    with pytest.raises(InvalidInput):
        seal(suite, key + b"x", b"")
    with pytest.raises(InvalidInput):
        seal(suite, key, b"", nonce=bytes(11))
    for short in (b"", bytes(27)):
        with pytest.raises(Corrupt):
            open_sealed(suite, key, short)
    assert seal(suite, key, b"same") != seal(suite, key, b"same")


def test_an_unknown_suite_is_refused():
    for use in (lambda: digest("mystery", b""), lambda: key_bytes("mystery"), lambda: seal("mystery", b"", b"")):
        with pytest.raises(InvalidInput) as refusal:
            use()
        assert refusal.value.code == "core.suite_unknown"
