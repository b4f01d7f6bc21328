"""The witness in one zone's namespace: listens, sends, says what arrived. Started by `stage`; one JSON line each way.

Runs as root in a namespace of its own and imports the standard library only.
"""

import asyncio
import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
from typing import Any

_TRANSPARENT = {socket.AF_INET: (socket.IPPROTO_IP, 19), socket.AF_INET6: (socket.IPPROTO_IPV6, 75)}
"""Options by which a socket may bear a source address that is not its machine's; `socket` has no names for them."""
_ECHO = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129)}
ROUTER_V4, ROUTER_V6 = "169.254.1.1", "fe80::1"
_NARROW = 1300
"""The path MTU, in bytes, that a witness is told of."""
_PACKET_TOO_BIG = 2


class Agent:
    """Answers the stage's orders."""

    def __init__(self) -> None:
        self._arrived: set[str] = set()
        self._datagrams = 0
        self._kept: list[Any] = []

    async def run(self) -> None:
        reader = asyncio.StreamReader(limit=1 << 24)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        self._say({"ready": True})
        while line := await reader.readline():
            order = json.loads(line)
            self._say(await getattr(self, order.pop("do"))(**order))

    @staticmethod
    def _say(answer: Any) -> None:
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()

    async def settle(self, v4: str, v6: str, tcp: list[int], udp: list[int]) -> Any:
        """Take addresses and begin to listen on them."""
        await asyncio.to_thread(_configure, v4, v6)
        for address in filter(None, (v4, v6)):
            for port in tcp:
                self._kept.append(await asyncio.start_server(lambda _, writer: writer.close(), address, port))
            for port in udp:
                await self._listen_udp(address, port)
        return {}

    async def _listen_udp(self, address: str, port: int) -> None:
        agent = self

        class Noting(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                agent._datagrams += 1
                if data == b"pmtu":
                    _tell_too_big(address, port, addr[0], addr[1])
                else:
                    agent._arrived.add(data.decode("ascii", "replace"))

        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Noting, (address, port))
        self._kept.append(transport)

    async def send(self, probes: list[dict[str, Any]]) -> Any:
        """Send probes, all at once; which of them were answered (those of UDP the target tells)."""
        answered = await asyncio.gather(*(self._send(probe) for probe in probes))
        return {probe["id"]: passed for probe, passed in zip(probes, answered, strict=True)}

    async def arrived(self) -> Any:
        """What came, with what a busy machine has not read yet: the order may be heard before it."""
        read = -1
        while read != self._datagrams:
            read = self._datagrams
            await asyncio.sleep(0.05)
        return sorted(self._arrived)

    async def _send(self, probe: dict[str, Any]) -> bool:
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(probe["seconds"]):
                return bool(await getattr(self, "_" + probe["protocol"])(probe))
        return False

    async def _tcp(self, probe: dict[str, Any]) -> bool:
        _, writer = await asyncio.open_connection(probe["target"], probe["port"], local_addr=(probe["source"], 0))
        writer.close()
        return True

    async def _udp(self, probe: dict[str, Any]) -> bool:
        with _socket(probe, socket.SOCK_DGRAM) as sender:
            for _ in range(3):
                sender.sendto(probe["id"].encode(), (probe["target"], probe["port"]))
                await asyncio.sleep(0.1)
        return False

    async def _icmp(self, probe: dict[str, Any]) -> bool:
        family = socket.AF_INET6 if ":" in probe["target"] else socket.AF_INET
        protocol, request, reply = _ECHO[family]
        text = probe["id"].encode()
        with _socket(probe, socket.SOCK_RAW, protocol) as sender:
            sender.sendto(_echo(request, text, checksum=family == socket.AF_INET), (probe["target"], 0))
            loop = asyncio.get_running_loop()
            while True:
                data = await loop.sock_recv(sender, 2048)
                body = data[(data[0] & 15) * 4 :] if family == socket.AF_INET else data
                if body[:1] == bytes([reply]) and body[8:] == text:
                    return True

    async def _pmtu(self, probe: dict[str, Any]) -> bool:
        """Whether the target's word that a packet was too big comes back (IPv6)."""
        with _socket(probe, socket.SOCK_DGRAM) as sender:
            sender.connect((probe["target"], probe["port"]))
            while True:
                with contextlib.suppress(OSError):
                    sender.send(b"pmtu")
                await asyncio.sleep(0.05)
                if f"mtu {_NARROW}" in _ip("-6", "route", "get", probe["target"], "from", probe["source"]):
                    return True

    async def _nd(self, _probe: dict[str, Any]) -> bool:
        """Whether the router answers a neighbour solicitation."""
        _ip("-6", "neigh", "flush", "dev", "eth0")
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
            scope = socket.if_nametoindex("eth0")
            while True:
                with contextlib.suppress(OSError):
                    sender.sendto(b"?", (ROUTER_V6, 9, 0, scope))
                await asyncio.sleep(0.05)
                if "lladdr" in _ip("-6", "neigh", "show", ROUTER_V6, "dev", "eth0"):
                    return True


def _socket(probe: dict[str, Any], kind: int, protocol: int = 0) -> socket.socket:
    family = socket.AF_INET6 if ":" in probe["target"] else socket.AF_INET
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)  # noqa: FBT003  # the standard library's own signature
    if probe["forged"]:
        made.setsockopt(*_TRANSPARENT[family], 1)
    made.bind((probe["source"], 0))
    return made


def _echo(request: int, text: bytes, *, checksum: bool) -> bytes:
    message = struct.pack("!BBHHH", request, 0, 0, os.getpid() & 0xFFFF, 1) + text
    if not checksum:  # the kernel writes that of ICMPv6
        return message
    padded = message + b"\0" * (len(message) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    total = (total & 0xFFFF) + (total >> 16)
    total = (total & 0xFFFF) + (total >> 16)
    return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]


def _tell_too_big(here: str, port: int, target: str, target_port: int) -> None:
    """Answer a datagram as a router behind us would that cannot pass it on (RFC 4443 3.2)."""
    datagram = struct.pack("!HHHH", target_port, port, 12, 0) + b"pmtu"
    header = struct.pack("!IHBB", 6 << 28, len(datagram), socket.IPPROTO_UDP, 64)
    quoted = header + socket.inet_pton(socket.AF_INET6, target) + socket.inet_pton(socket.AF_INET6, here) + datagram
    with socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sender:
        sender.bind((here, 0))
        sender.sendto(struct.pack("!BBHI", _PACKET_TOO_BIG, 0, 0, _NARROW) + quoted, (target, 0))


def _configure(v4: str, v6: str) -> None:
    _ip("link", "set", "lo", "up")
    _ip("link", "set", "eth0", "addrgenmode", "none")
    _ip("link", "set", "eth0", "up")
    if v4:
        _ip("addr", "add", f"{v4}/32", "dev", "eth0")
        _ip("route", "add", ROUTER_V4, "dev", "eth0", "src", v4)
        _ip("route", "add", "default", "via", ROUTER_V4, "src", v4)
    if v6:
        _ip("-6", "addr", "add", "fe80::2/64", "dev", "eth0", "nodad")
        _ip("-6", "addr", "add", f"{v6}/128", "dev", "eth0", "nodad")
        _ip("-6", "route", "add", "default", "via", ROUTER_V6, "dev", "eth0", "src", v6)


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    asyncio.run(Agent().run())
