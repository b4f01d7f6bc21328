"""Subjects name one place each, and nothing given to them can name another."""

import pytest

from lineshaft.bus import Subjects
from lineshaft.bus.subjects import inbox_prefix
from lineshaft.core.errors import InvalidInput

SUBJECTS = Subjects("main", "box")


def test_every_kind_of_message_has_its_place():
    assert SUBJECTS.data("gateway", "fast") == "ls.main.box.data.gateway.fast"
    assert SUBJECTS.all_data() == "ls.main.box.data.>"
    assert SUBJECTS.data_of("gateway") == "ls.main.box.data.gateway.>"
    assert SUBJECTS.event("access", "revoked") == "ls.main.box.event.access.revoked"
    assert SUBJECTS.all_events() == "ls.main.box.event.>"
    assert SUBJECTS.events_of("access") == "ls.main.box.event.access.>"
    assert SUBJECTS.config("gateway") == "ls.main.box.config.gateway"
    assert SUBJECTS.all_configs() == "ls.main.box.config.>"
    assert SUBJECTS.command("gateway") == "ls.main.box.cmd.gateway"
    assert SUBJECTS.dead("history") == "ls.main.box.dead.history"
    assert SUBJECTS.all_dead() == "ls.main.box.dead.>"
    assert SUBJECTS.service("history", "latest", "web") == "ls.main.box.svc.history.latest.web"
    assert SUBJECTS.service_of_all("history", "latest") == "ls.main.box.svc.history.latest.*"
    assert SUBJECTS.flow("history", "web", "01X") == "ls.main.box.flow.history.web.01X"
    assert SUBJECTS.flows_from("history", "web") == "ls.main.box.flow.history.web.*"
    assert SUBJECTS.flows_to("history") == "ls.main.box.flow.history.>"
    assert SUBJECTS.gateway("east", "status", "web") == "ls.main.box.gw.east.status.web"
    assert SUBJECTS.gateway_of_all("east", "status") == "ls.main.box.gw.east.status.*"
    assert SUBJECTS.every_gateway("status", "web") == "ls.main.box.gw.*.status.web"
    assert SUBJECTS.gateway_flow("east", "web", "1") == "ls.main.box.gw.east.flow.web.1"
    assert SUBJECTS.gateway_flows_from("web") == "ls.main.box.gw.*.flow.web.*"
    assert SUBJECTS.gateway_flows_to("east") == "ls.main.box.gw.east.flow.*.*"
    assert inbox_prefix("web") == "_INBOX_web"


BAD_TOKENS = ["", "a.b", "*", ">", "a>", "a*b", "a b", "a\tb", "a\r\nb", "a\x00", "a\x7f", "x" * 129]


@pytest.mark.parametrize("bad", BAD_TOKENS)
@pytest.mark.parametrize(
    "make",
    [
        lambda bad: Subjects(bad, "box"), lambda bad: Subjects("main", bad),
        lambda bad: SUBJECTS.data(bad, "g"), lambda bad: SUBJECTS.data("g", bad), SUBJECTS.data_of,
        lambda bad: SUBJECTS.event(bad, "t"), lambda bad: SUBJECTS.event("p", bad), SUBJECTS.events_of,
        SUBJECTS.config, SUBJECTS.command, SUBJECTS.dead,
        lambda bad: SUBJECTS.service(bad, "v", "c"), lambda bad: SUBJECTS.service("p", bad, "c"),
        lambda bad: SUBJECTS.service("p", "v", bad), lambda bad: SUBJECTS.service_of_all(bad, "v"),
        lambda bad: SUBJECTS.flow(bad, "c", "s"), lambda bad: SUBJECTS.flow("p", bad, "s"),
        lambda bad: SUBJECTS.flow("p", "c", bad), lambda bad: SUBJECTS.flows_from("p", bad), SUBJECTS.flows_to,
        inbox_prefix,
    ],
)  # fmt: skip
def test_a_part_that_could_name_a_foreign_subject_is_refused(make, bad):
    with pytest.raises(InvalidInput) as refused:
        make(bad)
    assert refused.value.code == "bus.token_invalid"
    assert refused.value.facts["value"] == bad
    assert refused.value.facts["field"] in str(refused.value)


def test_a_name_in_any_script_is_one_token():
    assert Subjects("天轴", "一号厂").command("网关") == "ls.天轴.一号厂.cmd.网关"
