-- Estimates of every error measure: further losses by leaf of the loss tree of a frozen reference.

-- One row a loss of aimsight.metrics.estimates.loss_tree.losses_of, but for those in reference_tree.
CREATE TABLE reference_loss (
    model VARCHAR NOT NULL,
    fingerprint VARCHAR NOT NULL,
    loss VARCHAR NOT NULL,
    leaf_rows BIGINT[] NOT NULL,
    leaf_mean DOUBLE[] NOT NULL,
    leaf_variance DOUBLE[] NOT NULL
);
