"""The catalogue as a page of documentation; ``python -m aimsight.metrics.page docs/metrics.md`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.metrics.registry import FAMILIES, METRICS

if TYPE_CHECKING:
    from aimsight.metrics.registry import Metric

INTRODUCTION = """# Metrics

<!-- Generated from the catalogue by `python -m aimsight.metrics.page docs/metrics.md`; a test compares. -->

Every metric gives a value with its number of rows, a 95 % confidence interval and, where it is a distance, a p-value;
or it is undefined, with the reason. It is never NaN, and never 0 for "could not". `aimsight metrics` prints this
list.

How the intervals and the evidence behave was checked by simulation, in `tests/metrics`: intervals cover the truth in
93 to 97 % of cases from 300 rows on. Known departures: intervals of the largest gap and the smallest ratio over
groups cover more than that when more than two groups differ, because they hold for all pairs at once; those of drift
distances cover more when nothing has changed, because a distance cannot be below 0; with 30 rows, those of macro
precision cover 92 %, those of RMSE and R² 88 to 92 % when errors have heavy tails, and that of the Jensen-Shannon
distance 90 % with 50 rows and a large shift.

## Drift: effect and evidence

The value says how large a change is; the p-value says how often one at least as large would be seen without any
change, at the actual numbers of rows. q-values adjust the p-values of one metric over the columns of a window
(Benjamini-Hochberg).

Windows of real data differ by nature more than independent rows would. The **design effect** measures this by the
reference's own windows, for each column and each kind of distance: the dispersion of their counts (or of their
squared distances) around the pooled reference over what independent rows would give, at least 1. It grows with the
rows of a window, its own uncertainty is carried as 16 equally likely values, and it widens p-values and intervals
alike. Simulated with windows whose level varies, a promise of 5 % false alarms is 4 to 8 % from 8 reference windows
on and up to 10 % with 4, or when the window has ten times the rows of theirs; where every group varies on its own it
is 1 to 2 %; without any such variation it is 3 to 7 % for 50 to 30,000 rows, and less in windows much larger than
those of the reference. With fewer than two reference windows rows are taken as independent.
"""


def render() -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION]
    for family in FAMILIES:
        parts.append(f"## {family.capitalize()}\n")
        parts.extend(_entry(unit) for unit in METRICS.values() if unit.family == family)
    return "\n".join(parts)


def _entry(unit: Metric) -> str:
    rows = {
        "Version": str(unit.version),
        "Tasks": ", ".join(sorted(unit.tasks)),
        "Unit": unit.unit,
        "Bounds": f"{_bound(unit.bounds[0])} to {_bound(unit.bounds[1])}",
        "Better": {"higher": "higher", "lower": "lower", "zero": "near 0", "one": "near 1", "none": "neither"}[
            unit.direction
        ],
        "Needs": _needs(unit),
        "Undefined when": "; ".join(unit.undefined_when),
        "Source": unit.source,
    }
    table = "\n".join(f"| {name} | {text.replace('|', '/')} |" for name, text in rows.items())
    return f"### `{unit.id}`\n\n{unit.doc}\n\n| | |\n| --- | --- |\n{table}\n"


def _bound(bound: float | None) -> str:
    return "unbounded" if bound is None else f"{bound:.4g}"


def _needs(unit: Metric) -> str:
    needs = unit.needs
    words = [
        name
        for name, needed in (
            ("a reference", needs.reference),
            ("labels", needs.labels),
            ("a score", needs.score),
            ("a prediction", needs.prediction),
            ("an id", needs.id),
            ("a declared range or values", needs.declared),
            ("groups", unit.kind == "groups"),
        )
        if needed
    ]
    if unit.kind in ("distribution", "column_quality"):
        kinds = sorted(needs.column_kinds, reverse=True)
        words.append("a column" if len(kinds) > 1 else f"a {kinds[0]} column")
    return ", ".join(words) or "only the log"


def main(arguments: list[str]) -> None:
    """Write the page to the file that is named, or print it."""
    if arguments:
        Path(arguments[0]).write_text(render(), encoding="utf-8")
    else:
        sys.stdout.write(render())


if __name__ == "__main__":
    main(sys.argv[1:])
