"""A client underneath that closes without telling: as when the server is gone before the last bytes could be sent."""

import asyncio

from nats.aio.client import Client

from lineshaft.bus.testing import embedded_bus
from lineshaft.core.errors import Unavailable

SECONDS = 60


async def test_a_client_that_closes_without_a_word_is_replaced(tmp_path):
    async with embedded_bus(tmp_path) as box:
        bus = await box.connect("resolution")
        connection = bus.connection
        client = connection._client
        client._status = Client.CLOSED  # what is left when it failed on its way out
        async with asyncio.timeout(SECONDS):
            while connection._client is client or not connection.connected:  # noqa: ASYNC110  # sets no event
                await asyncio.sleep(0.01)
            while True:
                try:
                    await connection.publish(bus.subjects.identifier_changes("x"), b"heard again")
                except Unavailable:
                    await asyncio.sleep(0.05)
                else:
                    break


async def test_whoever_waits_for_a_connection_is_not_given_one_that_closed_without_a_word(tmp_path):
    async with embedded_bus(tmp_path) as box:
        bus = await box.connect("resolution")
        client = bus.connection._client
        client._status = Client.CLOSED
        await bus.wait_connected(SECONDS)
        assert bus.connection._client is not client
        assert (await bus.stream_info("TELEMETRY")).last == 0
