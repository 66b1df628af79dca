-- Registers: small plain records of many types, each in versions. The content of a version never changes; its status
-- moves on (draft, in review, approved ...), and every move is an event that carries the row.

CREATE TABLE record_version (
    record_type VARCHAR NOT NULL,
    record VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    status VARCHAR NOT NULL CHECK (status IN (
        'draft', 'in review', 'approved', 'recorded', 'superseded', 'withdrawn')),
    title VARCHAR NOT NULL,
    content VARCHAR NOT NULL,
    links VARCHAR[] NOT NULL,
    documents VARCHAR NOT NULL,
    owner VARCHAR,
    due DATE,
    unit VARCHAR,
    model VARCHAR,
    model_version VARCHAR,
    clauses VARCHAR[] NOT NULL,
    classification VARCHAR NOT NULL,
    author VARCHAR NOT NULL,
    reviewer VARCHAR,
    approver VARCHAR,
    approved_at TIMESTAMPTZ,
    effective_from DATE,
    event_at TIMESTAMPTZ NOT NULL,
    event_until TIMESTAMPTZ,
    recorded_at TIMESTAMPTZ NOT NULL,
    origin VARCHAR NOT NULL,
    reason VARCHAR,
    supersedes INTEGER,
    retention_until DATE,
    retention_basis VARCHAR,
    legal_hold BOOLEAN NOT NULL,
    content_hash VARCHAR NOT NULL,
    PRIMARY KEY (record_type, record, version)
);

CREATE VIEW records AS
SELECT
    record_type, record, version, version = max(version) OVER (PARTITION BY record_type, record) AS is_latest,
    status, title, content, links, documents, owner, due, unit, model, model_version, clauses, classification,
    author, reviewer, approver, approved_at, effective_from, event_at, event_until, recorded_at, origin, reason,
    supersedes, retention_until, retention_basis, legal_hold, content_hash
FROM record_version;

-- What a person declared for a version of an objective, as one canonical text: everything that has no column of its own.
CREATE TABLE objective_declaration (
    model VARCHAR NOT NULL,
    objective VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    content VARCHAR NOT NULL,
    PRIMARY KEY (model, objective, version)
);

CREATE OR REPLACE VIEW objectives AS
SELECT
    o.objective, o.version, o.version = max(o.version) OVER (PARTITION BY o.model, o.objective) AS is_latest, o.model,
    o.statement, o.metric, o.column_name, o.segment, o.target, o.tolerance, o.zero_tolerance, o.min_rows, o.rationale,
    o.owner, o.due, o.severity, o.opens_failures, o.opens_of, o.policy_ref, o.actions, o.resources, o.content_hash,
    o.effective_from,
    coalesce(d.content ->> '$.level', 'system') AS level,
    (d.content ->> '$.baseline')::DOUBLE AS baseline,
    (d.content ->> '$.baseline_date')::DATE AS baseline_date,
    (d.content ->> '$.review')::DATE AS review,
    coalesce((d.content -> '$.requirements')::VARCHAR[], []) AS requirements,
    coalesce((d.content -> '$.tags')::VARCHAR[], []) AS tags,
    coalesce((d.content -> '$.communicated')::VARCHAR[], []) AS communicated
FROM objective_version AS o LEFT JOIN objective_declaration AS d
    ON d.model = o.model AND d.objective = o.objective AND d.version = o.version;
