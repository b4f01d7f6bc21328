"""Stores of records against a plain dictionary, across a reopening, another process, and a process killed while writing."""

import contextlib
import os
import subprocess
import sys
import textwrap

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineshaft.core.errors import InvalidInput, LineshaftError, Unavailable
from lineshaft.resolution.store import open_store

KINDS = ["memory", "lmdb", "rocksdb"]
keys = st.one_of(
    st.binary(min_size=1, max_size=6),
    st.builds(lambda text, tail: text * 90 + tail, st.sampled_from([b"ab/cde", b"ab/cdf"]), st.binary(max_size=3)),
)
spaces = st.sampled_from(["records", "meta"])
steps = st.lists(st.tuples(st.sampled_from(["put", "delete"]), spaces, keys, st.binary(max_size=40)), max_size=8)


@pytest.fixture(params=KINDS)
def store(request, tmp_path):
    store = open_store(request.param, tmp_path / "records")
    yield store
    store.close()


@pytest.fixture(params=["lmdb", "rocksdb"])
def kind(request):
    return request.param


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(transactions=st.lists(steps, max_size=4), prefix=st.binary(max_size=2))
@pytest.mark.parametrize("name", KINDS)
def test_any_changes_leave_what_a_dictionary_would_hold(name, tmp_path_factory, transactions, prefix):
    store = open_store(name, tmp_path_factory.mktemp("records"))
    model = {"records": {}, "meta": {}}
    try:
        for changes in transactions:
            with store.write() as transaction:
                for verb, space, key, value in changes:
                    if verb == "put":
                        transaction.put(key, value, space)
                        model[space][key] = value
                    else:
                        assert transaction.delete(key, space) == (model[space].pop(key, None) is not None)
                    assert transaction.get(key, space) == model[space].get(key)
            store.renew()
        for space, values in model.items():
            assert dict(store.scan(space=space)) == values
            assert all(store.get(key, space) == value for key, value in values.items())
            assert {k for k, _ in store.scan(prefix, space=space)} == {k for k in values if k.startswith(prefix)}
        assert store.get(b"nothing/here") is None
    finally:
        store.close()


def test_an_error_in_a_transaction_undoes_all_of_it(store):
    with store.write() as transaction:
        transaction.put(b"A/1", b"one")
    with contextlib.suppress(ZeroDivisionError), store.write() as transaction:
        transaction.put(b"A/1", b"two")
        transaction.put(b"A/2", b"two")
        transaction.put(b"place", b"7", "meta")
        raise ZeroDivisionError
    store.renew()
    assert (store.get(b"A/1"), store.get(b"A/2"), store.get(b"place", "meta")) == (b"one", None, None)


def test_pages_go_on_behind_the_last_key(store):
    names = sorted(
        {f"88.1/{n * 37 % 2500}".encode() for n in range(2500)} | {b"88.1/" + bytes([n]) * 600 for n in range(65, 70)}
    )
    assert store.load((name, b"v" + name) for name in reversed(names)) == len(names)
    store.renew()
    found, after = [], b""
    while page := [pair for pair, _ in zip(store.scan(b"88.1/", after), range(700), strict=False)]:
        found += page
        after = page[-1][0]
    assert found == [(name, b"v" + name) for name in names]
    assert [key for key, _ in store.scan(b"88.1/99")] == [name for name in names if name.startswith(b"88.1/99")]


def test_loading_in_any_order_replaces_what_is_there(store):
    with store.write() as transaction:
        transaction.put(b"B/2", b"old")
    assert store.load([(b"B/3", b"3"), (b"B/1", b"1"), (b"B/2", b"new"), (b"B/3", b"3a")]) >= 3
    store.load([(b"A/9", b"9"), (b"C/1", b"1")])
    store.renew()
    assert list(store.scan()) == [(b"A/9", b"9"), (b"B/1", b"1"), (b"B/2", b"new"), (b"B/3", b"3a"), (b"C/1", b"1")]
    assert store.size() > 0


@pytest.mark.parametrize("key", [b"", b"x" * 4097])
def test_keys_that_no_handle_has_are_refused(store, key):
    with pytest.raises(InvalidInput, match="not 1 to 4096"), store.write() as transaction:
        transaction.put(key, b"v")
    with pytest.raises(InvalidInput):
        store.load([(key, b"v")])


