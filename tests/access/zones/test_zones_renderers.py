"""Renderers: ours and those of others come through one door."""

import pytest

from lineshaft.access.policy.policies import compile_text
from lineshaft.access.zones import policies, register, renderers
from lineshaft.access.zones.model import DEFAULT, Conduit, Flow, Zone, ZonePlan
from lineshaft.access.zones.renderers import Installation, names, render
from lineshaft.core.errors import NotFound

HERE = Installation(tenant="acme", site="north")


@pytest.fixture
def door(monkeypatch):
    """What is registered is forgotten after the test."""
    monkeypatch.setattr(renderers, "_RENDERERS", dict(renderers._RENDERERS))


def test_ours_are_there():
    assert names() == ["cedar", "gateway", "nats", "nftables"]


def test_another_package_adds_its_own(door):
    register("switch", lambda plan, here: f"{here.site}: {len(plan.zones)}")
    assert render("switch", DEFAULT, HERE) == "north: 1"


def test_nobody_takes_anothers_name(door):
    with pytest.raises(ValueError, match="nats"):
        register("nats", lambda _plan, _here: "")


def test_what_nobody_registered_is_not_found():
    with pytest.raises(NotFound, match="zone_renderer_unknown") as caught:
        render("nosuch", DEFAULT, HERE)
    assert "cedar, gateway, nats, nftables" in caught.value.hint


def test_one_zone_needs_no_policies():
    assert render("cedar", DEFAULT, HERE) == ""


def test_the_policies_of_the_largest_plan_that_is_taken_are_valid_and_one_for_each_zone():
    zones = tuple(Zone(name=f"z{number}") for number in range(500))
    conduits = tuple(
        Conduit(name=f"c{number}", source="z0", target=f"z{number}", flows=(Flow(kind="api"),))
        for number in range(1, 500)
    )
    text = policies.cedar(ZonePlan(zones=zones, conduits=conduits))
    assert len(compile_text(policies.SOURCE, text)) == 500
