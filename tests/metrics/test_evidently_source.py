"""Evidently's metrics by name: found without importing it, computed on sliced rows, alone in their trouble."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, mean_absolute_error

from aimsight.configs.errors import NotFoundError
from aimsight.configs.schema import ModelConfig
from aimsight.metrics.evidently_source import known
from aimsight.metrics.frames import Frame, FramePair, members
from aimsight.metrics.registry import find
from aimsight.metrics.values import Segment, Undefined, Value
from aimsight.tests.configurations import a_model

if TYPE_CHECKING:
    from aimsight.metrics.values import Result

N = 300


def model(task: str = "binary", **changes: Any) -> ModelConfig:
    """A model with one numeric and one categorical feature."""
    log: dict[str, Any] = {"source": "x.parquet", "timestamp": "at", "prediction": "decision"}
    if task == "binary":
        log |= {"score": "score", "positive": "yes"}
    data = {
        "task": task,
        "log": log,
        "labels": {"label": "truth"},
        "features": {"x": "numeric", "shop": "category"},
        "protected": ["sex"],
        "filters": {"big": "x > 0 and not shop = north"},
    }
    return a_model(**data | changes)


def binary(seed: int = 0) -> tuple[Frame, np.ndarray, np.ndarray]:
    """A frame, the decisions and the labels (NaN where unknown)."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, N).astype(np.float64)
    decision = np.where(rng.random(N) < 0.8, truth, 1 - truth)
    truth[:40] = np.nan
    columns = {
        "x": rng.normal(size=N),
        "shop": rng.choice(np.array(["north", "south", None], dtype=object), N),
        "sex": rng.choice(np.array(["F", "M"], dtype=object), N),
        "decision": np.where(decision == 1, "yes", "no").astype(object),
        "score": np.clip(decision * 0.5 + rng.random(N) * 0.5, 0, 1),
        "answer": np.array([f"answer number {i}" if i % 2 else "no" for i in range(N)], dtype=object),
    }
    return Frame(columns, N, truth), decision, truth


def compute(text: str, pair: FramePair, config: ModelConfig | None = None) -> Result:
    """Compute a metric by its text."""
    return find(text).compute(pair, config or model())


def value(text: str, pair: FramePair, config: ModelConfig | None = None) -> float:
    """The value of a metric by its text."""
    result = compute(text, pair, config)
    assert isinstance(result, Value), result
    return result.value


def test_names_are_known_without_importing_evidently() -> None:
    """Finding a metric, or refusing a misspelt one, costs no import of seconds."""
    code = (
        "import sys; from aimsight.metrics.registry import find; find('evidently.NDCG(k=5)');"
        "print('evidently' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert {"Accuracy", "NDCG", "DataDriftPreset", "TextLength", "Sentiment"} <= set(known())
    with pytest.raises(NotFoundError, match=r"Acuracy.*did you mean Accuracy"):
        find("evidently.Acuracy()")


def test_the_text_names_the_arguments() -> None:
    """In one order, so that one text stands for one measurement."""
    assert find("evidently.NDCG(user=u, k=5, item=i)").text == "evidently.NDCG(item=i, k=5, user=u)"
    assert find("evidently.Accuracy()").text == "evidently.Accuracy"


def test_labels_count_where_they_are_known() -> None:
    """Accuracy and F1 over the labelled rows are scikit-learn's."""
    frame, decision, truth = binary()
    usable = ~np.isnan(truth)
    pair = FramePair(frame, None)
    assert value("evidently.Accuracy", pair) == pytest.approx(accuracy_score(truth[usable], decision[usable]))
    assert value("evidently.F1Score", pair) == pytest.approx(f1_score(truth[usable], decision[usable]))


def test_one_of_several_numbers_is_named() -> None:
    """Of several numbers one is named; one that is not there lists those that are."""
    frame, decision, truth = binary()
    pair = FramePair(frame, None)
    usable = ~np.isnan(truth)
    assert value("evidently.F1ByLabel(value=0)", pair) == pytest.approx(
        f1_score(truth[usable], decision[usable], pos_label=0)
    )
    assert value("evidently.MissingValueCount(column=shop, value=share)", pair) == pytest.approx(
        sum(one is None for one in frame.columns["shop"]) / N
    )
    wrong = compute("evidently.F1ByLabel(value=2)", pair)
    assert isinstance(wrong, Undefined)
    assert "it gives F1ByLabel.0, F1ByLabel.1" in wrong.reason


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("evidently.MissingValueCount(column=x)", r"needs value, one of count, share: write .*\(value=...\)"),
        ("evidently.MAE()", "needs value, one of mean, std"),
        ("evidently.MissingValueCount(column=x, value=shares)", "one of count, share, not shares; did you mean share?"),
        ("evidently.F1ByLabel()", "needs value, the label"),
        ("evidently.UniqueValueCount(column=x)", "needs value, counts.<label> or shares.<label>"),
        ("evidently.DataDriftPreset()", "needs value, the number that is meant, such as DriftedColumnsCount.share"),
        ("evidently.TextLength()", "needs column, the column of the text"),
    ],
)
def test_what_must_be_said_is_known_before_anything_runs(text: str, problem: str) -> None:
    """Which of several numbers, of which column: read from evidently's sources, with the valid words."""
    with pytest.raises(NotFoundError, match=problem):
        find(text)


