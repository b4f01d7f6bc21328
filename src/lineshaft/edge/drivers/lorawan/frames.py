"""LoRaWAN 1.0.4 frames: PHYPayload (4), MIC (4.4, 6.2.5), encryption (4.3.3), join (6.2). Numbers are little-endian."""

import hmac
import struct
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

JOIN_REQUEST, JOIN_ACCEPT, UNCONFIRMED_UP, UNCONFIRMED_DOWN, CONFIRMED_UP, CONFIRMED_DOWN = range(6)
UP, DOWN = 0, 1
ACK: Final = 0x20
_MIC: Final = 4
_BLOCK: Final = 16
_JOIN_REQUEST_LENGTH: Final = 23
_SHORTEST: Final = 12
_LONGEST: Final = 255
_OPTIONS_MASK: Final = 0x0F


class JoinRequest(NamedTuple):
    """A device asks to join; not proven yet."""

    join_eui: str
    dev_eui: str
    nonce: int


class Uplink(NamedTuple):
    """A data frame of a device; not proven and not decrypted yet."""

    confirmed: bool
    address: int
    control: int
    counter: int
    """The 16 bits of it that are sent."""
    port: int | None
    payload: bytes
    """Encrypted."""


def read(data: bytes) -> JoinRequest | Uplink:
    """A PHYPayload that a device sent.

    Raises:
        ValueError: says what is wrong with it.
    """
    if not data or len(data) > _LONGEST:
        raise ValueError(f"{len(data)} bytes are no frame")
    kind, major = data[0] >> 5, data[0] & 0b11
    if major != 0:
        raise ValueError(f"major version {major} is unknown")
    if kind == JOIN_REQUEST:
        if len(data) != _JOIN_REQUEST_LENGTH:
            raise ValueError(f"a join request has {_JOIN_REQUEST_LENGTH} bytes, not {len(data)}")
        return JoinRequest(data[8:0:-1].hex(), data[16:8:-1].hex(), int.from_bytes(data[17:19], "little"))
    if kind not in (UNCONFIRMED_UP, CONFIRMED_UP):
        raise ValueError(f"a device does not send frames of type {kind}")
    if len(data) < _SHORTEST:
        raise ValueError(f"{len(data)} bytes are too few for a data frame")
    address, control, counter = struct.unpack_from("<IBH", data, 1)
    body = data[8 + (control & _OPTIONS_MASK) : -_MIC]
    if 8 + (control & _OPTIONS_MASK) > len(data) - _MIC:
        raise ValueError("the frame ends within its options")
    return Uplink(kind == CONFIRMED_UP, address, control, counter, body[0] if body else None, body[1:])


def is_genuine(data: bytes, key: bytes, direction: int, address: int, counter: int) -> bool:
    """Whether a data frame's MIC is right for a full 32-bit counter."""
    return _same(mic(data[:-_MIC], key, direction, address, counter), data[-_MIC:])


def is_genuine_join(data: bytes, key: bytes) -> bool:
    """Whether a join request's MIC is right."""
    return _same(_cmac(key, data[:-_MIC])[:_MIC], data[-_MIC:])


def mic(message: bytes, key: bytes, direction: int, address: int, counter: int) -> bytes:
    """Of a data frame (4.4)."""
    block = struct.pack("<BIBIIBB", 0x49, 0, direction, address, counter, 0, len(message))
    return _cmac(key, block + message)[:_MIC]


def crypt(payload: bytes, key: bytes, direction: int, address: int, counter: int) -> bytes:
    """Encrypt or decrypt an FRMPayload (4.3.3), which is the same."""
    blocks = b"".join(
        struct.pack("<BIBIIBB", 0x01, 0, direction, address, counter, 0, number)
        for number in range(1, -(-len(payload) // _BLOCK) + 1)
    )
    stream = _ecb(key, blocks)
    return bytes(one ^ other for one, other in zip(payload, stream, strict=False))


def downlink(
    keys: tuple[bytes, bytes], address: int, counter: int, *, acknowledges: bool, port: int = 0, payload: bytes = b"",
    confirmed: bool = False,
) -> bytes:  # fmt: skip
    """A data frame for a device (4.3): with a payload, an acknowledgement of its confirmed frame (4.3.1.3), or both.

    Args:
        keys: NwkSKey and AppSKey.
        port: 0: there is no payload.
    """
    kind = CONFIRMED_DOWN if confirmed else UNCONFIRMED_DOWN
    message = struct.pack("<BIBH", kind << 5, address, ACK if acknowledges else 0, counter & 0xFFFF)
    if port:
        message += bytes([port]) + crypt(payload, keys[1], DOWN, address, counter)
    return message + mic(message, keys[0], DOWN, address, counter)


def join_accept(key: bytes, nonce: int, net_id: int, address: int, receive_delay: int = 1) -> bytes:
    """A join accept (6.2.3), encrypted as devices expect it: with the decryption of AES."""
    body = nonce.to_bytes(3, "little") + net_id.to_bytes(3, "little") + struct.pack("<IBB", address, 0, receive_delay)
    head = bytes([JOIN_ACCEPT << 5])
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305  # as the standard has it
    return head + decryptor.update(body + _cmac(key, head + body)[:_MIC])


def session_keys(key: bytes, join_nonce: int, net_id: int, dev_nonce: int) -> tuple[bytes, bytes]:
    """NwkSKey and AppSKey after a join (6.2.3)."""
    tail = (
        join_nonce.to_bytes(3, "little") + net_id.to_bytes(3, "little") + dev_nonce.to_bytes(2, "little")
    ).ljust(_BLOCK - 1, b"\0")  # fmt: skip
    return _ecb(key, b"\x01" + tail), _ecb(key, b"\x02" + tail)


def _ecb(key: bytes, data: bytes) -> bytes:
    return Cipher(algorithms.AES(key), modes.ECB()).encryptor().update(data)  # noqa: S305  # as the standard has it


def _cmac(key: bytes, data: bytes) -> bytes:
    made = CMAC(algorithms.AES(key))
    made.update(data)
    return made.finalize()


def _same(one: bytes, other: bytes) -> bool:
    return hmac.compare_digest(one, other)
