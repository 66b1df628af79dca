"""Checks of metrics and objectives against the metric catalogue, whose facts the caller passes in.

An objective that passes can be measured: its metric exists, fits the task, finds what it needs in the model, and its
target is a value that the metric can have.
"""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from aimsight.configs.errors import InvalidTextError, did_you_mean, quoted_list
from aimsight.configs.metric_names import meant
from aimsight.configs.parameters import bind, canonical, opened, parse
from aimsight.configs.problems import Finding
from aimsight.configs.segments import JOIN, parse_segment
from aimsight.configs.targets import OPERATORS, Target, number_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aimsight.configs.draft import Draft
    from aimsight.configs.facts import MetricFacts
    from aimsight.configs.positions import Path

WHOLE_WINDOW_FAMILIES = frozenset({"drift", "fairness", "quality"})
"""Families whose metrics are measured over all rows of a window only."""


def objective_ids(draft: Draft) -> Iterator[Finding]:
    """Objectives are told apart by their ids, whatever the case."""
    seen: dict[str, int] = {}
    for position in _objectives(draft):
        identity = draft.text("objectives", position, "id")
        if identity is None:
            continue
        first = seen.setdefault(identity.casefold(), position)
        if first != position:
            yield Finding(("objectives", position, "id"), f"{identity} is already the id of objectives[{first}]")


def metric_globs(draft: Draft, facts: Mapping[str, MetricFacts]) -> Iterator[Finding]:
    """Every entry of ``metrics`` selects something that fits the task."""
    for path, glob in draft.texts("metrics"):
        if "(" in glob:
            found = _fact(draft, path, glob, facts)
            if isinstance(found, Finding):
                yield found
            elif draft.task and draft.task not in found.tasks:
                yield Finding(path, f"{glob} is defined for {_tasks(found)}, not for task {draft.task}")
            continue
        matched = [fact for name, fact in facts.items() if fnmatchcase(name, glob)]
        matched += [facts[glob]] if not matched and glob in facts else []
        if not matched:
            near = did_you_mean(glob, [*facts, *(f"{one}.*" for one in _families(facts))]) if "*" in glob else ""
            near = near or meant(glob, facts)
            yield Finding(path, f'no metric matches "{glob}"; `aimsight metrics` lists them', near)
        elif draft.task and not any(draft.task in fact.tasks for fact in matched):
            yield Finding(path, f'no metric that matches "{glob}" is defined for task {draft.task}')
        elif glob in facts and (missing := _required(facts[glob])):
            yield Finding(path, missing)


def objectives(draft: Draft, facts: Mapping[str, MetricFacts]) -> Iterator[Finding]:
    """Every objective can be measured."""
    selected = [glob for _, glob in draft.texts("metrics")]
    if not all("(" in glob or any(fnmatchcase(name, glob) for name in facts) for glob in selected):
        selected = []  # a glob that matches nothing is reported itself; its consequences are not
    for position in _objectives(draft):
        path: Path = ("objectives", position)
        metric = draft.text(*path, "metric")
        if metric is None:
            continue
        fact = _fact(draft, (*path, "metric"), metric, facts)
        if isinstance(fact, Finding):
            yield fact
            continue
        if selected and not any(_selects(glob, metric) for glob in selected):
            yield Finding((*path, "metric"), f"{metric} is not among the metrics of this model: add it to `metrics`")
        if draft.task and draft.task not in fact.tasks:
            yield Finding((*path, "metric"), f"{metric} is defined for {_tasks(fact)}, not for task {draft.task}")
            continue
        yield from _needs(draft, path, fact)
        yield from _column(draft, path, fact)
        yield from _over(draft, path, fact)
        yield from _segment(draft, path, fact)
        yield from _target(draft, path, fact)


def _fact(draft: Draft, path: Path, text: str, facts: Mapping[str, MetricFacts]) -> MetricFacts | Finding:
    """What is known of a metric with its arguments, or what is wrong with its text."""
    try:
        written = parse(text)
        general = facts.get(written.id)
        if general is None:
            near = meant(written.id, facts)
            return Finding(path, f'"{written.id}" is not a metric; `aimsight metrics` lists them', near)
        parameters = opened(general.parameters, written) if general.open_parameters else general.parameters
        arguments = bind(written, parameters)
    except InvalidTextError as error:
        return Finding(path, error.problem, error.suggestion)
    for parameter in parameters:
        given = arguments[parameter.name]
        if given in (None, parameter.default):
            continue
        if parameter.tasks and draft.task and draft.task not in parameter.tasks:
            tasks = " and ".join(sorted(parameter.tasks))
            return Finding(
                path, f"the parameter {parameter.name} of {general.id} is for task {tasks}, not for task {draft.task}"
            )
        if parameter.kind == "class" and draft.scores and given not in draft.scores:
            valid = quoted_list(draft.scores)
            near = did_you_mean(str(given), draft.scores)
            return Finding(path, f'"{given}" is not a class of this model; valid are {valid}', near)
    try:
        return facts.get(canonical(general.id, parameters, arguments)) or general
    except InvalidTextError as error:
        return Finding(path, error.problem, error.suggestion)


