"""What an objective can show at its volume: false alarms, the change it finds, and the window that it needs.

``rule`` counts windows, ``population``, ``scored`` and ``errors`` draw windows like those of the reference, ``tilt``
makes them worse, ``power`` judges them, ``plan`` puts it together for every objective, and ``record`` keeps it.

For: the error rates of a verdict and of the rule that opens, by the real metrics and the real judgement.

Never: judges a window that was measured, reads a log, or changes an objective.
"""
