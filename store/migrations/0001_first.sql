-- The first version of the store. Moments are TIMESTAMPTZ in UTC; a name that data or people chose is always text in a
-- column of its own, never part of a statement.

CREATE TABLE schema_version (
    version INTEGER PRIMARY KEY,
    name VARCHAR NOT NULL,
    applied_at TIMESTAMPTZ NOT NULL
);

-- entry holds the exact bytes that were hashed; recorded_at, actor, kind and subject repeat what is in them, for queries.
CREATE TABLE ledger (
    seq BIGINT PRIMARY KEY,
    recorded_at TIMESTAMPTZ NOT NULL,
    actor VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    entry BLOB NOT NULL,
    prev_hash BLOB NOT NULL,
    hash BLOB NOT NULL
);

-- What was planned; a slot without a run is a gap that verify reports.
CREATE TABLE slot (
    model VARCHAR NOT NULL,
    monitor VARCHAR NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model, monitor, window_start, window_end)
);

-- Work in progress: written before a run computes, deleted with its outcome; what a killed process leaves here becomes 'abandoned'.
CREATE TABLE attempt (
    run_id VARCHAR PRIMARY KEY,
    model VARCHAR NOT NULL,
    model_version VARCHAR NOT NULL,
    monitor VARCHAR NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    source_fingerprint VARCHAR NOT NULL,
    config_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL,
    pid BIGINT NOT NULL,
    host VARCHAR NOT NULL,
    lease_until TIMESTAMPTZ NOT NULL
);

-- run_id = run_key for what is final (success, skipped); run_key~1, run_key~2 ... for outcomes that may be tried again.
CREATE TABLE run (
    run_id VARCHAR PRIMARY KEY,
    run_key VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    model_version VARCHAR NOT NULL,
    monitor VARCHAR NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    revision INTEGER NOT NULL,
    planned_at TIMESTAMPTZ NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ NOT NULL,
    outcome VARCHAR NOT NULL CHECK (outcome IN ('success', 'error', 'missed', 'abandoned', 'skipped')),
    reason VARCHAR NOT NULL,
    rows_scanned BIGINT NOT NULL,
    source_fingerprint VARCHAR NOT NULL,
    config_hash VARCHAR NOT NULL,
    code_version VARCHAR NOT NULL
);

CREATE TABLE measurement (
    run_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    model_version VARCHAR NOT NULL,
    monitor VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    metric_version INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    segment VARCHAR NOT NULL,
    segment_columns VARCHAR[] NOT NULL,
    segment_values VARCHAR[] NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    value DOUBLE,
    undefined_reason VARCHAR,
    n BIGINT NOT NULL,
    ci_low DOUBLE,
    ci_high DOUBLE,
    ci_method VARCHAR,
    error_bound DOUBLE,
    p_value DOUBLE,
    q_value DOUBLE,
    reference VARCHAR NOT NULL,
    estimated BOOLEAN NOT NULL,
    detail VARCHAR NOT NULL,
    revision INTEGER NOT NULL,
    computed_at TIMESTAMPTZ NOT NULL,
    CHECK ((value IS NULL) <> (undefined_reason IS NULL))
);

CREATE TABLE evaluation (
    run_id VARCHAR NOT NULL,
    model VARCHAR NOT NULL,
    objective VARCHAR NOT NULL,
    objective_version INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    segment VARCHAR NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    value DOUBLE,
    ci_low DOUBLE,
    ci_high DOUBLE,
    n BIGINT NOT NULL,
    target VARCHAR NOT NULL,
    tolerance DOUBLE NOT NULL,
    verdict VARCHAR NOT NULL CHECK (verdict IN (
        'conforming', 'at risk', 'nonconforming', 'insufficient evidence', 'awaiting labels', 'not measured')),
    reason VARCHAR NOT NULL,
    revision INTEGER NOT NULL,
    evaluated_at TIMESTAMPTZ NOT NULL
);

-- Statistics of a window. statistics_id is the run_id, or names a part of a reference. Counts are sparse: cells[i] has
-- counts[i] rows. Sums in fixed point (aimsight.metrics.statistics) can exceed 128 bits and are decimal text.
CREATE TABLE statistics_window (
    statistics_id VARCHAR NOT NULL,
    rows BIGINT NOT NULL,
    duplicate_rows BIGINT,
    conflicting_rows BIGINT,
    early_labels BIGINT,
    late_labels BIGINT,
    latest_at TIMESTAMPTZ
);

CREATE TABLE statistics_column (
    statistics_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    size INTEGER NOT NULL,
    cells INTEGER[] NOT NULL,
    counts BIGINT[] NOT NULL,
    out_of_range BIGINT
);

