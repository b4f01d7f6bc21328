"""Who may do what to which record, and that log and digests follow every change and nothing else."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineshaft.resolution import changes, codes
from lineshaft.resolution.administration import Registrar, Registration
from lineshaft.resolution.homes import Homes, add_home
from lineshaft.resolution.model import HandleValue, Reference
from lineshaft.resolution.record import unpack_record
from lineshaft.resolution.refused import Refused
from lineshaft.resolution.site import Server, Site
from lineshaft.resolution.store.memory import MemoryStore
from lineshaft.resolution.values import admin as bits
from lineshaft.resolution.values.admin import Admin, encode_admin
from lineshaft.resolution.values.references import encode_references

ADMIN = Reference(b"0.NA/88.1", 300)
OTHER = Reference(b"88.1/somebody", 300)
OPERATOR = Reference(b"0.NA/0.NA", 300)
SITE = Site(serial=1, servers=(Server(number=1, address="127.0.0.1"),))


def value(index, data=b"x", kind=b"URL", permissions=0b1110):
    return HandleValue(index=index, type=kind, data=data, permissions=permissions)


def admin(index, who=ADMIN, permissions=bits.EVERYTHING):
    data = encode_admin(Admin(permissions=permissions, handle=who.handle, index=who.index))
    return value(index, data, b"HS_ADMIN")


@pytest.fixture
def store():
    store = MemoryStore()
    with store.write() as transaction:
        add_home(transaction, b"0.NA")
        add_home(transaction, b"88.1")
    return store


@pytest.fixture
def registrar(store):
    registrar = Registrar(store, Homes(store, SITE, 1), [OPERATOR], seconds=lambda: 1_700_000_000)
    registrar.create(b"0.NA/88.1", [admin(100)], OPERATOR)
    registrar.create(b"88.1/group", [value(1, encode_references([OTHER]), b"HS_VLIST"), admin(100)], ADMIN)
    return registrar


def values_of(store, handle):
    return {each.index: each for each in unpack_record(store.get(handle.upper()))}


def code_of(call, *arguments, **options):
    with pytest.raises(Refused) as refused:
        call(*arguments, **options)
    return refused.value.code


def test_an_administrator_of_the_prefix_registers(registrar, store):
    assert registrar.create(b"88.1/Part-7", [value(1), admin(100)], ADMIN) == b"88.1/Part-7"
    found = values_of(store, b"88.1/part-7")
    assert found[1].data == b"x"
    assert found[1].timestamp == 1_700_000_000


@pytest.mark.parametrize(
    ("handle", "who", "code"),
    [
        (b"88.1/group", ADMIN, codes.RC_HANDLE_EXISTS),
        (b"88.1/new", OTHER, codes.RC_INVALID_ADMIN),
        (b"88.2/new", ADMIN, codes.RC_NOT_RESPONSIBLE),
        (b"noslash", ADMIN, codes.RC_INVALID_HANDLE),
        (b"88.1/\xff", ADMIN, codes.RC_INVALID_HANDLE),
        (b"88.1/" + b"x" * 2044, ADMIN, codes.RC_INVALID_HANDLE),
        (b"0.NA/88.1.5", OTHER, codes.RC_INVALID_ADMIN),
    ],
)
def test_registrations_that_are_refused(registrar, store, handle, who, code):
    before = dict(store.scan())
    assert code_of(registrar.create, handle, [value(1)], who) == code
    assert dict(store.scan()) == before


@pytest.mark.parametrize("values", [[], [value(1), value(1)], [value(0)]])
def test_values_that_no_record_can_have(registrar, values):
    assert code_of(registrar.create, b"88.1/new", values, ADMIN) == codes.RC_INVALID_VALUE


def test_derived_prefixes_need_a_right_of_their_own(registrar, store):
    narrow = Reference(b"88.1/narrow", 300)
    registrar.add(b"0.NA/88.1", [admin(101, narrow, bits.ADD_HANDLE)], ADMIN)
    assert code_of(registrar.create, b"0.NA/88.1.9", [value(1)], narrow) == codes.RC_NOT_PERMITTED
    registrar.create(b"0.NA/88.1.9", [value(1)], ADMIN)
    assert registrar.create(b"88.1/by-narrow", [value(1)], narrow)
    assert code_of(registrar.delete, b"0.NA/88.1.9", narrow) == codes.RC_INVALID_ADMIN


def test_a_member_of_a_group_is_what_the_group_is(registrar, store):
    registrar.create(b"88.1/shared", [value(1), admin(100, Reference(b"88.1/group", 1), bits.ADD_VALUE)], ADMIN)
    registrar.add(b"88.1/shared", [value(2)], OTHER)
    assert set(values_of(store, b"88.1/shared")) == {1, 2, 100}
    assert code_of(registrar.remove, b"88.1/shared", [2], OTHER) == codes.RC_NOT_PERMITTED
    assert code_of(registrar.add, b"88.1/shared", [admin(101)], OTHER) == codes.RC_NOT_PERMITTED


def test_members_and_administrators_of_other_nodes_are_handed_in(registrar, store):
    elsewhere = {b"99.1/GROUP": [value(5, encode_references([OTHER]), b"HS_VLIST")]}
    registrar.create(b"88.1/far", [admin(100, Reference(b"99.1/group", 5))], ADMIN)
    assert code_of(registrar.add, b"88.1/far", [value(1)], OTHER) == codes.RC_INVALID_ADMIN
    registrar.add(b"88.1/far", [value(1)], OTHER, elsewhere)
    assert 1 in values_of(store, b"88.1/far")


def test_values_are_added_changed_and_removed_by_their_own_rights(registrar, store):
    handle = b"88.1/thing"
    registrar.create(handle, [value(1), value(2, permissions=0b0010), value(3, permissions=0b1111), admin(100)], ADMIN)
    assert code_of(registrar.add, handle, [value(1)], ADMIN) == codes.RC_VALUE_EXISTS
    assert code_of(registrar.modify, handle, [value(9)], ADMIN) == codes.RC_VALUES_NOT_FOUND
    assert code_of(registrar.modify, handle, [value(2, b"y")], ADMIN) == codes.RC_NOT_PERMITTED  # nobody writes it
    registrar.modify(handle, [value(3, b"anybody", permissions=0b1111)], None)
    registrar.modify(handle, [value(1, b"new")], ADMIN)
    assert code_of(registrar.remove, handle, [1], None) == codes.RC_INVALID_ADMIN
    registrar.remove(handle, [1, 77], ADMIN)
    assert {index: each.data for index, each in values_of(store, handle).items() if index < 100} == {
        2: b"x", 3: b"anybody",
    }  # fmt: skip
    assert code_of(registrar.remove, b"88.1/group", [1, 100], ADMIN) == codes.RC_INVALID_VALUE


def test_a_record_is_replaced_value_by_value_as_allowed(registrar, store):
    helper = Reference(b"88.1/helper", 300)
    registrar.create(b"88.1/doc", [value(1), admin(100), admin(101, helper, bits.MODIFY_VALUE)], ADMIN)
    same_admins = [admin(100), admin(101, helper, bits.MODIFY_VALUE)]
    registrar.create(b"88.1/doc", [value(1, b"new"), *same_admins], helper, overwrite=True)
    assert code_of(registrar.create, b"88.1/doc", [value(1, b"3"), value(2), *same_admins], helper, overwrite=True) == (
        codes.RC_NOT_PERMITTED
    )
    assert values_of(store, b"88.1/doc")[1].data == b"new"
    registrar.create(b"88.1/doc", [value(5), admin(100)], ADMIN, overwrite=True)
    assert set(values_of(store, b"88.1/doc")) == {5, 100}


def test_minted_handles_begin_as_asked_and_cannot_be_guessed(registrar):
    made = {registrar.create(b"88.1/serial-", [value(1)], ADMIN, mint=True) for _ in range(20)}
    assert len(made) == 20
    assert all(handle.startswith(b"88.1/serial-") and len(handle) == 12 + 36 for handle in made)


def test_many_are_registered_at_once_and_each_answered(registrar, store):
    batch = [Registration(b"88.1/n%d" % number, (value(1), admin(100))) for number in range(50)]
    batch += [Registration(b"88.9/x", (value(1),)), Registration(b"88.1/group", (value(1),)), batch[0]]
    answers = registrar.register(batch, ADMIN)
    assert [answer and answer.code for answer in answers] == (
        [None] * 50 + [codes.RC_NOT_RESPONSIBLE, codes.RC_HANDLE_EXISTS, None]
    )
    sequence = changes.last_sequence(store)
    assert registrar.register(batch[:50], ADMIN) == [None] * 50  # again, as after a lost answer
    assert changes.last_sequence(store) == sequence
    stranger = registrar.register([Registration(b"88.1/m", (value(1),))], OTHER)
    assert [answer.code for answer in stranger] == [codes.RC_INVALID_ADMIN]


def test_private_values_are_for_administrators_who_may_read(registrar, store):
    registrar.create(
        b"88.1/secret", [value(1), value(2, permissions=0b1100), value(3, permissions=0b0100), admin(100)], ADMIN
    )
    values = unpack_record(store.get(b"88.1/SECRET"))
    assert {each.index for each in registrar.readable(values, None)} == {1, 100}
    assert {each.index for each in registrar.readable(values, ADMIN)} == {1, 2, 100}


def test_homes_are_the_operators_business(registrar, store):
    assert code_of(registrar.home, b"88.7", ADMIN) == codes.RC_INVALID_ADMIN
    assert registrar.home(b"88.7", OPERATOR)
    assert not registrar.home(b"88.7", OPERATOR)
    registrar._homes.renew()
    registrar.create(b"88.7/x", [value(1)], OPERATOR)
    assert registrar.unhome(b"88.7", OPERATOR)
    registrar._homes.renew()
    assert code_of(registrar.delete, b"88.7/x", OPERATOR) == codes.RC_NOT_RESPONSIBLE


def test_a_server_of_several_takes_only_its_share(store):
    servers = tuple(Server(number=number, address="127.0.0.1") for number in (1, 2, 3))
    site = msgspec.structs.replace(SITE, servers=servers)
    handles = [b"88.1/n%d" % number for number in range(60)]
    shares = []
    for number in (1, 2, 3):
        registrar = Registrar(store, Homes(store, site, number), [OPERATOR])
        answers = registrar.register([Registration(handle, (value(1),)) for handle in handles], OPERATOR)
        shares.append({handle for handle, answer in zip(handles, answers, strict=True) if answer is None})
    assert set.union(*shares) == set(handles)
    assert sum(map(len, shares)) == len(handles)
    assert all(shares)


def test_listing_needs_its_right(registrar):
    registrar.check_listing(b"88.1", ADMIN)
    assert code_of(registrar.check_listing, b"88.1", OTHER) == codes.RC_INVALID_ADMIN
    assert code_of(registrar.check_listing, b"88.5", ADMIN) == codes.RC_NOT_RESPONSIBLE


operations = st.lists(
    st.tuples(
        st.sampled_from(["create", "overwrite", "delete", "modify", "remove", "batch"]),
        st.integers(0, 4), st.binary(max_size=3),
    ),
    max_size=30,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(operations)
def test_digests_and_log_follow_any_changes(steps):
    store = MemoryStore()
    with store.write() as transaction:
        add_home(transaction, b"88.1")
    registrar = Registrar(store, Homes(store, SITE, 1), [OPERATOR])
    copy, sequence = {}, changes.last_sequence(store)
    for verb, number, data in steps:
        handle = b"88.1/n%d" % number
        try:
            if verb in {"create", "overwrite"}:
                registrar.create(handle, [value(1, data), value(2)], OPERATOR, overwrite=verb == "overwrite")
            elif verb == "delete":
                registrar.delete(handle, OPERATOR)
            elif verb == "modify":
                registrar.modify(handle, [value(1, data)], OPERATOR)
            elif verb == "remove":
                registrar.remove(handle, [1, 2] if data else [1], OPERATOR)
            else:
                registrar.register([Registration(b"88.1/n%d" % n, (value(1, data),)) for n in range(number)], OPERATOR)
        except Refused:
            continue
        for entry in changes.entries(store, sequence, 1000):  # what a mirror does
            assert entry.sequence == sequence + 1
            sequence = entry.sequence
            record = store.get(entry.key)
            copy.pop(entry.key, None) if record is None else copy.__setitem__(entry.key, record)
    assert copy == dict(store.scan())
    assert changes.last_sequence(store) == sequence
    assert changes.digest_of(store, b"88.1") == changes.computed_digest(store.scan(b"88.1/"))
    assert dict(changes.digests(store)) == ({b"88.1": changes.digest_of(store, b"88.1")} if copy else {})
    assert changes.trim(store, sequence) == len(range(sequence))
    assert changes.entries(store, 0, 10) == []
