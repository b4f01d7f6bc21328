"""Backups by the interface: whole files, made by a job that can be cancelled, seen and removed by administrators alone."""

import asyncio

import httpx
import pytest

from lineshaft.cli import backup
from lineshaft.core.home import Home
from lineshaft.web.testing import running_house

BACKUPS = "/api/v1/system/backups"
DEADLINE_SECONDS = 120


@pytest.fixture
async def house(tmp_path):
    async with running_house(tmp_path / "home") as running:
        yield running


def client(house, role):
    return httpx.AsyncClient(
        base_url=house.url, timeout=60, headers={"authorization": f"Bearer {house.token(role)}"}
    )  # fmt: skip


async def ended(ada, job):
    async with asyncio.timeout(DEADLINE_SECONDS):
        while True:
            found = (await ada.get(f"/api/v1/system/jobs/{job}")).json()
            if found["state"] not in ("queued", "running"):
                return found
            await asyncio.sleep(0.1)


async def test_a_backup_is_made_listed_restored_and_removed(house, tmp_path):
    async with client(house, "administrator") as ada:
        assert (await ada.get(BACKUPS)).json()["items"] == []
        started = await ada.post(BACKUPS)
        assert started.status_code == 202, started.text
        job = await ended(ada, started.json()["job"])
        assert job["state"] == "done", job
        (listed,) = (await ada.get(BACKUPS)).json()["items"]
        file = house.box.home.backups / listed["name"]
        assert (job["result"]["file"], job["result"]["bytes"]) == (file.name, listed["bytes"])
        assert (file.stat().st_mode & 0o777, listed["automatic"]) == (0o600, False)
        other = Home(tmp_path / "other")
        assert backup.read_backup(file, other) == []
        assert other.identity() == house.box.home.identity()
        assert (await ada.delete(f"{BACKUPS}/{listed['name']}")).status_code == 204
        assert not file.exists()
        gone = await ada.delete(f"{BACKUPS}/{listed['name']}")
        assert (gone.status_code, gone.json()["code"]) == (404, "web.backup_unknown")


async def test_a_cancelled_backup_leaves_nothing_and_a_name_is_no_path(house):
    folder = house.box.home.folder("backups")
    outside = house.box.home.path / "outside.tar.gz"
    outside.write_bytes(b"keep")
    async with client(house, "administrator") as ada:
        started = (await ada.post(BACKUPS)).json()["job"]
        await ada.post(f"/api/v1/system/jobs/{started}/cancel")
        assert (await ended(ada, started))["state"] in ("cancelled", "done")
        left = {path.name for path in folder.iterdir()} - {
            one["name"] for one in (await ada.get(BACKUPS)).json()["items"]
        }
        assert left == set()
        for name in ("..%2Foutside.tar.gz", "../outside.tar.gz", "identity.json"):
            assert (await ada.delete(f"{BACKUPS}/{name}")).status_code in (404, 405), name
    assert outside.read_bytes() == b"keep"


async def test_a_second_one_is_refused_while_one_is_being_written(house):
    async with client(house, "administrator") as ada:
        answers = await asyncio.gather(*(ada.post(BACKUPS) for _ in range(3)))
        assert sorted(answer.status_code for answer in answers) == [202, 409, 409]
        (job,) = [answer.json()["job"] for answer in answers if answer.status_code == 202]
        refused = [answer.json() for answer in answers if answer.status_code == 409]
        assert [(each["code"], each["facts"]["job"]) for each in refused] == [("web.backup_under_way", job)] * 2
        assert (await ended(ada, job))["state"] == "done"
        assert (await ada.post(BACKUPS)).status_code == 202


async def test_what_a_failed_one_says_names_no_place_on_the_machine(house):
    (house.box.home.path / "lineshaft.toml").write_text("[history]\nstorage = 7\n")
    async with client(house, "administrator") as ada:
        job = await ended(ada, (await ada.post(BACKUPS)).json()["job"])
    assert (job["state"], job["error"]["code"]) == ("failed", "web.backup_failed"), job
    assert str(house.box.home.path) not in str(job)


async def test_only_administrators_see_or_make_them(house):
    async with client(house, "engineer") as eve:
        for method, path in (("GET", BACKUPS), ("POST", BACKUPS), ("DELETE", f"{BACKUPS}/one.tar.gz")):
            answer = await eve.request(method, path)
            assert (answer.status_code, answer.json()["code"]) == (403, "access.denied")
    assert not list(house.box.home.backups.glob("*"))
