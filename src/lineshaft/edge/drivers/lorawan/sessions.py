"""What of a device outlives a restart: its session keys, frame counters, and the join nonces that were used.

One file per device, readable by the owner only, written before a frame is handed on: a frame that was taken once is
never taken again.
"""

from pathlib import Path

import msgspec

from lineshaft.core.errors import Corrupt
from lineshaft.core.home import write_file


class Session(msgspec.Struct, kw_only=True):
    """The keys and counters that hold since a join, or since a device was personalised."""

    address: int
    network_key: bytes
    """NwkSKey."""
    application_key: bytes
    """AppSKey."""
    up: int = -1
    """The last counter taken, 32 bits."""
    down: int = 0
    """The next counter to send."""

    def candidates(self, counter: int) -> tuple[int, int]:
        """What the 16 bits of a frame's counter can mean: not wrapped since the last frame, and wrapped once."""
        base = max(self.up, 0) & ~0xFFFF | counter
        return base, base + 0x10000


class Record(msgspec.Struct, kw_only=True):
    """A device's file."""

    fingerprint: str = ""
    """Of the keys in the configuration: with other keys, nothing of it holds."""
    sessions: list[Session] = []
    """The newest first. The one before stays until the device has used the newest."""
    join_nonce: int = 0
    used: list[int] = []
    """Nonces of the device's join requests."""


class Sessions:
    """The files of all devices, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, dev_eui: str, fingerprint: str) -> Record:
        """A device's record; an empty one where there is none, or where it was made with other keys.

        Raises:
            Corrupt: it cannot be read. Guessing its counters would let old frames in again.
        """
        file = self._folder / f"{dev_eui}.json"
        try:
            record = msgspec.json.decode(file.read_bytes(), type=Record)
        except FileNotFoundError:
            return Record(fingerprint=fingerprint)
        except (msgspec.MsgspecError, OSError) as error:
            raise Corrupt(
                "edge.lorawan_session_unreadable", f"the session of device {dev_eui} cannot be read: {error}",
                f"Restore {file}, or give the device new keys and delete it.", path=str(file), reason=str(error), device=dev_eui,
            ) from error  # fmt: skip
        return record if record.fingerprint == fingerprint else Record(fingerprint=fingerprint)

    def save(self, dev_eui: str, document: bytes) -> None:
        """Write a device's record, as `msgspec.json` encodes it. Blocks until the disk has it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(self._folder / f"{dev_eui}.json", document)