def test_a_preset_gives_any_of_its_values() -> None:
    """The name of its metric and of the number."""
    first, second = binary(1)[0], binary(2)[0]
    moved = Frame({**first.columns, "x": first.columns["x"] + 5}, N, first.labels)
    text = "evidently.DataDriftPreset(value=DriftedColumnsCount.count)"
    keep = ("x", "shop")
    still, shifted = (
        FramePair(Frame({k: one.columns[k] for k in keep}, N), Frame({k: second.columns[k] for k in keep}, N))
        for one in (first, moved)
    )
    assert value(text, shifted) - value(text, still) == 1.0


def test_groups_and_decisions_are_no_texts_to_be_read() -> None:
    """Drift of all columns of a log as it is, its groups and decisions among them: words that make up no text."""
    first, second = (
        Frame({name: values for name, values in one.columns.items() if name != "answer"}, N, one.labels)
        for one in (binary(1)[0], binary(2)[0])
    )
    moved = Frame({**first.columns, "sex": np.array(["M"] * N, dtype=object)}, N, first.labels)
    text = "evidently.DriftedColumnsCount(value=count)"
    assert value(text, FramePair(moved, second)) - value(text, FramePair(first, second)) == 1.0


def test_a_descriptor_of_text_is_averaged_with_an_interval() -> None:
    """The mean length of the texts, and its interval from their spread."""
    frame = binary()[0]
    result = compute("evidently.TextLength(column=answer)", FramePair(frame, None))
    lengths = np.array([len(text) for text in frame.columns["answer"]])
    assert isinstance(result, Value)
    assert result.value == pytest.approx(lengths.mean())
    assert result.interval is not None
    assert result.interval.high - result.value == pytest.approx(1.959964 * lengths.std(ddof=1) / math.sqrt(N), rel=1e-5)


def test_a_descriptor_of_words_is_the_share_of_one() -> None:
    """Texts that contain a word, with Wilson's interval."""
    pair = FramePair(binary()[0], None)
    result = compute('evidently.Contains(column=answer, items="[number, 7]", value=true)', pair)
    assert isinstance(result, Value)
    assert result.value == 0.5
    assert result.interval is not None
    assert result.interval.method == "Wilson"
    assert value('evidently.Contains(column=answer, items="[number]")', pair) == 0.5  # yes and no are 1 and 0


def test_regression_and_ranking() -> None:
    """Mean absolute error as scikit-learn has it; the ranking finds the one bought article first."""
    rng = np.random.default_rng(3)
    truth, guess = rng.normal(size=50), rng.normal(size=50)
    frame = Frame({"x": rng.normal(size=50), "shop": np.array(["a"] * 50, dtype=object), "decision": guess}, 50, truth)
    found = value("evidently.MAE(value=mean)", FramePair(frame, None), model("regression"))
    assert found == pytest.approx(mean_absolute_error(truth, guess))
    ranking = Frame(
        {
            "customer": np.repeat(["a", "b"], 3).astype(object),
            "article": np.tile(["p", "q", "r"], 2).astype(object),
            "rank": np.tile([3.0, 2.0, 1.0], 2),
            "bought": np.tile([1.0, 0.0, 0.0], 2),
        },
        6,
    )
    text = "evidently.PrecisionTopK(k=2, user=customer, item=article, target=bought, prediction=rank, value={})"
    assert value(text.format("value.0"), FramePair(ranking, None)) == 1.0  # the first article is the one bought
    assert value(text.format("value.1"), FramePair(ranking, None)) == 0.5  # of two, one is


def test_segments_are_the_rows_that_they_say() -> None:
    """A group, an intersection's part that is missing, and a filter, on rows as they were drawn."""
    frame = binary()[0]
    config = model()
    x, shop = frame.columns["x"], frame.columns["shop"]
    assert members(frame, Segment((("sex", "F"),)), config).tolist() == [one == "F" for one in frame.columns["sex"]]
    assert members(frame, Segment((("shop", "(missing)"),)), config).tolist() == [one is None for one in shop]
    assert members(frame, Segment.of_filter("big"), config).tolist() == [
        bool(a > 0 and b != "north") for a, b in zip(x, shop, strict=True)
    ]
