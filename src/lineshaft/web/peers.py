"""Connections of the device listener: what each client has shown, and their end when a certificate is revoked."""

import asyncio


class Peers:
    """The open connections by certificate (DER; empty where none was shown)."""

    def __init__(self) -> None:
        self._open: dict[asyncio.BaseTransport, bytes] = {}

    def add(self, transport: asyncio.BaseTransport) -> bytes:
        """Note a connection; returns the certificate that TLS has verified, empty where the client has shown none."""
        secured = transport.get_extra_info("ssl_object")
        shown: bytes = (secured.getpeercert(binary_form=True) if secured is not None else None) or b""
        self._open[transport] = shown
        return shown

    def remove(self, transport: asyncio.BaseTransport) -> None:
        """A connection has ended."""
        self._open.pop(transport, None)

    def certificates(self) -> set[bytes]:
        """The different certificates that are connected."""
        return set(self._open.values()) - {b""}

    def hang_up(self, certificate: bytes) -> int:
        """Close every connection of a certificate; returns how many."""
        closing = [transport for transport, shown in self._open.items() if shown == certificate]
        for transport in closing:
            transport.close()
        return len(closing)
