"""Every view of the console that has an address, and how one tells that it is there with what it shows."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from playwright.sync_api import expect

from .board import NAME
from .house import PRESSURE, TEMPERATURE


@dataclass(frozen=True)
class View:
    """`ready` waits for what the view is for; `picture` is a file's name in the documentation, where it has one."""

    name: str
    address: str
    ready: Callable[..., None]
    picture: str = ""

    def __str__(self):
        return self.name


def titled(key, *more):
    """A page with this title, and then `more`."""

    def ready(desk):
        expect(desk.heading(key)).to_be_visible()
        for each in more:
            each(desk)

    return ready


def titled_of(key, **facts):
    """A title that names what is shown."""
    return lambda desk: expect(desk.page.get_by_role("heading", level=1, name=desk.t(key, **facts))).to_be_visible()


def tabled(key, **facts):
    """A table of this name with a row below its head."""
    return lambda desk: expect(desk.table(key, **facts).get_by_role("row").nth(1)).to_be_visible()


def tabbed(key):
    """A chosen tab with something on it, and no refusal."""

    def ready(desk):
        expect(desk.tab(key)).to_have_attribute("aria-selected", "true")
        shown = desk.page.get_by_role("tabpanel").locator("table, [role=table], form, textarea, .nothing")
        expect(shown.first).to_be_visible()
        expect(desk.page.locator(".ant-alert-error")).to_have_count(0)

    return ready


def live(unit):
    """A live value with this unit has come."""
    return lambda desk: expect(desk.page.get_by_text(live_value(unit)).first).to_be_visible()


def named(text):
    """A title that is no word of ours, such as a device's name."""
    return lambda desk: expect(desk.page.get_by_role("heading", level=1, name=text)).to_be_visible()


def chart(desk):
    expect(desk.page.get_by_role("group", name=desk.t("trends.chart"))).to_be_visible()
    # The last figure that the server works out: the share of good samples.
    expect(desk.page.get_by_role("row").filter(has_text="XMEAS_09")).to_contain_text("%")


def live_value(unit):
    return re.compile(rf"^[\d,.]+ {unit}$")


def whole(desk):
    """The overview with every figure, also those that take two looks."""
    live("kPa")(desk)
    expect(desk.page.get_by_text(re.compile(rf"^[\d,.]+ {desk.t('overview.per_second')}$")).first).to_be_visible()
    expect(desk.page.get_by_text(desk.t.like("overview.samples"))).to_be_visible()


def answered(desk):
    """A link's statement is run by its reader; one that was run before answers at once."""
    sent, answer = (desk.page.get_by_text(text) for text in (desk.t("sql.sent_hint"), desk.t.like("sql.answered")))
    expect(sent.or_(answer).first).to_be_visible()
    if sent.is_visible():
        desk.button("sql.run").click()
    expect(answer).to_be_visible()


def tabs(page, given):
    """A view for each tab of a page; those with a picture's name have one."""
    return [
        View(f"{page}-{tab}", f"/{page}?tab={tab}", titled(f"{page}.title", tabbed(f"{page}.{tab}")), picture)
        for tab, picture in given.items()
    ]


TREND = f"/trends?tag={PRESSURE}&tag={TEMPERATURE}&from=-60s"
ASKED = (
    "SELECT tag, count(*) AS samples, avg(value) AS mean, max(value) AS highest FROM samples GROUP BY tag ORDER BY tag"
)
SQL = f"/sql?tag=*/XMEAS_*&from=-15m&sql={quote(ASKED)}"
VIEWS = (
    View("overview", "/", titled("overview.title", whole), "overview"),
    View("devices", "/devices", titled("devices.title", tabled("devices.title")), "devices"),
    View("device", "/devices/plant", lambda desk: (named("plant")(desk), live("kPa")(desk)), "device"),
    View("add", "/devices/@add", titled("add.title"), "add-device"),
    View("gateways", "/devices/@gateways", titled("gateways.title")),
    View("guard", "/devices/@gateways/gateway", titled_of("guard.of", gateway="gateway")),
    View("waiting", "/devices/@waiting", titled("waiting.title")),
    View("trends-lanes", f"{TREND}&layout=lanes", titled("trends.title", chart)),
    View("trends-empty", "/trends", titled("trends.title")),
    View("dashboards", "/dashboards", titled("dashboards.title", tabled("dashboards.title"))),
    View("dashboard", f"/dashboards/{NAME}", lambda desk: (named("Reactor")(desk), live("°C")(desk)), "dashboard"),
    *(View(f"dashboard-{mode}", f"/dashboards/{NAME}?mode={mode}", named("Reactor")) for mode in ("edit", "text", "versions")),
    View("sql", SQL, titled("sql.title", answered), "sql"),
    View("identifiers", f"/identifiers?id={PRESSURE}", titled("identifiers.title", live("kPa")), "identifiers"),
    *tabs("identifiers", {"nodes": ""}),
    *tabs("security", {
        "principals": "", "approvals": "", "policies": "", "decision": "", "zones": "", "certificates": "",
        "trust": "", "audit": "audit", "labels": "", "exports": "",
    }),
    *tabs("system", {
        "services": "system", "jobs": "", "users": "", "tokens": "", "settings": "", "backups": "", "about": "",
    }),
    View("principal", "/security/principals/olga", named("olga")),
    View("nowhere", "/nowhere", lambda desk: expect(desk.page.get_by_text(desk.t("frame.nowhere"))).to_be_visible()),
    View("trends", TREND, titled("trends.title", chart), "trends"),
)  # fmt: skip
