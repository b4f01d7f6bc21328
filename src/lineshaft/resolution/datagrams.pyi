from collections.abc import Callable

from lineshaft.resolution.listeners.udp import UdpListener

class Datagrams:
    def __init__(self, file: int, listener: UdpListener, ipv6: bool) -> None: ...
    def drain(
        self, lookup: Callable[[bytes], bytes | None], now: int, expiration: int, serial: int, standing: int,
        instant: float,
    ) -> None: ...  # fmt: skip
