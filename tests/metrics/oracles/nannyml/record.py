"""Record what nannyml 0.13 estimates on small seeded data, in ``recorded.json``: ``python record.py``.

Run in an environment of its own that has nannyml and statsmodels; the tests only read what was recorded. The data come
from ``data.py``. Without ``NML_DISABLE_USAGE_LOGGING`` nannyml would report its use over the network.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
from pathlib import Path
from typing import Any

import pandas as pd

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
nannyml: Any = importlib.import_module("nannyml")
HERE = Path(__file__).parent
DATA = runpy.run_path(str(HERE / "data.py"))
classified, regressed, sorted_out, priced = (DATA[name] for name in ("classified", "regressed", "sorted_out", "priced"))


def binary() -> dict[str, float]:
    """CBPE over the whole window as one chunk."""
    parts = [classified(5000, 0), classified(2000, 1, shifted=True)]
    frames = [pd.DataFrame({"s": s, "p": (s >= 0.5).astype(int), "y": y}) for s, y in parts]
    metrics = ["roc_auc", "average_precision", "f1", "precision", "recall", "specificity", "accuracy"]
    estimator = nannyml.CBPE(
        metrics=metrics, y_pred_proba="s", y_pred="p", y_true="y", problem_type="classification_binary", chunk_number=1
    )
    found = estimator.fit(frames[0]).estimate(frames[1].drop(columns="y")).filter(period="analysis").to_df()
    return {name: float(found[name, "value"].iloc[0]) for name in metrics}


def decided() -> dict[str, float]:
    """Of the same rows the elements of the confusion matrix as shares, and the value in all: -1 a FP, -5 a FN."""
    parts = [classified(5000, 0), classified(2000, 1, shifted=True)]
    frames = [pd.DataFrame({"s": s, "p": (s >= 0.5).astype(int), "y": y}) for s, y in parts]
    estimator = nannyml.CBPE(
        metrics=["confusion_matrix", "business_value"],
        y_pred_proba="s",
        y_pred="p",
        y_true="y",
        problem_type="classification_binary",
        chunk_number=1,
        normalize_confusion_matrix="all",
        business_value_matrix=[[0, -1], [-5, 0]],
    )
    found = estimator.fit(frames[0]).estimate(frames[1].drop(columns="y")).filter(period="analysis").to_df()
    names = ("true_positive", "true_negative", "false_positive", "false_negative", "business_value")
    return {name: float(found[name, "value"].iloc[0]) for name in names}


def multiclass() -> dict[str, float]:
    """CBPE of three classes, averaged over them; elements of the matrix, label first, as shares of all rows."""
    parts = [sorted_out(6000, 4), sorted_out(3000, 5, shifted=True)]
    frames = [
        pd.DataFrame(
            {"s0": s[:, 0], "s1": s[:, 1], "s2": s[:, 2], "p": s.argmax(axis=1).astype(str), "y": y.astype(str)}
        )
        for s, y in parts
    ]
    metrics = ["roc_auc", "average_precision", "f1", "precision", "recall", "specificity", "accuracy"]
    estimator = nannyml.CBPE(
        metrics=[*metrics, "confusion_matrix"],
        y_pred_proba={"0": "s0", "1": "s1", "2": "s2"},
        y_pred="p",
        y_true="y",
        problem_type="classification_multiclass",
        chunk_number=1,
        normalize_confusion_matrix="all",
    )
    found = estimator.fit(frames[0]).estimate(frames[1].drop(columns="y")).filter(period="analysis").to_df()
    cells = [f"true_{label}_pred_{decision}" for label in "012" for decision in "012"]
    return {name: float(found[name, "value"].iloc[0]) for name in (*metrics, *cells)}


def direct(data: Any, metrics: list[str]) -> dict[str, float]:
    """DLE over the whole window as one chunk."""
    parts = [data(5000, 2), data(2000, 3, shifted=True)]
    frames = [pd.DataFrame({"x": x, "z": z, "p": p, "y": y}) for x, z, p, y in parts]
    estimator = nannyml.DLE(feature_column_names=["x", "z"], y_pred="p", y_true="y", metrics=metrics, chunk_number=1)
    found = estimator.fit(frames[0]).estimate(frames[1].drop(columns="y")).filter(period="analysis").to_df()
    return {name: float(found[name, "value"].iloc[0]) for name in metrics}


if __name__ == "__main__":
    found = {
        "nannyml": nannyml.__version__,
        "binary": binary(),
        "decided": decided(),
        "multiclass": multiclass(),
        "regression": direct(regressed, ["mae", "rmse"]),
        "priced": direct(priced, ["mape", "mse", "msle", "rmsle"]),
    }
    (HERE / "recorded.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
