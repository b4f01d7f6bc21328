"""Logging in, as the Chinese dialect does before anything else."""

import msgspec

from lineshaft.resolution.fields import Reader, counted, u32


class Login(msgspec.Struct, frozen=True):
    """Request: `index:handle` logs in on this connection; answered by a challenge, then by success."""

    handle: bytes
    index: int

    @classmethod
    def read(cls, reader: Reader) -> "Login":
        return cls(reader.bytes("handle"), reader.u32("index"))

    def encode(self) -> bytes:
        return counted(self.handle) + u32(self.index)
