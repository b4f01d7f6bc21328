"""The writer's process stays small: nothing heavy is loaded into it, and its memory does not grow with every seal."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lineshaft.history.testing import START_US

HEAVY = ("deltalake", "duckdb", "polars", "pandas", "sqlalchemy", "pyarrow/_dataset", "libarrow_flight")
LIMIT_MB = 120


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
async def test_the_process_loads_nothing_heavy_and_keeps_under_its_limit(plants, until):
    async with plants(started=False) as plant:
        with (plant.bus.home.logs / "history.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "lineshaft.cli.serve", "history", "--home", str(plant.bus.home.path),
                 "--set", "history.seal_seconds=0.1"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            for second in range(60):
                sequence = await plant.publish(
                    [(tag, START_US + second * 10**6, tag + second / 7) for tag in range(1, 101)]
                )

                async def sealed(sequence: int = sequence) -> bool:
                    with contextlib.suppress(Exception):
                        return (await plant.reader.status()).committed_sequence >= sequence
                    return False

                if second % 6 == 0:
                    await until(sealed)
            await until(sealed)
            assert len(await plant.raw([1])) == 60
            assert [name for name in HEAVY if f"/{name}" in mapped(process.pid)] == []
            assert resident_mb(process.pid) < LIMIT_MB
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(120) == 0


def test_the_package_opens_without_its_heavy_parts():
    program = (
        "import sys, lineshaft.history, lineshaft.history.settings, lineshaft.history.model\n"
        "print([name for name in ('numpy', 'pyarrow', 'deltalake', 'sqlalchemy', 'litestar', 'nats') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_committing_process_needs_no_arrow():
    program = (
        "import sys, lineshaft.history.committer, lineshaft.history.table\n"
        "print([name for name in ('numpy', 'pyarrow', 'sqlalchemy', 'nats', 'structlog') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_every_name_at_the_door_is_there():
    import lineshaft.history as door

    assert sorted(door.__all__) == door.__all__
    assert all(getattr(door, name) is not None for name in door.__all__)
    with pytest.raises(AttributeError):
        _ = door.nothing
