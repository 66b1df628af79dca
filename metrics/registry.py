"""The registry of metrics: one declared unit each, found by import, duplicates refused.

To add a metric, write one decorated function in a module of ``aimsight.metrics.catalogue``; nothing else is needed.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from aimsight.configs.facts import ANY_KIND, ColumnKind, MetricFacts, Task
from aimsight.metrics.statistics import SegmentStatistics
from aimsight.metrics.values import Result

Kind = Literal["segment", "errors", "distribution", "groups", "column_quality", "quality"]
"""What a metric is computed from: statistics of a segment, sums of errors, reference and window of one column, the
segments of one group-by, the counts of one column, or the rows of the window (``aimsight.metrics.inputs``)."""
Direction = Literal["higher", "lower", "zero", "one", "none"]
"""Which values are better: higher ones, lower ones, those near 0, those near 1, or none in itself."""
Compute = Callable[..., Result]
Decorated = TypeVar("Decorated", bound=Compute)

FAMILIES = ("performance", "drift", "fairness", "quality")
_ID = re.compile(r"^(performance|drift|fairness|quality)\.[a-z][a-z0-9_]*$")


ALL_TASKS: frozenset[Task] = frozenset({"binary", "multiclass", "regression"})
CLASSIFICATION: frozenset[Task] = frozenset({"binary", "multiclass"})
BINARY: frozenset[Task] = frozenset({"binary"})
REGRESSION: frozenset[Task] = frozenset({"regression"})


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there for a metric to apply.

    A reference, labels, columns of the log (``score``, ``prediction``, ``id``), a range or values declared for the
    column (``declared``), and the kinds of column that it is defined for.
    """

    reference: bool = False
    labels: bool = False
    score: bool = False
    prediction: bool = False
    id: bool = False
    declared: bool = False
    column_kinds: frozenset[ColumnKind] = ANY_KIND


@dataclass(frozen=True, slots=True)
class Metric:
    """One declared metric.

    Parameters
    ----------
    id, version
        ``family.name``; the version rises whenever numbers may change.
    tasks
        Tasks that it is defined for.
    kind
        What ``compute`` takes.
    unit
        Unit of the value, in words: ``share``, ``nats``, ``label units``, ``hours``.
    bounds
        Least and greatest possible value; ``None`` where there is none.
    direction
        Which values are better.
    undefined_when
        The cases without a value, in words.
    source
        Where the definition is from: paper or book.
    needs
        What must be there.
    compute
        The pure function itself.
    doc
        Its documentation: definition, formula, what particular values mean.
    rests_on
        Kind ``groups``: rows of a group that the compared rate rests on; a group with none is left out and listed.
    """

    id: str
    version: int
    tasks: frozenset[Task]
    kind: Kind
    unit: str
    bounds: tuple[float | None, float | None]
    direction: Direction
    undefined_when: tuple[str, ...]
    source: str
    needs: Needs
    compute: Compute
    doc: str
    rests_on: Callable[[SegmentStatistics], int] | None = None

    @property
    def family(self) -> str:
        """First part of the id."""
        return self.id.partition(".")[0]

    @property
    def summary(self) -> str:
        """First sentence of the documentation."""
        return self.doc.partition("\n\n")[0].replace("\n", " ")


class DeclarationError(Exception):
    """A metric is declared wrongly: a mistake in the catalogue's code, found when it is imported."""


_registered: dict[str, Metric] = {}


def metric(  # noqa: PLR0913  # a declaration has as many parts as a metric has
    *,
    id: str,  # noqa: A002  # the word of the vocabulary; the function has no other use for the built-in
    version: int,
    tasks: frozenset[Task],
    kind: Kind,
    unit: str,
    bounds: tuple[float | None, float | None],
    direction: Direction,
    undefined_when: tuple[str, ...],
    source: str,
    needs: Needs,
    rests_on: Callable[[SegmentStatistics], int] | None = None,
    register: dict[str, Metric] = _registered,
) -> Callable[[Decorated], Decorated]:
    """Declare the decorated function as a metric; it stays an ordinary function.

    Raises
    ------
    DeclarationError
        When the id is taken or malformed, or documentation, source, tasks or undefined cases are missing.
    """

    def declare(function: Decorated) -> Decorated:
        doc = inspect.getdoc(function) or ""
        problems = [
            text
            for wrong, text in (
                (not _ID.match(id), f"the id must be family.name with a family of {', '.join(FAMILIES)}"),
                (id in register, "the id is taken"),
                (version < 1, "the version starts at 1"),
                (len(doc) < 40, "the docstring must hold the definition"),
                (len(source) < 10, "the source must be named"),
                (not undefined_when, "say when it is undefined"),
                (not tasks, "say for which tasks it is defined"),
                (
                    (kind == "groups") != (rests_on is not None),
                    "metrics of kind groups, and only they, say what a rate rests on",
                ),
            )
            if wrong
        ]
        if problems:
            raise DeclarationError(f"metric {id!r}: {'; '.join(problems)}")
        register[id] = Metric(
            id, version, tasks, kind, unit, bounds, direction, undefined_when, source, needs, function, doc, rests_on
        )
        return function

    return declare


class _Catalogue(Mapping[str, Metric]):
    """All metrics by id, in the order of families and names; the catalogue is imported when first asked."""

    def __init__(self) -> None:
        self._loaded: dict[str, Metric] = {}

    def __getitem__(self, key: str) -> Metric:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> dict[str, Metric]:
        if not self._loaded:
            package = importlib.import_module("aimsight.metrics.catalogue")
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{module.name}")
            ordered = sorted(_registered.values(), key=lambda unit: (FAMILIES.index(unit.family), unit.id))
            self._loaded = {unit.id: unit for unit in ordered}
        return self._loaded


METRICS: Mapping[str, Metric] = _Catalogue()
"""Every metric by id."""


def facts() -> dict[str, MetricFacts]:
    """What the loader of configurations has to know of each metric."""
    return {
        unit.id: MetricFacts(
            id=unit.id,
            family=unit.family,
            tasks=unit.tasks,
            needs_column=unit.kind in ("distribution", "column_quality"),
            needs_over=unit.kind == "groups",
            needs_reference=unit.needs.reference,
            needs_labels=unit.needs.labels,
            needs_score=unit.needs.score,
            bounds=unit.bounds,
            column_kinds=unit.needs.column_kinds,
        )
        for unit in METRICS.values()
    }
