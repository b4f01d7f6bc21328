"""Datagrams of the Semtech UDP packet forwarder, protocol version 2 (PROTOCOL.TXT of `packet_forwarder`).

byte 0 version, 1-2 token, 3 identifier; then the gateway's EUI (all it sends), then JSON (PUSH_DATA, PULL_RESP, TX_ACK)
"""

import base64
import binascii
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

PUSH_DATA, PUSH_ACK, PULL_DATA, PULL_RESP, PULL_ACK, TX_ACK = range(6)
VERSION: Final = 2
_HEAD: Final = 4
_EUI_END: Final = 12
_CRC_GOOD: Final = 1


class Received(msgspec.Struct, frozen=True):
    """One packet as a gateway heard it (`rxpk`)."""

    data: str = ""
    tmst: Annotated[int, Meta(ge=0, lt=2**32)] = 0
    """The concentrator's own microseconds."""
    time: str = ""
    freq: float = 0.0
    stat: int = _CRC_GOOD
    modu: str = "LORA"
    datr: str | int = ""
    codr: str = "4/5"
    rssi: float = 0.0
    lsnr: float = 0.0

    @property
    def usable(self) -> bool:
        """LoRa, and its checksum is right."""
        return self.modu == "LORA" and self.stat == _CRC_GOOD

    def payload(self) -> bytes:
        """The PHYPayload.

        Raises:
            ValueError: it is no base64.
        """
        try:
            return base64.b64decode(self.data + "=" * (-len(self.data) % 4), validate=True)
        except binascii.Error as error:
            raise ValueError(f"data is no base64: {error}") from error


class _Push(msgspec.Struct, frozen=True):
    rxpk: Annotated[list[Received], Meta(max_length=64)] = []


class Datagram(NamedTuple):
    """What a gateway sent."""

    kind: int
    token: bytes
    gateway: str
    """EUI, lower-case hexadecimal."""
    body: bytes


def read(data: bytes) -> Datagram:
    """A datagram of a gateway.

    Raises:
        ValueError: it is none.
    """
    if len(data) < _EUI_END or data[0] != VERSION or data[3] not in (PUSH_DATA, PULL_DATA, TX_ACK):
        raise ValueError("it is no datagram of a packet forwarder, version 2")
    return Datagram(data[3], data[1:3], data[_HEAD:_EUI_END].hex(), data[_EUI_END:])


def received(body: bytes) -> list[Received]:
    """The packets in a PUSH_DATA.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        return msgspec.json.decode(body, type=_Push).rxpk
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"the packets cannot be read: {error}") from error


def answer(datagram: Datagram) -> bytes | None:
    """The acknowledgement of a datagram; None where there is none."""
    kinds = {PUSH_DATA: PUSH_ACK, PULL_DATA: PULL_ACK}
    kind = kinds.get(datagram.kind)
    return None if kind is None else bytes([VERSION]) + datagram.token + bytes([kind])


def response(token: int, packet: dict[str, Any]) -> bytes:
    """A PULL_RESP: have a gateway send a packet."""
    return bytes([VERSION]) + token.to_bytes(2, "big") + bytes([PULL_RESP]) + msgspec.json.encode({"txpk": packet})


def refusal(body: bytes) -> str:
    """Why a gateway did not send, by its TX_ACK; empty where it did."""
    try:
        said = msgspec.json.decode(body, type=dict[str, dict[str, Any]]) if body.strip(b"\0") else {}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return "UNREADABLE"
    error = str(said.get("txpk_ack", {}).get("error", "NONE"))[:40]
    return "" if error == "NONE" else error