def test_what_was_written_is_there_after_reopening(kind, tmp_path):
    store = open_store(kind, tmp_path)
    with store.write() as transaction:
        transaction.put(b"A/1", b"one")
        transaction.put(b"seen", b"5", "meta")
    store.close()
    store = open_store(kind, tmp_path)
    assert (store.get(b"A/1"), store.get(b"seen", "meta")) == (b"one", b"5")
    store.close()


def test_another_process_sees_writes_once_it_looks_again(kind, tmp_path):
    store = open_store(kind, tmp_path)
    reader = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(f"""
            import sys
            from pathlib import Path
            from lineshaft.resolution.store import open_store
            store = open_store({kind!r}, Path({str(tmp_path)!r}), read_only=True)
            print(store.get(b"A/1"), flush=True)
            sys.stdin.readline()
            store.renew()
            print(store.get(b"A/1"), flush=True)
            try:
                with store.write() as transaction:
                    transaction.put(b"A/1", b"mine")
            except Exception as error:
                print(error.code, flush=True)
            store.close()
        """)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert reader.stdout.readline() == "None\n"
    with store.write() as transaction:
        transaction.put(b"A/1", b"one")
    out, _ = reader.communicate("go\n", timeout=60)
    assert out == "b'one'\nresolution.store_read_only\n"
    store.close()


def test_lmdb_processes_write_in_turn(tmp_path):
    """Each adds one to the same number a hundred times; none is lost."""
    program = textwrap.dedent(f"""
        from pathlib import Path
        from lineshaft.resolution.store import open_store
        store = open_store("lmdb", Path({str(tmp_path)!r}))
        for _ in range(100):
            with store.write() as transaction:
                transaction.put(b"n", str(int(transaction.get(b"n") or b"0") + 1).encode())
        store.close()
    """)
    writers = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [writer.wait(timeout=60) for writer in writers] == [0, 0]
    store = open_store("lmdb", tmp_path)
    assert store.get(b"n") == b"200"
    store.close()


def test_what_was_acknowledged_survives_a_killed_writer(kind, tmp_path):
    program = textwrap.dedent(f"""
        from pathlib import Path
        from lineshaft.resolution.store import open_store
        store = open_store({kind!r}, Path({str(tmp_path)!r}))
        for number in range(1_000_000):
            with store.write() as transaction:
                transaction.put(b"A/%d" % number, b"x" * 100)
                transaction.put(b"last", b"%d" % number, "meta")
            print(number, flush=True)
    """)
    writer = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    said = [writer.stdout.readline() for _ in range(60)]
    writer.kill()
    rest = writer.stdout.read().splitlines()
    writer.wait(timeout=60)
    writer.stdout.close()
    acknowledged = int([*said, *(line for line in rest if line)][-1])
    store = open_store(kind, tmp_path)
    last = int(store.get(b"last", "meta"))
    assert acknowledged <= last <= acknowledged + 1
    assert all(store.get(b"A/%d" % number) is not None for number in range(last + 1))
    assert store.get(b"A/%d" % (last + 1)) is None
    store.close()


def test_a_folder_that_cannot_be_used_is_said(kind, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(Unavailable) as refused:
        open_store(kind, tmp_path / "file")
    assert refused.value.code == "resolution.store_unusable"
    assert str(tmp_path) in refused.value.message


def test_rocksdb_has_one_writer(tmp_path):
    store = open_store("rocksdb", tmp_path)
    with pytest.raises(LineshaftError, match="cannot be used"):
        open_store("rocksdb", tmp_path)
    store.close()


def test_a_missing_library_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rocksdict", None)
    with pytest.raises(Unavailable, match="not installed") as refused:
        open_store("rocksdb", tmp_path)
    assert "lineshaft[rocksdb]" in refused.value.hint


@pytest.mark.parametrize(("name", "most"), [("lmdb", 350), ("rocksdb", 120)])
def test_records_take_little_room(name, most, tmp_path):
    """279 bytes each, 16 of them random, in key order."""
    store = open_store(name, tmp_path)
    text = bytes(range(256)) + b"0123456"
    count = 40_000
    store.load((b"88.100.1/%012d" % number, text + os.urandom(16)) for number in range(count))
    store.renew()
    assert store.size() / count < most
    store.close()
