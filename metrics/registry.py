"""The registry of metrics: one declared unit each, found by import, duplicates refused.

To add a metric, write one decorated function in a module of ``aimsight.metrics.catalogue``; nothing else is needed.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from aimsight.configs.errors import InvalidTextError, NotFoundError
from aimsight.configs.facts import ANY_KIND, ColumnKind, MetricFacts, Task
from aimsight.configs.metric_names import meant
from aimsight.configs.parameters import REQUIRED, Argument, MetricText, Parameter, bind, canonical, opened, parse
from aimsight.metrics.statistics import SegmentStatistics
from aimsight.metrics.values import Result

Kind = Literal[
    "segment",
    "errors",
    "change",
    "distribution",
    "groups",
    "column_quality",
    "quality",
    "estimate",
    "selection",
    "summary",
    "sample",
    "frame",
]
"""What a metric is computed from: statistics of a segment, sums of errors, reference and window of one column, the
segments of one group-by, the counts of one column, the rows of the window (``aimsight.metrics.inputs``), the drift of
its features, samples of rows, or frames of rows."""
Direction = Literal["higher", "lower", "zero", "one", "none"]
"""Which values are better: higher ones, lower ones, those near 0, those near 1, or none in itself."""
Compute = Callable[..., Result]
Decorated = TypeVar("Decorated", bound=Compute)

LISTS = "`aimsight metrics` lists them"
FAMILIES = ("performance", "estimated", "drift", "fairness", "quality")
_ID = re.compile(rf"^({'|'.join(FAMILIES)})\.[a-z][a-z0-9_]*$")


ALL_TASKS: frozenset[Task] = frozenset({"binary", "multiclass", "regression"})
CLASSIFICATION: frozenset[Task] = frozenset({"binary", "multiclass"})
BINARY: frozenset[Task] = frozenset({"binary"})
REGRESSION: frozenset[Task] = frozenset({"regression"})


OF = Parameter("of", "class", None, doc="measure this class against the rest", tasks=frozenset({"multiclass"}))
"""The parameter of metrics that can be measured for one class of a multiclass model."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be there for a metric to apply.

    A reference, labels, columns of the log (``score``, ``prediction``, ``id``, the two of ``interval``), a range or
    values declared for the column (``declared``), and the kinds of column that it is defined for. ``classes``: the
    function takes the names of the model's classes too, in the order of the matrix (kind ``segment``).
    """

    reference: bool = False
    labels: bool = False
    score: bool = False
    prediction: bool = False
    id: bool = False
    declared: bool = False
    interval: bool = False
    classes: bool = False
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
    parameters
        What may be given in brackets: ``performance.f_beta(beta=0.5)``.
    core
        Measured by default; other metrics only when ``metrics:`` or an objective names them.
    per_class
        Takes ``of=<class>`` in multiclass tasks: that class against the rest, measured as a binary model's decisions
        and scores are. The metric's function does not see it.
    specialise
        What the arguments change in the declaration (unit, bounds, tasks ...), where they change anything.
    arguments
        The arguments that this one is bound to, each different from its default.
    open_parameters
        Takes whatever further arguments it is given, as text: it is another library's, which checks them itself.
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
    parameters: tuple[Parameter, ...] = ()
    core: bool = True
    per_class: bool = False
    specialise: Callable[[Metric, Mapping[str, Argument]], Metric] | None = None
    arguments: tuple[tuple[str, Argument], ...] = ()
    open_parameters: bool = False

    @property
    def text(self) -> str:
        """The canonical text: the id, with the arguments that differ from their defaults."""
        return canonical(self.id, self.parameters, dict(self.arguments)) if self.arguments else self.id

    @property
    def one_class(self) -> str | None:
        """The class that is measured against the rest, if one is."""
        given = dict(self.arguments).get(OF.name) if self.per_class else None
        return None if given is None else str(given)

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
    parameters: tuple[Parameter, ...] = (),
    core: bool = True,
    per_class: bool = False,
    specialise: Callable[[Metric, Mapping[str, Argument]], Metric] | None = None,
    register: dict[str, Metric] = _registered,
) -> Callable[[Decorated], Decorated]:
    """Declare the decorated function as a metric; it stays an ordinary function.

    Raises
    ------
    DeclarationError
        When the id is taken or malformed, documentation, source, tasks or undefined cases are missing, or the
        parameters are not the keywords of the function.
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
                (core and any(one.required for one in parameters), "a metric that needs arguments cannot be core"),
                (
                    _keywords(function) != {one.name: one.default for one in parameters},
                    "its keywords and their defaults must be the parameters",
                ),
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
            id,
            version,
            tasks,
            kind,
            unit,
            bounds,
            direction,
            undefined_when,
            source,
            needs,
            function,
            doc,
            rests_on,
            (*parameters, OF) if per_class else parameters,
            core,
            per_class,
            specialise,
        )
        return function

    return declare


def declared(identity: str) -> Metric:
    """A metric of a module of the catalogue that has been imported, for one that is declared in its likeness."""
    return _registered[identity]


