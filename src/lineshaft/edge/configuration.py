"""Where a gateway's configuration comes from: the bus keeps the newest, the disk a copy to start alone with."""

import asyncio
from pathlib import Path

from lineshaft.bus import CONFIG, Bus, LiveMessage
from lineshaft.core import logs
from lineshaft.core.errors import Corrupt, LineshaftError
from lineshaft.core.home import write_file
from lineshaft.edge.model import GatewayConfig, decode_config, encode_config

_RETRY_SECONDS = 2.0


class Configuration:
    """Follows the configuration of one gateway.

    Args:
        file: the copy on disk.
        gateway: whose configuration.
    """

    def __init__(self, file: Path, gateway: str) -> None:
        self.changes: asyncio.Queue[GatewayConfig] = asyncio.Queue()
        """Versions other than the one last kept, as they come."""
        self._file = file
        self._gateway = gateway
        self._look = asyncio.Event()
        self._version = -1
        self._log = logs.get("edge")

    def kept(self) -> GatewayConfig | None:
        """The copy on disk; None where there is none or it cannot be read (the bus has it)."""
        try:
            config = decode_config(self._file.read_bytes())
        except FileNotFoundError:
            return None
        except (Corrupt, OSError) as error:
            self._log.error("edge_configuration_copy_unreadable", file=str(self._file), error=str(error))
            return None
        if config.gateway != self._gateway:
            return None
        self._version = config.version
        return config

    def keep(self, config: GatewayConfig) -> None:
        """Write the copy. A full disk does not stop the gateway: it runs, and starts from the bus next time."""
        self._version = config.version
        try:
            write_file(self._file, encode_config(config))
        except OSError as error:
            self._log.error("edge_configuration_not_kept", file=str(self._file), error=str(error))

    async def follow(self, bus: Bus) -> None:
        """Put every other version that the bus has, now or later, into `changes`; for ever."""
        subject = bus.subjects.config(self._gateway)

        async def passing(message: LiveMessage) -> None:
            self._look.set()

        await bus.subscribe(subject, passing)
        forget = bus.on_connection(lambda connected: self._look.set() if connected else None)
        try:
            self._look.set()
            while True:
                await self._look.wait()
                self._look.clear()
                await self._take_newest(bus, subject)
        finally:
            forget()

    async def _take_newest(self, bus: Bus, subject: str) -> None:
        """The newest kept on the bus; the message that passed only says that there may be one."""
        try:
            message = await bus.last_message(CONFIG, subject)
            config = decode_config(message.data) if message is not None else None
        except Corrupt as error:
            self._log.error("edge_configuration_refused", code=error.code, message=error.message, hint=error.hint)
            return
        except LineshaftError as error:
            self._log.debug("edge_configuration_not_asked", code=error.code)
            await asyncio.sleep(_RETRY_SECONDS)
            self._look.set()
            return
        if config is not None and config.gateway == self._gateway and config.version != self._version:
            self._version = config.version
            self.changes.put_nowait(config)
