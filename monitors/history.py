"""What came of a model's windows so far, as far as it decides which are run again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.aims.verdicts import Verdict
from aimsight.metrics.plan import Window
from aimsight.monitors.due import History
from aimsight.store.runs import FINAL

if TYPE_CHECKING:
    from aimsight.configs.schema import ModelConfig
    from aimsight.store.database import Reader

MOST_ATTEMPTS = 5
"""So often a window is tried on the same inputs when each attempt failed for want of memory or disk, or because a file
changed while it was read; after that only a backfill tries again."""


def read_history(reader: Reader, model: ModelConfig, *, config_hash: str, code_version: str) -> dict[Window, History]:
    """What came of every window of the model's monitor.

    A failure counts as long as the configuration and the program are those it happened under: with others, the same
    inputs may well be measured.
    """
    found: dict[Window, History] = {}
    for start, end, outcome, fingerprint, same in reader.tuples(
        "SELECT window_start, window_end, outcome, source_fingerprint, config_hash = ? AND code_version = ? FROM run "
        "WHERE model = ? AND monitor = ? AND outcome <> 'abandoned' ORDER BY window_start, window_end, revision",
        [config_hash, code_version, model.model, model.monitor.name],
    ):
        past = found.get(Window(start, end), History())
        if outcome in FINAL:
            past = replace(past, finished=(*past.finished, fingerprint))
        elif same:
            past = replace(past, failed=past.failed | {fingerprint})
        found[Window(start, end)] = past
    for start, end in reader.tuples(
        "SELECT DISTINCT window_start, window_end FROM evaluations WHERE model = ? AND is_latest AND verdict = ?",
        [model.model, Verdict.AWAITING_LABELS.value],
    ):
        if Window(start, end) in found:
            found[Window(start, end)] = replace(found[Window(start, end)], awaiting=True)
    return found


def read_attempts(reader: Reader, model: ModelConfig) -> Counter[str]:
    """How often each run of the model has failed, by its key."""
    counted = reader.tuples(
        "SELECT run_key, count(*) FROM run WHERE model = ? AND outcome = 'error' GROUP BY run_key", [model.model]
    )
    return Counter({str(key): int(number) for key, number in counted})
