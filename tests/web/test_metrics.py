"""Metrics of all services in one text."""

import asyncio

import pytest
from litestar import get
from litestar.params import FromPath
from prometheus_client.parser import text_string_to_metric_families

from lineshaft.core.health import HealthListener
from lineshaft.web import metrics
from lineshaft.web.metrics import merge

A = """# HELP rows_total Rows.
# TYPE rows_total counter
rows_total 5.0
rows_total{gateway="g1",note="a } b"} 7.0
# HELP up Up.
# TYPE up gauge
up 1.0
"""
B = """# HELP rows_total Rows.
# TYPE rows_total counter
rows_total{gateway="g2"} 9.0
# HELP seconds Seconds.
# TYPE seconds histogram
seconds_bucket{le="0.1"} 1.0
seconds_bucket{le="+Inf"} 2.0
seconds_count 2.0
seconds_sum 0.5
"""


def samples(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_sample_carries_its_service_and_keeps_its_labels():
    found = samples(merge({"one": A, "two": B}))
    assert found["rows_total", ("service", "one")] == 5.0
    assert found["rows_total", ("gateway", "g1"), ("note", "a } b"), ("service", "one")] == 7.0
    assert found["rows_total", ("gateway", "g2"), ("service", "two")] == 9.0
    assert found["seconds_bucket", ("le", "+Inf"), ("service", "two")] == 2.0
    assert found["seconds_sum", ("service", "two")] == 0.5


def test_a_family_stands_together_with_one_head():
    text = merge({"one": A, "two": B})
    assert text.count("# TYPE rows_total") == 1
    families = [line.split("{")[0].split(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    first, last = families.index("rows_total"), len(families) - 1 - families[::-1].index("rows_total")
    assert set(families[first : last + 1]) == {"rows_total"}


def test_a_service_that_does_not_answer_is_down_not_forgotten():
    found = samples(merge({"one": A, "two": None}))
    assert found["lineshaft_service_up", ("service", "one")] == 1.0
    assert found["lineshaft_service_up", ("service", "two")] == 0.0


@get("/things/{name:str}", opt={"public": "a test"})
async def thing(name: FromPath[str]) -> str:
    return name


@pytest.mark.usefixtures("patient_health")
async def test_the_route_gathers_real_services_for_those_who_may(serve, home):
    async def no_checks():
        return []

    listener = HealthListener(home.socket("history"), "history", no_checks)
    await listener.start()
    (home.run / "gateway.sock").write_bytes(b"")  # what a killed service leaves
    try:
        async with serve(thing) as server:
            async with server.client() as stranger:
                assert (await stranger.get("/metrics")).status_code == 401
                await stranger.get("/things/made-up-by-a-stranger")
                await stranger.get("/nowhere/made-up-by-a-stranger")
            async with server.client(server.people.add("anna", "viewer")) as client:
                answer = await client.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(metrics.CONTENT_TYPE)
        assert answer.headers["content-type"].count("charset") <= 1
        found = samples(answer.text)
        assert found["lineshaft_service_up", ("service", "history")] == 1.0
        assert found["lineshaft_service_up", ("service", "gateway")] == 0.0
        routes = {dict(key[1:]).get("route") for key in found if key[0] == "lineshaft_http_requests_total"}
        assert "/things/{name}" in {route.replace(":str", "") for route in routes if route}
        assert "made-up" not in answer.text
    finally:
        await listener.close()
        await asyncio.sleep(0)
