"""Every body, value and record comes back from its bytes as it was, and reads nothing but the whole of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.core.errors import InvalidInput
from lineshaft.resolution import codes, hot, messages, record, site, wire
from lineshaft.resolution.fields import Malformed
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.values.admin import Admin, decode_admin, encode_admin, from_bits, to_bits
from lineshaft.resolution.values.json_form import value_from_json, value_to_json
from lineshaft.resolution.values.references import decode_references, encode_references
from lineshaft.resolution.values.value import decode_value, encode_value, value_end

u32s = st.integers(0, 0xFFFFFFFF)
some_bytes = st.binary(max_size=24)
handles = st.builds(lambda text: b"88.1/" + text.encode(), st.text(max_size=8))
references = st.lists(st.builds(Reference, handles, u32s), max_size=3).map(tuple)
values = st.builds(
    HandleValue, index=st.integers(1, 0xFFFFFFFF), type=st.sampled_from([b"URL", b"HS_ADMIN", b"x.Y"]), data=some_bytes,
    ttl=u32s, ttl_type=st.integers(0, 1), permissions=st.integers(0, 15), timestamp=u32s, references=references,
)  # fmt: skip
value_lists = st.lists(values, max_size=4, unique_by=lambda value: value.index).map(tuple)
numbers = st.lists(u32s, max_size=4).map(tuple)
shards = st.builds(messages.Shard, st.integers(0, 2), u32s, u32s)
longs = st.integers(0, 2**64 - 1)

REQUESTS = {
    codes.OC_RESOLUTION: st.builds(
        messages.Resolve, handles, numbers, st.lists(some_bytes, max_size=3).map(tuple), st.none() | some_bytes
    ),
    codes.OC_DELETE_HANDLE: st.builds(messages.OfHandle, handles),
    codes.OC_CREATE_HANDLE: st.builds(messages.ChangeValues, handles, value_lists),
    codes.OC_REMOVE_VALUE: st.builds(messages.RemoveValues, handles, numbers),
    codes.OC_CHALLENGE_ANSWER: st.builds(messages.AnswerChallenge, some_bytes, handles, u32s, some_bytes),
    codes.OC_VERIFY_ANSWER: st.builds(messages.VerifyAnswer, handles, u32s, some_bytes, some_bytes, some_bytes),
    codes.OC_SESSION_SETUP: st.one_of(
        st.builds(messages.SetUpSession, mode=st.sampled_from([1, 4]), timeout=u32s, identity=handles, index=u32s,
                  public_key=some_bytes),
        st.builds(messages.SetUpSession, mode=st.just(2), timeout=u32s, identity=handles, index=u32s),
        st.builds(messages.SetUpSession, mode=st.just(3), key_handle=handles, key_index=u32s),
    ),
    codes.OC_SESSION_EXCHANGE_KEY: st.builds(messages.ExchangeKey, some_bytes),
    codes.OC_RETRIEVE_TRANSACTIONS: st.one_of(
        st.builds(messages.Retrieve, shard=shards, last=longs, last_query=longs),
        st.builds(messages.Retrieve, shard=shards, state=st.binary(min_size=1, max_size=9)),
    ),
    codes.OC_DUMP_HANDLES: st.one_of(
        st.builds(messages.Dump, shard=shards), st.builds(messages.Dump, shard=shards, start=handles, start_kind=u32s)
    ),
    codes.OC_LOGIN_SYSTEM: st.builds(messages.Login, handles, u32s),
}  # fmt: skip
ANSWERS = {
    (codes.OC_RESOLUTION, 1): st.builds(messages.Resolved, handles, value_lists),
    (codes.OC_RESOLUTION, 303): st.builds(messages.Referral, handles, st.none() | value_lists),
    (codes.OC_RESOLUTION, 402): st.builds(messages.Challenge, some_bytes),
    (codes.OC_RESOLUTION, 100): st.builds(messages.Refusal, st.text(max_size=9)),
    (codes.OC_CREATE_HANDLE, 1): st.builds(messages.Created, st.none() | handles),
    (codes.OC_DELETE_HANDLE, 1): st.builds(messages.Empty),
    (codes.OC_LIST_HANDLES, 1): st.builds(messages.HandleList, st.lists(handles, max_size=4).map(tuple)),
    (codes.OC_VERIFY_ANSWER, 1): st.builds(messages.Verified, st.booleans()),
    (codes.OC_SESSION_SETUP, 1): st.builds(messages.SessionReady, st.integers(1, 4), some_bytes),
    (codes.OC_NEXT_TRANSACTION, 1): st.builds(messages.NextTransaction, longs),
    (codes.OC_RETRIEVE_TRANSACTIONS, 1): st.builds(messages.Retrieved, st.booleans()),
}
CASES = [(operation, 0, body) for operation, body in REQUESTS.items()]
CASES += [(*key, body) for key, body in ANSWERS.items()]


@settings(max_examples=8, deadline=None)
@pytest.mark.parametrize(("operation", "code", "bodies"), CASES)
@given(data=st.data())
def test_every_body_comes_back_and_no_part_of_it_does(operation, code, bodies, data):
    body = data.draw(bodies)
    digest = wire.Digest(codes.SHA256, b"d" * 32) if code and data.draw(st.booleans()) else None
    message = wire.Message(
        envelope=wire.Envelope(session=data.draw(u32s), request=data.draw(u32s)),
        header=wire.Header(operation=operation, response_code=code, flags=codes.REQUEST_DIGEST if digest else 0),
        body=body, digest=digest, credential=data.draw(some_bytes),
    )  # fmt: skip
    encoded = wire.encode(message)
    found = wire.decode(encoded)
    assert (found.body, found.header, found.digest, found.credential) == (
        body, message.header, digest, message.credential,
    )  # fmt: skip
    assert found.covered == wire.cover(message)
    with pytest.raises(Malformed):
        wire.decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


def test_transactions_before_2_9_are_asked_for_without_the_kind_of_source():
    body = messages.Retrieve(shard=messages.Shard(2, 1, 0), last=5, old=True)
    header = wire.Header(operation=codes.OC_RETRIEVE_TRANSACTIONS)
    found = wire.decode(wire.encode(wire.Message(envelope=wire.Envelope(minor=8), header=header, body=body)))
    assert found.body == body


def test_codes_that_older_versions_lack_are_sent_as_what_they_had():
    for code, minor, sent in [(7, 4, 303), (7, 5, 7), (202, 4, 201), (202, 5, 202)]:
        header = wire.Header(operation=1, response_code=code)
        data = wire.encode(wire.Message(envelope=wire.Envelope(minor=minor), header=header, body=messages.Refusal("x")))
        assert int.from_bytes(data[24:28]) == sent
    assert wire.decode(data).header.response_code == 202


@settings(max_examples=20, deadline=None)
@given(value=values, before=some_bytes)
def test_a_value_comes_back_and_ends_where_it_ends(value, before):
    encoded = encode_value(value)
    assert decode_value(encoded) == value
    assert value_end(before + encoded + b"more", len(before)) == len(before) + len(encoded)
    for wrong in (encoded[:-1], encoded + b"\0"):
        with pytest.raises(Malformed):
            decode_value(wrong)
    with pytest.raises(Malformed):
        value_end(encoded[:-1], 0)


@settings(max_examples=30, deadline=None)
@given(given_values=value_lists)
def test_a_record_comes_back_in_its_order_and_its_public_part_is_the_answer(given_values):
    packed = record.pack_record(given_values)
    assert record.unpack_record(packed) == list(given_values)
    public = tuple(value for value in given_values if value.public)
    answer = messages.Resolved(b"", public).encode()[4:]
    assert record.public_part(packed) == answer
    assert hot.choose(packed, [], []) == (answer if public else None)
    assert bool(packed[0] & record.HAS_PRIVATE) == (len(public) < len(given_values))
    for end in (0, len(packed) - 1):
        with pytest.raises(Malformed):
            record.unpack_record(packed[:end])


def test_a_record_says_what_is_in_it_and_refuses_what_cannot_be():
    value = HandleValue(index=1, type=b"URL", data=b"")
    assert record.pack_record([HandleValue(index=1, type=b"hs_alias", data=b"a/b")])[0] == record.HAS_ALIAS
    assert record.pack_record([HandleValue(index=1, type=b"HS_SITE.prefix", data=b"")])[0] == record.HAS_SITE
    for wrong in (
        [value, value],
        [HandleValue(index=0, type=b"", data=b"")],
        [HandleValue(index=2**32, type=b"", data=b"")],
    ):
        with pytest.raises(InvalidInput):
            record.pack_record(wrong)
    many = [HandleValue(index=index, type=b"", data=b"") for index in range(1, 2050)]
    assert len(record.unpack_record(record.pack_record(many[1:]))) == 2048
    with pytest.raises(InvalidInput):
        record.pack_record(many)
    added = record.insert_values([many[0], many[4]], [many[2], many[9]])
    assert [one.index for one in added] == [1, 3, 5, 10]


@settings(max_examples=20, deadline=None)
@given(value=values)
def test_a_value_comes_back_from_json(value):
    found = value_from_json(value_to_json(value))
    assert found == value


def test_permission_bits_are_written_high_bit_first_and_old_lengths_kept():
    assert to_bits(0x07F3) == "011111110011"
    assert from_bits("011111110011") == 0x07F3
    for legacy in (False, True):
        admin = Admin(permissions=0xFFF, handle=b"a/b", index=300, legacy=legacy)
        assert decode_admin(encode_admin(admin)) == admin
    for wrong in (b"", b"\0\1\0", encode_admin(admin)[:-1], encode_admin(admin) + b"\0"):
        with pytest.raises(Malformed):
            decode_admin(wrong)


@settings(max_examples=20, deadline=None)
@given(found=references)
def test_lists_of_values_come_back(found):
    assert decode_references(encode_references(found)) == found
    with pytest.raises(Malformed):
        decode_references(encode_references(found) + b"\0")


servers = st.builds(
    site.Server, number=u32s, address=st.one_of(st.ip_addresses(v=4).filter(lambda a: int(a) > 255), st.ip_addresses(v=6)
    .filter(lambda a: int(a) >> 32)).map(str), public_key=some_bytes,
    interfaces=st.lists(st.builds(site.Interface, st.integers(1, 3), st.integers(0, 3), u32s), max_size=2).map(tuple),
)  # fmt: skip
sites = st.builds(
    site.Site, serial=st.integers(0, 0xFFFF), servers=st.lists(servers, max_size=2).map(tuple), primary=st.booleans(),
    multi_primary=st.booleans(), hash_option=st.integers(0, 255), hash_filter=some_bytes, flags=st.integers(0, 0x3F),
    attributes=st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4)), max_size=2).map(tuple),
)  # fmt: skip


@settings(max_examples=20, deadline=None)
@given(found=sites)
def test_a_description_of_a_site_comes_back(found):
    encoded = site.encode_site(found)
    assert site.decode_site(encoded) == found
    for wrong in (encoded[:-1], encoded + b"\0"):
        with pytest.raises(Malformed):
            site.decode_site(wrong)


def test_addresses_are_sixteen_bytes_with_ipv4_at_the_end():
    assert site.pack_address("127.0.0.1") == bytes(12) + b"\x7f\0\0\1"
    assert [site.unpack_address(site.pack_address(text)) for text in ("10.0.0.1", "::1", "fe80::1")] == [
        "10.0.0.1", "::1", "fe80::1",
    ]  # fmt: skip
    with pytest.raises(InvalidInput):
        site.pack_address("localhost")
