"""A real box for tests, benchmarks and trials: `with running_box(folder) as box: …`. Part of the product."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lineshaft.core.home import Home, read_json

ANY_PORTS = ("bus.port=0", "web.port=0", "web.device_port=0", "demo.port=0", "demo.modbus_port=0")
"""Settings that let several boxes run on one machine."""


class Box:
    """A started box: its home, its process, and the command line against it."""

    def __init__(self, home: Home, process: "subprocess.Popen[bytes]", environment: Mapping[str, str]) -> None:
        self.home = home
        self.process = process
        self._environment = dict(environment)

    def lineshaft(
        self, *arguments: str, check: bool = True, timeout: float = 120
    ) -> "subprocess.CompletedProcess[str]":
        """Run `lineshaft` with `arguments` on this home."""
        argv = [sys.executable, "-m", "lineshaft.cli.main", *arguments]
        done = subprocess.run(
            argv, capture_output=True, text=True, timeout=timeout, check=False, env=self._environment,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done

    def json(self, *arguments: str) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.lineshaft(*arguments, "--json").stdout)

    def pid(self, name: str) -> int | None:
        """Process id of a child (`bus`, `access`, `history`, `gateway`, `web`, `plant`) while it runs."""
        state = read_json(self.home.run / "state.json") or {}
        children: list[dict[str, Any]] = list(state.get("children", []))  # type: ignore[call-overload]
        return next((child["pid"] for child in children if child["name"] == name), None)

    def state(self, name: str) -> str:
        """The supervisor's word for a child: `ready`, `starting`, `backing off` …"""
        state = read_json(self.home.run / "state.json") or {}
        children: list[dict[str, Any]] = list(state.get("children", []))  # type: ignore[call-overload]
        return next((child["state"] for child in children if child["name"] == name), "")

    def kill(self, name: str) -> None:
        """`kill -9` a child and wait until the supervisor has another one ready in its place."""
        before = self.pid(name)
        assert before is not None, f"{name} does not run"
        os.kill(before, signal.SIGKILL)
        self.until(lambda: self.pid(name) not in (None, before) and self.state(name) == "ready", f"{name} is back")

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 120) -> None:
        """Wait until `condition` holds.

        Raises:
            AssertionError: it does not in time, or the box has ended; carries the logs' last lines.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}\n{self.last_lines()}")
            time.sleep(0.1)

    def good_values(self) -> int:
        """How many tags have a good latest value now; 0 while nobody can say."""
        try:
            rows = self.json("top", "--once")
        except (AssertionError, ValueError):
            return 0
        return sum(1 for row in rows if row["value"] is not None and row["quality"] == "good")

    def last_lines(self, count: int = 15) -> str:
        """The end of every log, for the message of a failed wait."""
        parts = []
        for log in sorted(self.home.logs.glob("*.log")):
            lines = log.read_text("utf-8", "replace").splitlines()[-count:]
            parts.append("\n".join([f"--- {log.name}", *(line[:400] for line in lines)]))
        return "\n".join(parts)

    def stop(self, seconds: float = 60) -> int:
        """Ctrl-C; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds)


@contextlib.contextmanager
def running_box(
    folder: Path, *, demo: bool = True, settings: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> Iterator[Box]:
    """Start a box on `folder` with free ports, wait until every service is ready, stop it afterwards."""
    home = Home(folder)
    variables = {
        **os.environ, "LINESHAFT_HOME": str(home.path), "LINESHAFT_LANGUAGE": "en", **(environment or {}),
    }  # fmt: skip
    argv = [sys.executable, "-m", "lineshaft.cli.main", "up", "--demo" if demo else "--no-demo"]
    argv += [part for pair in (*ANY_PORTS, *settings) for part in ("--set", pair)]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.out").open("ab") as out:
        process = subprocess.Popen(argv, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=variables)
    box = Box(home, process, variables)
    try:
        box.until(lambda: _all_ready(box), "every service is ready", 180)
        yield box
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _all_ready(box: Box) -> bool:
    state = read_json(box.home.run / "state.json")
    children: list[dict[str, Any]] = list(state["children"]) if state else []  # type: ignore[call-overload]
    return bool(children) and all(child["state"] == "ready" for child in children)