CREATE TABLE statistics_value (
    statistics_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    values DOUBLE[] NOT NULL,
    counts BIGINT[] NOT NULL,
    missing BIGINT NOT NULL,
    non_finite BIGINT NOT NULL
);

-- Columns that were planned and could not be counted, and why.
CREATE TABLE statistics_error (
    statistics_id VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    reason VARCHAR NOT NULL
);

CREATE TABLE statistics_segment (
    statistics_id VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    segment VARCHAR NOT NULL,
    segment_columns VARCHAR[] NOT NULL,
    segment_values VARCHAR[] NOT NULL,
    rows BIGINT NOT NULL,
    labelled BIGINT NOT NULL,
    invalid_scores BIGINT NOT NULL,
    invalid_predictions BIGINT NOT NULL,
    binary_predicted BIGINT,
    binary_selected BIGINT,
    true_positive BIGINT,
    false_positive BIGINT,
    false_negative BIGINT,
    true_negative BIGINT,
    scored BIGINT,
    score_gap VARCHAR,
    score_brier VARCHAR,
    score_brier_square VARCHAR,
    score_loss VARCHAR,
    score_loss_square VARCHAR,
    class_matrix BIGINT[],
    class_predicted BIGINT[],
    error_rows BIGINT,
    error VARCHAR,
    error_absolute VARCHAR,
    error_square VARCHAR,
    label VARCHAR,
    label_square VARCHAR,
    error4 VARCHAR,
    label3 VARCHAR,
    label4 VARCHAR,
    error2_label VARCHAR,
    error2_label2 VARCHAR,
    error_overflow BIGINT
);

-- One row a class ('' in binary tasks) of a segment, so that "no scores" and "no labelled scores" stay apart.
CREATE TABLE statistics_score (
    statistics_id VARCHAR NOT NULL,
    segment_position INTEGER NOT NULL,
    class VARCHAR NOT NULL,
    cells INTEGER[] NOT NULL,
    negatives BIGINT[] NOT NULL,
    positives BIGINT[] NOT NULL
);

CREATE TABLE reference (
    model VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    classes VARCHAR[] NOT NULL,
    error_exponent INTEGER NOT NULL,
    label_center DOUBLE NOT NULL,
    windows INTEGER NOT NULL,
    frozen_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model, fingerprint)
);

-- Numeric columns have low and high, categories are NULL; for categories the other way round.
CREATE TABLE reference_column (
    model VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    position INTEGER NOT NULL,
    column_name VARCHAR NOT NULL,
    role VARCHAR NOT NULL,
    low DOUBLE,
    high DOUBLE,
    categories VARCHAR[],
    mean DOUBLE,
    std DOUBLE
);

-- A cache, not a record: what a source file hashed to when it had this size and time.
CREATE TABLE source_file (
    path VARCHAR PRIMARY KEY,
    size BIGINT NOT NULL,
    mtime_ns BIGINT NOT NULL,
    sha256 VARCHAR NOT NULL,
    min_ts TIMESTAMPTZ,
    max_ts TIMESTAMPTZ
);

CREATE TABLE model (
    model VARCHAR PRIMARY KEY,
    version VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    intended_use VARCHAR NOT NULL,
    risk VARCHAR NOT NULL,
    task VARCHAR NOT NULL,
    config_hash VARCHAR NOT NULL,
    registered_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE objective_version (
    model VARCHAR NOT NULL,
    objective VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    statement VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    segment VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    tolerance DOUBLE NOT NULL,
    zero_tolerance BOOLEAN NOT NULL,
    min_rows BIGINT NOT NULL,
    rationale VARCHAR NOT NULL,
    owner VARCHAR NOT NULL,
    due DATE NOT NULL,
    severity VARCHAR NOT NULL,
    opens_failures INTEGER NOT NULL,
    opens_of INTEGER NOT NULL,
    policy_ref VARCHAR,
    actions VARCHAR[] NOT NULL,
    resources VARCHAR,
    content_hash VARCHAR NOT NULL,
    effective_from TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model, objective, version)
);

CREATE TABLE nonconformity (
    nonconformity VARCHAR PRIMARY KEY,
    dedupe_key VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    objective VARCHAR,
    objective_version INTEGER,
    model VARCHAR NOT NULL,
    model_version VARCHAR NOT NULL,
    segment VARCHAR NOT NULL,
    requirement VARCHAR NOT NULL,
    statement VARCHAR NOT NULL,
    severity VARCHAR NOT NULL,
    state VARCHAR NOT NULL,
    opened_at TIMESTAMPTZ NOT NULL,
    occurred_from TIMESTAMPTZ NOT NULL,
    occurred_to TIMESTAMPTZ NOT NULL,
    detected_by VARCHAR NOT NULL,
    due_at TIMESTAMPTZ,
    owner VARCHAR NOT NULL,
    recurrence_of VARCHAR,
    closed_at TIMESTAMPTZ,
    evidence_hash VARCHAR NOT NULL
);

