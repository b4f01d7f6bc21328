"""A service for tests: prints when it has started, leaves the file `stopped` when it stopped cleanly."""

import asyncio
import sys
from pathlib import Path

from lineshaft.core import logs, service
from lineshaft.core.health import Check
from lineshaft.core.home import Home
from lineshaft.core.settings import Settings


class Sample(service.Service):
    NAME = "sample"

    async def start(self):
        print("started", flush=True)

    async def stop(self):
        (self.context.home.path / "stopped").touch()

    async def checks(self):
        troubled = (self.context.home.path / "trouble").exists()
        return [Check(name="mood", ok=not troubled, detail="troubled" if troubled else "", hint="Cheer it up.")]


if __name__ == "__main__":
    logs.configure("sample")
    context = service.Context(Home(Path(sys.argv[1])), Settings([]))
    sys.exit(asyncio.run(service.run(Sample(context))))
