"""Evidently as a source of breadth: any of its metrics, values of its presets and descriptors of text, by name.

    evidently.NDCG(k=10, user=customer, item=article, target=bought, prediction=rank, value=value.9)
    evidently.TextLength(column=answer)
    evidently.Contains(column=answer, items="[sorry, cannot]", value=true)
    evidently.DataDriftPreset(value=DriftedColumnsCount.share)

It is computed on rows that aimsight draws and slices, each metric in a report of its own, so that one that fails loses
nothing else. It costs seconds where aimsight's own metrics cost milliseconds, and gives no interval: prefer
aimsight's own metric where there is one. Evidently is imported when the first such metric is computed, not before.
"""

from __future__ import annotations

import ast
import functools
import importlib
import importlib.util
import math
import os
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aimsight.configs.errors import NotFoundError
from aimsight.configs.fields import category_text
from aimsight.configs.filters import columns, parse
from aimsight.configs.parameters import Parameter
from aimsight.metrics.intervals import Z, wilson
from aimsight.metrics.registry import ALL_TASKS, Metric, Needs
from aimsight.metrics.values import Interval, Undefined, Value

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from aimsight.configs.schema import ModelConfig
    from aimsight.metrics.frames import Frame, FramePair
    from aimsight.metrics.values import Result

MODULES = ("metrics", "presets", "descriptors")
VALUE, COLUMN = "value", "column"
RANKING = ("user", "item", "target", "prediction")
"""Arguments that name the columns of a ranking."""
TARGET, PREDICTION = "aimsight target", "aimsight prediction"
"""Columns that are added for evidently: names that no log is likely to have."""


@functools.cache
def known() -> dict[str, str]:
    """Every name that can be measured, with the module of evidently it is from; read from its sources, not imported."""
    spec = importlib.util.find_spec("evidently")
    found: dict[str, str] = {}
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for module in MODULES:
            path = Path(folder) / module / "__init__.py"
            if path.is_file():
                found |= dict.fromkeys(_exported(path.read_text(encoding="utf-8")), module)
    return found


def _exported(source: str) -> list[str]:
    """The names in ``__all__``, else what is imported at the top of a module."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            return [str(name) for name in ast.literal_eval(node.value)]
    return [one.asname or one.name for node in tree.body if isinstance(node, ast.ImportFrom) for one in node.names]


def resolve(identity: str) -> Metric:
    """The metric of an id such as ``evidently.NDCG``; its arguments are evidently's own, and ``value``.

    Raises
    ------
    NotFoundError
        When evidently has nothing of that name.
    """
    name = identity.partition(".")[2]
    if name not in known():
        raise NotFoundError.named("metric of evidently", name, known())
    return Metric(
        id=identity,
        version=1,
        tasks=ALL_TASKS,
        kind="frame",
        unit="as evidently gives it",
        bounds=(None, None),
        direction="none",
        undefined_when=("evidently gives no number, or fails on these rows",),
        source="Evidently, documentation of its version 0.7",
        needs=Needs(),
        compute=functools.partial(compute, name),
        doc=f"Evidently's {name}, on at most 20,000 rows of window and reference.\n\n"
        "`value` says which of several numbers is meant. Interval: only for descriptors of text.",
        parameters=parameters(name),
        core=False,
        open_parameters=True,
    )


NUMBERS = {"CountMetric": ("count", "share"), "MeanStdMetric": ("mean", "std")}
"""Numbers that the metrics of a base class of evidently give."""
BY_LABEL = {"ByLabelMetric": "the label", "ByLabelCountMetric": "counts.<label> or shares.<label>"}


def parameters(name: str) -> tuple[Parameter, ...]:
    """What has to be said of what evidently calls by this name: the column of a text, which of several numbers."""
    module = known()[name]
    if module == "descriptors":
        return (Parameter(COLUMN, "text", doc="the column of the text"),)
    if module == "presets":
        return (Parameter(VALUE, "text", doc="the number that is meant, such as DriftedColumnsCount.share"),)
    bases = _ancestors(name)
    for base, numbers in NUMBERS.items():
        if base in bases:
            return (Parameter(VALUE, "word", doc="the number that is meant", choices=numbers),)
    return tuple(Parameter(VALUE, "text", doc=what) for base, what in BY_LABEL.items() if base in bases)


def _ancestors(name: str) -> set[str]:
    """Every class that a metric is made from, by name."""
    bases, found, left = _bases(), set[str](), [name]
    while left:
        more = set(bases.get(left.pop(), ())) - found
        found |= more
        left += more
    return found


@functools.cache
def _bases() -> dict[str, tuple[str, ...]]:
    """The base classes of evidently's metrics, read from its sources, not imported."""
    spec = importlib.util.find_spec("evidently")
    found: dict[str, tuple[str, ...]] = {}
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        for path in sorted((Path(folder) / "metrics").glob("*.py")):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    found[node.name] = tuple(base.id for base in node.bases if isinstance(base, ast.Name))
    return found


