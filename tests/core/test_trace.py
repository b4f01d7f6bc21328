"""One trace id for everything that one request causes."""

import asyncio

from lineshaft.core import trace

CALLERS = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_callers_trace_is_taken_over():
    assert trace.begin(f"00-{CALLERS}-00f067aa0ba902b7-01") == CALLERS
    assert trace.current() == CALLERS


def test_without_one_or_with_nonsense_a_new_one_begins():
    found = {trace.begin(text) for text in (None, "", "nonsense", f"00-{'0' * 32}-00f067aa0ba902b7-01", "00-ABC")}
    assert len(found) == 5
    assert all(len(each) == 32 for each in found)


def test_what_another_service_sends_is_taken_only_if_it_is_one():
    trace.resume(CALLERS)
    assert trace.current() == CALLERS
    trace.resume("x" * 5000)
    assert trace.current() == ""


async def test_two_requests_at_once_keep_their_own():
    async def request():
        mine = trace.begin()
        await asyncio.sleep(0)
        return mine == trace.current()

    assert all(await asyncio.gather(*(request() for _ in range(10))))
