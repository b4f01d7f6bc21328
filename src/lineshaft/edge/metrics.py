"""Counters of the gateway's process, read at its `/metrics`."""

from typing import Final

from prometheus_client import Counter, Gauge

ROWS: Final = Counter("lineshaft_edge_rows", "Rows taken in from devices")
BATCHES: Final = Counter("lineshaft_edge_batches", "Batches that the bus confirmed")
DROPPED: Final = Counter("lineshaft_edge_dropped_rows", "Rows dropped before the bus confirmed them")
WAITING_BYTES: Final = Gauge("lineshaft_edge_waiting_bytes", "Bytes of batches that wait for the bus")
GAPS: Final = Counter("lineshaft_edge_gaps", "Gap records made, by cause", ["cause"])
LOSSES: Final = Counter("lineshaft_edge_device_losses", "Connections to devices that were lost", ["device"])
DROPPED_FRAMES: Final = Counter(
    "lineshaft_edge_dropped_frames", "Frames of devices that answer nothing, by reason", ["device", "reason"]
)
