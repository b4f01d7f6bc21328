"""One end device as its network server sees it: joins, counters, and what of its frames is believed.

    join request  → keys right, nonce new → accept in the first window → a new session
    data frame    → MIC right for a counter beyond the last → decrypted, acknowledged if asked for → its message
    a write       → waits for a data frame, goes out in its first window → confirmed by the frame after that

Everything else is dropped and counted by reason.
"""

import contextlib
import hashlib
import secrets as random
from collections import Counter, deque
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from lineshaft.core import clock
from lineshaft.core.errors import InvalidInput
from lineshaft.edge.drivers.lorawan import frames, regions
from lineshaft.edge.drivers.lorawan.downlinks import Downlink
from lineshaft.edge.drivers.lorawan.frames import JoinRequest, Uplink
from lineshaft.edge.drivers.lorawan.gwmp import Received
from lineshaft.edge.drivers.lorawan.options import LorawanOptions
from lineshaft.edge.drivers.lorawan.sessions import Session, Sessions
from lineshaft.edge.secrets import Secret

NET_ID: Final = 0
"""Private network, experimental (LoRaWAN Back-End Interfaces, table 3)."""
_KEY: Final = 16
_LARGEST_COUNTER: Final = 2**32 - 1
_TOGETHER_US: Final = 900_000
"""Gateways report one transmission within this; later it is a retransmission."""


class Message(NamedTuple):
    """What a device said."""

    port: int
    data: bytes
    counter: int


class Outcome(NamedTuple):
    """What became of a frame."""

    message: Message | None = None
    reply: dict[str, object] | None = None
    """A `txpk` for the gateway that heard it."""
    downlink: Downlink | None = None
    """The write that is in the reply."""


