"""Formulas of metrics of columns and of groups, written a second time for auditors.

A column of a window is compared with the same column of the reference, a group of rows with the other groups. This file
needs nothing but Python's standard library (3.8 or newer): it is a part of the program that auditors are given with a
bundle.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

TENTHS = 10
"""Groups of about equal reference mass that numbers are compared by."""
CORE, TAIL, OCTAVE = 1000, 480, 8
"""Cells of numbers: in the core, in each tail, and in each doubling of their width there."""
LARGEST = 1.7976931348623157e308
NO_VALUE = "(missing)"


class Column(NamedTuple):
    """Rows of the reference and of the window by cell; the last two cells are missing, and non-finite or unseen.

    ``low`` and ``high`` are the ends of the core of numeric cells (``None``: the cells are categories), ``deviation``
    is the reference's standard deviation.
    """

    reference: list[int]
    window: list[int]
    low: float | None = None
    high: float | None = None
    deviation: float | None = None


def dense(row: dict[str, Any], *, of_labels: bool = False) -> list[int]:
    """The counts of all cells of a column; of a label without the rows that have none yet."""
    counts = [0] * row["size"]
    for cell, count in zip(row["cells"], row["counts"]):
        counts[cell] = count
    if of_labels:
        counts[-2] = 0
    return counts


def first_cells(column: Column) -> list[int]:
    """The first cell of every group: each category; of numbers tenths of the reference, and each repeated value."""
    size = len(column.reference) - 2
    if column.low is None:
        return list(range(size + 2))
    ordered = column.reference[:size]
    total, ends = sum(ordered), set()
    upto = list(accumulate(TENTHS * count for count in ordered))
    for tenth in range(1, TENTHS):
        place = bisect_left(upto, tenth * total)
        if total and upto[place] < TENTHS * total:
            ends.add(place)
    for cell, count in enumerate(ordered):
        if count and count * TENTHS >= total:
            ends |= {cell - 1, cell}
    return [0, *(end + 1 for end in sorted(ends) if 0 <= end < size - 1), size, size + 1]


def shares(column: Column) -> list[tuple[int, int]]:
    """Rows of reference and window in every group that occurs."""
    firsts = [*first_cells(column), len(column.reference)]
    both = [
        (sum(column.reference[first:after]), sum(column.window[first:after]))
        for first, after in zip(firsts, firsts[1:])
    ]
    return [(x, y) for x, y in both if x or y]


def of_shares(distance: Callable[[float, float], float], *, smoothed: bool = False) -> Callable[[Column], float | None]:
    """A sum over the groups of what the shares of reference and window give."""

    def value(column: Column) -> float | None:
        groups, extra = shares(column), 0.5 if smoothed else 0.0
        n, m = sum(x for x, _ in groups), sum(y for _, y in groups)
        if not n or not m:
            return None
        more = extra * len(groups)
        return max(math.fsum(distance((x + extra) / (n + more), (y + extra) / (m + more)) for x, y in groups), 0.0)

    return value


def root(of: Callable[[Column], float | None]) -> Callable[[Column], float | None]:
    """The square root of it."""

    def value(column: Column) -> float | None:
        found = of(column)
        return None if found is None else math.sqrt(found)

    return value


def toward(p: float, q: float) -> float:
    """How far a share lies from the middle of two, in nats."""
    return p * math.log(2 * p / (p + q)) if p else 0.0


def largest_change(column: Column) -> float | None:
    """The largest change of a share."""
    groups = shares(column)
    n, m = sum(x for x, _ in groups), sum(y for _, y in groups)
    return max(abs(y / m - x / n) for x, y in groups) if n and m else None


def chi_square(column: Column) -> float | None:
    """Pearson's chi-square of the table of side by group."""
    groups = shares(column)
    n, m = sum(x for x, _ in groups), sum(y for _, y in groups)
    if not n or not m:
        return None
    return math.fsum((y / m - x / n) ** 2 * (n + m) / (x + y) for x, y in groups) * n * m / (n + m)


