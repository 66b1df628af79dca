"""What is managed: objectives, verdicts, nonconformities, and the records around them.

For: versioned objectives, the six verdicts read from intervals, plans of what an objective can
show, nonconformities from detection to closure, registers, changes, management reviews, and
what leaves the house as evidence.

Never: scans data, computes a metric, sends an alert, or lets a missing measurement count as
conforming.
"""
