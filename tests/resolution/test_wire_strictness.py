"""Bad input is refused exactly: nothing is answered from padding, nothing is guessed, and both ways decide alike."""

import struct

import pytest

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, hot, wire
from lineshaft.resolution.fields import Malformed, counted, u32
from lineshaft.resolution.messages import Raw, Refusal, Resolve
from lineshaft.resolution.model import HandleValue, check_handle
from lineshaft.resolution.record import pack_record

RECORD = pack_record([HandleValue(index=1, type=b"URL", data=b"https://a.example/")])
NOW = 1_000


def lookup(key):
    return RECORD if key == b"88.1/A" else None


def quick(data, now=NOW):
    return hot.answer(data, lookup, now, now + 60, 1)


def with_body(data, body):
    """The message with another body, its lengths right."""
    head = data[20:40] + u32(len(body))
    payload = head + body + u32(0)
    return data[:16] + u32(len(payload)) + payload


def refused(data):
    """Whether both ways drop it."""
    assert quick(data) in {hot.DROP, hot.SLOW}
    with pytest.raises(Malformed):
        wire.decode(data)
    return True


def test_a_request_is_answered(ask):
    found = wire.decode(quick(ask(b"88.1/a")))
    assert (found.header.response_code, found.body.handle) == (codes.RC_SUCCESS, b"88.1/a")
    assert [value.data for value in found.body.values] == [b"https://a.example/"]


def test_every_shorter_and_every_longer_datagram_is_refused(ask):
    for data in (ask(b"88.1/a"), ask(b"88.1/a", [1], [b"URL", b"EMAIL"], identity=b"\0\1")):
        assert all(refused(data[:size]) for size in range(len(data)))
        assert refused(data + b"\0")
        assert refused(data + b"\0\0\0\0")
        for more in (b"\0", b"\0\0\0\0", b"credential"):  # behind the credential, and counted by the envelope
            assert refused(data[:16] + u32(len(data) - 20 + len(more)) + data[20:] + more)


def test_a_datagram_that_lies_about_any_length_is_refused(ask):
    data = ask(b"88.1/a", [1], [b"URL"])
    for place in (16, 40, 44, 44 + 4 + 6, 44 + 14 + 4, len(data) - 4):
        (size,) = struct.unpack_from(">I", data, place)
        for lie in (size + 1, size - 1, 0xFFFFFFFF, 0x7FFFFFFF, 4096):
            if lie >= 0 and (place, lie) != (62, 0):  # no types, and one further field: says what it says
                assert refused(data[:place] + u32(lie) + data[place + 4 :]), (place, lie)


def test_counts_beyond_the_packet_or_the_limit_are_refused(ask):
    data = ask(b"88.1/a")
    handle = counted(b"88.1/a")
    assert refused(with_body(data, handle + u32(2049) + b"\0" * 4 * 2049 + u32(0)))
    assert refused(with_body(data, handle + u32(0) + u32(2049) + b"\0" * 4 * 2049))
    assert refused(with_body(data, handle + u32(1000) + u32(0)))
    longest = with_body(data, handle + u32(0) + u32(2048) + b"\0" * 4 * 2048)
    assert len(wire.decode(longest).body.types) == 2048


def test_exactly_one_further_field_may_follow_the_types(ask):
    plain, empty, named = ask(b"88.1/a"), ask(b"88.1/a", identity=b""), ask(b"88.1/a", identity=b"who")
    assert [wire.decode(data).body.identity for data in (plain, empty, named)] == [None, b"", b"who"]
    assert quick(empty)[20:] == quick(plain)[20:]
    assert quick(named) == hot.SLOW
    body = counted(b"88.1/a") + u32(0) + u32(0)
    for further in (b"\0", b"\0\0", b"\0\0\0", u32(0) + u32(0), u32(1), counted(b"a") + b"b", counted(b"a") * 2):
        assert refused(with_body(plain, body + further)), further


def test_other_requests_end_where_they_end(ask):
    data = wire.encode(
        wire.Message(
            envelope=wire.Envelope(), header=wire.Header(operation=codes.OC_DELETE_HANDLE), body=Raw(counted(b"88.1/a"))
        )
    )
    assert wire.decode(data).body.handle == b"88.1/a"
    assert refused(with_body(data, counted(b"88.1/a") + u32(0)))


def test_an_unknown_operation_is_whole_and_to_be_refused_by_name(ask):
    data = ask(b"88.1/a")
    data = data[:20] + u32(9999) + data[24:]
    assert quick(data) == hot.SLOW
    request = wire.decode(data)
    assert isinstance(request.body, Raw)
    answer = wire.reply(request, codes.RC_NOT_SUPPORTED, Refusal("there is no operation 9999"), serial=1, expiration=2)
    found = wire.decode(wire.encode(answer))
    assert (found.header.operation, found.header.response_code, found.envelope.request) == (9999, 5, 1000)


def test_an_expired_request_is_dropped_also_beyond_2038(ask):
    assert quick(ask(b"88.1/a", expiration=NOW - 1)) == hot.DROP
    assert isinstance(quick(ask(b"88.1/a", expiration=NOW)), bytes)
    assert isinstance(quick(ask(b"88.1/a", expiration=0xF0000000), now=0x90000000), bytes)
    assert quick(ask(b"88.1/a", expiration=0x90000000), now=0x90000001) == hot.DROP
    assert wire.expired(wire.Header(operation=1, expiration=5), 6)
    assert not wire.expired(wire.Header(operation=1, expiration=0), 6)