class Node:
    """One device's keys and session.

    Raises:
        InvalidInput: the secret holds no such keys. Corrupt: its session cannot be read.
    """

    def __init__(self, options: LorawanOptions, secret: Secret, sessions: Sessions) -> None:
        self.options = options
        self.counts: Counter[str] = Counter()
        """Frames by what became of them: taken, duplicates, replays, wrong_mic …"""
        count = 1 if options.activation == "otaa" else 2
        keys = _keys(secret, count, options)
        self._key = keys[0]
        self._sessions = sessions
        identity = f"{options.activation}{options.join_eui}{options.dev_addr}".encode()
        fingerprint = hashlib.sha256(b"".join(keys) + identity).hexdigest()
        self._record = sessions.load(options.dev_eui, fingerprint)
        self._last_us = 0
        self._unsaved = False
        self._waiting: deque[Downlink] = deque()
        self._unanswered: Downlink | None = None
        """Sent, to be confirmed by the next frame of the device."""
        if options.activation == "abp" and not self._record.sessions:
            self._record.sessions = [
                Session(address=int(options.dev_addr, 16), network_key=keys[0], application_key=keys[1])
            ]

    @property
    def addresses(self) -> set[int]:
        """The device's addresses in its sessions."""
        return {session.address for session in self._record.sessions}

    def unsaved(self) -> Callable[[], None] | None:
        """What writes the session to disk, as it is now; None where the disk has it. It blocks, and may be a thread's."""
        if not self._unsaved:
            return None
        document = msgspec.json.encode(self._record)
        return lambda: self._sessions.save(self.options.dev_eui, document)

    def saved(self) -> None:
        """The disk has what `unsaved` gave, and nothing came since."""
        self._unsaved = False

    # -- downlinks ------------------------------------------------------------------------------------------------------

    def send(self, downlink: Downlink) -> None:
        """Have a payload go out when the device is heard next."""
        self._waiting.append(downlink)

    def forget(self, downlink: Downlink) -> None:
        """Do not send it any more, where it was not sent."""
        with contextlib.suppress(ValueError):
            self._waiting.remove(downlink)

    def close(self) -> None:
        """Nothing is sent any more."""
        while self._waiting:
            self._waiting.popleft().refuse("not sent: the device was closed")
        if self._unanswered is not None:
            self._unanswered.answered(acknowledged=False)

    # -- joining --------------------------------------------------------------------------------------------------------

    def join(self, request: JoinRequest, data: bytes, heard: Received, taken: set[int]) -> Outcome:
        """Answer a join request that names this device.

        Args:
            taken: addresses that other devices have.
        """
        if self.options.activation != "otaa" or request.join_eui != self.options.join_eui:
            return self._drop("foreign_join")
        if not frames.is_genuine_join(data, self._key):
            return self._drop("wrong_mic")
        if request.nonce in self._record.used:
            return self._drop("join_replays")
        self._record.used.append(request.nonce)
        self._record.join_nonce += 1
        nonce, address = self._record.join_nonce, _address(taken)
        network, application = frames.session_keys(self._key, nonce, NET_ID, request.nonce)
        new = Session(address=address, network_key=network, application_key=application)
        before = [session for session in self._record.sessions if session.up >= 0][:1]
        self._record.sessions = [new, *before]
        self._unsaved = True
        self.counts["joins"] += 1
        accept = frames.join_accept(self._key, nonce, NET_ID, address)
        return Outcome(reply=regions.downlink(self.options.region, heard, accept, regions.JOIN_DELAY_US))

    # -- data -----------------------------------------------------------------------------------------------------------

    def uplink(self, frame: Uplink, data: bytes, heard: Received) -> Outcome | None:
        """Take a data frame for one of this device's addresses; None where its MIC is not this device's."""
        for session in self._record.sessions:
            if session.address != frame.address:
                continue
            for counter in session.candidates(frame.counter):
                if counter <= _LARGEST_COUNTER and frames.is_genuine(
                    data, session.network_key, frames.UP, session.address, counter
                ):
                    return self._genuine(session, frame, counter, heard)
        return None

    def _genuine(self, session: Session, frame: Uplink, counter: int, heard: Received) -> Outcome:
        now = clock.now_us()
        if counter <= session.up:
            return self._again(session, frame, counter, heard, now)
        self._last_us = now
        session.up = counter
        if session is self._record.sessions[0]:  # the device has the new keys: nothing of the old holds any more
            self._record.sessions = [session]
        if self._unanswered is not None:
            self._unanswered.answered(acknowledged=bool(frame.control & frames.ACK))
            self._unanswered = None
        reply, downlink = self._reply(session, frame, heard)
        self._unsaved = True
        self.counts["taken"] += 1
        if frame.port is None or frame.port == 0:
            self.counts["without_data"] += 1
            return Outcome(reply=reply, downlink=downlink)
        content = frames.crypt(frame.payload, session.application_key, frames.UP, session.address, counter)
        return Outcome(Message(frame.port, content, counter), reply, downlink)

    def _again(self, session: Session, frame: Uplink, counter: int, heard: Received, now: int) -> Outcome:
        """A frame that was taken: by another gateway as well, sent again because our answer was not heard, or replayed."""
        if counter != session.up:
            return self._drop("replays")
        if now - self._last_us < _TOGETHER_US:
            return self._drop("duplicates")
        if not frame.confirmed:
            return self._drop("replays")
        self._last_us = now
        reply = self._frame(session, heard, acknowledges=True)
        self._unsaved = True
        self.counts["retransmissions"] += 1
        return Outcome(reply=reply)

    def _reply(
        self, session: Session, frame: Uplink, heard: Received
    ) -> tuple[dict[str, object] | None, Downlink | None]:
        """What goes out in the first window after a frame: what was to be written, an acknowledgement, or nothing."""
        if not self._waiting:
            return (self._frame(session, heard, acknowledges=True) if frame.confirmed else None), None
        downlink = self._waiting.popleft()
        if downlink.confirmed:
            self._unanswered = downlink
        self.counts["downlinks"] += 1
        return self._frame(session, heard, acknowledges=frame.confirmed, downlink=downlink), downlink

    def _frame(
        self, session: Session, heard: Received, *, acknowledges: bool, downlink: Downlink | None = None
    ) -> dict[str, object]:
        keys = (session.network_key, session.application_key)
        content = (downlink.port, downlink.payload, downlink.confirmed) if downlink is not None else (0, b"", False)
        port, payload, confirmed = content
        data = frames.downlink(
            keys,
            session.address,
            session.down,
            acknowledges=acknowledges,
            port=port,
            payload=payload,
            confirmed=confirmed,
        )
        session.down += 1
        return regions.downlink(self.options.region, heard, data, regions.RECEIVE_DELAY_US)

    def _drop(self, reason: str) -> Outcome:
        self.counts[reason] += 1
        return Outcome()


def _keys(secret: Secret, count: int, options: LorawanOptions) -> list[bytes]:
    try:
        data = bytes.fromhex(secret.password.strip())
    except ValueError:
        data = b""
    if len(data) != count * _KEY:
        raise InvalidInput(
            "edge.lorawan_keys_invalid",
            f"the password of the secret {options.secret!r} is not {count * 2 * _KEY} hexadecimal digits",
            "OTAA: the AppKey. ABP: the NwkSKey, and the AppSKey after it. `lineshaft device secret` keeps it.",
            secret=options.secret, digits=count * 2 * _KEY,
        )  # fmt: skip
    return [data[start : start + _KEY] for start in range(0, len(data), _KEY)]


def _address(taken: set[int]) -> int:
    """A free address of the private network: seven bits of zero, the rest at random."""
    while (address := random.randbits(25)) in taken:
        pass
    return address
