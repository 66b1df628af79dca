"""The opening rule's probabilities are those of the rule itself, counted over all outcomes and over long paths."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from aimsight.aims.evaluation import OpeningRule
from aimsight.aims.planning.rule import overlapping_rate, rate, within
from aimsight.aims.verdicts import Verdict

BAD, GOOD = Verdict.NONCONFORMING, Verdict.CONFORMING
RULES = [OpeningRule(1, 1), OpeningRule(2, 2), OpeningRule(2, 3), OpeningRule(3, 4), OpeningRule(2, 5)]


def opens(rule: OpeningRule, outcomes: tuple[bool, ...]) -> bool:
    """Whether the real rule opens at any of the windows."""
    verdicts = [BAD if failed else GOOD for failed in outcomes]
    return any(rule.due(verdicts[: place + 1], BAD) for place in range(len(verdicts)))


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("windows", [1, 2, 3, 6, 9])
def test_the_chance_to_open_is_that_over_all_outcomes(rule: OpeningRule, windows: int) -> None:
    """Every sequence of failing and passing windows, weighed by its probability and judged by the rule itself."""
    chance = 0.3
    expected = sum(
        math.prod(chance if failed else 1 - chance for failed in outcomes)
        for outcomes in itertools.product([False, True], repeat=windows)
        if opens(rule, outcomes)
    )
    assert within(rule, chance, windows) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_rate_is_that_of_a_long_path(rule: OpeningRule) -> None:
    """Two hundred thousand windows that fail at random, every record being closed at once."""
    source, recent, opened, path = random.Random(4), [], 0, 200_000
    for _ in range(path):
        recent.append(BAD if source.random() < 0.2 else GOOD)
        if rule.due(recent, BAD):
            opened, recent = opened + 1, []
        recent = recent[-rule.of :]
    assert rate(rule, 0.2) == pytest.approx(opened / path, rel=0.04)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_rare_failures_are_rated_alike_on_both_sides_of_the_shortcut(rule: OpeningRule) -> None:
    """The first-order rate of very rare failures meets the exact one where it takes over."""
    below, above = rate(rule, 0.99e-6), rate(rule, 1.01e-6)
    assert above == pytest.approx(below * (1.01 / 0.99) ** rule.failures, rel=1e-3)


def test_a_rule_of_many_windows_is_followed_without_its_states() -> None:
    """10 of 60 has too many patterns to follow; within 60 windows the binomial tail is exact."""
    rule = OpeningRule(10, 60)
    tail = 1 - sum(math.comb(60, i) * 0.1**i * 0.9 ** (60 - i) for i in range(10))
    assert within(rule, 0.1, 60) == pytest.approx(tail)
    assert tail < within(rule, 0.1, 90) < 1
    assert 0 < rate(rule, 0.1) < 0.1


def test_a_rule_that_needs_two_windows_finds_nothing_in_the_first() -> None:
    """2 of 3 cannot open within one window, however bad it is."""
    assert within(OpeningRule(2, 3), 1.0, 1) == 0.0


def test_overlapping_windows_open_less_often_than_each_fails_and_more_than_one_chain() -> None:
    """Windows that share most of their rows fail together: openings lie between both bounds."""
    rule, beyond = OpeningRule(2, 3), -1.3
    fails = 0.5 * math.erfc(1.3 / math.sqrt(2))
    found = overlapping_rate(rule, beyond, overlap=7, seed=1)
    assert rate(rule, fails) / 7 < found < fails
    assert overlapping_rate(rule, -6.0, overlap=7, seed=1) < 1e-8
