import asyncio

import pytest
from sqlalchemy import func, select

from lineshaft.core import clock
from lineshaft.core.errors import Conflict, InvalidInput
from lineshaft.records import Answer, Idempotency
from lineshaft.records.store import IDEMPOTENCY

ANSWER = Answer(status=201, headers={"Location": "/api/v1/天轴"}, body=bytes(range(256)))
HOUR = 3600 * clock.MICROSECONDS


@pytest.fixture
def keys(database):
    return Idempotency(database)


async def test_a_request_sent_again_gets_the_first_answer(keys):
    assert await keys.get("p/1", "key", "digest") is None
    await keys.put("p/1", "key", "digest", ANSWER)
    assert await keys.get("p/1", "key", "digest") == ANSWER


async def test_keys_of_different_principals_never_meet(keys):
    await keys.get("p/1", "key", "digest")
    await keys.put("p/1", "key", "digest", ANSWER)
    assert await keys.get("p/2", "key", "digest") is None


async def test_a_key_used_for_another_request_is_refused(keys):
    await keys.get("p/1", "key", "digest")
    for _ in ("while the first is carried out", "after it was answered"):
        with pytest.raises(Conflict) as refusal:
            await keys.get("p/1", "key", "other digest")
        assert refusal.value.code == "records.key_reused"
        await keys.put("p/1", "key", "digest", ANSWER)
    assert await keys.get("p/1", "key", "digest") == ANSWER


async def test_of_many_at_once_one_is_carried_out(keys):
    async def send():
        try:
            return await keys.get("p/1", "key", "digest")
        except Conflict as refusal:
            return refusal.code

    answers = await asyncio.gather(*(send() for _ in range(20)))
    assert sorted(answers, key=str) == [None] + ["records.key_in_progress"] * 19


async def test_a_key_given_back_can_be_used_again_an_answered_one_stays(keys):
    await keys.get("p/1", "key", "digest")
    await keys.release("p/1", "key")
    assert await keys.get("p/1", "key", "corrected digest") is None
    await keys.put("p/1", "key", "corrected digest", ANSWER)
    await keys.release("p/1", "key")
    assert await keys.get("p/1", "key", "corrected digest") == ANSWER


async def test_a_claim_whose_holder_was_killed_is_void_after_a_minute(keys):
    with clock.fixed(lambda: HOUR):
        await keys.get("p/1", "key", "digest")
    with clock.fixed(lambda: HOUR + 59 * clock.MICROSECONDS), pytest.raises(Conflict):
        await keys.get("p/1", "key", "digest")
    with clock.fixed(lambda: HOUR + 61 * clock.MICROSECONDS):
        assert await keys.get("p/1", "key", "digest") is None


async def test_answers_are_forgotten_after_a_day(keys, database):
    with clock.fixed(lambda: HOUR):
        await keys.get("p/1", "key", "digest")
        await keys.put("p/1", "key", "digest", ANSWER)
    with clock.fixed(lambda: 25 * HOUR):
        assert await keys.get("p/1", "key", "digest") == ANSWER
    with clock.fixed(lambda: 25 * HOUR + 1):
        assert await keys.get("p/1", "another", "digest") is None
        with database.read() as connection:
            assert connection.scalar(select(func.count()).select_from(IDEMPOTENCY)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b", "a\nb"])
async def test_a_key_that_breaks_the_rule_is_refused(keys, key):
    with pytest.raises(InvalidInput) as refusal:
        await keys.get("p/1", key, "digest")
    assert refusal.value.code == "records.key_invalid"
