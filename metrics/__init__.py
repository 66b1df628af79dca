"""What is measured: statistics that merge exactly, and the metrics computed from them.

For: the declarative metric registry, the statistics, the plan of what one scan must collect,
and the intervals.

Never: judges a value against a threshold, reads configuration files, writes to the store, or
returns NaN or zero for "could not": that is `Undefined(reason)`.
"""
