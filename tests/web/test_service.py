"""The whole service on a real bus, real records and a real history."""

import asyncio
import contextlib
import json
import signal
import sys

import httpx
import msgspec
import pytest
import websockets

from lineshaft.core.errors import LineshaftError
from lineshaft.core.service import Context
from lineshaft.core.settings import Settings
from lineshaft.web.service import WebService
from lineshaft.web.settings import WebSettings
from lineshaft.web.testing import running_house

pytestmark = pytest.mark.timeout(120)


def connection(house, token):
    url = house.url.replace("http", "ws") + "/api/v1/live"
    return websockets.connect(url, additional_headers={"Authorization": f"Bearer {token}"}, proxy=None, open_timeout=60)


async def heard(client, key, seconds=30):
    async with asyncio.timeout(seconds):
        while True:
            message = json.loads(await client.recv())
            if key in message:
                return message


async def test_a_value_travels_from_the_bus_to_a_live_client(tmp_path):
    async with running_house(tmp_path) as house:
        one, two = house.tags("ONE", "TWO")
        await house.publish((one, 1.0))
        async with connection(house, house.token("viewer")) as client:
            await client.send(json.dumps({"subscribe": [one, two]}))
            assert (await heard(client, "subscribed"))["refused"] == []
            await house.publish((two, 2.0))
            while True:
                rows = (await heard(client, "values"))["values"]
                if any(row[0] == two and row[2] == 2.0 for row in rows):
                    break


async def test_another_tenants_tag_is_as_if_it_were_not_there(tmp_path):
    from lineshaft.core.ids import HandleMinter
    from lineshaft.history import Tags, TagSpec

    async with running_house(tmp_path) as house:
        (own,) = house.tags("OWN")
        tags = Tags(house.database, HandleMinter(house.identity.prefix))
        foreign = "x/tennessee/process/te/main/plant/SECRET"
        house.database.transact(tags.allocate, "other", [TagSpec(path=foreign)])
        async with connection(house, house.token("administrator")) as client:
            await client.send(json.dumps({"subscribe": [own, foreign, "no/such/tag"]}))
            answer = await heard(client, "subscribed")
        assert answer["subscribed"] == 1
        codes = {each["path"]: each["code"] for each in answer["refused"]}
        assert codes[foreign] == codes["no/such/tag"]


async def test_a_lost_bus_is_shown_as_stale_and_what_it_hid_comes_afterwards(tmp_path):
    async with running_house(tmp_path) as house:
        (one,) = house.tags("ONE")
        await house.publish((one, 1.0))
        async with connection(house, house.token("viewer")) as client:
            await client.send(json.dumps({"subscribe": [one]}))
            await heard(client, "values")
            await house.box.kill()
            while not (await heard(client, "stale"))["stale"]:
                pass
            async with httpx.AsyncClient(base_url=house.url, trust_env=False, timeout=60) as http:
                assert (await http.get("/readyz")).status_code == 503
                assert (await http.get("/healthz")).status_code == 200
            await house.box.start()
            while (await heard(client, "stale", 30))["stale"]:
                pass
            await house.publish((one, 2.0))
            while (await heard(client, "values"))["values"][-1][2] != 2.0:
                pass


async def test_a_cold_start_shows_what_was_there_before_it(tmp_path):
    async with running_house(tmp_path) as house:
        (one,) = house.tags("ONE")
        await house.publish((one, 7.0))
        await house.web.stop()
        house.web = WebService(Context(house.home, house.settings))
        await house.web.start()
        async with connection(house, house.token("viewer")) as client:
            await client.send(json.dumps({"subscribe": [one]}))
            assert (await heard(client, "values"))["values"][0][2] == 7.0


async def test_both_protocols_of_the_internet_are_served(tmp_path):
    async with running_house(tmp_path) as house:
        listening = msgspec.json.decode((house.home.run / "web.json").read_bytes())
        assert listening["urls"][0].startswith("http://127.0.0.1:")
        for url in listening["urls"]:
            async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
                assert (await client.get(f"{url}/healthz")).json() == {"ok": True}


async def test_what_it_published_is_gone_after_a_clean_stop(tmp_path):
    async with running_house(tmp_path) as house:
        path = house.home.run / "web.json"
        assert path.exists()
        await house.web.stop()
        assert not path.exists()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"hosts": ("0.0.0.0",)}, "web.tls_required"),
        ({"tls_certificate": "/none", "tls_key": "/none"}, "web.tls_unusable"),
    ],
)
async def test_a_wrong_setting_is_refused_before_anything_is_opened(home, values, code):
    service = WebService(Context(home, Settings([msgspec.structs.replace(WebSettings(port=0), **values)])))
    with pytest.raises(LineshaftError) as refused:
        await service.start()
    await service.stop()
    assert refused.value.code == code
    assert not (home.path / "records.db").exists()


async def test_sigterm_ends_it_cleanly_with_live_sockets_open(tmp_path):
    async with running_house(tmp_path) as house:
        await house.web.stop()
        settings = ["--set", "web.port=0", "--set", "bus.port=0"]
        argv = [sys.executable, "-m", "lineshaft.cli.serve", "web", "--home", str(house.home.path), *settings]
        process = await asyncio.create_subprocess_exec(*argv, stdin=asyncio.subprocess.DEVNULL)
        try:
            async with asyncio.timeout(60):
                while not (house.home.run / "web.json").exists():
                    assert process.returncode is None
                    await asyncio.sleep(0.05)
            (one,) = house.tags("ONE")
            async with contextlib.AsyncExitStack() as stack:
                token = house.token("viewer")
                clients = [await stack.enter_async_context(connection(house, token)) for _ in range(5)]
                for client in clients:
                    await client.send(json.dumps({"subscribe": [one]}))
                    await heard(client, "subscribed")
                process.send_signal(signal.SIGTERM)
                assert await asyncio.wait_for(process.wait(), 60) == 0
                for client in clients:
                    await asyncio.wait_for(client.wait_closed(), 30)
                    assert client.close_code == 1012
            assert not (house.home.run / "web.json").exists()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
