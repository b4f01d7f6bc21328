"""What the reference server was asked and answered, byte by byte: decoded, encoded again, and answered by us."""

import json

import msgspec
import pytest

from lineshaft.core.errors import LineshaftError
from lineshaft.resolution import codes, hot, packets, rest, wire
from lineshaft.resolution.auth.challenges import check_secret
from lineshaft.resolution.messages import Challenge, Created, Empty, Raw, Refusal, Resolved
from lineshaft.resolution.record import pack_record
from lineshaft.resolution.site import decode_site, encode_site
from lineshaft.resolution.values.json_form import value_from_json, value_to_json

NOT_COPIED = ("truncated envelope udp", "unknown opcode 9999 udp", "create no auth udp")
"""What our server answers otherwise: nothing, code 5, and a challenge."""


def requests_of(entry):
    found = entry.get("request") or entry.get("transcript", [])[::2]
    return [bytes.fromhex(text) for text in ([found] if isinstance(found, str) else found)]


def responses_of(entry):
    """Whole messages, put together where they came in packets."""
    together, found = packets.Reassembly(), []
    for text in entry.get("responses") or entry["transcript"][1::2]:
        packet = bytes.fromhex(text)
        whole = together.add("server", packet, 0.0) if packet[2] & codes.TRUNCATED_ENVELOPE else packet
        found += [whole] if whole else []
    return found


def masked(message):
    """Without what differs from run to run: expiration, and timestamps of values."""
    body = message.body
    if isinstance(body, Resolved):
        values = (msgspec.structs.replace(value, timestamp=0) for value in body.values)
        body = msgspec.structs.replace(body, values=tuple(values))
    header = msgspec.structs.replace(message.header, expiration=0)
    return msgspec.structs.replace(message, header=header, body=body, covered=b"")


def test_every_message_encodes_to_the_bytes_that_came(wire_exchanges):
    for name, entry in wire_exchanges.items():
        asked = [] if name == "truncated envelope udp" else requests_of(entry)
        for data in asked + responses_of(entry):
            assert wire.encode(wire.decode(data)) == data, name


def test_long_answers_divide_into_the_packets_that_came(wire_exchanges):
    divided = 0
    for entry in wire_exchanges.values():
        if entry["transport"] == "udp" and len(entry["responses"]) > 1:
            (whole,) = responses_of(entry)
            assert [packet.hex() for packet in packets.split(whole)] == entry["responses"]
            divided += 1
    assert divided == 5


def test_public_resolutions_are_answered_alike(wire_exchanges, fixture_records):
    records = {handle.upper(): pack_record(values) for handle, values in fixture_records.items()}
    answered = 0
    for name, entry in wire_exchanges.items():
        asked = requests_of(entry)[0]
        if name in NOT_COPIED or wire.decode(asked).header.operation != codes.OC_RESOLUTION:
            continue
        request, (expected, *_) = wire.decode(asked), map(wire.decode, responses_of(entry))
        found = hot.answer(asked, records.get, 0, 5, 1)
        if found == hot.MISSING:
            homed = request.body.handle.startswith(b"88.1000.1/")
            words = b"" if homed else expected.body.message.encode()
            found = hot.refuse(asked, 100 if homed else 301, 5, 1, words)
        elif found == hot.SLOW and expected.header.response_code == codes.RC_SUCCESS:
            values = tuple(value for value in fixture_records[request.body.handle] if value.public)
            body = Resolved(request.body.handle, values)
            found = wire.encode(wire.reply(request, codes.RC_SUCCESS, body, serial=1, expiration=5))
        elif found == hot.SLOW:
            continue  # challenged: see below
        assert masked(wire.decode(found)) == masked(expected), name
        answered += 1
    assert answered == 14


def as_answered(entry, request):
    """What the server answers to the answer of a challenge: the first request, in the exchange of the last."""
    if request.header.operation != codes.OC_CHALLENGE_ANSWER:
        return request
    first = wire.decode(requests_of(entry)[0])
    header = msgspec.structs.replace(first.header, flags=first.header.flags | codes.REQUEST_DIGEST)
    return msgspec.structs.replace(first, envelope=request.envelope, header=header)


def test_other_answers_are_built_alike(wire_exchanges):
    built = 0
    for name, entry in wire_exchanges.items():
        if name in NOT_COPIED:
            continue
        exchanges = zip(map(wire.decode, requests_of(entry)), map(wire.decode, responses_of(entry)), strict=False)
        for asked, expected in exchanges:
            if not isinstance(expected.body, Challenge | Created | Empty | Raw | Refusal):
                continue
            header = expected.header
            found = wire.reply(
                as_answered(entry, asked), header.response_code, expected.body,
                serial=header.serial, expiration=header.expiration,
            )  # fmt: skip
            envelope = msgspec.structs.replace(found.envelope, session=expected.envelope.session)
            assert wire.encode(msgspec.structs.replace(found, envelope=envelope)) == wire.encode(expected), name
            built += 1
    assert built >= 14


