"""What all comparisons of groups share: with what a group is compared, which comparison is the most extreme, its words.

A metric of kind "groups" makes one family of estimates a rate and hands them to ``compared``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from aimsight.configs.errors import quoted_list
from aimsight.configs.parameters import Parameter
from aimsight.metrics.simultaneous import (
    ALL_ROWS,
    Comparisons,
    Estimates,
    Extreme,
    Floats,
    largest_difference,
    of_pairs,
    shares,
    smallest_ratio,
    with_all_rows,
    with_one,
)
from aimsight.metrics.values import Cause, Undefined, Value

if TYPE_CHECKING:
    from aimsight.metrics.statistics import SegmentStatistics
    from aimsight.metrics.values import Result

Counts = Callable[["SegmentStatistics"], Sequence[tuple[int, int]]]
"""The rates of a segment as pairs of counts: one, or one a class."""

FEW = "fewer than two groups with enough rows"
LARGEST_GAP, OVERALL, LARGEST = "largest_gap", "overall", "largest"
AGAINST = Parameter(
    "against",
    "text",
    LARGEST_GAP,
    doc="what a group is compared with: largest_gap (every other group), overall (all rows of the window), largest "
    "(the group with the most rows), or a group by its name",
)
POOL = Parameter(
    "pool",
    "int",
    1,
    low=1,
    high=400,
    doc="a group with too few rows in the window is judged over up to so many windows, this one included",
)


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The groups of one group-by that can be compared, and what they may be compared with.

    ``parts`` are the groups with enough rows in this window; ``pooled`` are smaller ones together with their rows of
    earlier windows. ``all_rows`` are those of the whole window; left out, the groups are all rows there are. ``unit``
    is the fixed-point unit of a regression model's errors, ``classes`` are those of a multiclass model.
    """

    parts: Mapping[str, SegmentStatistics]
    pooled: Mapping[str, SegmentStatistics] = field(default_factory=dict)
    all_rows: SegmentStatistics | None = None
    unit: float = 1.0
    classes: tuple[str, ...] = ()

    def over(self, windows: int) -> Groups:
        """The groups to compare when small ones may be pooled over so many windows: with 1, only those of this one."""
        if windows > 1:
            return replace(self, parts=dict(sorted({**self.parts, **self.pooled}.items())))
        return replace(self, pooled={})

    def whole(self) -> SegmentStatistics | None:
        """The statistics of all rows of the window; ``None`` without any group."""
        if self.all_rows is not None:
            return self.all_rows
        parts = [part for name, part in self.parts.items() if name not in self.pooled]
        total = parts[0] if parts else None
        for part in parts[1:]:
            total = total + part if total is not None else part
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One rate in the groups that it is about, the rows that each rests on, and all comparisons with all rows.

    ``label`` tells the families of one metric apart, such as the classes of a multiclass model.
    """

    names: tuple[str, ...]
    estimates: Estimates
    rows: Floats
    overall: Callable[[], Comparisons | None]
    label: str = ""


Ratio = Literal["", "folded", "plain"]


def compared(
    groups: Groups,
    families: Sequence[Family],
    against: str,
    *,
    ratio: Ratio = "",
    never: str = "",
    limit: float | None = None,
) -> Result:
    """The most extreme comparison of groups, over all families.

    Parameters
    ----------
    groups
        The groups, as the families were made from them.
    families
        One a rate (and class); those with fewer than two groups say nothing.
    against
        What a group is compared with, as ``AGAINST`` says.
    ratio
        The smallest ratio instead of the largest difference: the smaller over the larger (``folded``), or the group
        over what it is compared with (``plain``).
    never
        Why a ratio is undefined when every rate is 0.
    limit
        The ratio below which the note speaks of adverse impact.
    """
    n = int(sum(family.rows.sum() for family in families))
    n = min(n, sum(part.rows for part in groups.parts.values()))
    families = [family for family in families if len(family.names) >= 2]
    if not families:
        return too_few(groups)
    sides = [_comparisons(groups, family, against) for family in families]
    found = [(family, side) for family, side in zip(families, sides, strict=True) if side is not None and side.size]
    if not found:
        return _nothing_against(groups, against, n)
    chosen = [side for _, side in found]
    extreme = smallest_ratio(chosen, folded=ratio == "folded") if ratio else largest_difference(chosen)
    if extreme is None:
        return Undefined(never or "the denominator of the ratio cannot be told from 0", n, Cause.TOO_FEW)
    note = _note(*found[extreme.family], extreme, smallest=bool(ratio))
    if limit is not None:
        note += f"; {_reading(extreme, limit)}"
    return Value(extreme.value, n, extreme.interval, detail=note)


def too_few(groups: Groups) -> Undefined:
    """Why there is nothing to compare."""
    return Undefined(FEW, sum(part.rows for part in groups.parts.values()), Cause.TOO_FEW)


def families_of_shares(groups: Groups, *rates: Counts) -> list[Family]:
    """One family a rate and class, over the groups that have rows for every one of the rates in this class."""
    counted = {name: [rate(part) for rate in rates] for name, part in groups.parts.items()}
    whole = groups.whole()
    if not counted or whole is None:
        return []
    of_all = [rate(whole) for rate in rates]
    families = []
    for place in range(len(of_all[0])):
        names = tuple(
            name
            for name, of_rates in counted.items()
            if all(len(pairs) > place and pairs[place][1] > 0 for pairs in of_rates)
        )
        label = groups.classes[place] if place < len(groups.classes) and len(of_all[0]) > 1 else ""
        for at in range(len(rates)):
            x, n = (np.array([counted[name][at][place][k] for name in names], dtype=np.float64) for k in (0, 1))
            families.append(_family_of_shares(groups, names, x, n, of_all[at][place], label))
    return families


def _family_of_shares(
    groups: Groups, names: tuple[str, ...], x: Floats, n: Floats, whole: tuple[int, int], label: str
) -> Family:
    estimates = shares(x, n)

    def overall() -> Comparisons | None:
        inside = np.array([name not in groups.pooled for name in names])
        rest_x, rest_n = whole[0] - x * inside, whole[1] - n * inside
        return against_rest(estimates, n * inside, rest_n, lambda places: shares(rest_x[places], rest_n[places]))

    return Family(names, estimates, n, overall, label)


def against_rest(
    estimates: Estimates, n: Floats, rest: Floats, of_rest: Callable[[np.ndarray], Estimates], least: int = 1
) -> Comparisons | None:
    """Comparisons of groups with all rows by way of the rest of the rows; without a rest there is nothing to compare.

    ``n`` are the rows of each group within the window (0 for a pooled one, which is compared with the window's rows as
    they are), ``rest`` the others, of which ``least`` are needed.
    """
    places = np.flatnonzero(rest >= least)
    if not places.size:
        return None
    made = with_all_rows(estimates.take(places), of_rest(places), n[places] / (n[places] + rest[places]))
    return Comparisons(made.first, made.second, places, made.j, made.share, made.correlation)


def _comparisons(groups: Groups, family: Family, against: str) -> Comparisons | None:
    if against == LARGEST_GAP:
        return of_pairs(family.estimates)
    if against == OVERALL:
        return family.overall()
    name = largest_group(groups.parts) if against == LARGEST else against
    return with_one(family.estimates, family.names.index(name)) if name in family.names else None


def largest_group(parts: Mapping[str, SegmentStatistics]) -> str:
    """The group with the most rows; of equal ones the first by name."""
    return min(parts, key=lambda name: (-parts[name].rows, name))


def _nothing_against(groups: Groups, against: str, n: int) -> Undefined:
    if against in (LARGEST_GAP, OVERALL, LARGEST) or against in groups.parts:
        return Undefined(f"no rows to compare with: {against}", n, Cause.TOO_FEW)
    return Undefined(f'no group "{against}" to compare with; there are {quoted_list(list(groups.parts))}', n)


def _note(family: Family, side: Comparisons, extreme: Extreme, *, smallest: bool) -> str:
    place = int(np.flatnonzero((side.i == extreme.i) & (side.j == extreme.j))[0])
    first, second = float(side.first.values[place]), float(side.second.values[place])
    if side.share[place]:
        second = float(side.share[place] * first + (1 - side.share[place]) * second)
    other = "all rows" if extreme.j == ALL_ROWS else family.names[extreme.j]
    said = f"{family.names[extreme.i]} ({first:.4g}) and {other} ({second:.4g})"
    of_class = f" for class {family.label}" if family.label else ""
    return f"{'smallest ratio' if smallest else 'largest gap'} between {said}{of_class}"


def _reading(extreme: Extreme, limit: float) -> str:
    """What the four-fifths rule says of a ratio and its interval."""
    if extreme.interval.high < limit:
        return f"four-fifths rule: adverse impact, the whole interval lies below {limit:g}"
    if extreme.value < limit:
        return f"four-fifths rule: below {limit:g}, which may be chance"
    if extreme.interval.low < limit:
        return f"four-fifths rule: met, but the interval reaches below {limit:g}"
    return "four-fifths rule: met"
