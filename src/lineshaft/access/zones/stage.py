"""The router between the witnesses: runs in a network namespace of its own, with one more behind it for each zone.

Everything lives in namespaces without a name, which the kernel removes with the last process in them: nothing is left
behind however this ends. Reads one JSON object, writes one. Imports the standard library only.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from lineshaft.access.zones.agent import ROUTER_V4, ROUTER_V6

_AGENT: Final = str(Path(__file__).with_name("agent.py"))
_SETTINGS: Final = {
    "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/sys/net/ipv6/conf/all/forwarding": "1",
    # The kernel's own check of source addresses would hide that the ruleset lacks one.
    "/proc/sys/net/ipv4/conf/all/rp_filter": "0",
    "/proc/sys/net/ipv4/conf/default/rp_filter": "0",
}


class Refused(Exception):
    """A step of the set-up failed; says which."""


class Zone:
    """One zone's namespace and the process in it."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.name: str = given["name"]
        self._given = given
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            "unshare", "-n", "--", sys.executable, "-I", _AGENT, limit=1 << 24,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        await self._hear()
        port, v4, v6 = self._given["interface"], self._given["v4"], self._given["v6"]
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(self._process.pid))
        run("ip", "link", "set", port, "addrgenmode", "none")
        run("ip", "link", "set", port, "up")
        run("ip", "addr", "add", f"{ROUTER_V4}/32", "dev", port)
        run("ip", "-6", "addr", "add", f"{ROUTER_V6}/64", "dev", port, "nodad")
        await self.order("settle", v4=v4, v6=v6, tcp=self._given["tcp"], udp=self._given["udp"])
        if v4:
            run("ip", "route", "add", f"{v4}/32", "dev", port, "src", ROUTER_V4)
        if v6:
            run("ip", "-6", "route", "add", f"{v6}/128", "dev", port)

    async def order(self, do: str, **words: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._hear()

    async def _hear(self) -> Any:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise Refused(f"the witness of {self.name} ended")
        return json.loads(line)

    async def stop(self) -> None:
        if hasattr(self, "_process"):
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()


def run(*words: str, text: str | None = None) -> None:
    """A program of the system; its own words where it fails."""
    done = subprocess.run(words, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"{' '.join(words)}: {(done.stderr or done.stdout).strip()[:500]}")


async def perform(given: dict[str, Any]) -> dict[str, Any]:
    """Build it, load the ruleset, send every witness, say which arrived."""
    for file, value in _SETTINGS.items():
        try:
            Path(file).write_text(value)  # noqa: ASYNC240  # nothing else runs yet
        except OSError as error:
            raise Refused(f"{file}: {error.strerror}") from error
    run("ip", "link", "set", "lo", "up")
    zones = {zone["name"]: Zone(zone) for zone in given["zones"]}
    try:
        for zone in zones.values():
            await zone.start()
        run("nft", "-f", "-", text=given["ruleset"])
        passed: dict[str, bool] = {}
        orders = {name: [probe for probe in given["probes"] if probe["zone"] == name] for name in zones}
        for answer in await asyncio.gather(*(zones[name].order("send", probes=orders[name]) for name in zones)):
            passed |= answer
        for zone in zones.values():
            passed |= dict.fromkeys(await zone.order("arrived"), True)
        return {"passed": passed}
    finally:
        for zone in zones.values():
            await zone.stop()


def main() -> None:
    try:
        answer = asyncio.run(perform(json.load(sys.stdin)))
    except Refused as error:
        answer = {"refused": str(error)}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
