"""Performance without labels: what the scores themselves, or a model of the loss, say of it.

For: calibration and loss trees fitted on the reference, and estimates with intervals from merged statistics.

Never: passes an estimate off as a measurement on labels, or gives one that the inputs do not support.
"""
