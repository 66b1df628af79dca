-- The distinct values of numeric columns with exact drift, in few bytes; statistics_value holds those of older versions.

-- packed are the values and the rows at each, in the format of metrics/packing.py.
CREATE TABLE statistics_distinct (
    statistics_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    packed BLOB NOT NULL,
    missing BIGINT NOT NULL,
    non_finite BIGINT NOT NULL
);
