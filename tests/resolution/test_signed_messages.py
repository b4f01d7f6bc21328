"""Messages signed with keys and session secrets in every version, and sessions that take no message twice."""

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from lineshaft.core import suites
from lineshaft.core.errors import Forbidden, InvalidInput
from lineshaft.resolution import codes, wire
from lineshaft.resolution.auth import keys, sessions
from lineshaft.resolution.auth.credentials import (
    Credential,
    sign_with_key,
    sign_with_secret,
    verify_with_key,
    verify_with_secret,
)  # fmt: skip
from lineshaft.resolution.fields import Malformed, u32
from lineshaft.resolution.messages import Refusal, SetUpSession
from lineshaft.resolution.messages.sessions import CLIENT_KEY, DIFFIE_HELLMAN
from lineshaft.resolution.model import Reference

SECRET = bytes(range(32))


@pytest.fixture(scope="module")
def rsa_key():
    return keys.generate_rsa()


@pytest.fixture(scope="module")
def pairs(rsa_key):
    made = [rsa_key, *(suites.PrivateKey.generate(name) for name in ("ecdsa-p256", "ed25519", "sm2"))]
    return [(key, keys.public_key_of(key)) for key in made]


def answer_of(ask, minor):
    request = wire.decode(ask(b"88.1/a", minor=minor, flags=codes.CERTIFIED))
    return wire.reply(request, codes.RC_HANDLE_NOT_FOUND, Refusal(), serial=1, expiration=2)


@pytest.mark.parametrize("minor", range(12))
def test_a_signed_answer_verifies_in_its_version_and_not_when_anything_is_changed(ask, pairs, minor):
    answer = answer_of(ask, minor)
    covered = wire.cover(answer)
    for key, public in pairs:
        data = wire.assemble(answer.envelope, covered, sign_with_key(answer.envelope, covered, key))
        found = wire.decode(data)
        credential = Credential.decode(found.credential)
        assert verify_with_key(found.envelope, found.covered, credential, public)
        assert not verify_with_key(found.envelope, found.covered[:-1] + b"x", credential, public)
        other = msgspec.structs.replace(found.envelope, request=found.envelope.request + 1)
        assert verify_with_key(other, found.covered, credential, public) == (minor < 7)
        later = msgspec.structs.replace(credential, counter=1)
        assert verify_with_key(found.envelope, found.covered, later, public) == (minor < 6)
        assert not verify_with_secret(found.envelope, found.covered, credential, SECRET)


def test_rsa_signatures_are_plain_pkcs1_over_the_stated_bytes(ask, rsa_key):
    answer = answer_of(ask, 11)
    covered = wire.cover(answer)
    credential = Credential.decode(sign_with_key(answer.envelope, covered, rsa_key))
    signed = b"\2\x0b\2\x0b" + u32(0) + u32(1000) + u32(0) + covered
    rsa_key.public_key().verify(credential.signature, signed, padding.PKCS1v15(), hashes.SHA256())
    for minor, version in ((7, b"\2\7"), (8, b"\2\x08\2\x0b")):
        answer = answer_of(ask, minor)
        credential = Credential.decode(sign_with_key(answer.envelope, wire.cover(answer), rsa_key))
        signed = version + u32(0) + u32(1000) + u32(0) + wire.cover(answer)
        rsa_key.public_key().verify(credential.signature, signed, padding.PKCS1v15(), hashes.SHA256())
    old = answer_of(ask, 5)
    credential = Credential.decode(sign_with_key(old.envelope, wire.cover(old), rsa_key))
    rsa_key.public_key().verify(credential.signature, wire.cover(old), padding.PKCS1v15(), hashes.SHA1())
    assert (credential.kind, credential.digest) == (b"HS_SIGNED", b"SHA1")


@pytest.mark.parametrize("minor", range(12))
def test_a_code_verifies_in_its_version_and_not_when_anything_is_changed(ask, minor):
    answer = answer_of(ask, minor)
    envelope = msgspec.structs.replace(answer.envelope, session=77)
    covered = wire.cover(answer)
    credential = Credential.decode(sign_with_secret(envelope, covered, SECRET, 5))
    assert verify_with_secret(envelope, covered, credential, SECRET)
    assert not verify_with_secret(envelope, covered, credential, SECRET[::-1])
    assert not verify_with_secret(envelope, covered[:-1] + b"x", credential, SECRET)
    other = msgspec.structs.replace(envelope, session=78)
    later = msgspec.structs.replace(credential, counter=6)
    changed = [(other, credential), (envelope, later)]
    assert not (minor >= 7 and any(verify_with_secret(one, covered, two, SECRET) for one, two in changed))


