"""Verification of the metrics: each is computed on data with known answers, as measuring equipment is calibrated.

``binary.csv``, ``multiclass.csv``, ``regression.csv``, ``losses.csv`` and ``ratios.csv`` are logs of four weeks and
one more; ``answers.csv`` holds what their last week gives, found by other means (the column ``by`` says which):
``tests/metrics/verification_oracles.py`` derives them. ``results.csv`` holds a digest of all numbers of each version
of each metric: numbers that change need a new version.

For: the data sets, the known answers from other libraries, and the comparison with what each metric gives.

Never: takes an answer from the code it checks, or passes a metric that has none.
"""
