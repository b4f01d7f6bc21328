"""Argon2id, a few at a time, and no quicker for names that do not exist."""

import asyncio
import threading

import argon2
import pytest

from lineshaft.access.passwords import MEMORY_KIB, WAITING, WAITING_PER_SOURCE, WORKERS, PasswordHasher
from lineshaft.core.errors import TooMany

PASSWORD = "rivers run under nine bridges"


@pytest.fixture
def hasher():
    hasher = PasswordHasher(time_cost=1, memory_kib=64)
    yield hasher
    hasher.close()


async def test_what_is_stored_is_argon2id_with_todays_cost():
    hasher = PasswordHasher()
    try:
        stored = await hasher.hash(PASSWORD)
    finally:
        hasher.close()
    parameters = argon2.extract_parameters(stored)
    assert parameters.type is argon2.Type.ID
    assert parameters.memory_cost == MEMORY_KIB >= 19 * 1024  # OWASP's least for Argon2id
    assert not hasher.outdated(stored)


async def test_the_right_password_verifies_and_others_do_not(hasher):
    stored = await hasher.hash(PASSWORD)
    assert await hasher.verify(stored, PASSWORD)
    assert not await hasher.verify(stored, PASSWORD + "x")
    assert not await hasher.verify(stored, "")
    assert not await hasher.verify("no hash at all", PASSWORD)


async def test_two_hashes_of_one_password_differ(hasher):
    assert await hasher.hash(PASSWORD) != await hasher.hash(PASSWORD)


async def test_a_hash_of_less_cost_is_outdated(hasher):
    stronger = PasswordHasher(time_cost=2, memory_kib=64)
    stored = await hasher.hash(PASSWORD)
    stronger.close()
    assert stronger.outdated(stored)
    assert not hasher.outdated(stored)


async def test_a_name_without_password_costs_the_same_work(hasher, monkeypatch):
    verified = []
    verify = argon2.PasswordHasher.verify
    monkeypatch.setattr(
        argon2.PasswordHasher,
        "verify",
        lambda self, stored, password: (verified.append(stored), verify(self, stored, password))[1],
    )
    stored = await hasher.hash(PASSWORD)
    assert not await hasher.verify(None, PASSWORD)
    assert not await hasher.verify(stored, "another long password")
    nobody, somebody = (argon2.extract_parameters(text) for text in verified)
    assert nobody == somebody


async def test_few_run_at_once_and_the_queue_is_bounded_per_source_and_in_all(hasher, monkeypatch):
    running, most, release = set(), [], threading.Event()

    def slow(self, stored, password):
        running.add(threading.get_ident())
        most.append(len(running))
        release.wait(30)
        running.discard(threading.get_ident())
        return True

    monkeypatch.setattr(argon2.PasswordHasher, "verify", slow)

    async def one(source):
        with hasher.slot(source):
            return await hasher.verify("stored", PASSWORD)

    tasks = [asyncio.create_task(one(f"192.0.2.{number // WAITING_PER_SOURCE}")) for number in range(WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany) as refusal:
        await one("192.0.2.99")
    assert refusal.value.code == "access.busy"
    release.set()
    assert all(await asyncio.gather(*tasks))
    assert max(most) <= WORKERS

    with hasher.slot("a"), hasher.slot("a"), hasher.slot("a"), hasher.slot("a"), hasher.slot("b"):
        assert not free(hasher, "a")
        assert free(hasher, "b")
    assert free(hasher, "a")


def free(hasher, source):
    """Whether this source gets a place in the queue."""
    try:
        with hasher.slot(source):
            return True
    except TooMany:
        return False
