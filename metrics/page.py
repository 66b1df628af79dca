"""The catalogue as a page of documentation; ``python -m aimsight.metrics.page docs/metrics.md`` writes it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aimsight.metrics.registry import FAMILIES, METRICS

if TYPE_CHECKING:
    from aimsight.configs.parameters import Parameter
    from aimsight.metrics.registry import Metric

INTRODUCTION = """# Metrics

<!-- Generated from the catalogue by `python -m aimsight.metrics.page docs/metrics.md`; a test compares. -->

Every metric gives a value with its number of rows, a 95 % confidence interval and, where it is a distance, a p-value;
or it is undefined, with the reason. It is never NaN, and never 0 for "could not". `aimsight metrics` prints this
list.

A metric with parameters is named with them in brackets: `performance.f_beta(beta=0.5)`, in an objective, under
`metrics:` and on the command line. Those not given have their default. `of=<class>`, where a metric takes it, measures
one class of a multiclass model against the rest. Without `metrics:` a model is measured by the metrics marked "by
default", and by whatever its objectives name.

How the intervals and the evidence behave was checked by simulation; [validity.md](validity.md) has the tables and the
known departures.
"""
DRIFT = """## Drift: effect and evidence

The value says how large a change is; the p-value says how often one at least as large would be seen without any
change, at the actual numbers of rows. q-values adjust the p-values of one metric over the columns of a window:
Benjamini-Hochberg or, with `drift_fdr: by` in the project or the model, Benjamini-Yekutieli.

Drift is measured for four roles of columns: **features**, the **score**, the **prediction** and the **label**. Of
labels only those that are there are compared, and not before they are complete enough for a verdict; how many are there
is `quality.label_coverage`. In distances on shares, missing, non-finite and unseen values are groups like others;
distances between curves are about the finite values.

Windows of real data differ by nature more than independent rows would, and a window is often like the one before. The
**design effect** measures this by the reference's own windows, for each column and each kind of distance: how much
more their shares (or their cumulative shares) vary than those of independent rows, and how much of that they remember.
It grows with the rows of a window up to those of the reference's windows; what few windows leave open about it is
averaged over. The p-value allows for it; the interval does not: it says how far the rows of this window lie from the
reference, by nature or not. So a distance that lies beyond its target with a p-value that is large is a window beyond
the target in a process that has been like that before. With fewer than two reference windows rows are taken as
independent. How well that works is shown in [validity.md](validity.md).

With `reference.season: weekday` or `month` a window is compared with those windows of the reference that start on the
same weekday or in the same month, and its design effect is theirs; the measurement's detail says which they were. With
fewer than three of them it is the whole reference, and the detail says that.

With `reference.rolling: 12` a window is compared with the twelve windows right before it, and with
`reference.expanding: true` with the reference and all windows since; the detail says which. Cells and the standard
deviation that distances are counted in stay those of the frozen reference (as with a season), which is also what counts
while there are fewer windows, and for whatever is not `drift.*` from counts. What changes and stays changed is drift
for so many windows and then the rule: what has to stay as it was released is compared with a fixed reference.

Persistence is not a metric: an objective's `opens` rule asks for several failing windows before anything opens.
"""


def render() -> str:
    """The page as Markdown."""
    parts = [INTRODUCTION, _overview(), DRIFT]
    for family in FAMILIES:
        parts.append(f"## {family.capitalize()}\n")
        parts.extend(_entry(unit) for unit in METRICS.values() if unit.family == family)
    return "\n".join(parts)


def _overview() -> str:
    """Every metric in a line, with a link to its entry."""
    lines = ["## At a glance", "", "| metric | what it says | better | measured |", "| --- | --- | --- | --- |"]
    for unit in METRICS.values():
        link = f"[`{unit.id}`](#{unit.id.replace('.', '')})"
        says = unit.summary.replace("|", "\\|")
        lines.append(f"| {link} | {says} | {BETTER[unit.direction]} | {_measured(unit)} |")
    return "\n".join([*lines, ""])


BETTER = {"higher": "higher", "lower": "lower", "zero": "near 0", "one": "near 1", "none": "neither"}


def _measured(unit: Metric) -> str:
    return "by default" if unit.core else "when named"


def _entry(unit: Metric) -> str:
    rows = {
        "Version": str(unit.version),
        "Tasks": ", ".join(sorted(unit.tasks)),
        "Unit": unit.unit,
        "Bounds": f"{_bound(unit.bounds[0])} to {_bound(unit.bounds[1])}",
        "Better": BETTER[unit.direction],
        "Needs": needs(unit),
        **({"Parameters": "; ".join(_parameter(one) for one in unit.parameters)} if unit.parameters else {}),
        "Measured": _measured(unit),
        "Undefined when": "; ".join(unit.undefined_when),
        "Source": unit.source,
    }
    table = "\n".join(f"| {name} | {text.replace('|', '/')} |" for name, text in rows.items())
    return f"### `{unit.id}`\n\n{unit.doc}\n\n| | |\n| --- | --- |\n{table}\n"


def _parameter(one: Parameter) -> str:
    default = "required" if one.required else "optional" if one.default is None else f"default {one.default}"
    return f"`{one.name}`, {one.accepts} ({default}): {one.doc}"


def _bound(bound: float | None) -> str:
    return "unbounded" if bound is None else f"{bound:.4g}"


def needs(unit: Metric) -> str:
    """What must be there for a metric to be measured, in words."""
    of = unit.needs
    words = [
        name
        for name, needed in (
            ("a reference", of.reference),
            ("labels", of.labels),
            ("a score", of.score),
            ("a prediction", of.prediction),
            ("an id", of.id),
            ("prediction intervals", of.interval),
            ("a declared range or values", of.declared),
            ("groups", unit.kind == "groups"),
            ("the rows themselves", unit.kind in ("sample", "frame")),
        )
        if needed
    ]
    if unit.kind in ("distribution", "column_quality"):
        kinds = sorted(of.column_kinds, reverse=True)
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
