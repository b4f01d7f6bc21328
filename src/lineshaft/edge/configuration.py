"""Where a gateway's configuration comes from: the bus keeps the newest, the disk a copy to start alone with."""

import asyncio
import contextlib
from pathlib import Path

from lineshaft.bus import CONFIG, Bus, LiveMessage
from lineshaft.core import logs
from lineshaft.core.errors import Corrupt, LineshaftError
from lineshaft.core.home import write_file
from lineshaft.edge.model import GatewayConfig, decode_config, encode_config

_LOOK_AFTER_SECONDS = (0.0, 0.1, 0.5, 2.0)
_LOOK_EVERY_SECONDS = 30.0


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

        async def passing(_: LiveMessage) -> None:
            self._look.set()

        await bus.subscribe(subject, passing)
        forget = bus.on_connection(lambda connected: self._look.set() if connected else None)
        try:
            while True:
                self._look.clear()
                # A message passes before it is stored: what is not there yet is looked for again in a moment.
                for pause in _LOOK_AFTER_SECONDS:
                    await asyncio.sleep(pause)
                    if await self._take_newest(bus, subject):
                        break
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_EVERY_SECONDS):
                        await self._look.wait()
        finally:
            forget()

    async def _take_newest(self, bus: Bus, subject: str) -> bool:
        """Whether the bus keeps another version than the one that runs; it is then in `changes`."""
        try:
            message = await bus.last_message(CONFIG, subject)
            config = decode_config(message.data) if message is not None else None
        except Corrupt as error:
            self._log.error("edge_configuration_refused", code=error.code, message=error.message, hint=error.hint)
            return False
        except LineshaftError as error:  # the bus is away: it is asked again when it is back
            self._log.debug("edge_configuration_not_asked", code=error.code)
            return False
        if config is None or config.gateway != self._gateway or config.version == self._version:
            return False
        self._version = config.version
        self.changes.put_nowait(config)
        return True