def compute(name: str, pair: FramePair, model: ModelConfig, **arguments: str) -> Result:
    """Compute one metric of evidently on the rows of one segment.

    Parameters
    ----------
    name
        What evidently calls it.
    pair
        Rows of window and reference.
    arguments
        Arguments as text; evidently converts them.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("ITERATIVE_DO_NOT_TRACK", "1")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # evidently's own code raises warnings that no caller can act on
        module = importlib.import_module(f"evidently.{known()[name]}")
        made = getattr(module, name)
        if known()[name] == "descriptors":
            return _describe(made, pair, model, arguments)
        ours = {VALUE, *(RANKING if _is_ranking(arguments) else ())}
        given = {key: _typed(text) for key, text in arguments.items() if key not in ours}
        found = _report(made(**given), pair, model, arguments)
    return _value(found, arguments.get(VALUE, ""), pair)


def _report(metric: Any, pair: FramePair, model: ModelConfig, arguments: Mapping[str, str]) -> dict[str, Any]:  # noqa: ANN401  # a class of evidently
    """Every number of a report that holds this metric or preset alone, by the metric's name and its own key."""
    import evidently

    roles = _roles(metric, model, arguments)
    definition = _definition(pair.window, model, roles)
    current, reference = (
        None
        if frame is None
        else evidently.Dataset.from_pandas(_table(frame, model, roles), data_definition=definition)
        for frame in (pair.window, pair.reference)
    )
    snapshot = evidently.Report([metric]).run(current, reference)
    numbers: dict[str, Any] = {}
    for one in snapshot.dict()["metrics"]:
        short = str(one["metric_name"]).partition("(")[0]
        for key, number in _numbers(one["value"]):
            numbers.setdefault(f"{short}.{key}" if key else short, number)
    return numbers


def _numbers(value: Any, prefix: str = "") -> list[tuple[str, float]]:  # noqa: ANN401  # whatever evidently gives
    if isinstance(value, dict):
        return [
            found
            for key, inner in value.items()
            for found in _numbers(inner, f"{prefix}.{key}" if prefix else str(key))
        ]
    try:
        return [(prefix, float(value))]
    except (TypeError, ValueError):
        return []


def _value(numbers: Mapping[str, float], wanted: str, pair: FramePair) -> Result:
    """The number that is asked for, by the end of its name."""
    n = pair.window.rows
    fitting = [name for name in numbers if not wanted or name == wanted or name.endswith(f".{wanted}")]
    if not fitting:
        return Undefined(f"evidently gives no number {wanted}; it gives {', '.join(sorted(numbers)) or 'none'}", n)
    if len(fitting) > 1:
        return Undefined(f"evidently gives several numbers; name one with value=: {', '.join(sorted(fitting))}", n)
    number = numbers[fitting[0]]
    if not math.isfinite(number):
        return Undefined(f"evidently gives {number}", n)
    return Value(number, n, detail=_detail(pair))


def _detail(pair: FramePair) -> str:
    rows = pair.window
    sampled = f" on a sample of {rows.total:,} rows" if rows.rows < rows.total else ""
    return f"evidently {version('evidently')}{sampled}"


def _describe(made: Any, pair: FramePair, model: ModelConfig, arguments: Mapping[str, str]) -> Result:  # noqa: ANN401  # a class of evidently
    """The mean of a descriptor over the rows or, where it gives words, the share of the one that is asked for."""
    import evidently

    given = {key: _typed(text) for key, text in arguments.items() if key not in {VALUE, COLUMN}}
    column = arguments.get(COLUMN)
    if column is None:
        return Undefined("a descriptor needs the column of the text: column=...", pair.window.rows)
    table = _table(pair.window, model, _Roles())[[column]].dropna()
    if table.empty:
        return Undefined(f"no text in column {column}", pair.window.rows)
    data = evidently.Dataset.from_pandas(table, data_definition=evidently.DataDefinition(text_columns=[column]))
    data.add_descriptors([made(column, alias="described", **given)])
    described = data.as_dataframe()["described"].dropna()
    n, wanted = len(described), arguments.get(VALUE)
    if n == 0:
        return Undefined("evidently describes no row", len(table))
    if wanted is not None:
        hits = int((described.astype(str).str.lower() == wanted.lower()).sum())
        return Value(hits / n, n, wilson(hits, n), detail=_detail(pair))
    try:
        numbers = described.astype("float64")
    except (TypeError, ValueError):
        words = ", ".join(sorted(map(str, described.unique()))[:5])
        return Undefined(f"evidently describes rows by words ({words}); name one with value=", n)
    mean, error = float(numbers.mean()), float(numbers.std(ddof=1)) / math.sqrt(n) if n > 1 else 0.0
    interval = Interval(mean - Z * error, mean + Z * error, "normal") if n > 1 else None
    return Value(mean, n, interval, detail=_detail(pair))


