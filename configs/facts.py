"""What the loader has to know of a metric; the catalogue passes it in, because configs import nothing above them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from aimsight.configs.parameters import Parameter

Task = Literal["binary", "multiclass", "regression"]
ColumnKind = Literal["numeric", "category"]

Direction = Literal["higher", "lower", "zero", "one", "none"]

ANY_KIND: frozenset[ColumnKind] = frozenset({"numeric", "category"})


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """What a metric needs, so that an objective that can never be measured is refused before anything runs.

    Parameters
    ----------
    id
        ``family.name``.
    family
        ``performance``, ``drift``, ``fairness``, ``quality`` ...
    tasks
        Tasks that the metric is defined for.
    needs_column
        An objective names a ``column`` (drift of a feature, missing share of a feature).
    needs_over
        An objective names the groups to compare with ``over``.
    needs_reference, needs_labels, needs_score, needs_interval
        What the model has to declare.
    needs_declared
        The column (or any feature, where no column is named) has to declare its range or values.
    bounds
        Least and greatest possible value in the metric's unit, ``None`` where unbounded.
    direction
        Where good values lie; a target that only limits the good side is refused.
    column_kinds
        Kinds of column that the metric is defined for, where it needs a column.
    open_parameters
        It takes any further arguments: they are another library's, which checks them itself.
    parameters
        What may be given in brackets.
    """

    id: str
    family: str
    tasks: frozenset[Task]
    needs_column: bool = False
    needs_over: bool = False
    needs_reference: bool = False
    needs_labels: bool = False
    needs_score: bool = False
    needs_interval: bool = False
    needs_declared: bool = False
    bounds: tuple[float | None, float | None] = (None, None)
    direction: Direction = "none"
    column_kinds: frozenset[ColumnKind] = ANY_KIND
    parameters: tuple[Parameter, ...] = ()
    open_parameters: bool = False
