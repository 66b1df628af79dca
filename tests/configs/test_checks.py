"""Every mistake that a model file can hold, one at a time, with the exact text that answers it."""

# ruff: noqa: E501  # a table of mistakes is read line by line: one mistake, one line
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aimsight.configs.errors import ConfigError
from aimsight.configs.load import parse_model

if TYPE_CHECKING:
    from aimsight.configs.facts import MetricFacts

TYPES = [
    ("model: wage-band", "model: Wage Band", 'model: "Wage Band" is not an id; use lower-case letters, digits and single hyphens, at most 63; did you mean wage-band?'),
    ('version: "2"', "version: 2", 'version: must be text, not the number 2; did you mean "2"?'),
    ('version: "2"', "version: true", 'version: must be text, not true; did you mean "true"?'),
    ('version: "2"', "version: [2]", "version: must be text, not a list"),
    ('version: "2"', "version:", "version: is empty; it must be text, or the key is left out"),
    ('version: "2"', 'version: "a\\u202eb"', "version: a name holds no control characters, and this one holds U+202E"),
    ('version: "2"', f'version: {"x" * 256}', "version: a name has at most 255 characters, and this one has 256"),
    ('version: "2"\n', "", 'version: is missing: version of the model, in quotes: "2"'),
    ("risk: high", "risk: HIGH", 'risk: must be one of minimal, limited, high, not "HIGH"; did you mean high?'),
    ("task: binary", "task: binery", 'task: must be one of binary, multiclass, regression, not "binery"; did you mean binary?'),
    ("risk: high", "risk: high\nrisky: yes", "risky: unknown key; known keys are model, version, owner, intended_use, risk, task, log, labels, features, protected, segments, filters, reference, monitor, metrics, drift, drift_fdr, min_group, objectives; did you mean risk?"),
    ("risk: high", "risk: high\nmin_group: many", 'min_group: must be a whole number, not the text "many"'),
    ("risk: high", "risk: high\nmin_group: 2.5", "min_group: must be a whole number, not the number 2.5"),
    ("risk: high", "risk: high\ndrift: exakt", 'drift: must be one of binned, exact, not "exakt"; did you mean exact?'),
    ("intended_use: Suggest a wage band to a human reviewer.", 'intended_use: " "', "intended_use: must not be empty"),
    ("source: data/*.parquet", "source: [data/*.parquet, 3]", 'log.source[1]: must be text, not the number 3; did you mean "3"?'),
    ("source: data/*.parquet", "source: []", "log.source: must not be empty"),
    ("source: data/*.parquet", "source: 3", 'log.source: must be text or a list, not the number 3; did you mean "3"?'),
    ("  timestamp: decided_at", "  timestamp: decided_at\n  positive: 1.0", 'log.positive: must be text or a whole number or true or false, not the number 1.0; did you mean "1.0"?'),
    ("Europe/Vienna", "Vienna", 'log.time_zone: "Vienna" is not an IANA time zone such as UTC or Europe/Vienna; did you mean Europe/Vienna?'),
    ("Europe/Vienna", "../../etc/passwd", 'log.time_zone: "../../etc/passwd" is not an IANA time zone such as UTC or Europe/Vienna'),
    ("  timestamp: decided_at", '  timestamp: decided_at\n  timestamp_format: "%d.%m.%Q"', 'log.timestamp_format: "%d.%m.%Q" does not say how a time is written: %Q is no code of it; %Y year, %m month, %d day, %H hour, %M minute, %S second, %z offset, such as %d.%m.%Y %H:%M; or one of iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns'),
    ("  timestamp: decided_at", '  timestamp: decided_at\n  timestamp_format: "%d.%m. %"', 'log.timestamp_format: "%d.%m. %" does not say how a time is written: % is no code of it; %Y year, %m month, %d day, %H hour, %M minute, %S second, %z offset, such as %d.%m.%Y %H:%M; or one of iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns'),
    ("  timestamp: decided_at", "  timestamp: decided_at\n  timestamp_format: DD.MM.YYYY", 'log.timestamp_format: "DD.MM.YYYY" does not say how a time is written: it has no year; %Y year, %m month, %d day, %H hour, %M minute, %S second, %z offset, such as %d.%m.%Y %H:%M; or one of iso8601, epoch_s, epoch_ms, epoch_us, epoch_ns'),
    ("delay: 30d", "delay: 30", "labels.delay: a duration needs a unit: h, d, w, mo, q or y; did you mean 30d?"),
    ("delay: 30d", "delay: [30d]", "labels.delay: a duration is a whole number and a unit: 1h, 1d, 1w, 1mo, 1q, 1y"),
    ("delay: 30d", "delay: 200y", "labels.delay: a duration is at most 100 years long"),
    ("delay: 30d", 'min_coverage: "0,8"', 'labels.min_coverage: must be a number, not the text "0,8"; did you mean 0.8?'),
    ("delay: 30d", "min_coverage: 80%", 'labels.min_coverage: must be a number, not the text "80%"; did you mean 0.8?'),
    ("delay: 30d", "min_coverage: true", "labels.min_coverage: must be a number, not true"),
    ("delay: 30d", "min_coverage: 80", "labels.min_coverage: must be at most 1, not 80; did you mean 0.8?"),
    ("delay: 30d", "min_coverage: -1", "labels.min_coverage: must be at least 0, not -1"),
    ("job: category", "job: categorical", 'features.job: must be one of numeric, category, not "categorical"; did you mean category?'),
    ("job: category", "job: 3", "features.job: must be keys and values, not the number 3"),
    ("job: category", "job: {kind: category, range: [1, 2]}", "features.job: range belongs to kind numeric; a category has values"),
    ("job: category", "job: {kind: numeric, values: [a]}", "features.job: values belong to kind category; a numeric column has a range"),
    ("job: category", "job: {kind: category, values: []}", "features.job.values: must not be empty"),
    ("job: category", "job: {kind: category, values: [a, a]}", "features.job.values: a is listed twice"),
    ("job: category", "job: {kind: category, values: [1.5]}", 'features.job.values[0]: must be text, not the number 1.5; did you mean "1.5"?'),
    ("job: category", '"a\\nb": category', 'features["a\\nb"]: a name holds no control characters, and this one holds U+000A'),
    ("range: [18, 120]", "range: [120, 18]", "features.age: the range ends before it begins; did you mean [18, 120]?"),
    ("range: [18, 120]", "range: [18]", "features.age.range: needs two values: [first, last]"),
    ("range: [18, 120]", "range: [1, 2, 3]", "features.age.range: has at most 2 values"),
    ("range: [18, 120]", "range: 18", "features.age.range: must be a list, not the number 18; did you mean [18]?"),
    ("protected: [gender]", "protected: gender", 'protected: must be a list, not the text "gender"; did you mean [gender]?'),
    ("reference: {period: [1974-01-01, 1985-01-01]}", "reference: 1974", "reference: must be keys and values, not the number 1974"),
    ("reference: {period: [1974-01-01, 1985-01-01]}", "reference: {windows: 1y}", "reference: a reference has either a period of the log or a source of its own"),
    ("period: [1974-01-01, 1985-01-01]", "period: [1974-01-01, 1985-01-01], labels_source: x", "reference: labels_source belongs to a reference with its own source"),
    ("period: [1974-01-01, 1985-01-01]", "period: [1974-01-01, 1985-01-01], rolling: 2", "reference.rolling: must be at least 3, not 2"),
    ("period: [1974-01-01, 1985-01-01]", "period: [1974-01-01, 1985-01-01], rolling: 9, season: month", "reference: of season, rolling and expanding only one can be: each says what drift is from"),
    ("1974-01-01, 1985", "1.2.1974, 1985", 'reference.period[0]: "1.2.1974" is not a date; write YYYY-MM-DD; did you mean 1974-02-01?'),
    ("1974-01-01, 1985", "1974-02-30, 1985", 'reference.period[0]: "1974-02-30" is not a date: the calendar has no such day'),
    ("1974-01-01, 1985", "1974-01-01T25:00, 1985", 'reference.period[0]: "1974-01-01T25:00" is not a date or time; write YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS with an offset'),
    ("1974-01-01, 1985", "1974, 1985", "reference.period[0]: must be a date (YYYY-MM-DD) or a time (YYYY-MM-DDTHH:MM:SS with an offset), not the number 1974"),
    ("window: 1d", "window: {rows: 800}", 'monitor.window: a window is a duration (1d), "1000 rows" or "12 chunks"; did you mean 800 rows?'),
    ("every: 1d", "every: 1 day", 'monitor.every: "1 day" is not a duration; write a whole number and a unit: 1h, 1d, 1w, 1mo, 1q, 1y; did you mean 1d?'),
    ("lookback: 45d", "start: 1974-01-01T00:00", 'monitor.start: "1974-01-01T00:00" is not a date; write YYYY-MM-DD'),
    ("id: OBJ-01", "id: OBJ 01", 'objectives[0].id: "OBJ 01" is not an id; use letters, digits, ".", "_" and "-", at most 63; did you mean OBJ-01?'),
    ('target: ">= 0.83"', "target: 0.83", 'objectives[0].target: a target is an operator and a number: ">= 0.83", "<= 0.1" or "between -1.5 and 1.5"'),
    ('target: ">= 0.83"', 'target: "> 0.83"', 'objectives[0].target: "> 0.83" is not a target; write ">= 0.83", "<= 0.1" or "between -1.5 and 1.5"; did you mean ">= 0.83"?'),
    ("tolerance: 0.01", "tolerance: -1", "objectives[0].tolerance: must be at least 0, not -1"),
    ("tolerance: 0.01", "tolerance: .nan", "objectives[0].tolerance: .nan is not a finite number"),
    ("tolerance: 0.01", "zero_tolerance: on", 'objectives[0].zero_tolerance: must be true or false, not the text "on"; did you mean true?'),
    ("tolerance: 0.01", "min_rows: 1e3", "objectives[0].min_rows: must be a whole number, not the number 1e3; did you mean 1000?"),
    ("tolerance: 0.01", "opens: {failures: 4}", "objectives[0].opens: 4 of 3 windows cannot fail; did you mean of: 4?"),
    ("tolerance: 0.01", "opens: {fails: 4}", "objectives[0].opens.fails: unknown key; known keys are failures, of; did you mean failures?"),
    ("tolerance: 0.01", "tolerance: 0.01\n    tolerance: 1", "objectives[0].tolerance: the key is written twice, first in line 28"),
    ("lookback: 45d", "start: 1985-01-01, end: 1985-01-01", "monitor: monitoring ends before it starts"),
    ("risk: high", "risk: high\nwhatever: DECIDE", "whatever: unknown key; known keys are model, version, owner, intended_use, risk, task, log, labels, features, protected, segments, filters, reference, monitor, metrics, drift, drift_fdr, min_group, objectives"),
    ("severity: major", "severity: DECIDE", "objectives[0].severity: is still to be decided: severity of a nonconformity that it opens"),
]  # fmt: skip

