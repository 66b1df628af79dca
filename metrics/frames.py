"""Rows of a window and of the reference, for metrics of other libraries and those that counts do not tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.configs.filters import All, Among, Compare, Missing, Not, parse
from aimsight.metrics.values import MISSING, Segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from aimsight.configs.filters import Filter
    from aimsight.configs.schema import ModelConfig

    Mask = NDArray[np.bool_]

FRAME_ROWS = 20_000
"""Largest number of rows of either side."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Some rows: values by column, numbers as float64 with NaN for missing, text as objects with ``None``.

    ``labels`` are the usable labels (NaN or ``None`` elsewhere), ``None`` for a model without; ``total`` is the number
    of rows that these were drawn from.
    """

    columns: Mapping[str, NDArray[Any]]
    total: int
    labels: NDArray[Any] | None = None

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def where(self, mask: Mask) -> Frame:
        """Those of the rows for which the mask holds; of a sample it stays unknown how many rows they stand for."""
        labels = None if self.labels is None else self.labels[mask]
        total = int(mask.sum()) if self.rows == self.total else self.total
        return Frame({name: values[mask] for name, values in self.columns.items()}, total, labels)


@dataclass(frozen=True, slots=True, eq=False)
class FramePair:
    """Rows of the window and of the reference (``None`` for a model without one)."""

    window: Frame
    reference: Frame | None

    def of(self, segment: Segment, model: ModelConfig) -> FramePair:
        """The rows of a segment on both sides."""
        if not segment.conditions:
            return self
        reference = None if self.reference is None else self.reference.where(members(self.reference, segment, model))
        return FramePair(self.window.where(members(self.window, segment, model)), reference)


def members(frame: Frame, segment: Segment, model: ModelConfig) -> Mask:
    """Which rows are in a segment."""
    mask = np.ones(frame.rows, dtype=np.bool_)
    for column, value in segment.conditions:
        if column:
            mask &= _texts(frame.columns[column]) == value
        else:
            mask &= _fulfils(frame.columns, parse(model.filters[value]))
    return mask


def _texts(values: NDArray[Any]) -> NDArray[Any]:
    """Values as segments name them: whole numbers without a point, ``(missing)``."""
    if values.dtype == object:
        return np.array([MISSING if value is None else str(value) for value in values], dtype=object)
    return np.array(
        [MISSING if np.isnan(value) else str(int(value)) if value.is_integer() else repr(value) for value in values],
        dtype=object,
    )


def _fulfils(columns: Mapping[str, NDArray[Any]], expression: Filter) -> Mask:
    """Which rows fulfil a filter, as the engine's SQL has it: a missing value fulfils nothing but ``is missing``."""
    if isinstance(expression, Not):
        return ~_fulfils(columns, expression.part)
    if isinstance(expression, Missing):
        return np.array(_texts(columns[expression.column]) == MISSING, dtype=np.bool_)
    if isinstance(expression, Compare):
        return _compare(columns[expression.column], expression)
    if isinstance(expression, Among):
        parts = [Compare(expression.column, "=", value) for value in expression.values]
        masks = [_compare(columns[expression.column], part) for part in parts]
        return _any(masks)
    masks = [_fulfils(columns, part) for part in expression.parts]
    return ~_any([~mask for mask in masks]) if isinstance(expression, All) else _any(masks)


def _any(masks: list[Mask]) -> Mask:
    return np.asarray(np.logical_or.reduce(masks), dtype=np.bool_)


def _compare(values: NDArray[Any], one: Compare) -> Mask:
    if isinstance(one.value, float) and values.dtype != object:
        with np.errstate(invalid="ignore"):
            found = {
                "=": np.equal,
                "!=": np.not_equal,
                "<": np.less,
                "<=": np.less_equal,
                ">": np.greater,
                ">=": np.greater_equal,
            }[one.operator](values, one.value)
        return np.asarray(found & ~np.isnan(values), dtype=np.bool_)
    texts = _texts(values)
    value = one.value
    shown = value if isinstance(value, str) else str(int(value)) if value.is_integer() else repr(value)
    equal = texts == shown if one.operator == "=" else texts != shown
    return np.asarray(equal & (texts != MISSING), dtype=np.bool_)
