"""Setting sessions up (RFC 3652 3.6)."""

from typing import Final

import msgspec

from lineshaft.resolution.fields import Malformed, Reader, counted, u16, u32

CLIENT_KEY: Final = 1
"""The server makes the session key and encrypts it with the RSA key that the client sends."""
SERVER_KEY: Final = 2
"""The client makes it and encrypts it with the server's RSA key."""
HANDLE_KEY: Final = 3
"""The server makes it and encrypts it with the RSA key that a handle value holds."""
DIFFIE_HELLMAN: Final = 4

_PADDING: Final = b"\0\0"  # the reference implementation counts the mode as four bytes and writes two


class SetUpSession(msgspec.Struct, frozen=True, kw_only=True):
    mode: int
    timeout: int = 86_400
    """Seconds."""
    identity: bytes = b""
    """Handle of the asker; empty: nobody in particular."""
    index: int = 0
    public_key: bytes = b""
    """With `CLIENT_KEY` and `DIFFIE_HELLMAN`."""
    key_handle: bytes = b""
    key_index: int = 0
    """With `HANDLE_KEY`."""

    @classmethod
    def read(cls, reader: Reader) -> "SetUpSession":
        mode, timeout = reader.u16("mode"), reader.u32("timeout")
        identity, index = reader.bytes("identity"), reader.u32("index")
        public_key, key_handle, key_index = b"", b"", 0
        if mode in {CLIENT_KEY, DIFFIE_HELLMAN}:
            public_key = reader.bytes("public key")
        elif mode == HANDLE_KEY:
            key_handle, key_index = reader.bytes("key handle"), reader.u32("key index")
        elif mode != SERVER_KEY:
            raise Malformed(
                "resolution.session_mode", f"there is no key exchange mode {mode}", "Modes are 1 to 4.",
                field="mode", value=mode,
            )  # fmt: skip
        _skip_padding(reader)
        return cls(
            mode=mode, timeout=timeout, identity=identity, index=index, public_key=public_key,
            key_handle=key_handle, key_index=key_index,
        )  # fmt: skip

    def encode(self) -> bytes:
        head = u16(self.mode) + u32(self.timeout) + counted(self.identity) + u32(self.index)
        if self.mode in {CLIENT_KEY, DIFFIE_HELLMAN}:
            head += counted(self.public_key)
        elif self.mode == HANDLE_KEY:
            head += counted(self.key_handle) + u32(self.key_index)
        return head + _PADDING


class SessionReady(msgspec.Struct, frozen=True):
    """Answer; the session's number is in the envelope."""

    mode: int
    data: bytes
    """The encrypted session key, or the server's public key (`SERVER_KEY`, `DIFFIE_HELLMAN`)."""

    @classmethod
    def read(cls, reader: Reader) -> "SessionReady":
        ready = cls(reader.u16("mode"), reader.bytes("key"))
        _skip_padding(reader)
        return ready

    def encode(self) -> bytes:
        return u16(self.mode) + counted(self.data) + _PADDING


class ExchangeKey(msgspec.Struct, frozen=True):
    """Request with `SERVER_KEY`: the session key, encrypted with the server's key."""

    key: bytes

    @classmethod
    def read(cls, reader: Reader) -> "ExchangeKey":
        return cls(reader.bytes("key"))

    def encode(self) -> bytes:
        return counted(self.key)


def _skip_padding(reader: Reader) -> None:
    if reader.left == len(_PADDING) and reader.data[reader.offset : reader.end] == _PADDING:
        reader.take(len(_PADDING), "padding")
