"""Mutated messages: no crash, no hang, and whatever the quick way answers, the strict decoder has read alike."""

import json
import random
from pathlib import Path

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, hot, packets, wire
from lineshaft.resolution.auth.credentials import Credential
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.messages import Resolve
from lineshaft.resolution.model import HandleValue
from lineshaft.resolution.record import pack_record, unpack_record
from lineshaft.resolution.site import decode_site
from lineshaft.resolution.values.admin import decode_admin
from lineshaft.resolution.values.references import decode_references

RECORDED = Path(__file__).parents[2] / ".." / "shared" / "data" / "handle-reference" / "wire_exchanges.json"
INTERESTING = (0, 1, 4, 0x7F, 0x80, 0xFF)
VALUES = [
    HandleValue(index=2, type=b"SECRET", data=b"hidden-from-all", permissions=0xC),
    HandleValue(index=1, type=b"URL", data=b"https://a.example/"),
    HandleValue(index=100, type=b"HS_ADMIN", data=b"\x07\xf3\0\0\0\x03a/b\0\0\1\x2c"),
]
RECORD = pack_record(VALUES)


def seeds(ask):
    found = [ask(b"88.1/a"), ask(b"88.1/a", [1, 2], [b"URL", b"x."]), ask(b"88.1/a", identity=b""), ask(b"88.1/b", [1])]
    if RECORDED.exists():
        for entry in json.loads(RECORDED.read_text()):
            texts = entry.get("transcript") or [
                entry["request"] if isinstance(entry["request"], str) else entry["request"][0]
            ]
            found += map(bytes.fromhex, texts + entry.get("responses", []))
    return found


def mutated(chance, data):
    """One of: bytes set, a length changed by a little, a piece removed, doubled or put in from elsewhere."""
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        place = chance.randrange(len(changed) or 1)
        kind = chance.randrange(6)
        if kind == 0 and changed:
            changed[place % len(changed)] = chance.choice(INTERESTING)
        elif kind == 1 and changed:
            changed[place % len(changed)] ^= 1 << chance.randrange(8)
        elif kind == 2:
            del changed[place : place + chance.randrange(1, 9)]
        elif kind == 3:
            changed[place:place] = changed[place : place + chance.randrange(1, 9)]
        elif kind == 4:
            changed[place : place + 4] = chance.randrange(2**32).to_bytes(4)
        elif len(changed) > 44 and chance.random() < 0.8:  # lengths right again, so that the inside is reached
            changed[16:20] = (len(changed) - 20).to_bytes(4)
            changed[40:44] = max(0, len(changed) - 48).to_bytes(4)
    return bytes(changed)


def judge(data, together):
    try:
        message = wire.decode(data)
    except Malformed:
        message = None
    answer = hot.answer(data, lambda key: RECORD if key == b"88.1/A" else None, 1000, 2000, 1)
    if isinstance(answer, bytes):
        check_answer(message, wire.decode(answer))
    elif answer == hot.DROP:
        assert message is None or message.header.response_code or wire.expired(message.header, 1000)
    elif answer == hot.MISSING:
        assert isinstance(message.body, Resolve)
        assert message.body.handle.upper() != b"88.1/A"
    if message is not None:
        assert wire.decode(wire.encode(message)).body == message.body
        if message.credential:
            attempt(Credential.decode, message.credential)
    if len(data) > 20 and data[2] & codes.TRUNCATED_ENVELOPE:
        attempt(lambda packet: together.add("fuzz", packet, 0.0), data)


def check_answer(request, answer):
    """Made from what the request says, and from nothing private."""
    assert isinstance(request.body, Resolve)
    assert answer.envelope.request == request.envelope.request
    assert not request.credential
    asked = request.body
    if answer.header.response_code == codes.RC_SUCCESS:
        assert answer.body.handle == asked.handle
        assert asked.handle.upper() == b"88.1/A"
        assert {value.index for value in answer.body.values} <= {1, 100}


def attempt(read, data):
    try:
        read(data)
    except InvalidInput:
        return


def run(ask, seed, count):
    chance, corpus, together = random.Random(seed), seeds(ask), packets.Reassembly(messages=16)
    for _ in range(count):
        data = mutated(chance, chance.choice(corpus))
        judge(data, together)
        piece = data[chance.randrange(len(data) + 1) :]
        for read in (decode_site, decode_admin, decode_references, Credential.decode, unpack_record):
            attempt(read, piece)


@pytest.mark.parametrize("seed", range(4))
def test_mutated_messages_are_refused_or_read_alike(ask, seed):
    run(ask, seed, 2_500)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_million_mutations(ask):
    run(ask, "soak", 1_000_000)
