"""What the plan of an objective can come to, in words that are the same everywhere."""

from __future__ import annotations

ENOUGH = "finds what is asked"
COARSE = "finds larger changes only"
NOT_JUDGED = "cannot be judged"
NOT_PLANNED = "not planned"
