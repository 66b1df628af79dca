"""The metrics' verification: every metric has a known answer and gives it, and numbers change only with the version."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from aimsight.metrics.registry import METRICS
from aimsight.metrics.verification.results import changed
from aimsight.metrics.verification.verify import (
    Answer,
    Verification,
    answers,
    known_digests,
    verify,
)
from aimsight.tests.metrics import verification_data, verification_oracles

HERE = Path(__file__).resolve().parent
HOW = "add a line to ORACLES in tests/metrics/verification_oracles.py and run it"


@pytest.fixture(scope="module")
def found() -> list[Verification]:
    """All metrics, verified once."""
    return verify()


def test_every_metric_has_a_known_answer() -> None:
    """A metric whose right value nobody has found by other means is not measuring equipment yet."""
    missing = set(METRICS) - {answer.metric.partition("(")[0] for answer in answers()}
    assert not missing, f"no known answer for {', '.join(sorted(missing))}: {HOW}"


def test_every_metric_gives_its_known_answers(found: list[Verification]) -> None:
    """Engine and metric together give what other libraries give on the same rows."""
    wrong = [
        f"{check.answer.metric} ({check.answer.case}): {check.value or check.reason}, not {check.answer.value}"
        for one in found
        for check in one.checks
        if not check.is_right
    ]
    assert not wrong


def test_numbers_change_only_with_the_version(found: list[Verification]) -> None:
    """Whoever changes a metric's numbers raises its version, so that old and new measurements are told apart."""
    wrong = changed([one for one in found if one.checks], known_digests())
    assert not wrong, "\n".join(wrong)


def test_a_changed_number_is_noticed(found: list[Verification]) -> None:
    """A digest that differs under the same version is told, with what to do; a new version asks for its line."""
    one = next(one for one in found if one.checks)
    assert "raise version=" in changed([one], {(one.metric, one.version): "0" * 16})[0]
    assert "add it with" in changed([one], {})[0]
    assert changed([one], {(one.metric, one.version): one.digest}) == []


def test_a_wrong_answer_is_noticed() -> None:
    """The comparison can fail: a value that is off by a thousandth, and a metric that was not measured there."""
    off = Answer("quality.rows", "binary", "", "", 160.5, 1e-3, "by hand")
    nowhere = Answer("quality.missing_share", "binary", "nothing", "", 0.0, 1e-3, "by hand")
    found = {one.metric: one for one in verify([off, nowhere])}
    assert not found["quality.rows"].passed
    assert found["quality.rows"].checks[0].deviation == 0.5
    assert found["quality.missing_share"].checks[0].reason == "it was not measured"
    assert not found["performance.accuracy"].passed


def test_the_answers_are_those_that_other_libraries_give() -> None:
    """The committed answers are what the oracles derive today, in the same order."""
    derived = verification_oracles.lines()
    committed = [[one.metric, one.case, one.column, one.segment, one.value] for one in answers()]
    assert [line[:4] for line in derived] == [line[:4] for line in committed]
    assert [float(line[4]) for line in derived] == pytest.approx([float(str(line[4])) for line in committed], rel=1e-7)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression", "losses", "ratios"])
def test_the_data_sets_are_those_that_the_script_makes(kind: str) -> None:
    """Nobody has edited a data set by hand."""
    rows = verification_data.DATA[kind]()
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    assert (verification_data.FOLDER / f"{kind}.csv").read_text(encoding="utf-8") == text.getvalue()
