"""Where statistics come from: one scan of the data, turned into mergeable statistics.

For: an engine for each kind of source, all answering the same plan.

Never: defines a metric, or hands raw rows to anything but the exact metrics that need them.
"""
