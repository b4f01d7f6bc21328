"""The box, the people who use it, and what they see of it."""

import contextlib
import json
import re
from pathlib import Path

import httpx
from playwright.sync_api import expect

from .board import reactor
from .words import Words

PASSWORD = "a long sentence nobody guesses"
SECONDS = 60
"""How long anything may take before it counts as missing: the machine may be busy with other tests."""
PLANT = "eastman/tennessee/process/te/main"
PRESSURE = f"{PLANT}/plant/XMEAS_07"
TEMPERATURE = f"{PLANT}/plant/XMEAS_09"
MANY = 10_000
"""Devices that the fixture `many` adds."""
PEOPLE = {"ada": "administrator", "olga": "operator", "otto": "operator", "vera": "viewer"}
"""Vera is a member of the project `north` alone, which has one device, `meter`; the others see the whole plant."""
expect.set_options(timeout=SECONDS * 1000)


class House:
    """A running box with people in it."""

    def __init__(self, box):
        self.box = box
        self.address = json.loads((box.home.run / "web.json").read_text())["url"]
        self.people = {}
        self._admin = self._api()

    def furnish(self):
        """The first administrator by the link that the box printed; then everybody else."""
        self._redeem(self._admin, first_link(self.box), "ada")
        for name, role in PEOPLE.items():
            if name != "ada":
                with self._api() as browser:
                    self._redeem(browser, self.invite(name, role), name)
        self.call("POST", "access/projects", {"name": "north", "title": "The northern hall"})
        self.call("PUT", "access/projects/north/members/vera")
        utilities = self.call("GET", "edge/devices/utilities")
        point = utilities["points"][0]
        self.call("POST", "edge/devices", {
            "name": "meter", "path": "eastman/tennessee/north/hall/main/meter", "driver": "modbus", "project": "north",
            "endpoint": utilities["endpoint"], "description": "Steam meter of the northern hall",
            "groups": utilities["groups"],
            "points": [{key: point[key] for key in ("name", "address", "type", "order", "unit", "description")}],
        })  # fmt: skip

        self.call("POST", "dashboards", {"text": reactor(PLANT), "comment": "for everybody"})

    def invite(self, name, role):
        """A new person's one-time link."""
        made = self.call("POST", "access/principals", {"name": name, "kind": "person", "roles": [role]})
        return made["invitation"]["path"].partition("#invite=")[2]

    def call(self, method, route, body=None, headers=None):
        """Ask the API as Ada."""
        answer = self._admin.request(method, f"/api/v1/{route}", json=body, headers=headers)
        assert answer.is_success, f"{method} {route}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def close(self):
        self._admin.close()

    def _api(self):
        return httpx.Client(base_url=self.address, timeout=SECONDS)

    def _redeem(self, client, link, name):
        body = {"invitation": link, "name": name, "password": PASSWORD}
        answer = client.post("/api/v1/access/invitations/redeem", json=body)
        assert answer.is_success, answer.text
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]


def first_link(box):
    """The one-time link that the box printed. It says that all is ready before it prints."""
    said = Path(f"{box.home.path}.out")
    box.until(lambda: re.search(r"#invite=\S+\s", said.read_text()), "the link for the first person is printed")
    (link,) = re.findall(r"#invite=(\S+)", said.read_text())
    return link


class Desk:
    """Somebody at a browser: `page`, and `t`, the words that stand on it."""

    def __init__(self, house, context, language):
        self.house = house
        self.context = context
        self.t = Words(language)
        self.page = context.new_page()
        self.faults = []
        self._csrf = ""
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._listen)

    def _listen(self, message):
        if message.type == "error" and "Content Security Policy" in message.text:
            self.faults.append(message.text)

    def sign_in(self, name, password=PASSWORD):
        """A session without the page for it, which has tests of its own."""
        body = {"name": name, "password": password}
        # The server may just have hung up on a connection that was idle.
        answer = self.context.request.post(f"{self.house.address}/api/v1/access/session", data=body, max_retries=2)
        assert answer.ok, answer.text()
        self._csrf = answer.json()["csrf"]

    def leave(self):
        """End the session of `sign_in`: of too many of one person the oldest end, which somebody else may be using."""
        if self._csrf:
            headers = {"X-CSRF-Token": self._csrf}
            self.context.request.delete(f"{self.house.address}/api/v1/access/session", headers=headers, max_retries=2)

    def go(self, route="/"):
        """Open an address of the console."""
        self.page.goto(f"{self.house.address}{route}")

    def heading(self, key):
        """The page's title."""
        return self.page.get_by_role("heading", level=1, name=self.t(key))

    def button(self, key, **facts):
        """By its words, before which the name of its icon may stand."""
        words = re.escape(self.t(key, **facts))
        return self.page.get_by_role("button", name=re.compile(rf"^([\w-]+ )?{words}$"))

    def tab(self, key):
        return self.page.get_by_role("tab", name=self.t.like(key))

    def table(self, key, **facts):
        return self.page.get_by_role("table", name=self.t.like(key, **facts))

    def navigation(self):
        return self.page.get_by_role("navigation", name=self.t("frame.navigation"))

    def link_state(self):
        """The sentence on top that says whether values are coming."""
        return self.page.get_by_role("banner").locator(".link")


@contextlib.contextmanager
def seat(browser, house, name="", language="en", **options):
    """A browser of somebody's own, signed in where a name is given; nothing on its pages may fail unseen."""
    locale = {"en": "en-GB", "zh": "zh-CN"}[language]
    options = {
        "viewport": {"width": 1440, "height": 900}, "timezone_id": "Asia/Shanghai", "reduced_motion": "reduce", **options,
    }  # fmt: skip
    with browser.new_context(locale=locale, **options) as context:
        context.set_default_timeout(SECONDS * 1000)
        desk = Desk(house, context, language)
        if name:
            desk.sign_in(name)
        yield desk
        # With the page gone, which would say that it was signed out.
        desk.page.close()
        desk.leave()
        assert not desk.faults, desk.faults