def register(unit: Metric) -> None:
    """Take up a metric that is made in the likeness of another one.

    Raises
    ------
    DeclarationError
        When the id is taken or malformed.
    """
    if unit.id in _registered or not _ID.match(unit.id):
        raise DeclarationError(f"metric {unit.id!r}: the id is taken, or not family.name")
    _registered[unit.id] = unit


def _keywords(function: Callable[..., Result]) -> dict[str, object]:
    """The keyword-only arguments of a function and their defaults."""
    return {
        one.name: REQUIRED if one.default is one.empty else one.default
        for one in inspect.signature(function).parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }


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


_RESOLVERS = {"evidently": "aimsight.metrics.evidently_source:resolve"}
"""Families whose metrics are made when somebody names one: prefix -> ``module:function``, imported when first asked.

The function takes an id of the family and raises ``NotFoundError`` when there is no such metric.
"""


def find(text: str) -> Metric:
    """The metric that a text names, bound to its arguments: ``performance.f_beta(beta=0.5)``.

    Raises
    ------
    NotFoundError
        When there is no such metric, or it does not take these arguments; it says what was meant.
    """
    return _find(text)


def measured_by(unit: Metric) -> Metric:
    """The performance metric that another one is about: the one its argument ``of`` names.

    Raises
    ------
    InvalidTextError
        When there is no such metric, or it is not computed from one segment alone.
    """
    name = str(dict(unit.arguments)["of"]).removeprefix("performance.")
    try:
        inner = find(f"performance.{name}")
    except NotFoundError as error:
        raise InvalidTextError(f"{unit.id}: {error}") from None
    if inner.kind not in ("segment", "errors"):
        why = {
            "frame": "is measured on rows, of which only counts are kept",
            "change": "compares with the reference itself",
        }
        raise InvalidTextError(f"{unit.id} cannot be about {name}, which {why[inner.kind]}")
    return inner


def described(text: str) -> Metric:
    """The metric of a text for reading about it: without arguments also one that could not be measured without them.

    Raises
    ------
    NotFoundError
        As ``find``.
    """
    return find(text) if "(" in text else _general(text)


@functools.lru_cache(maxsize=1024)
def _find(text: str) -> Metric:
    try:
        written = parse(text)
        return bound(_general(written.id), written)
    except InvalidTextError as error:
        meant = f"; did you mean {error.suggestion}?" if error.suggestion else ""
        raise NotFoundError(f"{error.problem}{meant}") from None


def bound(unit: Metric, written: MetricText) -> Metric:
    """A metric bound to the arguments that a text gives it.

    Raises
    ------
    InvalidTextError
        When it does not take them.
    """
    if unit.open_parameters:
        unit = replace(unit, parameters=opened(unit.parameters, written))
    arguments = bind(written, unit.parameters)
    given = {one.name: arguments[one.name] for one in unit.parameters if arguments[one.name] != one.default}
    if not given:
        return unit
    keywords = {name: value for name, value in given.items() if not (unit.per_class and name == OF.name)}
    made = replace(unit, arguments=tuple(given.items()))
    if keywords:
        made = replace(made, compute=functools.partial(unit.compute, **keywords))
    if made.one_class is not None:
        made = replace(made, tasks=frozenset({"multiclass"}))
    return unit.specialise(made, arguments) if unit.specialise is not None else made


def _general(identity: str) -> Metric:
    """The metric of an id, not bound to any arguments."""
    if identity in METRICS:
        return METRICS[identity]
    prefix = identity.partition(".")[0]
    if prefix in _RESOLVERS:
        module, _, name = _RESOLVERS[prefix].partition(":")
        made: Metric = getattr(importlib.import_module(module), name)(identity)
        return made
    near = meant(identity, METRICS)
    lists = f"`aimsight metrics {prefix}` lists those of {prefix}" if prefix in FAMILIES else LISTS
    raise NotFoundError(f'no metric "{identity}"; {f"did you mean {near}? " if near else ""}{lists}')


class _Facts(Mapping[str, MetricFacts]):
    """Facts by id; a text with arguments, or of a family that is made when named, has facts too."""

    def __getitem__(self, text: str) -> MetricFacts:
        try:
            written = parse(text)
            if written.arguments or written.id not in METRICS:
                return _facts_of(bound(_general(written.id), written) if written.arguments else _general(written.id))
            return _facts_of(METRICS[text])
        except NotFoundError:
            raise KeyError(text) from None

    def __iter__(self) -> Iterator[str]:
        return iter(METRICS)

    def __len__(self) -> int:
        return len(METRICS)


def facts() -> Mapping[str, MetricFacts]:
    """What the loader of configurations has to know of each metric."""
    return _Facts()


def _facts_of(unit: Metric) -> MetricFacts:
    return MetricFacts(
        id=unit.text,
        family=unit.family,
        tasks=unit.tasks,
        needs_column=unit.kind in ("distribution", "column_quality", "selection"),
        needs_over=unit.kind == "groups",
        needs_reference=unit.needs.reference,
        needs_labels=unit.needs.labels,
        needs_score=unit.needs.score,
        needs_interval=unit.needs.interval,
        needs_declared=unit.needs.declared,
        bounds=unit.bounds,
        direction=unit.direction,
        column_kinds=unit.needs.column_kinds,
        parameters=unit.parameters,
        open_parameters=unit.open_parameters,
    )
