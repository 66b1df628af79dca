"""What is promised: objectives, their evaluation to verdicts, and nonconformities.

For: versioned objectives, the six verdicts read from intervals, opening nonconformities and
feeding them occurrences with frozen evidence.

Never: scans data, computes a metric, sends an alert, or lets a missing measurement count as
conforming.
"""
