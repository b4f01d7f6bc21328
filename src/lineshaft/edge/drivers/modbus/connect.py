"""Opens the connection that an endpoint names."""

import asyncio

from lineshaft.edge.drivers.modbus.endpoint import Endpoint
from lineshaft.edge.drivers.modbus.link import Drops, Link
from lineshaft.edge.drivers.modbus.options import ModbusOptions
from lineshaft.edge.drivers.modbus.rtu import RtuLink
from lineshaft.edge.drivers.modbus.tcp import TcpLink


async def connect(endpoint: Endpoint, options: ModbusOptions, drops: Drops) -> Link:
    """An open connection.

    Raises:
        OSError: it cannot be opened. TimeoutError: not in time.
    """
    loop = asyncio.get_running_loop()
    silence = max(endpoint.framing_silence, options.silent_ms / 1000)

    def rtu() -> RtuLink:
        return RtuLink(silence, options.timeout_seconds, drops)

    if endpoint.transport == "modbus-rtu":
        from serial_asyncio_fast import create_serial_connection

        _, line = await create_serial_connection(
            loop,
            rtu,
            endpoint.path,
            baudrate=endpoint.baud,
            parity=endpoint.parity,
            stopbits=endpoint.stop,
            exclusive=True,
        )
        assert isinstance(line, RtuLink)
        return line
    async with asyncio.timeout(max(options.timeout_seconds, 5.0)):
        if endpoint.transport == "modbus-rtu-tcp":
            return (await loop.create_connection(rtu, endpoint.host, endpoint.port))[1]
        make = lambda: TcpLink(options.in_flight, options.timeout_seconds, drops)  # noqa: E731
        return (await loop.create_connection(make, endpoint.host, endpoint.port))[1]