def test_answers_to_challenges_prove_the_secret_or_not(wire_exchanges):
    judged = []
    for entry in wire_exchanges.values():
        if "transcript" not in entry:
            continue
        asked, challenge, answer, result = (wire.decode(bytes.fromhex(text)) for text in entry["transcript"])
        challenged = challenge.body.nonce + wire.request_digest(2, 11, asked.covered).value
        assert challenge.digest == wire.request_digest(2, 11, asked.covered)
        right = check_secret(answer.body.answer, challenged, b"secret")
        assert right == (result.header.response_code == codes.RC_SUCCESS)
        assert check_secret(answer.body.answer, challenged, bytes.fromhex(entry["secret"]))
        judged.append(right)
    assert sorted(judged) == [False, True, True, True]


def test_the_site_is_described_alike(wire_exchanges):
    (answer,) = responses_of(wire_exchanges["get site info udp"])
    data = wire.decode(answer).body.data
    site = decode_site(data)
    assert encode_site(site) == data
    assert (site.servers[0].address, len(site.servers[0].interfaces)) == ("127.0.0.1", 3)
    as_json = value_to_json(value_from_json({"index": 3, "type": "HS_SITE", "data": {"format": "base64", "value": ""}}))
    assert as_json["data"] == {"format": "base64", "value": ""}
    form = value_to_json(msgspec.structs.replace(value_from_json(as_json), data=data))["data"]
    assert form["value"]["servers"][0]["publicKey"]["value"]["kty"] == "RSA"
    again = value_to_json(value_from_json({"index": 3, "type": "HS_SITE", "data": form}))["data"]
    assert again == form


def test_values_in_json_come_back_as_they_were(fixture_values):
    for values in fixture_values.values():
        for given in values:
            assert value_to_json(value_from_json(given)) == given


def test_http_answers_are_alike(http_exchanges, fixture_records):
    mixed = [value for value in fixture_records[b"88.1000.1/MIXED"] if value.public and value.index not in {8, 9}]
    chosen = {"get public": mixed, "get type": mixed[:1], "get index": mixed[:2], "get no such value": []}
    told = {
        "not found": (100, b"88.1000.1/NOPE", ""),
        "not responsible": (301, b"99.1/X", "That prefix doesn't live here"),
        "publicOnly=false no auth": (402, b"88.1000.1/MIXED", ""),
        "put existing overwrite=false": (101, b"88.1000.1/MIXED", ""),
    }
    for name, values in chosen.items():
        expected = json.loads(http_exchanges[name]["resp"])
        found = rest.resolved(b"88.1000.1/MIXED", values)
        for value in [*expected["values"], *found["values"]]:
            value.pop("timestamp")
        assert found == expected
        assert rest.status_of(found["responseCode"]) == http_exchanges[name]["status"]
    for name, (code, handle, message) in told.items():
        assert rest.about(code, handle, message) == json.loads(http_exchanges[name]["resp"])
        assert rest.status_of(code) == http_exchanges[name]["status"]
    page = json.loads(http_exchanges["list page"]["resp"])
    handles = [handle.encode() for handle in page["handles"]]
    assert rest.handle_page(b"88.1000.1", 500062, 0, 3, handles) == page
    assert rest.prefix_list([b"0.NA/88.1000.1"]) == json.loads(http_exchanges["prefixes"]["resp"])


def test_a_value_that_is_wrong_in_json_is_refused_by_field(fixture_values):
    good = fixture_values["88.1000.1/MIXED"][0]
    for change, field in [
        ({"index": "1"}, "index"), ({"index": 0}, "index"), ({"type": 3}, "type"), ({"data": None}, "data"),
        ({"data": {"format": "jpeg", "value": ""}}, "data.format"), ({"ttl": -1}, "ttl"), ({"ttl": "soon"}, "ttl"),
        ({"permissions": "111"}, "permissions"), ({"timestamp": "1969-01-01T00:00:00Z"}, "timestamp"),
        ({"data": {"format": "hex", "value": "0"}}, "data.value"), ({"references": [1]}, "reference"),
        ({"data": {"format": "admin", "value": {"handle": "a/b", "index": 1, "permissions": "1"}}}, "permissions"),
    ]:  # fmt: skip
        with pytest.raises(LineshaftError) as refused:
            value_from_json(good | change)
        assert refused.value.facts["field"] == field
