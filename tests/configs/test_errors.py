"""Errors say what, where, and what was meant."""

from __future__ import annotations

import pytest

from aimsight.configs import errors
from aimsight.configs.errors import AimsightError, ConfigError, NotFoundError, Problem, did_you_mean, quoted_list


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", 3, "log.id", "is bad", "x"), "a.yaml:3: log.id: is bad; did you mean x?"),
        (Problem("a.yaml", 3, "", "is bad"), "a.yaml:3: is bad"),
        (Problem("a.yaml", 0, "", "not found"), "a.yaml: not found"),
    ],
)
def test_problem_text(problem: Problem, text: str) -> None:
    """A problem names its place, its key, what is wrong and what was meant, in this order."""
    assert str(problem) == text


def test_config_error_sorts_by_place_and_says_nothing_twice() -> None:
    """Problems come in the order of files and lines (as numbers), each once."""
    late, early = Problem("a.yaml", 10, "z", "wrong"), Problem("a.yaml", 9, "b", "wrong")
    error = ConfigError([late, Problem("b.yaml", 1, "", "wrong"), early, late])
    assert str(error) == "a.yaml:9: b: wrong\na.yaml:10: z: wrong\nb.yaml:1: wrong"
    assert error.exit_code == 2


def test_every_error_has_one_root_and_its_exit_code() -> None:
    """All leaves are AimsightErrors; only configuration and a busy store have exit codes of their own."""
    codes = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, AimsightError)
    }
    assert codes == {
        "AimsightError": 1,
        "ConfigError": 2,
        "SourceError": 1,
        "SchemaError": 1,
        "StoreError": 1,
        "StoreBusyError": 75,
        "StoreVersionError": 1,
        "NotFoundError": 1,
    }


def test_not_found_names_what_there_is() -> None:
    """A wrong name is answered with the close one and the list."""
    text = str(NotFoundError.named("model", "wage-bnad", ["wage-band", "air-time"]))
    assert text == 'no model "wage-bnad"; did you mean wage-band? Known: air-time, wage-band.'
    assert str(NotFoundError.named("model", "x", ["wage-band"])) == 'no model "x". Known: wage-band.'
    assert str(NotFoundError.named("model", "x", [])) == 'no model "x"; there is none yet'


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("auc_roc", "performance.roc_auc"),
        ("roc_auc", "performance.roc_auc"),
        ("PERFORMANCE.ROC_AUC", "performance.roc_auc"),
        ("drift.pis", "drift.psi"),
        ("banana", ""),
    ],
)
def test_did_you_mean(word: str, near: str) -> None:
    """Typing errors, other cases and a missing family are understood; anything else is not guessed at."""
    assert did_you_mean(word, ["performance.roc_auc", "drift.psi"]) == near


def test_long_lists_are_cut() -> None:
    """A message stays readable however many names are valid."""
    assert quoted_list("abc") == "a, b, c"
    assert quoted_list("abcd", limit=2) == "a, b, ... (2 more)"
