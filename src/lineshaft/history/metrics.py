"""What the history service counts, for `/metrics`."""

from prometheus_client import Counter, Gauge, Histogram

ROWS = Counter("lineshaft_history_rows_total", "Samples taken in from the stream.")
REPEATED = Counter("lineshaft_history_repeated_batches_total", "Batches passed over because they were taken in before.")
REFUSED = Counter("lineshaft_history_refused_messages_total", "Messages that could not be read, wholly or in part.")
GAPS = Counter("lineshaft_history_gaps_total", "Gap records written.")
SEALS = Counter("lineshaft_history_seals_total", "Seals committed.")
SEAL_FAILURES = Counter("lineshaft_history_seal_failures_total", "Seals that failed and were tried again.")
SEAL_SECONDS = Histogram(
    "lineshaft_history_seal_seconds", "Time of a seal from its first row to its durable commit.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)  # fmt: skip
HOT_BYTES = Gauge("lineshaft_history_hot_bytes", "Memory held by rows that are not in the table yet.")
COMMITTED = Gauge("lineshaft_history_committed_sequence", "Stream sequence up to which the table holds everything.")
READ = Gauge("lineshaft_history_read_sequence", "Stream sequence of the newest message taken in.")
