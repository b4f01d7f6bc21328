-- The stored values as DuckDB sees them. `INSTALL delta` needs the network once; without it, give read_parquet() the
-- files that the table's log names: any library for Delta tables lists them.
LOAD delta;
{store}
CREATE OR REPLACE VIEW samples AS
SELECT tag, ts, arrival,
       coalesce(v, vi * mul / div) AS value,                      -- every number, exact to the last bit
       CASE WHEN mul = 1 AND div = 1 THEN vi END AS "integer",    -- as the device gave it, also beyond 2^53
       vs AS text, vb AS "boolean",
       q AS quality, q < 1073741824 AS good
FROM delta_scan('{history}/samples');

CREATE OR REPLACE VIEW gaps AS SELECT * FROM delta_scan('{history}/gaps');
CREATE OR REPLACE VIEW rollup_1h AS SELECT * FROM delta_scan('{history}/rollup_1h');
