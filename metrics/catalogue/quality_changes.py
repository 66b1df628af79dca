"""Quality against what was expected: the schema, the volume, the intended use, and columns that stopped varying."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from aimsight.metrics.catalogue.quality import EMPTY, ISO_MEASURES, ISO_QUALITY, of_rows
from aimsight.metrics.intervals import wilson
from aimsight.metrics.registry import Needs
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.inputs import RowFacts
    from aimsight.metrics.values import Result

EU_ACT = "Regulation (EU) 2024/1689, art. 13 and 15: intended purpose, and performance within it"
SHOWN = 8
"""So many columns are named in a detail."""


@of_rows(
    id="quality.schema_changes",
    unit="columns",
    bounds=(0.0, None),
    undefined_when=(EMPTY, "the columns of the window's or the reference's source are not known"),
    source=f"{ISO_QUALITY}: consistency of format",
    needs=Needs(reference=True),
)
def schema_changes(facts: RowFacts) -> Result:
    """Number of columns of the source that appeared, vanished or changed their kind against the reference.

    Kinds are number, text, boolean, time, bytes and nested; text files (CSV, JSON) state no kinds, there only names
    count. 0: nothing changed. The detail names the changes. A plain count without interval.
    """
    rows = facts.quality.rows
    if not rows:
        return Undefined(EMPTY)
    if facts.schema is None or facts.reference_schema is None:
        whose = "window" if facts.schema is None else "reference"
        return Undefined(f"the columns of the {whose}'s source are not known", rows)
    changes = facts.schema.changes(facts.reference_schema)
    return Value(float(len(changes)), rows, detail=_named(changes))


@of_rows(
    id="quality.volume_ratio",
    unit="ratio",
    bounds=(0.0, None),
    direction="one",
    undefined_when=(EMPTY, "the reference has fewer than four windows, or no rows in them"),
    source=f"{ISO_MEASURES}: volume; Hahn and Meeker, Statistical Intervals (1991): prediction intervals",
    needs=Needs(reference=True),
)
def volume_ratio(facts: RowFacts) -> Result:
    """Rows of the window over the rows that the reference lets expect of a window of its length.

    ``rows / expected rows``. 1: as many as expected; 0.5: half of them are missing; 2: twice as many. A window of a
    day or less is compared with the reference's windows of its weekday, where there are four or more. Interval: the
    95 % prediction interval of the windows' natural variation, so that an interval that includes 1 is an ordinary
    window.
    """
    rows, expected = facts.quality.rows, facts.expected
    if not rows:
        return Undefined(EMPTY)
    if expected is None:
        return Undefined("the reference has too few windows to say how many rows to expect", rows)
    value = rows / expected.rows
    interval = Interval(
        value * math.exp(-expected.spread), value * math.exp(expected.spread), "prediction, Student, log"
    )
    detail = (
        f"{rows:,} rows, {expected.rows:,.0f} expected ({expected.low:,.0f} to {expected.high:,.0f}) "
        f"by {expected.basis}"
    )
    return Value(value, rows, interval, detail=detail)


@of_rows(
    id="quality.outside_intended_use_share",
    undefined_when=(EMPTY, "no feature declares a range or values, or none of them could be counted"),
    source=EU_ACT,
    needs=Needs(declared=True),
)
def outside_intended_use_share(facts: RowFacts) -> Result:
    """Share of decisions outside the intended use: any feature outside its declared range or values.

    ``rows outside / rows``. 0: the model was only used within the envelope that was agreed; 1: never. Missing and
    infinite values are not outside: they have shares of their own. Interval: Wilson.
    """
    outside, rows = facts.quality.outside_envelope, facts.quality.rows
    if not rows:
        return Undefined(EMPTY)
    if outside is None:
        return Undefined("no feature declares a range or values, or none of them could be counted", rows)
    return Value(outside / rows, rows, wilson(outside, rows))


@of_rows(
    id="quality.constant_columns",
    unit="columns",
    bounds=(0.0, None),
    undefined_when=(EMPTY, "no feature has two values"),
    source=f"{ISO_MEASURES}: variability of features",
    needs=Needs(),
)
def constant_columns(facts: RowFacts) -> Result:
    """Number of features that have one and the same value in all rows, and had more than one in the reference.

    A sensor that froze or a join that failed looks like this. Numbers within one cell (about a thousandth of the
    reference's range) count as the same. 0: every feature varies. The detail names the features. A plain count without
    interval.
    """
    if not facts.quality.rows:
        return Undefined(EMPTY)
    columns = {name: column for name in facts.features if (column := facts.column(name)) is not None}
    if not any(column.values > 1 for column in columns.values()):
        return Undefined("no feature has two values", facts.quality.rows)
    constant = [name for name, column in columns.items() if column.constant]
    new = [name for name in constant if (before := facts.column_before(name)) is None or not before.constant]
    return Value(float(len(new)), facts.quality.rows, detail=_named([f"{name} is constant" for name in sorted(new)]))


def _named(changes: list[str]) -> str:
    """The first few of some changes, the others counted."""
    more = f" and {len(changes) - SHOWN} more" if len(changes) > SHOWN else ""
    return "; ".join(changes[:SHOWN]) + more
