"""Independent values for the demo: what its histories measure by pandas, scikit-learn, scipy and fairlearn alone.

Nothing of aimsight is imported here. Each function takes the labelled rows of one window (see `labelled`) and returns
plain floats, so that a test can lay them beside the measurements that the pipeline stored.

Groups are the non-missing values of a column; differences and ratios over groups are largest against smallest, as
fairlearn defines them. ``calibration gap`` of a group is mean(label) - mean(score), signed; ``mean error`` is
mean(prediction - label).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from fairlearn import metrics as fairness
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn import metrics as performance

DEMO = Path(__file__).resolve().parents[1] / "configs" / "demo"


@dataclass(frozen=True)
class History:
    """The columns of one demo model, the boundaries of its reference, and its window starts and the last end."""

    folder: str
    id: str
    time: str
    prediction: str
    label: str
    arrived: str
    score: str  # empty for a regression
    numeric: tuple[str, ...]
    categories: tuple[str, ...]
    reference: tuple[datetime, datetime]
    boundaries: tuple[datetime, ...]


WAGE_BAND = History(
    folder="wage-band",
    id="decision_id",
    time="decided_at",
    prediction="band_high",
    label="is_high",
    arrived="confirmed_at",
    score="p_high",
    numeric=("age", "prestige"),
    categories=("education", "occupation", "work_status", "gender"),
    reference=(datetime(1974, 1, 1, tzinfo=UTC), datetime(1985, 1, 1, tzinfo=UTC)),
    boundaries=tuple(datetime(year, 1, 1, tzinfo=UTC) for year in range(1986, 2021, 2)),
)
AIR_TIME = History(
    folder="air-time",
    id="flight_id",
    time="departed_at",
    prediction="air_time_predicted",
    label="air_time",
    arrived="arrived_at",
    score="",
    numeric=("distance", "taxi_out", "departure_delay"),
    categories=("airline",),
    reference=(datetime(2015, 1, 1, tzinfo=UTC), datetime(2015, 4, 1, tzinfo=UTC)),
    boundaries=(
        *(datetime(2015, month, 1, tzinfo=UTC) for month in range(4, 13)),
        datetime(2016, 1, 1, tzinfo=UTC),
    ),
)


@cache
def _all_rows(history: History) -> pd.DataFrame:
    folder = DEMO / history.folder
    log = pd.read_parquet(folder / "log.parquet")
    labels = pd.read_parquet(folder / "labels.parquet")
    return log.merge(labels, on=history.id, how="left", validate="one_to_one")


def rows_between(history: History, start: datetime, end: datetime) -> pd.DataFrame:
    """Give the log's rows with start <= time < end, labels joined by id (a missing label stays missing)."""
    rows = _all_rows(history)
    inside = (rows[history.time] >= start) & (rows[history.time] < end)
    return rows[inside].reset_index(drop=True)


def reference_rows(history: History) -> pd.DataFrame:
    """Give the rows of the reference period."""
    return rows_between(history, *history.reference)


def windows(history: History) -> Iterator[tuple[datetime, datetime, pd.DataFrame]]:
    """Give start, end and rows of every window after the reference, in order."""
    for start, end in zip(history.boundaries[:-1], history.boundaries[1:], strict=True):
        yield start, end, rows_between(history, start, end)


def labelled(history: History, rows: pd.DataFrame) -> pd.DataFrame:
    """Give the rows that have a label."""
    return rows[rows[history.label].notna()]


def binary_performance(rows: pd.DataFrame, history: History = WAGE_BAND) -> dict[str, float]:
    """Measure a binary model on labelled rows; keys are the metric names without their family."""
    label = rows[history.label].to_numpy(dtype=np.int64)
    prediction = rows[history.prediction].to_numpy(dtype=np.int64)
    score = rows[history.score].to_numpy(dtype=np.float64)
    return {
        "accuracy": float(performance.accuracy_score(label, prediction)),
        "precision": float(performance.precision_score(label, prediction)),
        "recall": float(performance.recall_score(label, prediction)),
        "f1": float(performance.f1_score(label, prediction)),
        "roc_auc": float(performance.roc_auc_score(label, score)),
        "log_loss": float(performance.log_loss(label, score, labels=[0, 1])),
        "brier": float(performance.brier_score_loss(label, score)),
        "selection_rate": float(fairness.selection_rate(label, prediction)),
        "false_positive_rate": float(fairness.false_positive_rate(label, prediction)),
    }


