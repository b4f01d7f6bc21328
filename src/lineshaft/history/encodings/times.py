"""How a column of arrival times is stored: found by trying on some of it.

All samples of a scan arrive at one time, so in the order (tag, ts) the times of one tag come again with the next. Split
into byte streams they are the same bytes again, which zstd finds; as packed differences they are where each tag has
many rows. Times at an even pace are nothing as differences.
"""

import numpy as np
import pyarrow as pa

DELTA, SPLIT = "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT"
_EVEN_SAMPLE = 20_000
PAGE = {"max_rows_per_page": 1 << 20, "data_page_size": 4 << 20}
"""A page is compressed by itself: what comes again with the next tag must lie in the same."""


def is_even(times: np.ndarray) -> bool:
    """Whether most times are as far from the one before as that from its own."""
    sample = times[:_EVEN_SAMPLE]
    return bool(np.count_nonzero(np.diff(sample, 2)) * 4 < max(len(sample), 1))


def encoding_of(times: pa.Array) -> str:
    """The smaller encoding of times that are at no even pace."""
    return min((SPLIT, DELTA), key=lambda encoding: _size(times, encoding))


def _size(times: pa.Array, encoding: str) -> int:
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table({"times": times}), sink, compression="zstd", compression_level=1, use_dictionary=False,
        column_encoding={"times": encoding}, write_statistics=False, store_schema=False, row_group_size=len(times),
        **PAGE,
    )  # fmt: skip
    return sink.tell()