CROSS = [
    ("age: {", "Gender: {", 'protected[0]: "gender" and "Gender" differ only in case; did you mean Gender?'),
    ("job: category", "café: category\n  cafe\u0301: category", 'features["cafe\u0301"]: "cafe\u0301" and "café" differ only in Unicode form; did you mean café?'),
    ("label: is_high", "id: ID, label: id", 'labels.label: "id" and "ID" differ only in case; did you mean ID?'),
    ("score: p_high", "score: band_high", "log.score: the column band_high is already the prediction"),
    ("job: category", "is_high: category", "features.is_high: is_high is the label: a feature that knows the truth is a leak; remove it"),
    ("job: category", "p_high: numeric", "features.p_high: p_high is the score of the log and no feature; remove it"),
    ("job: category", "band_high: category", "features.band_high: band_high is the prediction of the log and no feature; remove it"),
    ("job: category", "decision_id: category", "features.decision_id: decision_id is the id of the log and no feature; remove it"),
    ("protected: [gender]", "protected: [gender, decision_id]", "protected[1]: decision_id is the id of the log: every row would be a group of its own"),
    ("protected: [gender]", "protected: [gender, gender]", "protected[1]: gender is listed twice"),
    ("[gender, age_group]]", "[gender, age_group], [age_group, gender]]", "segments[2]: [age_group, gender] is listed already, as [gender, age_group]"),
    ("[gender, age_group]]", "[gender, gender]]", "segments[1]: names a column twice"),
    ("  score: p_high", "  score: p_high\n  scores: {a: pa, b: pb}", "log.scores: belongs to task multiclass; a binary model has one score; did you mean score?"),
    ("source: data/*.parquet", "source: data/log.duckdb", "log.source: data/log.duckdb holds tables: say which one; did you mean table: NAME?"),
    ("source: data/*.parquet", "source: data/*.parquet\n  table: t", "log.table: only .duckdb files hold tables; remove it"),
    ("source: data/*.parquet", "source: [a.duckdb, b.duckdb]\n  table: t", "log.source: a .duckdb file stands alone, not in a list"),
    ("  id: decision_id\n", "", "log: labels in a source of their own are joined by id, and the log names no id; did you mean id: COLUMN?"),
    ("source: outcomes/*.parquet, label", "id: x, label", "labels.id: belongs to labels with a source of their own; remove it"),
    ("1974-01-01, 1985-01-01", "1985-01-01, 1974-01-01", "reference.period: the period ends before it begins (its end is not part of it); did you mean [1974-01-01, 1985-01-01]?"),
    ("1974-01-01, 1985-01-01", "1974-01-01, 1974-01-01", "reference.period: the period ends before it begins (its end is not part of it)"),
    ("1974-01-01, 1985-01-01]", "1974-01-01T10:00:00+02:00, 1974-01-01T08:00:00Z]", "reference.period: the period ends before it begins (its end is not part of it)"),
    ("1974-01-01, 1985-01-01]", "1974-01-01, 1974-02-01], windows: 2mo", "reference.windows: windows of 2mo do not fit into the period"),
    ("lookback: 45d", "lookback: 1h", "monitor.lookback: is shorter than one window (1d); did you mean 1d?"),
    ("id: OBJ-02", "id: obj-01", "objectives[1].id: obj-01 is already the id of objectives[0]"),
    ("objectives:", "metrics: [perf.*]\nobjectives:", 'metrics[0]: no metric matches "perf.*"; `aimsight metrics` lists them; did you mean performance.*?'),
    ("objectives:", "metrics: ['*', performance.mae]\nobjectives:", 'metrics[1]: no metric that matches "performance.mae" is defined for task binary'),
    ("objectives:", "metrics: [performance.*, drift.*]\nobjectives:", "objectives[1].metric: fairness.gap is not among the metrics of this model: add it to `metrics`"),
    ("performance.roc_auc", "performance.auc_roc", 'objectives[0].metric: "performance.auc_roc" is not a metric; `aimsight metrics` lists them; did you mean performance.roc_auc?'),
    ("metric: performance.roc_auc", "metric: performance.f_beta(bta=2)", "objectives[0].metric: performance.f_beta has no parameter bta; it takes beta, of; did you mean beta?"),
    ("metric: performance.roc_auc", "metric: performance.f_beta(beta=two)", "objectives[0].metric: beta must be a number from 0 to 100, not two"),
    ("metric: performance.roc_auc", "metric: performance.f_beta", "objectives[0].metric: performance.f_beta needs beta, a number from 0 to 100: write performance.f_beta(beta=...)"),
    ("metric: performance.roc_auc", "metric: performance.f_beta(beta=2", 'objectives[0].metric: "performance.f_beta(beta=2" has no closing bracket; did you mean performance.f_beta(beta=2)?'),
    ("metric: performance.roc_auc", "metric: performance.f_bta(beta=2)", 'objectives[0].metric: "performance.f_bta" is not a metric; `aimsight metrics` lists them; did you mean performance.f_beta?'),
    ("metric: performance.roc_auc", "metric: performance.roc_auc(x=1)", "objectives[0].metric: performance.roc_auc has no parameter x; it takes none"),
    ("metric: performance.roc_auc", "metric: performance.f_beta(beta=2, of=a)", "objectives[0].metric: the parameter of of performance.f_beta is for task multiclass, not for task binary"),
    ("objectives:", "metrics: ['*', performance.f_beta(beta=x)]\nobjectives:", "metrics[1]: beta must be a number from 0 to 100, not x"),
    ("objectives:", "metrics: ['*', performance.f_beta]\nobjectives:", "metrics[1]: performance.f_beta needs beta, a number from 0 to 100: write performance.f_beta(beta=...)"),
    ("metric: performance.roc_auc", "metric: performance.mae", "objectives[0].metric: performance.mae is defined for regression, not for task binary"),
    ("reference: {period: [1974-01-01, 1985-01-01]}\n", "", "objectives[2].metric: drift.psi compares with a reference, and the model declares none: add `reference`"),
    ("labels: {source: outcomes/*.parquet, label: is_high, delay: 30d}\n", "", "objectives[0].metric: performance.roc_auc needs the truth, and the model declares none: add `labels`"),
    ("  score: p_high\n", "", "objectives[0].metric: performance.roc_auc needs a probability, and the log declares none: add `log.score`"),
    ("    column: education\n", "", "objectives[2]: drift.psi looks at one column: add `column`, one of age, education, job, p_high, band_high, is_high"),
    ("column: education", "column: educaton", 'objectives[2].column: "educaton" is not a column that drift.psi looks at; valid are age, education, job, p_high, band_high, is_high; did you mean education?'),
    ("metric: drift.psi", "metric: drift.ks", "objectives[2].column: drift.ks is defined for numeric columns only"),
    ("metric: drift.psi\n    column: education", "metric: quality.out_of_range_share\n    column: job", "objectives[2].column: quality.out_of_range_share needs the values of job: add it under `features`"),
    ("    over: gender", "    over: gender\n    column: age", "objectives[1].column: fairness.gap looks at no single column; remove it"),
    ("    over: gender\n", "", "objectives[1]: fairness.gap compares groups: add `over`, one of gender, [gender, age_group]"),
    ("over: gender", "over: gendr", "objectives[1].over: gendr is neither a protected column nor a declared segment; write one of gender, [gender, age_group]; did you mean gender?"),
    ("over: gender", "over: [age_group, gender]", "objectives[1].over: [age_group, gender] is neither a protected column nor a declared segment; write one of gender, [gender, age_group]; did you mean [gender, age_group]?"),
    ("tolerance: 0.01", "over: gender", "objectives[0].over: performance.roc_auc compares no groups; for one group write `segment`"),
    ("tolerance: 0.01", "segment: gendr=F", 'objectives[0].segment: "gendr=F" is not a segment; write column=value with one of age_group, gender; did you mean gender=F?'),
    ("tolerance: 0.01", "segment: gender=F & gender=M", 'objectives[0].segment: "gender=F & gender=M" names the column gender twice'),
    ("tolerance: 0.01", "segment: age_group=65+ & gender=F", "objectives[0].segment: [age_group, gender] is declared as [gender, age_group]: keep its order; did you mean gender=F & age_group=65+?"),
    ("tolerance: 0.01", "segment: age_group=65+", "objectives[0].segment: age_group is not a declared segment"),
    ("column: education", "column: education\n    segment: gender=F", "objectives[2].segment: drift.psi is measured over all rows only; remove it"),
    ('">= 0.83"', '">= 83"', 'objectives[0].target: performance.roc_auc lies between 0 and 1, never 83; did you mean ">= 0.83"?'),
    ('">= 0.83"', '"between 70 and 90"', 'objectives[0].target: performance.roc_auc lies between 0 and 1, never 70; did you mean "between 0.7 and 0.9"?'),
    ('">= 0.83"', '">= -5"', "objectives[0].target: performance.roc_auc lies between 0 and 1, never -5"),
    ('"<= 0.2"', '"<= -0.2"', "objectives[2].target: drift.psi is at least 0, never -0.2"),
    ('">= 0.83"', '"<= 0.83"', 'objectives[0].target: higher is better for performance.roc_auc, and "<= 0.83" sets no least value; did you mean ">= 0.83"?'),
    ('"<= 0.2"', '">= 0.2"', 'objectives[2].target: lower is better for drift.psi, and ">= 0.2" sets no greatest value; did you mean "<= 0.2"?'),
    ("tolerance: 0.01", "tolerance: 5", "objectives[0].tolerance: 5 is wider than the range of performance.roc_auc, which lies between 0 and 1; did you mean 0.05?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), TYPES + CROSS)
def test_one_mistake_one_problem(
    model_text: str, facts: dict[str, MetricFacts], old: str, new: str, expected: str
) -> None:
    """A valid model with one change is answered with one problem: the key, what is wrong, and what was meant."""
    assert old in model_text
    with pytest.raises(ConfigError) as caught:
        parse_model(model_text.replace(old, new, 1), metric_ids=facts)
    lines = str(caught.value).splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [expected]


def test_a_wrong_time_zone_hides_no_reversed_period(model_text: str, facts: dict[str, MetricFacts]) -> None:
    """Both are said at once."""
    text = model_text.replace("[1974-01-01, 1985-01-01]", "[1985-01-01, 1974-01-01]")
    text = text.replace("time_zone: Europe/Vienna", "time_zone: Europe/Vienn")
    with pytest.raises(ConfigError) as caught:
        parse_model(text, metric_ids=facts)
    assert [problem.key for problem in caught.value.problems] == ["log.time_zone", "reference.period"]


@pytest.mark.parametrize("key", ["statement", "metric", "target", "rationale", "owner", "due"])
def test_what_makes_an_objective_measurable(model_text: str, facts: dict[str, MetricFacts], key: str) -> None:
    """Each of these keys is asked for with the clause that asks for it."""
    head, first, rest = model_text.partition("  - id: OBJ-01\n")
    start = rest.index(f"    {key}:")
    without = head + first + rest[:start] + rest[rest.index("\n", start) + 1 :]
    with pytest.raises(ConfigError, match=r"clause 6\.2 of ISO/IEC 42001") as caught:
        parse_model(without, metric_ids=facts)
    (problem,) = caught.value.problems
    assert (problem.line, problem.key) == (24, f"objectives[0].{key}")


REGRESSION = """\
model: air-time
version: "1"
owner: o
intended_use: u
risk: limited
task: regression
log: {source: log.csv, timestamp: t, prediction: p}
features: {distance: numeric}
monitor: {every: 1mo, window: 1mo}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (", prediction: p", "", "log: a regression model logs a prediction; did you mean prediction: COLUMN?"),
        ("prediction: p", "prediction: p, score: s", "log.score: belongs to task binary; it has none"),
        ("prediction: p", "prediction: p, positive: 1", "log.positive: belongs to task binary; remove it"),
        ("prediction: p", "prediction: p, scores: {a: x, b: y}", "log.scores: belongs to task multiclass; remove it"),
        (
            "regression\nlog: {source: log.csv, timestamp: t, prediction: p}",
            "binary\nlog: {source: log.csv, timestamp: t, prediction: p, interval: [low, high]}",
            "log.interval: belongs to task regression; remove it",
        ),
        (
            "prediction: p",
            "prediction: p, interval: [low, low]",
            "log.interval[1]: the column low is already the lower end of the interval",
        ),
        (
            "prediction: p}\nfeatures: {distance: numeric}",
            "prediction: p, interval: [low, high]}\nfeatures: {distance: numeric, low: numeric}",
            "features.low: low is the lower end of the interval of the log and no feature; remove it",
        ),
        (
            "regression\nlog: {source: log.csv, timestamp: t, prediction: p}",
            "multiclass\nlog: {source: log.csv, timestamp: t}",
            "log: a multiclass model logs a prediction, scores, or both",
        ),
        (
            "regression\nlog: {source: log.csv, timestamp: t, prediction: p}",
            "multiclass\nlog: {source: log.csv, timestamp: t, scores: {a: x}}",
            "log.scores: a multiclass model has at least two classes",
        ),
        (
            "regression\nlog: {source: log.csv, timestamp: t, prediction: p}",
            "multiclass\nlog: {source: log.csv, timestamp: t, prediction: p, score: x}",
            "log.score: belongs to task binary; a multiclass model has scores, one column a class; did you mean scores?",
        ),
        (
            "regression\nlog: {source: log.csv, timestamp: t, prediction: p}",
            "binary\nlog: {source: log.csv, timestamp: t}",
            "log: a binary model logs a prediction, a score, or both",
        ),
    ],
)
def test_columns_of_the_task(old: str, new: str, expected: str) -> None:
    """Each task has its own columns in the log."""
    parse_model(REGRESSION)
    with pytest.raises(ConfigError) as caught:
        parse_model(REGRESSION.replace(old, new))
    assert [str(problem).split(": ", 1)[1] for problem in caught.value.problems] == [expected]


def test_multiclass_scores_by_class() -> None:
    """Classes may be numbers in the file; they are text afterwards."""
    text = REGRESSION.replace("regression", "multiclass").replace("prediction: p", "scores: {0: p0, 1: p1}")
    assert parse_model(text).log.scores == {"0": "p0", "1": "p1"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("job: category", '\'quo"te\': category\n  <b>x</b>: category\n  "=1+1": numeric\n  "; DROP TABLE x": numeric'),
        ("column: education", "column: p_high"),
        ("column: education", "column: band_high"),
        ("over: gender", "over: [gender, age_group]"),
        ("tolerance: 0.01", "segment: gender=F"),
        ("tolerance: 0.01", "segment: gender=(missing) & age_group=65+"),
        ("tolerance: 0.01", "tolerance: 1"),
        ("objectives:", "metrics: [performance.*, drift.psi, 'fairness.*']\nobjectives:"),
        ("metric: performance.roc_auc", "metric: performance.f_beta(beta=0.5)"),
        ("objectives:", "metrics: ['*', 'performance.f_beta(beta = 2)']\nobjectives:"),
        ("  score: p_high", "  score: p_high\n  positive: true"),
        ("  score: p_high", '  score: p_high\n  positive: "yes"'),
        ("1974-01-01, 1985-01-01", "1974-01-01T00:00:00+01:00, 1985-01-01 12:00"),
        ("{period: [1974-01-01, 1985-01-01]}", "{source: ref.parquet, labels_source: ref_labels.parquet, windows: 1q}"),
        ("source: data/*.parquet", "source: log.duckdb\n  table: decisions"),
        ("job: category", "job: {kind: category, values: [1, NO, true]}"),
        ("lookback: 45d", "start: 1985-01-01"),
    ],
)
def test_what_is_allowed(model_text: str, facts: dict[str, MetricFacts], old: str, new: str) -> None:
    """Hostile but printable names, intersections, moments and other sources are no mistakes."""
    assert old in model_text
    parse_model(model_text.replace(old, new, 1), metric_ids=facts)


def test_a_segment_value_must_have_been_agreed(model_text: str, facts: dict[str, MetricFacts]) -> None:
    """Where the values of a column are declared, an objective on another value would never be measured."""
    text = model_text.replace("protected: [gender]", "protected: [gender, education]")
    text = text.replace("tolerance: 0.01", "segment: education=hihg")
    with pytest.raises(ConfigError, match='education has no value "hihg"; valid are low, high; did you mean high'):
        parse_model(text, metric_ids=facts)


def test_labels_of_a_reference_need_a_label(facts: dict[str, MetricFacts]) -> None:
    """Labels for the reference alone have no column to be read from."""
    text = REGRESSION + "reference: {source: ref.csv, labels_source: ref_labels.csv}\n"
    with pytest.raises(ConfigError, match=r"reference\.labels_source: needs labels: say which column is the label"):
        parse_model(text, metric_ids=facts)


def test_a_segment_needs_groups(facts: dict[str, MetricFacts]) -> None:
    """A model without groups measures no segment."""
    text = REGRESSION.replace("prediction: p}", "prediction: p}\nlabels: {label: y}") + (
        "objectives: [{id: A, statement: s, metric: performance.mae, segment: a=b, target: <= 1, rationale: r, owner: o, "
        "due: 2027-03-31, severity: minor}]\n"
    )
    with pytest.raises(ConfigError) as caught:
        parse_model(text, metric_ids=facts)
    assert [problem.problem for problem in caught.value.problems] == [
        "the model declares neither `segments` nor `filters` nor `protected` columns"
    ]
