-- The life cycle of nonconformities. What people recorded of one lies as one canonical text beside its row, so that the
-- rows of the first version keep the digests under which the ledger knows them.

-- version counts the changes, for two people who edit the same record; deadlines count from deadlines_from.
CREATE TABLE nonconformity_dossier (
    nonconformity VARCHAR PRIMARY KEY,
    version INTEGER NOT NULL,
    state_since TIMESTAMPTZ NOT NULL,
    deadlines_from TIMESTAMPTZ NOT NULL,
    attempt INTEGER NOT NULL,
    content VARCHAR NOT NULL
);

-- The windows after the actions of a nonconformity, as the pipeline judged them against the criterion fixed before.
CREATE TABLE effectiveness_window (
    nonconformity VARCHAR NOT NULL,
    attempt INTEGER NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    run_id VARCHAR NOT NULL,
    metric VARCHAR NOT NULL,
    target VARCHAR NOT NULL,
    value DOUBLE,
    ci_low DOUBLE,
    ci_high DOUBLE,
    n BIGINT NOT NULL,
    verdict VARCHAR NOT NULL CHECK (verdict IN (
        'conforming', 'at risk', 'nonconforming', 'insufficient evidence', 'awaiting labels', 'not measured')),
    reason VARCHAR NOT NULL,
    measurement_hash VARCHAR,
    judged_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (nonconformity, attempt, window_start, window_end)
);

-- Why a failing window needs no nonconformity.
CREATE TABLE disposition (
    model VARCHAR NOT NULL,
    objective VARCHAR NOT NULL,
    column_name VARCHAR NOT NULL,
    segment VARCHAR NOT NULL,
    window_start TIMESTAMPTZ NOT NULL,
    window_end TIMESTAMPTZ NOT NULL,
    reason VARCHAR NOT NULL,
    person VARCHAR NOT NULL,
    given_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (model, objective, column_name, segment, window_start, window_end)
);

CREATE OR REPLACE VIEW nonconformities AS
SELECT
    n.nonconformity, n.kind, n.objective, n.model, n.segment, n.severity, n.state, n.opened_at, n.due_at, n.owner,
    coalesce(c.occurrences, 0) AS occurrences, n.recurrence_of, n.closed_at,
    n.statement, n.model_version, n.objective_version, n.requirement, n.source, n.occurred_from, n.occurred_to,
    n.detected_by, n.evidence_hash,
    coalesce(d.version, 1) AS version, coalesce(d.state_since, n.opened_at) AS state_since,
    coalesce(d.deadlines_from, n.opened_at) AS deadlines_from, coalesce(d.attempt, 1) AS attempt,
    coalesce(d.content, '{}') AS dossier, n.dedupe_key
FROM nonconformity AS n LEFT JOIN (
    SELECT nonconformity, count(*) AS occurrences FROM occurrence GROUP BY nonconformity
) AS c ON c.nonconformity = n.nonconformity
LEFT JOIN nonconformity_dossier AS d ON d.nonconformity = n.nonconformity;

CREATE VIEW nonconformity_actions AS
SELECT
    nonconformity, attempt, action ->> '$.id' AS action, action ->> '$.description' AS description,
    coalesce(action ->> '$.kind', 'corrective') AS kind, action ->> '$.owner' AS owner,
    (action ->> '$.due')::DATE AS due, (action ->> '$.done_at')::TIMESTAMPTZ AS done_at,
    action ->> '$.done_by' AS done_by, action ->> '$.change' AS change
FROM (
    SELECT nonconformity, attempt, unnest(json_extract(content, '$.plan.actions[*]')) AS action
    FROM nonconformity_dossier
);

CREATE VIEW effectiveness AS
SELECT
    nonconformity, attempt, window_start, window_end, metric, target, value, ci_low, ci_high, n, verdict, reason,
    run_id, measurement_hash, judged_at
FROM effectiveness_window;

-- Every failing window that is neither an occurrence of a nonconformity nor disposed of with a reason, with the opening
-- rule that it did not fulfil alone.
CREATE VIEW failures_without_nonconformity AS
SELECT
    e.model, e.objective, e.column_name, e.segment, e.window_start, e.window_end, e.value, e.ci_low, e.ci_high, e.n,
    e.target, e.verdict, e.reason, e.run_id, e.evaluated_at, e.objective_version,
    o.opens_failures, o.opens_of, o.zero_tolerance
FROM evaluations AS e LEFT JOIN objective_version AS o
    ON o.model = e.model AND o.objective = e.objective AND o.version = e.objective_version
WHERE e.is_latest AND e.verdict = 'nonconforming'
AND NOT EXISTS (
    SELECT 1 FROM occurrence AS c JOIN nonconformity AS n ON n.nonconformity = c.nonconformity
    WHERE n.model = e.model AND n.objective = e.objective AND n.segment = e.segment
    AND c.window_start = e.window_start AND c.window_end = e.window_end
)
AND NOT EXISTS (
    SELECT 1 FROM disposition AS d
    WHERE d.model = e.model AND d.objective = e.objective AND d.column_name = e.column_name
    AND d.segment = e.segment AND d.window_start = e.window_start AND d.window_end = e.window_end
);

CREATE VIEW dispositions AS
SELECT
    model, objective, column_name, segment, window_start, window_end, reason, person, given_at
FROM disposition;