def missing_change(column: Column) -> float | None:
    """Share of missing values in the window less that in the reference."""
    n, m = sum(column.reference), sum(column.window)
    return column.window[-2] / m - column.reference[-2] / n if n and m else None


def curves(column: Column) -> tuple[list[float], list[float], list[int], list[int]] | None:
    """Of the finite numbers: the shares of both sides at or below each cell, and the rows in it."""
    x, y = column.reference[:-2], column.window[:-2]
    n, m = sum(x), sum(y)
    if column.low is None or not n or not m:
        return None
    return [up / n for up in accumulate(x)], [up / m for up in accumulate(y)], x, y


def edges(low: float, high: float) -> list[float]:
    """The edges of numeric cells: equal widths from low to high, then eight of each width, doubling outwards."""
    width = high / CORE - low / CORE
    far = [
        min(width * ((OCTAVE + step % OCTAVE) * 2.0 ** (step // OCTAVE) - OCTAVE), LARGEST)
        for step in range(1, TAIL + 1)
    ]
    core = [low + width * cell for cell in range(CORE)]
    found = [low - distance for distance in reversed(far)] + core + [high] + [high + distance for distance in far]
    return [min(max(edge, -LARGEST), LARGEST) for edge in found]


def steps(column: Column) -> list[float]:
    """Distances between the middles of neighbouring cells, in standard deviations of the reference."""
    at = edges(column.low or 0.0, column.high or 0.0)
    return [(at[i + 2] - at[i]) / 2 / (column.deviation or math.nan) for i in range(len(at) - 2)]


def ks(column: Column) -> float | None:
    """The largest gap between cumulative shares."""
    found = curves(column)
    return None if found is None else max(abs(f - g) for f, g in zip(found[0], found[1]))


def of_lengths(part: Callable[[float], float]) -> Callable[[Column], float | None]:
    """The area of what the gaps between cumulative shares give."""

    def value(column: Column) -> float | None:
        found = curves(column)
        if found is None or not column.deviation:
            return None
        gaps = (f - g for f, g in zip(found[0], found[1]))
        return math.fsum(part(gap) * step for gap, step in zip(gaps, steps(column)) if gap)

    return value


def cramer_von_mises(column: Column) -> float | None:
    """The mean squared gap over the rows of both sides."""
    found = curves(column)
    if found is None:
        return None
    rows = sum(found[2]) + sum(found[3])
    return math.fsum((f - g) ** 2 * (x + y) / rows for f, g, x, y in zip(*found))


def anderson_darling(column: Column) -> float | None:
    """The squared gaps over their variance under no change, over the rows of both sides."""
    found = curves(column)
    if found is None:
        return None
    n, m = sum(found[2]), sum(found[3])
    terms = []
    for f, g, x, y in zip(*found):
        level = (n * f + m * g) / (n + m)
        if x + y and level < 1 - 0.5 / (n + m):
            terms.append((f - g) ** 2 * (x + y) / (n + m) / (level * (1 - level)))
    return math.fsum(terms) * n * m / (n + m)


JENSEN_SHANNON = of_shares(lambda p, q: (toward(p, q) + toward(q, p)) / 2)
OF_COLUMNS: dict[str, tuple[tuple[int, ...], Callable[[Column], float | None]]] = {
    "drift.psi": ((3, 4), of_shares(lambda p, q: (q - p) * math.log(q / p), smoothed=True)),
    "drift.kl_divergence": ((3, 4), of_shares(lambda p, q: q * math.log(q / p), smoothed=True)),
    "drift.jensen_shannon_divergence": ((3, 4), JENSEN_SHANNON),
    "drift.jensen_shannon_distance": ((3, 4), root(JENSEN_SHANNON)),
    "drift.hellinger": ((3, 4), root(of_shares(lambda p, q: (math.sqrt(p) - math.sqrt(q)) ** 2 / 2))),
    "drift.cramers_v": ((3, 4), root(of_shares(lambda p, q: (q - p) ** 2 / (p + q) / 2))),
    "drift.total_variation": ((3,), of_shares(lambda p, q: abs(q - p) / 2)),
    "drift.l_infinity": ((3, 4), largest_change),
    "drift.chi_square": ((3, 4), chi_square),
    "drift.missing_share_change": ((3,), missing_change),
    "drift.ks": ((3,), ks),
    "drift.wasserstein_normed": ((3,), of_lengths(abs)),
    "drift.energy_distance": ((3, 4), root(of_lengths(lambda gap: 2 * gap * gap))),
    "drift.cramer_von_mises": ((3, 4), cramer_von_mises),
    "drift.anderson_darling": ((3, 4), anderson_darling),
}
"""Metrics of a column against the reference, each with the versions of its definition that have this value."""
OF_VALUES = frozenset(
    "drift." + name for name in ("ks", "wasserstein_normed", "energy_distance", "cramer_von_mises", "anderson_darling")
)
"""Those that exact drift computes from the distinct values, of which a bundle holds the hash alone."""


class Decisions(NamedTuple):
    """Decisions of one class against the rest: all, those for it, and the labelled ones by label and decision."""

    all: int
    chosen: int
    hits: int
    alarms: int
    missed: int
    rest: int


def decisions(row: dict[str, Any]) -> list[Decisions]:
    """The decisions of a binary model, or those about each class of a multiclass one."""
    if row["true_positive"] is not None:
        four = (row[name] for name in ("true_positive", "false_positive", "false_negative", "true_negative"))
        return [Decisions(row["binary_predicted"], row["binary_selected"], *four)]
    chosen, cells = row["class_predicted"] or [], row["class_matrix"] or []
    size, total, found = len(chosen), sum(cells), []
    for i in range(size):
        hits, label, decided = cells[i * size + i], sum(cells[i * size : (i + 1) * size]), sum(cells[i::size])
        rest = total - label - decided + hits
        found.append(Decisions(sum(chosen), chosen[i], hits, decided - hits, label - hits, rest))
    return found


RATES: dict[str, Callable[[Decisions], tuple[int, int]]] = {
    "demographic_parity": lambda d: (d.chosen, d.all),
    "equal_opportunity": lambda d: (d.hits, d.hits + d.missed),
    "predictive_equality": lambda d: (d.alarms, d.alarms + d.rest),
    "predictive_parity": lambda d: (d.hits, d.hits + d.alarms),
    "false_discovery_rate": lambda d: (d.alarms, d.hits + d.alarms),
    "false_omission_rate": lambda d: (d.missed, d.missed + d.rest),
    "false_negative_rate": lambda d: (d.missed, d.hits + d.missed),
}
"""Shares of decisions that groups are compared by: rows of a kind, of all rows that the rate is about."""


def families(groups: Sequence[dict[str, Any]], names: Sequence[str]) -> list[list[float]]:
    """For each rate and class its values in the groups that all of these rates are about."""
    if names == ("accuracy",):
        return [[right / of for right, of in map(right_of, groups) if of]]
    parts = [decisions(row) for row in groups]
    found: list[list[float]] = []
    for place in range(max(map(len, parts), default=0)):
        pairs = [[RATES[name](part[place]) for name in names] for part in parts if place < len(part)]
        known = [of_group for of_group in pairs if all(of for _, of in of_group)]
        found += [[of_group[k][0] / of_group[k][1] for of_group in known] for k in range(len(names))]
    return found


def right_of(row: dict[str, Any]) -> tuple[int, int]:
    """Right decisions, of all decisions about labelled rows."""
    if row["class_matrix"]:
        size = math.isqrt(len(row["class_matrix"]))
        return sum(row["class_matrix"][:: size + 1]), sum(row["class_matrix"])
    four = [row[name] for name in ("true_positive", "true_negative", "false_positive", "false_negative")]
    return (0, 0) if None in four else (four[0] + four[1], sum(four))


def largest_gap(values: list[list[float]]) -> float | None:
    """The largest difference between two groups, over all rates and classes."""
    return max((max(one) - min(one) for one in values if len(one) > 1), default=None)


def smallest_ratio(values: list[list[float]]) -> float | None:
    """The smallest ratio of two groups, the smaller over the larger; two groups that are 0 have none."""
    return min((min(one) / max(one) for one in values if len(one) > 1 and max(one) > 0), default=None)


def of_errors_of(name: str, groups: Sequence[dict[str, Any]], unit: float) -> list[list[float]]:
    """Means of errors in the groups that have two labelled rows, in the label's unit."""
    known = [row for row in groups if (row["error_rows"] or 0) > 1 and not row["error_overflow"]]
    return [[int(row[name]) / row["error_rows"] * unit for row in known]]


def of_groups(metric: str, groups: Sequence[dict[str, Any]], unit: float) -> float | None:
    """A metric of groups from their segments' statistics; ``None`` where there is no formula or no value."""
    name, _, form = metric.partition(".")[2].rpartition("_")
    value = {"difference": largest_gap, "ratio": smallest_ratio}.get(form)
    if metric == "fairness.disparate_impact":
        name, value = "demographic_parity", smallest_ratio
    if value is None:
        return None
    if name == "equalized_odds":
        return value(families(groups, ("equal_opportunity", "predictive_equality")))
    if name in RATES or name == "accuracy":
        return value(families(groups, (name,)))
    sums = {"mean_error": "error", "mae": "error_absolute"}
    return value(of_errors_of(sums[name], groups, unit)) if name in sums else None


OF_GROUPS_VERSION = 2


def groups_of(segments: Sequence[dict[str, Any]], columns: str, detail: str) -> tuple[list[dict[str, Any]], list[str]]:
    """The groups that a measurement compares: all that were recorded, but those that it says it leaves out.

    Gives also what is wrong with the numbers of rows by which it leaves them out.
    """
    kept, wrong = [], []
    notes = detail.split("; ")
    for row in segments:
        if " & ".join(row["segment_columns"] or ()) != columns or NO_VALUE in row["segment_values"]:
            continue
        name = " & ".join(row["segment_values"])
        starts = f"{name} not compared: ", f"group {name} has disappeared: "
        said = [note for note in notes if note.startswith(starts)]
        stated = re.search(r"\(n=(\d+)\)", said[0]) if said else None
        if stated is not None and int(stated.group(1)) != row["rows"]:
            wrong.append(f"{name} is left out for {stated.group(1)} rows, the statistics have {row['rows']}")
        if not said:
            kept.append(row)
    return kept, wrong


def of_values(part: Callable[[dict[str, Any]], int | None]) -> Callable[[dict[str, Any]], float | None]:
    """A share of the values of a column, missing ones apart."""

    def value(row: dict[str, Any]) -> float | None:
        counts = dense(row)
        found, values = part({**row, "dense": counts}), sum(counts) - counts[-2]
        return found / values if values and found is not None else None

    return value


def missing_share(row: dict[str, Any]) -> float | None:
    """Share of rows without a value."""
    counts = dense(row)
    return counts[-2] / sum(counts) if sum(counts) else None


OF_COLUMN_COUNTS: dict[str, Callable[[dict[str, Any]], float | None]] = {
    "quality.missing_share": missing_share,
    "quality.non_finite_share": of_values(lambda row: int(row["dense"][-1])),
    "quality.unseen_category_share": of_values(lambda row: int(row["dense"][-1])),
    "quality.out_of_range_share": of_values(lambda row: row["out_of_range"]),
    "quality.most_frequent_share": of_values(lambda row: max(row["dense"][:-2], default=0)),
}
"""Metrics of a column of the window alone."""


def duplicates(row: dict[str, Any]) -> float | None:
    """Share of rows read whose id had been seen before."""
    if row["duplicate_rows"] is None and row["conflicting_rows"] is None:
        return None
    again = (row["duplicate_rows"] or 0) + (row["conflicting_rows"] or 0)
    return again / (row["rows"] + again) if row["rows"] + again else None