@dataclass(frozen=True, slots=True)
class _Roles:
    """What the rows are to evidently: decisions with their truth, a ranking, or plain columns."""

    labelled: bool = False
    ranking: Mapping[str, str] | None = None


def _roles(metric: Any, model: ModelConfig, arguments: Mapping[str, str]) -> _Roles:  # noqa: ANN401  # a class of evidently
    module = type(metric).__module__
    if _is_ranking(arguments):
        return _Roles(ranking={name: arguments[name] for name in RANKING if name in arguments})
    needs_labels = any(word in module for word in ("classification", "regression"))
    return _Roles(labelled=needs_labels and model.labels is not None)


def _is_ranking(arguments: Mapping[str, str]) -> bool:
    return "user" in arguments and "item" in arguments


def _definition(frame: Frame, model: ModelConfig, roles: _Roles) -> Any:  # noqa: ANN401  # a class of evidently
    """What evidently has to know of the columns."""
    import evidently

    kinds = {name: feature.kind for name, feature in model.features.items()}
    numeric = [name for name, values in frame.columns.items() if kinds.get(name, _kind(values)) == "numeric"]
    groups = _groups(model)  # categories too, which evidently would take for texts to be read
    words = [
        name
        for name, values in frame.columns.items()
        if kinds.get(name) == "category" or (name in groups and _kind(values) == "text")
    ]
    parts: dict[str, Any] = {}
    if roles.ranking is not None:
        ranking = dict(roles.ranking)
        ids = [ranking.pop("user"), ranking.pop("item")]
        parts["ranking"] = [evidently.Recsys(user_id=ids[0], item_id=ids[1], **ranking)]
        words += [name for name in ids if name not in words]
    elif roles.labelled and model.task == "regression":
        parts["regression"] = [evidently.Regression(target=TARGET, prediction=str(model.log.prediction))]
        numeric = [*numeric, TARGET]
    elif roles.labelled:
        predicted = PREDICTION if model.log.prediction else None
        words += [name for name in (TARGET, predicted) if name]
        parts["classification"] = [
            evidently.BinaryClassification(
                target=TARGET, prediction_labels=predicted, prediction_probas=model.log.score, pos_label=1
            )
            if model.task == "binary"
            else evidently.MulticlassClassification(
                target=TARGET, prediction_labels=predicted, prediction_probas=list(model.log.scores or {}) or None
            )
        ]
    numeric = [name for name in numeric if name not in words]
    texts = [name for name in frame.columns if name not in {*numeric, *words}]
    return evidently.DataDefinition(
        numerical_columns=numeric, categorical_columns=words, text_columns=texts or None, **parts
    )


def _groups(model: ModelConfig) -> set[str]:
    """Columns that are no features and hold a word out of few: groups, decisions, parts of filters."""
    found = {*model.protected, *(name for entry in model.segments for name in entry), str(model.log.prediction)}
    return found.union(*(columns(parse(text)) for text in model.filters.values()))


def _kind(values: NDArray[Any]) -> str:
    return "text" if values.dtype == object else "numeric"


def _table(frame: Frame, model: ModelConfig, roles: _Roles) -> pd.DataFrame:
    """The rows as a data frame, those with a usable label only where the metric is about labels."""
    import pandas as pd

    if not roles.labelled or frame.labels is None:
        return pd.DataFrame(dict(frame.columns))
    usable = frame.where(~pd.isna(frame.labels))
    table, labels = pd.DataFrame(dict(usable.columns)), usable.labels
    table[TARGET] = labels
    prediction = model.log.prediction
    if model.task == "binary":
        table[TARGET] = table[TARGET].astype("int64")
        if prediction is not None:
            table[PREDICTION] = (table[prediction].astype(str) == category_text(model.log.positive)).astype("int64")
    elif model.task == "multiclass":
        if prediction is not None:
            table[PREDICTION] = table[prediction]
        # evidently takes the name of a column of scores for the class
        table = table.drop(columns=[name for name in (model.log.scores or {}) if name in table])
        table = table.rename(columns={column: name for name, column in (model.log.scores or {}).items()})
    return table


def _typed(text: str) -> object:
    """A number, a truth value, a text or a list of them."""
    if text.startswith("[") and text.endswith("]"):
        return [_typed(part.strip()) for part in text[1:-1].split(",") if part.strip()]
    if text.lower() in {"true", "false"}:
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
