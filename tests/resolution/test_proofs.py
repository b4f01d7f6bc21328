"""Proving who one is: codes with a secret, signatures with a key, challenges that are good once, waiting after failures."""

import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lineshaft.core import suites
from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import challenges, keys, macs
from lineshaft.resolution.auth.backoff import BackOff
from lineshaft.resolution.auth.permissions import (
    is_same,
    may_add,
    may_modify,
    may_read,
    may_remove,
    permissions_of,
)  # fmt: skip
from lineshaft.resolution.fields import Malformed, counted, u16, u32
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.admin import Admin, encode_admin

FORMS = (codes.SHA1, codes.SHA256, codes.HMAC_SHA1, codes.HMAC_SHA256, codes.PBKDF2_HMAC_SHA1)


@pytest.fixture(scope="module")
def rsa_key():
    return keys.generate_rsa()


@pytest.fixture(scope="module", params=["rsa", "ecdsa-p256", "ed25519", "sm2"])
def key(request, rsa_key):
    return rsa_key if request.param == "rsa" else suites.PrivateKey.generate(request.param)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_code_proves_its_secret_and_no_other(form):
    code = macs.make(form, b"secret", b"data")
    assert macs.check(form, b"secret", b"data", code)
    assert not macs.check(form, b"Secret", b"data", code)
    assert not macs.check(form, b"secret", b"Data", code)
    assert not macs.check(form, b"secret", b"data", code[:-1] + bytes((code[-1] ^ 1,)))
    answer = challenges.answer_with_secret(b"a/b", 300, b"secret", b"data", form)
    assert (answer.kind, answer.answer[0]) == (b"HS_SECKEY", form)
    assert challenges.check_secret(answer.answer, b"data", b"secret")
    assert not challenges.check_secret(answer.answer, b"data", None)
    stand_in = challenges.answer_with_secret(b"a/b", 300, challenges._NOBODY, b"data", form)
    assert not challenges.check_secret(stand_in.answer, b"data", None)


def test_codes_are_what_their_definitions_say():
    assert macs.make(2, b"k", b"x") == hashlib.sha1(b"kxk").digest()
    assert macs.make(3, b"k", b"x") == hashlib.sha256(b"kxk").digest()
    assert macs.make(0x12, b"k", b"x") == hmac.digest(b"k", b"x", "sha1")
    assert macs.make(0x13, b"k", b"x") == hmac.digest(b"k", b"x", "sha256")
    derived = hashlib.pbkdf2_hmac("sha1", b"k", b"salt", 77, 20)
    code = counted(b"salt") + u32(77) + u32(160) + counted(hmac.digest(derived, b"x", "sha1"))
    assert macs.check(0x22, b"k", b"x", code)


def test_unknown_forms_and_more_work_than_one_asker_may_cause_are_refused():
    with pytest.raises(InvalidInput):
        macs.check(1, b"k", b"x", b"")
    with pytest.raises(InvalidInput):
        challenges.check_secret(b"\x44abc", b"x", b"k")
    for salt, iterations, size in (
        (b"s", 2**32 - 1, 160),
        (b"s", 20_001, 160),
        (b"s", 0, 160),
        (b"s", 1, 2**31),
        (b"s" * 65, 1, 160),
        (b"s", 1, 7),
    ):
        with pytest.raises(Malformed):
            macs.check(0x22, b"k", b"x", counted(salt) + u32(iterations) + u32(size) + counted(b"c" * 20))


def test_every_kind_of_key_proves_itself_from_its_stored_form(key):
    public = keys.encode_public_key(keys.public_key_of(key))
    answer = challenges.answer_with_key(b"a/b", 300, key, b"challenged")
    assert challenges.check_key(answer.answer, b"challenged", public)
    assert not challenges.check_key(answer.answer, b"other", public)
    assert not challenges.check_key(answer.answer[:-1], b"challenged", public)
    assert not challenges.check_key(answer.answer, b"challenged", b"nonsense")
    assert not challenges.check_key(counted(b"MD5") + counted(answer.answer[-64:]), b"challenged", public)


