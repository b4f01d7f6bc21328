"""How much one source may have."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Of each source network (IPv4 /24, IPv6 /64), per second; a burst of `burst` seconds' worth is free."""

    bytes_per_second: float = 2_000_000
    """Of answers by UDP."""
    signatures_per_second: float = 200
    """Of requests that cost a signature or a decryption, by UDP and TCP."""
    missing_per_second: float = 500
    """Of answers that there is no such handle; beyond, they are counted as an attempt to list what there is."""
    burst: float = 2.0
    connections: int = 256
    """Open connections of one source network, by TCP and HTTP together."""
    all_connections: int = 10_000
    waiting_bytes: int = 64 * 2**20
    """Of incomplete messages of all connections together; the connection that goes beyond is ended."""
    idle_seconds: float = 300.0
    """How long a connection may say nothing."""
    message_seconds: float = 20.0
    """How long a message may take from its first byte to its last."""
    head_seconds: float = 10.0
    """How long the head of a request by HTTP may take, and the handshake of TLS."""
    body_seconds: float = 20.0
    """How long the body of a request by HTTP may come more slowly than `body_bytes_per_second`."""
    body_bytes_per_second: float = 500.0
    unread_seconds: float = 60.0
    """How long answers may wait for a client that does not read them."""