CREATE TABLE occurrence (
    nonconformity VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    measurement_hash VARCHAR,
    evaluation_hash VARCHAR,
    value DOUBLE,
    ci_low DOUBLE,
    ci_high DOUBLE,
    target VARCHAR NOT NULL,
    attached_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (nonconformity, run_id)
);

CREATE TABLE outbox (
    id VARCHAR PRIMARY KEY,
    created_at TIMESTAMPTZ NOT NULL,
    route VARCHAR NOT NULL,
    subject VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    dedupe_key VARCHAR NOT NULL,
    state VARCHAR NOT NULL CHECK (state IN ('queued', 'delivered', 'given up')),
    attempts INTEGER NOT NULL,
    next_attempt_at TIMESTAMPTZ,
    delivered_at TIMESTAMPTZ,
    last_error VARCHAR
);

CREATE TABLE evidence_file (
    sha256 VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    nonconformity VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (sha256, nonconformity)
);

-- The public face: stable names and columns, described in docs/store.md. New columns go to the end.

CREATE VIEW measurements AS
WITH latest_run AS (
    SELECT run_id FROM run WHERE outcome = 'success'
    QUALIFY revision = max(revision) OVER (PARTITION BY model, monitor, window_start, window_end)
)
SELECT
    m.model, m.model_version, m.metric, m.metric_version, m.column_name, m.segment, m.window_start, m.window_end,
    m.value, m.undefined_reason, m.n, m.ci_low, m.ci_high, m.ci_method, m.reference, m.estimated, m.revision,
    l.run_id IS NOT NULL AS is_latest, m.run_id, m.computed_at,
    m.error_bound, m.p_value, m.q_value, m.detail, m.monitor, m.segment_columns, m.segment_values
FROM measurement AS m LEFT JOIN latest_run AS l ON l.run_id = m.run_id;

CREATE VIEW evaluations AS
SELECT
    e.objective, e.objective_version, e.model, e.segment, e.window_start, e.window_end, e.value, e.target, e.verdict,
    e.reason, e.revision,
    row_number() OVER (
        PARTITION BY e.model, e.objective, e.column_name, e.segment, e.window_start, e.window_end
        ORDER BY e.revision DESC, e.evaluated_at DESC, e.run_id DESC
    ) = 1 AS is_latest,
    e.run_id, e.evaluated_at, e.tolerance, e.n, e.ci_low, e.ci_high, e.column_name, o.statement, o.metric
FROM evaluation AS e LEFT JOIN objective_version AS o
    ON o.model = e.model AND o.objective = e.objective AND o.version = e.objective_version;

CREATE VIEW nonconformities AS
SELECT
    n.nonconformity, n.kind, n.objective, n.model, n.segment, n.severity, n.state, n.opened_at, n.due_at, n.owner,
    coalesce(c.occurrences, 0) AS occurrences, n.recurrence_of, n.closed_at,
    n.statement, n.model_version, n.objective_version, n.requirement, n.source, n.occurred_from, n.occurred_to,
    n.detected_by, n.evidence_hash
FROM nonconformity AS n LEFT JOIN (
    SELECT nonconformity, count(*) AS occurrences FROM occurrence GROUP BY nonconformity
) AS c ON c.nonconformity = n.nonconformity;

CREATE VIEW runs AS
SELECT
    run_id, model, monitor, window_start, window_end, planned_at, started_at, finished_at, outcome, reason,
    rows_scanned, source_fingerprint, config_hash, code_version, model_version, revision, run_key
FROM run;

CREATE VIEW events AS
SELECT
    seq, recorded_at, actor, kind, subject, json_extract(decode(entry), '$.payload')::VARCHAR AS payload,
    lower(hex(hash)) AS hash, lower(hex(prev_hash)) AS prev_hash, decode(entry) AS entry
FROM ledger;

CREATE VIEW objectives AS
SELECT
    objective, version, version = max(version) OVER (PARTITION BY model, objective) AS is_latest, model, statement,
    metric, column_name, segment, target, tolerance, zero_tolerance, min_rows, rationale, owner, due, severity,
    opens_failures, opens_of, policy_ref, actions, resources, content_hash, effective_from
FROM objective_version;

CREATE VIEW models AS
SELECT model, version, owner, intended_use, risk, task, config_hash, registered_at FROM model;