def _selects(glob: str, metric: str) -> bool:
    return glob.replace(" ", "") == metric.replace(" ", "") or fnmatchcase(parse(metric).id, glob)


def _required(fact: MetricFacts) -> str:
    """What has to be given to a metric that is named without arguments, if anything."""
    try:
        bind(parse(fact.id), fact.parameters)
    except InvalidTextError as error:
        return error.problem
    return ""


def _tasks(fact: MetricFacts) -> str:
    return " and ".join(sorted(fact.tasks))


def _objectives(draft: Draft) -> range:
    declared = draft.at("objectives")
    return range(len(declared)) if isinstance(declared, tuple) else range(0)


def _families(facts: Mapping[str, MetricFacts]) -> list[str]:
    return sorted({fact.family for fact in facts.values()})


def _needs(draft: Draft, path: Path, fact: MetricFacts) -> Iterator[Finding]:
    where = (*path, "metric")
    if fact.needs_reference and not draft.has("reference"):
        yield Finding(where, f"{fact.id} compares with a reference, and the model declares none: add `reference`")
    if fact.needs_labels and not draft.has("labels"):
        yield Finding(where, f"{fact.id} needs the truth, and the model declares none: add `labels`")
    score = "scores" if draft.task == "multiclass" else "score"
    if fact.needs_score and draft.has("log") and not draft.has("log", score):
        yield Finding(where, f"{fact.id} needs a probability, and the log declares none: add `log.{score}`")
    if fact.needs_declared and not fact.needs_column and not any(_is_declared(draft, name) for name in draft.features):
        yield Finding(where, f"{fact.id} needs a feature with a declared range or values: add one under `features`")
    if fact.needs_interval and draft.has("log") and not draft.has("log", "interval"):
        yield Finding(where, f"{fact.id} needs prediction intervals, and the log declares none: add `log.interval`")


def _column(draft: Draft, path: Path, fact: MetricFacts) -> Iterator[Finding]:
    where = (*path, "column")
    column = draft.text(*where)
    if not fact.needs_column:
        if draft.has(*where):
            yield Finding(where, f"{fact.id} looks at no single column; remove it")
        return
    kinds: dict[str, str | None] = dict(draft.features)
    if fact.family == "drift":
        numeric = draft.task == "regression"
        kinds |= {name: "numeric" for name in [draft.text("log", "score"), *draft.scores.values()] if name}
        decided = (draft.text("log", "prediction"), draft.text("labels", "label"))
        kinds |= {name: "numeric" if numeric else "category" for name in decided if name}
    fitting = [name for name, kind in kinds.items() if kind is None or kind in fact.column_kinds]
    if not draft.has(*where):
        yield Finding(path, f"{fact.id} looks at one column: add `column`, one of {quoted_list(fitting)}")
    elif column is not None and column not in kinds:
        yield Finding(
            where,
            f'"{column}" is not a column that {fact.id} looks at; valid are {quoted_list(fitting)}',
            did_you_mean(column, fitting),
        )
    elif column is not None and column not in fitting:
        yield Finding(where, f"{fact.id} is defined for {' and '.join(sorted(fact.column_kinds))} columns only")
    elif column is not None and fact.needs_declared and not _is_declared(draft, column):
        part = "values" if kinds[column] == "category" else "range"
        yield Finding(where, f"{fact.id} needs the {part} of {column}: add it under `features`")


def _is_declared(draft: Draft, feature: str) -> bool:
    """Whether the valid values of a feature are declared."""
    return draft.has("features", feature, "range") or draft.has("features", feature, "values")


