"""The Chinese dialect, byte by byte: what makes it be recognised, and what is answered to it."""

import hashlib

import pytest

from lineshaft.core import suites
from lineshaft.resolution import codes, dialect_cn, hot, wire
from lineshaft.resolution.auth import challenges, keys
from lineshaft.resolution.auth.credentials import Credential, sign_with_key, verify_with_key
from lineshaft.resolution.messages import Challenge, Empty, Login, Refusal, Resolve
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.record import pack_record

RECORD = pack_record([HandleValue(index=1, type=b"URL", data=b"https://a.example/")])
ADMIN = Reference(b"88.111.1/ADMIN", 300)


def payload(operation, body, flags=0x01000000):
    """A request by hand: envelope of 20 bytes, header of 24, body, no credential."""
    header = b"".join(number.to_bytes(4) for number in (operation, 0, flags, 0xFFFF0000, 0, len(body)))
    message = header + body + bytes(4)
    return bytes.fromhex("0209 020b 00000000 00000007 00000000") + len(message).to_bytes(4) + message


HANDLE = bytes.fromhex("0000000a") + b"88.111.1/a"
RESOLVE = HANDLE + bytes(4) + bytes(4)


def lookup(key):
    return RECORD if key == b"88.111.1/A" else None


def test_the_further_field_makes_a_resolution_of_the_dialect_and_is_answered_like_any():
    theirs, plain = payload(1, RESOLVE + bytes(4)), payload(1, RESOLVE)
    assert wire.decode(theirs).body == Resolve(b"88.111.1/a", identity=b"")
    assert dialect_cn.speaks_dialect(wire.decode(theirs))
    assert not dialect_cn.speaks_dialect(wire.decode(plain))
    answers = [hot.answer(data, lookup, 0, 60, 1) for data in (theirs, plain)]
    assert answers[0] == answers[1]
    found = wire.decode(answers[0])
    assert (found.envelope.minor, found.envelope.request, len(found.body.values)) == (9, 7, 1)


def test_the_flag_asks_to_pass_the_identity_on():
    asked = payload(1, RESOLVE, flags=0x11000004)
    assert hot.answer(asked, lookup, 0, 60, 1) == hot.SLOW
    request = wire.decode(asked)
    assert dialect_cn.speaks_dialect(request)
    answer = wire.reply(request, codes.RC_LOGIN_FIRST, Refusal("log in first"), serial=1, expiration=2)
    assert answer.header.flags & codes.RECURSIVE_IDENTITY == 0


@pytest.mark.parametrize("operation", [2000, 2001])
def test_logging_in_is_challenged_and_holds_for_the_connection(operation):
    key = suites.PrivateKey.generate("sm2")
    public = keys.encode_public_key(key.public)
    assert public[:17] == bytes.fromhex("0000000b") + b"SM2_PUB_KEY" + b"\0\0"
    asked = payload(operation, bytes.fromhex("0000000e") + ADMIN.handle + (300).to_bytes(4))
    request = wire.decode(asked)
    assert request.body == Login(ADMIN.handle, 300)
    connection = dialect_cn.Connection()
    connection.note(request)
    assert (connection.dialect, connection.identity, connection.logging_in) == (True, None, ADMIN)
    _, pending = challenges.Challenges().issue(request, "192.0.2.1", 0.0)
    challenge = wire.reply(request, 402, Challenge(pending.nonce), serial=1, expiration=2)
    assert challenge.digest.value == hashlib.sha256(asked[20:-4]).digest()
    proof = challenges.answer_with_key(ADMIN.handle, 300, key, pending.challenged)
    assert proof.answer[:7] == bytes.fromhex("00000003") + b"SM3"
    assert challenges.check_key(proof.answer, pending.challenged, public)
    connection.logged_in(ADMIN)
    done = wire.decode(wire.encode(wire.reply(request, 1, Empty(), serial=1, expiration=2)))
    assert (done.header.operation, done.header.response_code) == (operation, 1)
    connection.note(wire.decode(payload(1, RESOLVE)))
    assert (connection.dialect, connection.identity) == (True, ADMIN)
    connection.note(request)
    assert connection.identity is None


@pytest.mark.parametrize(
    ("code", "plain"), [(407, 402), (408, 402), (601, 2), (602, 2), (603, 3), (604, 401), (605, 401), (3001, 2)]
)
def test_its_codes_are_read_and_put_in_plain_terms_for_others(code, plain):
    request = wire.decode(payload(1, RESOLVE))
    words = dialect_cn.MEANINGS[code]
    answer = wire.encode(wire.reply(request, code, Refusal(words), serial=1, expiration=2))
    found = wire.decode(answer)
    assert (found.header.response_code, found.body.message) == (code, words)
    assert dialect_cn.code_for(code, dialect=True) == code
    assert dialect_cn.code_for(code, dialect=False) == plain
    assert dialect_cn.code_for(100, dialect=False) == 100


def test_answers_are_signed_with_sm2_and_sm3():
    key = suites.PrivateKey.generate("sm2")
    answer = wire.reply(wire.decode(payload(1, RESOLVE)), 100, Refusal(), serial=1, expiration=2)
    covered = wire.cover(answer)
    credential = Credential.decode(sign_with_key(answer.envelope, covered, key))
    assert (credential.kind, credential.digest) == (b"HS_SIGNED", b"SM3")
    assert verify_with_key(answer.envelope, covered, credential, key.public)
    assert not verify_with_key(answer.envelope, covered + b"x", credential, key.public)


def test_a_login_that_is_followed_by_anything_is_refused():
    body = bytes.fromhex("0000000e") + ADMIN.handle + (300).to_bytes(4)
    for wrong in (body + b"\0", body[:-1], body + bytes(4)):
        with pytest.raises(wire.Malformed):
            wire.decode(payload(2001, wrong))
