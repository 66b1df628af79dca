"""The plan of one pass over a source: which columns, windows and segments are counted, and how."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.cells import Cells
    from aimsight.metrics.statistics import Statistics

Role = Literal["feature", "score", "prediction", "label"]

EXACT_SCORE_ROWS = 1_000_000
"""Up to this many labelled rows a window, score metrics are finished from the scores themselves."""


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open interval [start, end) of event time, aware and in UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive times and empty intervals."""
        if self.start.tzinfo is None or self.end.tzinfo is None or self.start >= self.end:
            raise ValueError(f"not a window: [{self.start}, {self.end})")


class LossTree(Protocol):
    """What the engine needs to know of a tree that predicts a regression's loss: how many leaves, and a row's leaf.

    Implemented by ``aimsight.metrics.estimates.loss_tree``.
    """

    @property
    def size(self) -> int:
        """Number of leaves."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The features that it looks at."""
        ...

    def sql(self, columns: Mapping[str, str]) -> str:
        """The leaf number (0 .. size-1) of a row as an integer SQL expression.

        ``columns`` maps each of ``columns`` to a SQL expression: numeric features are DOUBLE, where a missing value is
        NULL or NaN; categories are VARCHAR, NULL where missing.
        """
        ...


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """One column to count: its cells, its role and, where numeric, mean and standard deviation of the reference."""

    name: str
    role: Role
    cells: Cells
    reference_mean: float | None = None
    reference_std: float | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What one pass counts.

    ``windows`` are disjoint and sorted (overlapping windows are merged from disjoint ones by the caller). ``as_of`` is
    the moment whose knowledge counts: labels that arrived later are not used. ``classes`` are the label values of a
    multiclass task in fixed order. ``error_exponent`` and ``label_center`` fix the fixed point of a regression task.
    ``exact_drift`` also counts distinct values of numeric columns. ``loss_tree`` is the reference's, whose leaves are
    counted.
    """

    model: ModelConfig
    root: Path
    windows: tuple[Window, ...]
    as_of: datetime
    columns: tuple[ColumnPlan, ...]
    classes: tuple[str, ...] = ()
    error_exponent: int = 0
    label_center: float = 0.0
    exact_drift: bool = False
    loss_tree: LossTree | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The frozen reference: its plan parts, its statistics, and the statistics of its own windows (design effect).

    ``name`` is what measurements show (``period 1974-01-01..1985-01-01``), ``fingerprint`` the SHA-256 over its input
    files and the configuration that made it. ``loss_tree`` is fitted after freezing, for regression models.
    """

    name: str
    fingerprint: str
    columns: tuple[ColumnPlan, ...]
    classes: tuple[str, ...]
    error_exponent: int
    label_center: float
    statistics: Statistics
    windows: tuple[Statistics, ...]
    loss_tree: LossTree | None = None