def regression_performance(rows: pd.DataFrame, history: History = AIR_TIME) -> dict[str, float]:
    """Measure a regression model on labelled rows; keys are the metric names without their family."""
    label = rows[history.label].to_numpy(dtype=np.float64)
    prediction = rows[history.prediction].to_numpy(dtype=np.float64)
    return {
        "mae": float(performance.mean_absolute_error(label, prediction)),
        "rmse": float(performance.root_mean_squared_error(label, prediction)),
        "r2": float(performance.r2_score(label, prediction)),
        "mean_error": float(np.mean(prediction - label)),
    }


def group_fairness(rows: pd.DataFrame, over: str = "gender", history: History = WAGE_BAND) -> dict[str, float]:
    """Measure a binary model over the groups of a column, missing group values left out; fairlearn's definitions."""
    known = rows[rows[over].notna()]
    label = known[history.label].to_numpy(dtype=np.int64)
    prediction = known[history.prediction].to_numpy(dtype=np.int64)
    groups = {"sensitive_features": known[over]}
    return {
        "demographic_parity_difference": float(fairness.demographic_parity_difference(label, prediction, **groups)),
        "demographic_parity_ratio": float(fairness.demographic_parity_ratio(label, prediction, **groups)),
        "equal_opportunity_difference": float(fairness.equal_opportunity_difference(label, prediction, **groups)),
        "equal_opportunity_ratio": float(fairness.equal_opportunity_ratio(label, prediction, **groups)),
        "equalized_odds_difference": float(fairness.equalized_odds_difference(label, prediction, **groups)),
        "calibration_gap": max(abs(gap) for gap in calibration_gaps(known, over, history).values()),
    }


def calibration_gaps(rows: pd.DataFrame, over: str = "gender", history: History = WAGE_BAND) -> dict[str, float]:
    """Give mean(label) - mean(score) of every group of a column, signed."""
    parts = rows[rows[over].notna()].groupby(over)
    gaps = parts[history.label].mean() - parts[history.score].mean()
    return {str(group): float(gap) for group, gap in gaps.items()}


def group_performance(
    rows: pd.DataFrame, over: str = "gender", history: History = WAGE_BAND
) -> dict[str, dict[str, float]]:
    """Measure a binary model in every group of a column, with the group's calibration gap."""
    gaps = calibration_gaps(rows, over, history)
    return {
        str(group): {**binary_performance(part, history), "calibration_gap": gaps[str(group)]}
        for group, part in rows[rows[over].notna()].groupby(over)
    }


def missing_shares(rows: pd.DataFrame, history: History) -> dict[str, float]:
    """Give the share of missing values of every feature."""
    return {column: float(rows[column].isna().mean()) for column in (*history.numeric, *history.categories)}


def label_coverage(rows: pd.DataFrame, history: History) -> float:
    """Give the share of rows that have a label."""
    return float(rows[history.label].notna().mean())


def category_shares(
    reference: pd.DataFrame, window: pd.DataFrame, column: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the shares of a category column in reference and window over all its values, missing as one more value."""
    parts = [frame[column].astype(object).where(frame[column].notna(), "(missing)") for frame in (reference, window)]
    values = sorted(set(parts[0]) | set(parts[1]))
    counts = [part.value_counts().reindex(values, fill_value=0).to_numpy(dtype=np.float64) for part in parts]
    return counts[0] / len(reference), counts[1] / len(window)


def category_psi(reference: pd.DataFrame, window: pd.DataFrame, column: str) -> float:
    """Give the population stability index of a category column; infinite when a value is missing from one side."""
    first, second = category_shares(reference, window, column)
    return float(stats.entropy(first, second) + stats.entropy(second, first))


def category_jensen_shannon(reference: pd.DataFrame, window: pd.DataFrame, column: str) -> float:
    """Give the Jensen-Shannon distance (natural logarithm) of a category column."""
    return float(jensenshannon(*category_shares(reference, window, column)))


def exact_ks(reference: pd.DataFrame, window: pd.DataFrame, column: str) -> float:
    """Give the exact two-sample Kolmogorov-Smirnov distance of a numeric column, missing values left out."""
    return float(stats.ks_2samp(reference[column].dropna(), window[column].dropna()).statistic)
