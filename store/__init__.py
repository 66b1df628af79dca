"""What is kept: measurements, evaluations, runs, records and the hash-chained ledger.

For: numbered migrations, short connections under the sidecar lock, one transaction a run, the
public views, checkpoints outside the database, and verification.

Never: computes a metric, decides a verdict, changes or deletes a ledger entry, or holds the
lock while something slow happens.
"""
