-- Performance without labels: the loss tree of a frozen reference, and what became of estimates.

-- One row a reference of a regression model that has one. Inputs, nodes and leaves as in
-- aimsight.metrics.estimates.loss_tree.
CREATE TABLE reference_tree (
    model VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    input_column VARCHAR[] NOT NULL,
    input_test VARCHAR[] NOT NULL,
    input_category VARCHAR[] NOT NULL,
    input_fill DOUBLE[] NOT NULL,
    node_split BIGINT[] NOT NULL,
    node_left BIGINT[] NOT NULL,
    node_right BIGINT[] NOT NULL,
    node_threshold DOUBLE[] NOT NULL,
    leaf_rows BIGINT[] NOT NULL,
    leaf_absolute DOUBLE[] NOT NULL,
    leaf_square DOUBLE[] NOT NULL,
    leaf_absolute_variance DOUBLE[] NOT NULL,
    leaf_square_variance DOUBLE[] NOT NULL
);

CREATE VIEW estimates AS
SELECT
    e.model, e.metric, e.segment, e.window_start, e.window_end, e.value AS estimate, e.ci_low, e.ci_high, e.n,
    r.metric AS realised_metric, r.value AS realised, r.n AS realised_n, e.value - r.value AS error,
    r.value BETWEEN e.ci_low AND e.ci_high AS covered, e.undefined_reason, e.detail, e.revision, e.run_id,
    e.model_version, e.monitor
FROM measurements AS e LEFT JOIN measurements AS r
    ON r.run_id = e.run_id AND r.segment = e.segment AND r.column_name = '' AND r.value IS NOT NULL
    AND r.metric = 'performance.' || substr(e.metric, length('estimated.') + 1)
WHERE e.estimated AND e.is_latest AND e.metric LIKE 'estimated.%';
