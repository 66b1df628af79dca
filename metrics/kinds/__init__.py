"""How metrics of each kind are measured: for which parts of a window, and from what.

For: one file a kind, which takes a metric and gives its measurements.

Never: defines a metric, scans data, or lets the trouble of one metric lose another.
"""