def test_every_kind_of_key_comes_back_from_bytes_json_and_pem(key):
    public = keys.public_key_of(key)
    encoded = keys.encode_public_key(public)
    assert keys.encode_public_key(keys.decode_public_key(encoded)) == encoded
    assert keys.encode_public_key(keys.from_jwk(keys.to_jwk(public))) == encoded
    for wrong in (encoded[:-1], encoded + b"\1", encoded + b"\0\0\0\1"):
        with pytest.raises(InvalidInput):
            keys.decode_public_key(wrong)
    pem = (
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        if isinstance(key, rsa.RSAPrivateKey)
        else key.pem()
    )
    assert keys.encode_public_key(keys.public_key_of(keys.load_private_key(pem))) == encoded


def test_small_old_and_damaged_keys_are_refused(rsa_key):
    small = counted(keys.RSA) + u16(0) + counted(b"\1\0\1") + counted(b"\0" + b"\xc1" * 128)
    old = counted(b"DSA_PUB_KEY") + u16(0) + counted(b"q") * 4
    swapped = counted(keys.EC) + u16(0) + counted(suites.PrivateKey.generate("ed25519").public.der)
    for wrong in (small, old, swapped, counted(keys.ED25519) + u16(0) + counted(b"der"), b""):
        with pytest.raises(InvalidInput):
            keys.decode_public_key(wrong)
    for jwk in (
        None,
        {},
        {"kty": "RSA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "oct", "k": "AA"},
    ):
        with pytest.raises(InvalidInput):
            keys.from_jwk(jwk)
    trailing = keys.encode_public_key(rsa_key.public_key()) + bytes(4)
    assert keys.decode_public_key(trailing).public_numbers() == rsa_key.public_key().public_numbers()


def test_a_challenge_is_good_once_for_who_was_challenged_and_not_for_long(ask):
    request = wire.decode(ask(b"88.1/a", flags=0))
    book = challenges.Challenges(patience=60.0)
    number, pending = book.issue(request, "192.0.2.1", 100.0)
    assert pending.challenged == pending.nonce + hashlib.sha256(request.covered).digest()
    assert book.take(number, "192.0.2.1", 101.0) is pending
    assert book.take(number, "192.0.2.1", 101.0) is None
    number, _ = book.issue(request, "192.0.2.1", 100.0)
    assert book.take(number, "192.0.2.9", 101.0) is None
    assert book.take(number, "192.0.2.1", 101.0) is not None  # nobody else can use it up
    number, _ = book.issue(request, "192.0.2.1", 100.0)
    assert book.take(number, "192.0.2.1", 160.0) is None


def test_challenges_are_bounded_and_the_oldest_go(ask):
    request = wire.decode(ask(b"88.1/a", flags=0))
    book = challenges.Challenges(most=10)
    numbers = [book.issue(request, "a", 0.0)[0] for _ in range(25)]
    assert len(book) == 10
    assert [book.take(number, "a", 1.0) is not None for number in numbers] == [False] * 15 + [True] * 10
    assert len(set(numbers)) == 25


@pytest.mark.parametrize(("minor", "size"), [(0, 16), (1, 20), (6, 20), (7, 32), (11, 32)])
def test_the_digest_of_the_request_is_that_of_its_version(ask, minor, size):
    request = wire.decode(ask(b"88.1/a", minor=minor, flags=0))
    _, pending = challenges.Challenges().issue(request, "a", 0.0)
    assert len(pending.digest.value) == size


def admin_value(index, permissions, handle, key_index, **more):
    data = encode_admin(Admin(permissions=permissions, handle=handle, index=key_index))
    return HandleValue(index=index, type=b"HS_ADMIN", data=data, **more)


def test_administrators_have_what_all_their_entries_give_also_through_groups():
    who = Reference(b"88.1/ADMIN", 300)
    members = {
        Reference(b"88.1/group", 200): [Reference(b"88.1/inner", 200), Reference(b"88.1/group", 200)],
        Reference(b"88.1/inner", 200): [Reference(b"88.1/admin", 300)],
    }
    groups = lambda reference: members.get(reference, [])  # noqa: E731
    values = [
        admin_value(100, bits.READ_VALUE, b"88.1/Admin", 300), admin_value(101, bits.ADD_VALUE, b"88.1/group", 200),
        admin_value(102, bits.DELETE_HANDLE, b"88.1/ADMIN", 301), admin_value(103, bits.LIST_HANDLES, b"88.1/admin", 0),
        HandleValue(index=104, type=b"HS_ADMIN", data=b"\xff\xff"),
    ]  # fmt: skip
    expected = bits.READ_VALUE | bits.ADD_VALUE | bits.LIST_HANDLES
    assert permissions_of(values, who, groups) == expected
    assert permissions_of(values, Reference(b"88.1/other", 300), groups) == 0
    assert is_same(Reference(b"a/B", 0), Reference(b"A/b", 7))


def test_groups_that_never_end_are_left():
    endless = lambda reference: [Reference(b"88.1/x", reference.index + step) for step in range(1, 20)]  # noqa: E731
    value = admin_value(100, bits.EVERYTHING, b"88.1/x", 1)
    assert permissions_of([value], Reference(b"88.1/nobody", 1), endless) == 0


def test_each_permission_allows_its_own_and_values_may_forbid():
    url, admin = HandleValue(index=1, type=b"URL", data=b""), admin_value(100, 0, b"a/b", 1)
    locked = HandleValue(index=2, type=b"URL", data=b"", permissions=0)
    anyone = HandleValue(index=3, type=b"URL", data=b"", permissions=0xF)
    assert may_read(url, 0)
    assert not may_read(locked, bits.EVERYTHING)
    assert may_read(HandleValue(index=2, type=b"URL", data=b"", permissions=8), bits.READ_VALUE)
    assert may_add(url, bits.ADD_VALUE)
    assert not may_add(admin, bits.ADD_VALUE)
    assert may_add(admin, bits.ADD_ADMIN)
    assert may_modify(url, url, bits.MODIFY_VALUE)
    assert not may_modify(locked, locked, bits.EVERYTHING)
    assert may_modify(anyone, url, 0)
    assert not may_modify(anyone, admin, 0)
    assert not may_modify(url, admin, bits.MODIFY_VALUE | bits.MODIFY_ADMIN)
    assert may_modify(url, admin, bits.REMOVE_VALUE | bits.ADD_ADMIN)
    assert may_modify(admin, url, bits.REMOVE_ADMIN | bits.ADD_VALUE)
    assert may_modify(admin, admin, bits.MODIFY_ADMIN)
    assert may_remove(url, bits.REMOVE_VALUE)
    assert not may_remove(admin, bits.REMOVE_VALUE)
    assert may_remove(admin, bits.REMOVE_ADMIN)
    assert may_remove(anyone, 0)
    assert not may_remove(locked, bits.EVERYTHING)


def test_wrong_secrets_make_one_wait_longer_and_longer():
    book = BackOff(first=1.0, longest=60.0, forget=3600.0)
    waits = []
    for number in range(12):
        book.failed(b"300:A/B", "192.0.2.1", float(number))
        waits.append(book.seconds(b"300:A/B", "192.0.2.1", float(number)))
    assert waits[:4] == [0.0, 0.0, 1.0, 2.0]
    assert waits[-1] == 60.0
    assert waits == sorted(waits)
    assert book.seconds(b"300:A/B", "198.51.100.7", 12.0) == 0.0
    assert book.seconds(b"301:A/B", "192.0.2.1", 11.0) > 0.0
    book.succeeded(b"300:A/B", "192.0.2.1")
    assert 0 < book.seconds(b"300:A/B", "192.0.2.1", 11.0) <= 1.0
    assert book.seconds(b"300:A/B", "192.0.2.1", 8000.0) == 0.0


def test_what_is_remembered_of_failures_is_bounded():
    book = BackOff(most=100)
    for number in range(1000):
        book.failed(b"x", str(number), 0.0)
    assert len(book._failures) == 100
