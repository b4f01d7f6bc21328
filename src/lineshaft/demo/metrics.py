"""Counters of the plant's process, read at its `/metrics`."""

from typing import Final

from prometheus_client import Counter, Gauge

SCANS: Final = Counter("lineshaft_demo_scans", "Scans published")
TRIPS: Final = Counter("lineshaft_demo_trips", "Times the plant shut itself down")
SIMULATED_SECONDS: Final = Gauge("lineshaft_demo_simulated_seconds", "Simulated seconds since the plant was started")
