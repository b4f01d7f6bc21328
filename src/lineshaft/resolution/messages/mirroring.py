"""Copying a server: its transactions since a number, or all of its handles. The answers' streams follow the messages."""

import msgspec

from lineshaft.resolution.fields import Reader, counted, u32, u64


class Shard(msgspec.Struct, frozen=True):
    """The part of a site's handles that is wanted."""

    hash_option: int
    servers: int
    server: int
    """Place among the servers, from 0."""

    @classmethod
    def read(cls, reader: Reader) -> "Shard":
        return cls(reader.u8("hash option"), reader.u32("servers"), reader.u32("server"))

    def encode(self) -> bytes:
        return bytes((self.hash_option,)) + u32(self.servers) + u32(self.server)


class Retrieve(msgspec.Struct, frozen=True, kw_only=True):
    """Request: transactions behind `last`, of one source or (from 2.9) of all that `state` names."""

    shard: Shard
    last: int = 0
    last_query: int = 0
    """Milliseconds since 1970."""
    state: bytes = b""
    """JSON; empty: one source."""
    old: bool = False
    """Written as before 2.9."""

    @classmethod
    def read(cls, reader: Reader) -> "Retrieve":
        if reader.u8("sources") == 1:
            state = reader.bytes("state")
            return cls(state=state, shard=Shard.read(reader))
        return cls._of_one_source(reader, old=False)

    @classmethod
    def read_old(cls, reader: Reader) -> "Retrieve":
        return cls._of_one_source(reader, old=True)

    @classmethod
    def _of_one_source(cls, reader: Reader, *, old: bool) -> "Retrieve":
        last, last_query = reader.u64("last transaction"), reader.u64("last query")
        return cls(last=last, last_query=last_query, old=old, shard=Shard.read(reader))

    def encode(self) -> bytes:
        shard = self.shard.encode()
        if self.state:
            return b"\x01" + counted(self.state) + shard
        return (b"" if self.old else b"\x00") + u64(self.last) + u64(self.last_query) + shard


class Dump(msgspec.Struct, frozen=True, kw_only=True):
    """Request: every handle of a shard, from a starting point."""

    shard: Shard
    start: bytes | None = None
    start_kind: int = 0

    @classmethod
    def read(cls, reader: Reader) -> "Dump":
        shard = Shard.read(reader)
        if not reader.left:
            return cls(shard=shard)
        return cls(shard=shard, start=reader.bytes("start"), start_kind=reader.u32("kind of start"))

    def encode(self) -> bytes:
        start = b"" if self.start is None else counted(self.start) + u32(self.start_kind)
        return self.shard.encode() + start


class Retrieved(msgspec.Struct, frozen=True):
    """Answer to `Retrieve`; the transactions follow on the same connection."""

    keep_alive: bool = False

    @classmethod
    def read(cls, reader: Reader) -> "Retrieved":
        return cls(bool(reader.u8("flags") & 1))

    def encode(self) -> bytes:
        return b"\x01" if self.keep_alive else b"\x00"


class NextTransaction(msgspec.Struct, frozen=True):
    number: int

    @classmethod
    def read(cls, reader: Reader) -> "NextTransaction":
        return cls(reader.u64("transaction"))

    def encode(self) -> bytes:
        return u64(self.number)