def test_a_response_is_not_taken_for_a_request(ask):
    answer = quick(ask(b"88.1/a"))
    assert quick(answer) == hot.DROP


def test_flags_of_the_envelope_are_not_echoed_and_not_ignored(ask):
    data = ask(b"88.1/a")
    for flag in (codes.COMPRESSED_ENVELOPE, codes.ENCRYPTED_ENVELOPE, codes.TRUNCATED_ENVELOPE):
        assert refused(data[:2] + bytes((data[2] | flag,)) + data[3:])


def test_a_stale_site_serial_takes_the_long_way(ask):
    assert quick(ask(b"88.1/a", serial=7)) == hot.SLOW
    assert isinstance(quick(ask(b"88.1/a", serial=1)), bytes)
    assert isinstance(quick(ask(b"88.1/a", serial=codes.NO_SERIAL)), bytes)


def test_what_needs_more_than_a_copy_takes_the_long_way(ask):
    for flag in (
        codes.CERTIFIED, codes.ENCRYPTED, codes.REQUEST_DIGEST, codes.OVERWRITE, codes.MINT_SUFFIX, codes.DO_NOT_REFER,
        codes.RECURSIVE_IDENTITY,
    ):  # fmt: skip
        assert quick(ask(b"88.1/a", flags=codes.PUBLIC_ONLY | flag)) == hot.SLOW
    assert quick(ask(b"88.1/a", recursion=11)) == hot.SLOW
    data = ask(b"88.1/a")
    assert quick(data[:4] + u32(5) + data[8:]) == hot.SLOW
    authoritative = ask(b"88.1/a", flags=codes.AUTHORITATIVE | codes.PUBLIC_ONLY)
    assert isinstance(quick(authoritative), bytes)
    assert hot.answer(authoritative, lookup, NOW, NOW, 1, hot.CACHING) == hot.SLOW


def test_private_values_never_leave_with_a_public_request(ask):
    secret = HandleValue(index=2, type=b"URL", data=b"https://inside.example/", permissions=0xC)
    record = pack_record(
        [secret, HandleValue(index=1, type=b"URL", data=b"out"), HandleValue(index=3, type=b"A", data=b"")]
    )
    lookup = {b"88.1/A": record}.get
    for asked in (
        ask(b"88.1/a"),
        ask(b"88.1/a", [2, 1]),
        ask(b"88.1/a", types=[b"url"]),
        ask(b"88.1/a", [2], [b"URL"]),
    ):
        found = hot.answer(asked, lookup, NOW, NOW, 1)
        assert b"inside" not in found
        assert b"out" in found
    none = wire.decode(hot.answer(ask(b"88.1/a", [2]), lookup, NOW, NOW, 1))
    assert none.header.response_code == codes.RC_VALUES_NOT_FOUND
    for asked in (ask(b"88.1/a", flags=0), ask(b"88.1/a", [2], flags=0), ask(b"88.1/a", types=[b"A"], flags=0)):
        assert hot.answer(asked, lookup, NOW, NOW, 1) == hot.SLOW
    assert isinstance(hot.answer(ask(b"88.1/a", flags=0), {b"88.1/A": RECORD}.get, NOW, NOW, 1), bytes)


def test_types_match_without_case_and_with_what_is_under_them(ask):
    values = [
        HandleValue(index=n, type=name, data=b"") for n, name in enumerate((b"URL", b"URL.x", b"URLX", b"URN"), 1)
    ]
    lookup = {b"88.1/A": pack_record(values)}.get
    for wanted, indexes in [(b"url", [1]), (b"URL.", [1, 2]), (b"uRn", [4]), (b"url.X", [2])]:
        found = wire.decode(hot.answer(ask(b"88.1/a", types=[wanted]), lookup, NOW, NOW, 1))
        assert [value.index for value in found.body.values] == indexes


@pytest.mark.parametrize(
    "handle", [b"", b"/", b"/a", b"noslash", b"88.1/" + b"a" * 2044, b"88.1/\xff", b"88.1/\xed\xa0\x80"]
)
def test_what_is_no_handle_is_refused(ask, handle):
    with pytest.raises(InvalidInput):
        check_handle(handle)
    assert quick(ask(handle)) in {hot.MISSING, hot.SLOW}
    assert wire.decode(ask(handle)).body == Resolve(handle)


def test_handles_differ_only_in_ascii_case(ask):
    lookup = {"88.1/ÄÖ".encode().upper(): RECORD}.get
    assert isinstance(hot.answer(ask("88.1/Äö".encode()), lookup, NOW, NOW, 1), int)
    assert isinstance(hot.answer(ask("88.1/ÄÖ".encode()), lookup, NOW, NOW, 1), bytes)


@pytest.mark.parametrize("minor", range(12))
def test_every_version_is_answered_in_its_own(ask, minor):
    found = wire.decode(quick(ask(b"88.1/a", minor=minor)))
    assert (found.envelope.major, found.envelope.minor, found.envelope.suggested_minor) == (2, minor, 11)


def test_later_versions_are_answered_in_ours_and_earlier_ones_not(ask):
    data = ask(b"88.1/a", minor=14)
    assert wire.decode(quick(data)).envelope.minor == 11
    assert wire.negotiate(3, 0) == (2, 11)
    assert wire.negotiate(5, 0) == (2, 0)
    assert refused(b"\1" + data[1:])