def test_the_misplaced_fields_of_2_5_are_kept(ask):
    """By hand, from the description: each field is put at byte 4, the session behind version and secret."""
    import hashlib

    answer = answer_of(ask, 5)
    covered, envelope = wire.cover(answer), msgspec.structs.replace(answer.envelope, session=0x01020304)
    buffer = bytearray(SECRET + b"\2\5" + u32(0x01020304) + bytes(len(covered) + 40))
    buffer[4 : 4 + len(covered)] = covered
    buffer[4 + len(covered) : 4 + len(covered) + 32] = SECRET
    expected = hashlib.sha1(buffer).digest()
    assert Credential.decode(sign_with_secret(envelope, covered, SECRET, 9)).signature == expected


def test_a_damaged_credential_is_refused(ask):
    answer = answer_of(ask, 11)
    data = sign_with_secret(answer.envelope, wire.cover(answer), SECRET, 5)
    for size in range(len(data)):
        with pytest.raises(Malformed):
            Credential.decode(data[:size])
    with pytest.raises(Malformed):
        Credential.decode(data + b"\0")


def test_a_session_takes_each_message_once_in_any_order_within_reach():
    session = sessions.Session(7, SECRET, None, 60.0, 0.0)
    for counter in (1, 3, 2, 500, 301):
        session.accept(counter)
    for counter in (1, 3, 500, 301, 300, 0):
        with pytest.raises(Forbidden):
            session.accept(counter)
    assert len(session._seen) <= 200
    assert [session.next_counter() for _ in range(3)] == [1, 2, 3]


def test_what_a_session_encrypts_only_it_decrypts():
    session, other = (sessions.Session(7, key, None, 60.0, 0.0) for key in (SECRET, SECRET[::-1]))
    for payload in (b"", b"x", b"y" * 16, b"z" * 1000):
        sealed = session.encrypt(payload)
        assert session.decrypt(sealed) == payload
        assert sealed != session.encrypt(payload)
    for wrong in (b"", sealed[:-1], sealed[:16]):
        with pytest.raises(Malformed):
            session.decrypt(wrong)
    clear = []
    for _ in range(8):  # a wrong key leaves valid padding once in 256 times
        try:
            clear.append(other.decrypt(session.encrypt(payload)))
        except Malformed:
            clear.append(None)
    assert payload not in clear


def test_sessions_end_unused_are_bounded_and_have_numbers_nobody_guesses():
    book = sessions.Sessions(most=3, longest=100.0)
    first = book.open(SECRET, Reference(b"a/b", 300), 1000.0, "192.0.2.1", 0.0)
    assert first.timeout == 100.0
    assert book.find(first.number, 99.0) is first
    assert book.find(first.number, 198.0) is first
    assert book.find(first.number, 299.0) is None
    opened = [book.open(SECRET, None, 10.0, "192.0.2.1", 0.0) for _ in range(5)]
    assert [book.find(one.number, 1.0) is not None for one in opened] == [False, False, True, True, True]
    book.close(opened[-1].number)
    assert len(book) == 2


def test_session_keys_reach_the_other_side_in_every_mode(rsa_key):
    key = sessions.new_key()
    assert sessions.unwrap_key(sessions.wrap_key(key, rsa_key.public_key()), rsa_key) == key
    with pytest.raises(Malformed):
        sessions.unwrap_key(b"\0" * 256, rsa_key)
    des = rsa_key.public_key().encrypt(u32(1) + key, sessions._OAEP)
    with pytest.raises(InvalidInput):
        sessions.unwrap_key(des, rsa_key)


def test_agreed_keys_and_old_versions_are_refused():
    ours = SetUpSession(mode=CLIENT_KEY)
    sessions.check_set_up(ours, 2, 7)
    for wrong, minor in ((ours, 6), (SetUpSession(mode=DIFFIE_HELLMAN), 11)):
        with pytest.raises(InvalidInput):
            sessions.check_set_up(wrong, 2, minor)
