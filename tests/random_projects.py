"""Projects drawn from a seed: rows with every difficulty that a log has, written as files of a drawn form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import yaml

TASKS = ("binary", "multiclass", "regression")
FORMS = ("parquet", "csv", "json")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
GROUPS = ("plain", "a,b", 'say "so"', "it's", "new\nline", "x=y", "日本", "NULL", "nan", " lead", "é")
CLASSES = ("low", "mid", "high")
SCORED: dict[str, dict[str, Any]] = {
    "binary": {"score": "p", "positive": "yes"},
    "multiclass": {"scores": {one: f"p {one}" for one in CLASSES}},
    "regression": {},
}
REFERENCE_DAYS, DAYS, ROWS_A_DAY = 8, 6, 90
SEASON_HOURS = 6
REFERENCES: tuple[dict[str, Any], ...] = (
    {},
    {"expanding": True},
    {"rolling": 3},
    {"season": "weekday", "windows": f"{SEASON_HOURS}h"},
)
"""What drift is measured from: the frozen reference, and all that takes its place."""
THREADS = (3, 1, 2, 4)
"""That a project is run by, by the turn that it is written in."""
SEVERAL = ["accuracy", "balanced_accuracy", "f1", "mcc", "cohen_kappa"]
AVERAGES = ["f1(average=weighted)", "f1(average=micro)", "recall(average=weighted)", "recall(average=micro)"]
DECISIONS = [*SEVERAL, "precision", "recall", "specificity"]
OF_ONE = ["precision(of=mid)", "roc_auc(of=mid)"]
SCORES = ["roc_auc", "average_precision", "brier", "log_loss"]
CHANGES = ["change(of=accuracy)", "change(of=accuracy, relative=true)"]
OF_ERRORS = ["change(of=mae)", "change(of=mae, relative=true)", "skill(of=rmse)"]
METRICS = {
    "binary": [*DECISIONS, "selection_rate", *SCORES, "calibration_gap", *CHANGES, "skill(of=log_loss)"],
    "multiclass": [*SEVERAL, *AVERAGES, *OF_ONE, *SCORES, *CHANGES, "skill(of=brier)"],
    "regression": ["mae", "mean_error", "rmse", "r2", "max_error", "smape", *OF_ERRORS],
}
ESTIMATES = {
    "binary": ["accuracy", "precision", "recall", "f1", *SCORES],
    "multiclass": ["accuracy", "recall(of=mid)", "roc_auc(of=mid)", "brier", "log_loss"],
    "regression": [],
}
"""Estimates whose chances an isotonic regression gives; those of errors are learned by a tree of our own."""
FAIRNESS = [
    "accuracy_difference",
    "demographic_parity_difference",
    "demographic_parity_difference(pool=3)",
    "equal_opportunity_ratio",
]
SHARES = ["psi", "jensen_shannon_distance", "total_variation", "chi_square"]
CURVES = ["ks", "wasserstein_normed", "cramer_von_mises"]
QUALITY = ["rows", "missing_share", "non_finite_share", "label_coverage", "duplicate_share", "unseen_category_share"]

DRIFTS: list[tuple[str, dict[str, str], str, tuple[float, float]]] = [
    ("drift.psi", {"column": "x"}, "<=", (0.02, 0.4)),
    ("drift.wasserstein_normed", {"column": "x"}, "<=", (0.02, 0.4)),
    ("drift.jensen_shannon_distance", {"column": "kind"}, "<=", (0.05, 0.3)),
    ("quality.missing_share", {"column": "x"}, "<=", (0.0, 0.1)),
]
OBJECTIVES = {
    "binary": [
        ("performance.accuracy", {}, ">=", (0.4, 0.9)),
        ("performance.recall", {"segment": "upper"}, ">=", (0.3, 1.0)),
        ("performance.calibration_gap", {}, "between", (0.01, 0.2)),
        ("estimated.accuracy", {}, ">=", (0.4, 0.9)),
        ("fairness.demographic_parity_difference", {"over": "group"}, "<=", (0.0, 0.3)),
        *DRIFTS,
    ],
    "multiclass": [
        ("performance.accuracy", {}, ">=", (0.4, 0.9)),
        ("performance.mcc", {"segment": "upper"}, ">=", (0.1, 0.8)),
        ("fairness.accuracy_difference", {"over": "group"}, "<=", (0.0, 0.3)),
        *DRIFTS,
    ],
    "regression": [
        ("performance.mae", {}, "<=", (0.5, 3.0)),
        ("performance.r2", {}, ">=", (0.5, 0.95)),
        ("performance.mean_error", {"segment": "upper"}, "between", (0.1, 1.5)),
        *DRIFTS,
    ],
}
"""What objectives are about: metric, where, the sign of the target, and the range that its end is drawn from."""


@dataclass(frozen=True)
class RandomProject:
    """What was drawn: the rows of the log, of labels of their own (or ``None``), the model, and the present.

    ``bounds`` are the start of the reference, of the first window, and the end of the log.
    """

    seed: int
    form: str
    rows: pd.DataFrame
    labels: pd.DataFrame | None
    model: dict[str, Any]
    now: datetime
    bounds: tuple[datetime, datetime, datetime]

    def write(self, root: Path, *, turn: int = 0) -> Path:
        """Write the project; in every turn with the rows in another order, in other files, read by other threads."""
        (root / "models").mkdir(parents=True)
        parts = 1 + (self.seed + turn) % 5
        for name, frame in (("log", self.rows), ("labels", self.labels)):
            if frame is not None:
                order = np.random.default_rng(self.seed + turn).permutation(len(frame))
                for number, part in enumerate(np.array_split(order, parts)):
                    _write(frame.iloc[part], root / f"{name}-{number}.{self.form}")
        (root / "models" / "drawn.yaml").write_text(yaml.safe_dump(self.model, allow_unicode=True), encoding="utf-8")
        (root / "aimsight.yaml").write_text(f"organisation: Example\nthreads: {THREADS[turn]}\n")
        return root


def draw(seed: int) -> RandomProject:
    """The project of a seed; tasks, forms and where labels lie follow each other, the rest is drawn."""
    rng = np.random.default_rng(seed)
    task, form, zone = TASKS[seed % 3], FORMS[seed // 2 % 3], ZONES[seed % 4]
    first = datetime(2025, 3, int(rng.integers(18, 22)), tzinfo=UTC)  # the clocks change within the windows
    days = [
        (first + timedelta(days=k)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for k in (0, REFERENCE_DAYS, REFERENCE_DAYS + DAYS)
    ]
    rows = _features(rng, _times(rng, days[0], days[2], zone), days[1], form)
    rows = rows.join(_outcomes(rng, rows, task))
    rows = _with_repetitions(rng, rows, days[2])
    labels, declared = _labels(rng, rows, ("log", "arrivals", "file")[seed // 3 % 3], form)
    if labels is not None:
        rows = rows.drop(columns=["y", "known_at"])
    dates = [str(day.astimezone(ZoneInfo(zone)).date()) for day in days]
    log = {"source": f"log-*.{form}", "id": "id", "timestamp": "at", "time_zone": zone, "prediction": "decision"}
    model = {
        "model": "drawn",
        "version": "1",
        "owner": "owner@example.org",
        "intended_use": "Tests.",
        "risk": "limited",
        "task": task,
        "log": log | SCORED[task],
        "labels": declared,
        "features": {"x": "numeric", "far": "numeric", "few": "numeric", "kind": "category"},
        "protected": ["group"],
        "segments": ["group", ["group", "half"]],
        "filters": {"upper": "x > 0.25 and half = b"},
        "reference": {"period": dates[:2]} | REFERENCES[seed // 2 % 4],
        "monitor": {"every": "1d", "window": "2d" if seed % 2 else "1d", "end": dates[2]},
        "drift": "exact",
        "min_group": int(rng.choice([5, 20])),
        "metrics": [
            *(f"performance.{name}" for name in METRICS[task]),
            *(f"estimated.{name}" for name in ESTIMATES[task]),
            *(f"fairness.{name}" for name in FAIRNESS if task == "binary"),
            *(f"drift.{name}" for name in [*SHARES, *CURVES]),
            *(f"quality.{name}" for name in QUALITY),
        ],
    }
    bounds = (days[0], days[1], days[2])
    return RandomProject(seed, form, rows, labels, model, days[2] + timedelta(days=int(rng.integers(1, 4))), bounds)


def with_objectives(project: RandomProject) -> RandomProject:
    """The same with labels that have to be complete, days without rows, and objectives whose targets are drawn."""
    rng = np.random.default_rng(project.seed)
    objectives = [
        {
            "id": f"OBJ-{number:02d}",
            "statement": "Something is as it was promised.",
            "metric": metric,
            **where,
            "target": _target(rng, sign, *between),
            "rationale": "Drawn.",
            "owner": "owner@example.org",
            "due": "2026-12-31",
            "severity": str(rng.choice(["minor", "major"])),
            "min_rows": int(rng.choice([5, 30, 70])),
            **_rule(rng),
        }
        for number, (metric, where, sign, between) in enumerate(OBJECTIVES[project.model["task"]] * 3, start=1)
    ]
    labels = project.model["labels"] | {"min_coverage": 0.7} | ({"delay": "3d"} if project.labels is not None else {})
    model = project.model | {
        "objectives": objectives,
        "labels": labels,
        "metrics": sorted({one["metric"] for one in objectives}),
    }
    day = timedelta(days=1)
    silent = project.rows["at"].between(project.bounds[1] + day, project.bounds[1] + 3 * day, inclusive="left")
    return replace(project, model=model, rows=project.rows[~silent])


def _target(rng: np.random.Generator, sign: str, low: float, high: float) -> str:
    end = round(float(rng.uniform(low, high)), 3)
    return f"between {-end} and {end}" if sign == "between" else f"{sign} {end}"


def _rule(rng: np.random.Generator) -> dict[str, Any]:
    """Zero tolerance, the default, or a tolerance and a rule of its own."""
    drawn = rng.random()
    if drawn < 0.2:
        return {"zero_tolerance": True}
    of = int(rng.integers(1, 5))
    opens = {"failures": int(rng.integers(1, of + 1)), "of": of}
    return {"tolerance": float(rng.choice([0.0, 0.02]))} | ({"opens": opens} if drawn < 0.6 else {})


def _times(rng: np.random.Generator, start: datetime, end: datetime, zone: str) -> list[datetime]:
    """Moments anywhere between, and the very first and last microseconds of local days."""
    length = round((end - start) / timedelta(microseconds=1))
    drawn = [
        start + timedelta(microseconds=int(one))
        for one in rng.integers(0, length, ROWS_A_DAY * (REFERENCE_DAYS + DAYS))
    ]
    at, edges = start, []
    while at < end:
        edges += [at, at + timedelta(days=1) - timedelta(microseconds=1)]
        local = at.astimezone(ZoneInfo(zone)) + timedelta(days=1)  # arithmetic on the wall clock
        at = local.astimezone(UTC)
    return sorted(one for one in [*drawn, *edges] if start <= one < end)


def _features(rng: np.random.Generator, times: list[datetime], split: datetime, form: str) -> pd.DataFrame:
    n, late = len(times), np.array([one >= split for one in times])
    x = rng.normal(0, 1, n) + 0.3 * late
    far = np.exp(rng.normal(0, 3, n)) * rng.choice([-1.0, 1.0], n)
    if form != "json":  # which knows no infinity
        far[rng.random(n) < 0.02] = np.inf
    groups = rng.permutation(GROUPS)[:3]
    kinds = np.where(late & (rng.random(n) < 0.05), "new", rng.choice(["old", "older", "oldest"], n, p=[0.6, 0.3, 0.1]))
    return pd.DataFrame(
        {
            "id": [f"id {one}" for one in rng.permutation(n)],
            "at": pd.to_datetime(pd.Series(times), utc=True),
            "x": np.where(rng.random(n) < 0.05, np.nan, x),
            "far": far,
            "few": rng.integers(0, 4, n).astype(float) + 10 * (rng.random(n) < 0.01),
            "kind": _with_gaps(rng, kinds, 0.04),
            "group": _with_gaps(rng, rng.choice(groups, n, p=[0.6, 0.3, 0.1]), 0.03),
            "half": rng.choice(["a", "b"], n),
        }
    )


def _outcomes(rng: np.random.Generator, rows: pd.DataFrame, task: str) -> pd.DataFrame:
    """Decisions and labels; a few of each are missing, some scores are no probabilities, and many are ties."""
    n, x = len(rows), rows["x"].fillna(0).to_numpy()
    if task == "regression":
        guess, truth = 20 + 5 * x, 20 + 5 * x + rng.normal(0.5, 2, n)
        decision, y = np.where(rng.random(n) < 0.02, np.nan, guess), np.where(rng.random(n) < 0.05, np.nan, truth)
        return pd.DataFrame({"decision": decision, "y": y})
    if task == "multiclass":
        truth = np.clip(np.round(x + 1 + rng.normal(0, 0.6, n)), 0, 2).astype(int)
        guess = np.clip(np.round(x + 1), 0, 2).astype(int)
        names = np.array(CLASSES)
        found = pd.DataFrame(
            {"decision": _with_gaps(rng, names[guess], 0.02), "y": _with_gaps(rng, names[truth], 0.05)}
        )
        weights = np.exp(-np.square(x[:, None] + 1 + rng.normal(0, 0.3, (n, 1)) - np.arange(3)))
        chances = np.round(weights / weights.sum(axis=1, keepdims=True), int(rng.integers(1, 4)))
        chances[rng.random(n) < 0.02, 1] = rng.choice([np.nan, 1.5])
        return found.join(pd.DataFrame(chances, columns=[f"p {one}" for one in CLASSES]))
    p = np.round(1 / (1 + np.exp(-x - rng.normal(0, 0.7, n))), int(rng.integers(1, 4)))
    names = np.array(["no", "yes"])
    truth = names[(rng.random(n) < 1 / (1 + np.exp(-x))).astype(int)]
    invalid = rng.random(n) < 0.03
    scores = np.where(invalid, rng.choice([np.nan, -0.5, 1.5], n), p)
    decided = _with_gaps(rng, names[(p >= 0.5).astype(int)], 0.02)
    return pd.DataFrame({"decision": decided, "y": _with_gaps(rng, truth, 0.05), "p": scores})


def _with_gaps(rng: np.random.Generator, values: Any, share: float) -> list[str | None]:
    return [None if gone else str(one) for one, gone in zip(values, rng.random(len(values)) < share, strict=True)]


def _with_repetitions(rng: np.random.Generator, rows: pd.DataFrame, end: datetime) -> pd.DataFrame:
    """Some ids a second time: at once and alike, later with other content, or days later."""
    again = rows.sample(frac=0.04, random_state=int(rng.integers(1 << 30))).copy()
    how = rng.integers(0, 3, len(again))
    again["at"] += pd.to_timedelta(np.choose(how, [0, 40, 3000]), unit="min")
    again["x"] = np.where(how == 1, 99.0, again["x"])
    return pd.concat([rows, again[again["at"] < end]], ignore_index=True)


def _labels(
    rng: np.random.Generator, rows: pd.DataFrame, where: str, form: str
) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """The labels of their own and how they are declared; adds the time of their arrival to the rows."""
    firsts = rows.groupby("id")["at"].transform("min")
    hours = pd.Series(rng.exponential(30, len(rows)).round(3) - 0.5, index=rows.index).groupby(rows["id"])
    rows["known_at"] = (firsts + pd.to_timedelta(hours.transform("first"), unit="h")).dt.floor("us")
    if where == "log":
        return None, {"label": "y", "min_coverage": 0.01}
    declared = {"label": "y", "arrived_at": "known_at", "delay": "1h", "min_coverage": 0.01}
    if where == "arrivals":
        return None, declared
    labels = rows.drop_duplicates("id")[["id", "y", "known_at"]].dropna()
    revised = labels.sample(frac=0.1, random_state=int(rng.integers(1 << 30))).copy()
    revised["known_at"] += timedelta(hours=50)
    revised["y"] = rng.permutation(revised["y"].to_numpy())
    return pd.concat([labels, revised], ignore_index=True), declared | {"source": f"labels-*.{form}"}


def _write(frame: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
        return
    times = frame.select_dtypes("datetimetz").columns
    shown = frame.assign(**{name: frame[name].dt.strftime("%Y-%m-%d %H:%M:%S.%f+00:00") for name in times})
    if path.suffix == ".csv":
        shown.to_csv(path, index=False)
    else:
        shown.to_json(path, orient="records", lines=True, double_precision=15, force_ascii=False)
