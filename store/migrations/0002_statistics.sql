-- More statistics of a window, in tables of their own: a row that was hashed never gets another column.

-- One row a window of which there is more to say than statistics_window has. Delays are sparse: delay_cells[i] has
-- delay_counts[i] rows; NULL where arrival times are not known.
CREATE TABLE statistics_quality (
    statistics_id VARCHAR NOT NULL,
    outside_envelope BIGINT,
    delay_cells INTEGER[],
    delay_counts BIGINT[]
);

-- All rows with a valid score, one row a class ('' in binary tasks) of a segment. codes[i] = 3 * score cell + prediction
-- (0 other, 1 this class, 2 none) has counts[i] rows.
CREATE TABLE statistics_decision (
    statistics_id VARCHAR NOT NULL,
    segment_position INTEGER NOT NULL,
    class VARCHAR NOT NULL,
    codes INTEGER[] NOT NULL,
    counts BIGINT[] NOT NULL
);

-- Details of the errors of a regression's segment; error cells are sparse.
CREATE TABLE statistics_regression (
    statistics_id VARCHAR NOT NULL,
    segment_position INTEGER NOT NULL,
    error_rows BIGINT NOT NULL,
    signed_square VARCHAR NOT NULL,
    largest VARCHAR NOT NULL,
    relative_rows BIGINT NOT NULL,
    relative VARCHAR NOT NULL,
    relative_square VARCHAR NOT NULL,
    zero_labels BIGINT NOT NULL,
    relative_overflow BIGINT NOT NULL,
    symmetric_error VARCHAR NOT NULL,
    symmetric_square VARCHAR NOT NULL,
    log_rows BIGINT NOT NULL,
    log_square VARCHAR NOT NULL,
    log_fourth VARCHAR NOT NULL,
    cells INTEGER[] NOT NULL,
    counts BIGINT[] NOT NULL
);

-- Labels of a segment against declared prediction intervals.
CREATE TABLE statistics_interval (
    statistics_id VARCHAR NOT NULL,
    segment_position INTEGER NOT NULL,
    covered BIGINT NOT NULL,
    below BIGINT NOT NULL,
    above BIGINT NOT NULL,
    invalid BIGINT NOT NULL
);

-- Rows of a segment by leaf of the reference's loss tree.
CREATE TABLE statistics_leaf (
    statistics_id VARCHAR NOT NULL,
    segment_position INTEGER NOT NULL,
    counts BIGINT[] NOT NULL
);

-- The columns of the source's files, and the kind of each (number, text ...; '' where the file states none).
CREATE TABLE statistics_schema (
    statistics_id VARCHAR NOT NULL,
    column_names VARCHAR[] NOT NULL,
    kinds VARCHAR[] NOT NULL
);
