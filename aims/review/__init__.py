"""The management review (clause 9.3): a frozen pack of its inputs, and what top management concluded from it.

For: the inputs a to e with numbers and charts from the store, the pack's versions, its renderings, and its results.

Never: judges for the people who review, leaves an input empty without somebody who confirms it, or changes a pack that
was frozen.
"""