def _over(draft: Draft, path: Path, fact: MetricFacts) -> Iterator[Finding]:
    where = (*path, "over")
    if not fact.needs_over:
        if draft.has(*where):
            yield Finding(where, f"{fact.id} compares no groups; for one group write `segment`")
        return
    groups = [_shown(group) for group in draft.groups]
    valid = f"one of {quoted_list(groups)}" if groups else "a column listed under `protected`"
    if not draft.has(*where):
        yield Finding(path, f"{fact.id} compares groups: add `over`, {valid}")
        return
    over = tuple(name for _, name in draft.texts(*where))
    if not over or over in draft.groups:
        return
    reordered = next((group for group in draft.groups if sorted(group) == sorted(over)), None)
    near = _shown(reordered) if reordered else did_you_mean(_shown(over), groups)
    yield Finding(where, f"{_shown(over)} is neither a protected column nor a declared segment; write {valid}", near)


def _shown(group: tuple[str, ...]) -> str:
    return group[0] if len(group) == 1 else f"[{', '.join(group)}]"


def _segment(draft: Draft, path: Path, fact: MetricFacts) -> Iterator[Finding]:
    where = (*path, "segment")
    text = draft.text(*where)
    if text is None:
        return
    if fact.family in WHOLE_WINDOW_FAMILIES:
        yield Finding(where, f"{fact.id} is measured over all rows only; remove it")
        return
    if text in draft.filters:
        return
    near = did_you_mean(text, draft.filters)
    if near:
        yield Finding(where, f'"{text}" is not a declared filter', near)
        return
    if not draft.groups:
        yield Finding(where, "the model declares neither `segments` nor `filters` nor `protected` columns")
        return
    try:
        pairs = parse_segment(text, draft.group_columns)
    except InvalidTextError as error:
        yield Finding(where, error.problem, error.suggestion)
        return
    columns = tuple(column for column, _ in pairs)
    if columns not in draft.groups:
        group = next((group for group in draft.groups if sorted(group) == sorted(columns)), None)
        near = JOIN.join(f"{column}={dict(pairs)[column]}" for column in group) if group else ""
        how = f"is declared as {_shown(group)}: keep its order" if group else "is not a declared segment"
        yield Finding(where, f"{_shown(columns)} {how}", near)
        return
    for column, value in pairs:
        agreed = draft.category_values(column)
        if agreed is not None and value not in {*agreed, "(missing)"}:
            yield Finding(
                where, f'{column} has no value "{value}"; valid are {quoted_list(agreed)}', did_you_mean(value, agreed)
            )


def _target(draft: Draft, path: Path, fact: MetricFacts) -> Iterator[Finding]:
    text = draft.text(*path, "target")
    try:
        target = Target.parse(text) if text is not None else None
    except InvalidTextError:
        target = None  # reported where the key itself is checked
    low, high = fact.bounds
    least, greatest = (-math.inf if low is None else low), (math.inf if high is None else high)
    if target is not None:
        outside = [limit for limit in target.limits if not least <= limit <= greatest]
        if outside:
            near = _as_share(target, least, greatest)
            yield Finding(
                (*path, "target"), f"{fact.id} {_range_words(low, high)}, never {number_text(outside[0])}", near
            )
        else:
            yield from _wrong_side((*path, "target"), target, fact)
    tolerance = draft.at(*path, "tolerance")
    if isinstance(tolerance, int | float) and tolerance > greatest - least:
        near = number_text(tolerance / 100) if tolerance / 100 <= greatest - least else ""
        yield Finding(
            (*path, "tolerance"),
            f"{number_text(tolerance)} is wider than the range of {fact.id}, which {_range_words(low, high)}",
            near,
        )


def _range_words(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f"lies between {number_text(low)} and {number_text(high)}"
    return f"is at least {number_text(low)}" if low is not None else f"is at most {number_text(high or 0.0)}"


def _as_share(target: Target, least: float, greatest: float) -> str:
    """The target with its numbers read as per cent, when the metric can have those values."""
    shares = [limit / 100 for limit in target.limits]
    if not all(least <= share <= greatest for share in shares):
        return ""
    operator = OPERATORS[target.operator]
    low = shares[0] if operator.has_low else None
    high = shares[-1] if operator.has_high else None
    return f'"{Target(operator.name, low, high)}"'


def _wrong_side(path: Path, target: Target, fact: MetricFacts) -> Iterator[Finding]:
    """A target that only forbids good values was most likely turned around."""
    if fact.direction == "higher" and target.low is None:
        near = Target(">=", low=target.high)
        yield Finding(path, f'higher is better for {fact.id}, and "{target}" sets no least value', f'"{near}"')
    elif fact.direction == "lower" and target.high is None:
        near = Target("<=", high=target.low)
        yield Finding(path, f'lower is better for {fact.id}, and "{target}" sets no greatest value', f'"{near}"')
