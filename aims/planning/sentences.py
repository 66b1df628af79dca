"""What a plan says in one sentence, for the owner who has to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.planning.standing import ENOUGH, NOT_JUDGED, NOT_PLANNED
from aimsight.aims.words import count, decimals, metric_name, number, plural

if TYPE_CHECKING:
    from aimsight.aims.planning.plan import ObjectivePlan


def sentence(plan: ObjectivePlan, why: str, *, relative: bool = False) -> str:
    """``At 1,320 rows a window, AUC 0.796 or worse is found ...``, and what would find what is asked.

    ``why`` says what stands in the way of a verdict, ``relative`` that the metric compares with the reference.
    """
    if plan.standing == NOT_PLANNED:
        return f"It cannot be planned: {why}."
    said = [] if plan.opens_as_is is None else [_not_met(plan, plan.opens_as_is)]
    if plan.opens_as_is is None or plan.found[0].likely != plan.value:
        said.append(_found(plan, why, relative=relative))
    if plan.warns:
        yearly = "" if plan.false_now is None else f"; {rate_words(plan.false_now)} a year are expected as things are"
        said.append(f"An estimate opens no record, it warns by windows at risk{yearly}.")
    return " ".join(said)


def _within(plan: ObjectivePlan) -> str:
    return "in the first window" if plan.opens[1] == 1 else f"within {plan.opens[1]} windows"


def _not_met(plan: ObjectivePlan, opens: float) -> str:
    told = f"The reference does not meet the target ({metric_name(plan.metric)} {_places(plan, plan.value)})"
    if plan.standing == NOT_JUDGED:
        return f"{told}."
    follows = "it warns" if plan.warns else "a record opens"
    return f"{told}: as things are, {follows} {_within(plan)} with {100 * opens:.0f} % probability."


def _places(plan: ObjectivePlan, value: float | None) -> str:
    return number(value, decimals(plan.limit, plan.asked))


def _found(plan: ObjectivePlan, why: str, *, relative: bool) -> str:
    name, rows = metric_name(plan.metric), plural(plan.rows, "row")
    asked = f"{name} {_places(plan, plan.asked)}"
    likely = plan.found[0].likely if plan.found else None
    if plan.standing == NOT_JUDGED and likely is None:
        because = why or (
            "no mix of rows like the reference's puts a window at risk"
            if plan.warns
            else f"no mix of rows like the reference's makes {plan.opens[0]} of {plan.opens[1]} windows nonconforming"
        )
        return f"At {rows} a window this target cannot be judged: {because}. {_cure(plan, asked, relative=relative)}"
    found = (
        f"{name} {_places(plan, likely)} or worse is {'warned of' if plan.warns else 'found'} {_within(plan)} with "
        "80 % probability"
    )
    if plan.standing == NOT_JUDGED:
        return (
            f"At {rows} a window most windows give no verdict while things stay as they are: {why}. Only {found}. "
            f"{_cure(plan, asked, relative=relative)}"
        )
    if plan.standing == ENOUGH:
        return f"At {rows} a window, {found}."
    return f"At {rows} a window, {found}; {asked} is not. {_cure(plan, asked, relative=relative)}"


def _cure(plan: ObjectivePlan, asked: str, *, relative: bool) -> str:
    if plan.times is None or plan.rows_needed is None:
        other = "a longer reference, a wider tolerance" if relative else "a wider tolerance"
        return f"No window length would find it; {other} or another target would help."
    rows = f"about {count(plan.rows_needed)} rows"
    if plan.window is None:
        return f"To find {asked} takes {rows} a window, {plan.times:.1f} times as many."
    return f"To find {asked}, a window of {plan.window} would do ({rows})."


def limit_words(plan: ObjectivePlan) -> str:
    """``≥ 0.83``: the value from which windows are nonconforming, given rows enough."""
    worse_is_more = (plan.asked or 0.0) > (plan.limit or 0.0)
    return f"{'≤' if worse_is_more else '≥'} {number(plan.limit, decimals(plan.limit, plan.asked))}"


def found_words(value: float | None, places: int) -> str:
    """A found deterioration; ``none`` when there is none."""
    return "none" if value is None else number(value, places)


def false_words(now: float | None, at_target: float | None) -> str:
    """``<0.01 – 0.4``: expected false nonconformities a year, at release and at most; ``not met`` at release."""
    most = "–" if at_target is None else rate_words(at_target)
    return f"{'not met' if now is None else rate_words(now)} – {most}"


def rate_words(rate: float) -> str:
    """``<0.01``, ``0.35``, ``12``."""
    if rate < 0.005:
        return "<0.01"
    return f"{rate:.2f}" if rate < 10 else f"{rate:,.0f}"
