"""What notices say: what happened, what it means, what to do next. Pure builders of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from aimsight.aims.lifecycle.case import Case
from aimsight.aims.lifecycle.deadlines import Overdue
from aimsight.aims.lifecycle.effect import EFFECTIVE, Effect
from aimsight.aims.verdicts import Verdict
from aimsight.aims.words import in_period, metric_name, plain, plural, result_text, target_words, window_words
from aimsight.configs.schema import AlertRoute, Occasion
from aimsight.metrics.plan import Window
from aimsight.metrics.values import Result
from aimsight.store.records import Nonconformity


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing worth telling.

    Parameters
    ----------
    occasion
        What routes choose by (``on`` of an alert route).
    subject, body
        Plain text; the subject is one line.
    key
        Identity: the same key is never queued twice for a route.
    """

    occasion: Occasion
    subject: str
    body: str
    key: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An objective as judged in one window; ``where`` names its column, groups or segment, ``''`` for all rows."""

    objective: str
    statement: str
    metric: str
    where: str
    result: Result
    target: str
    verdict: Verdict
    reason: str


def opened(  # noqa: PLR0913  # everything that the text says
    finding: Finding,
    *,
    nonconformity: str,
    model: str,
    severity: Literal["minor", "major"],
    window: Window,
    zone: str,
    owner: str,
    due: date | None = None,
    recurrence_of: str | None = None,
) -> Notice:
    """A nonconformity was opened."""
    back = f" It happened before: {recurrence_of} was closed on the same objective." if recurrence_of else ""
    by_when = f" by {due:%Y-%m-%d}" if due else ""
    return Notice(
        "nonconformity",
        plain(f"{nonconformity} opened ({severity}): {model} does not meet {finding.objective}"),
        _paragraphs(
            f"What happened: {_judged(finding, window, zone)} Nonconformity {nonconformity} ({severity}) was "
            f"opened for model {plain(model)}.",
            f"What it means: {_sentence(finding.reason)} The objective is: {_sentence(finding.statement)}{back}",
            f"What to do next: {plain(owner)} looks at the record, contains the effect and names the cause{by_when}. "
            f"Show it with: aimsight nc show {nonconformity}",
        ),
        f"nonconformity/{nonconformity}/opened",
    )


def monitoring_not_done(record: Nonconformity) -> Notice:
    """A nonconformity was opened because a model is not measured as planned."""
    by_when = f" by {record.due_at:%Y-%m-%d}" if record.due_at else ""
    return Notice(
        "nonconformity",
        plain(f"{record.nonconformity} opened ({record.severity}): monitoring of {record.model} was not done"),
        _paragraphs(
            f"What happened: {_sentence(record.statement)} Nonconformity {record.nonconformity} ({record.severity}) "
            f"was opened for model {plain(record.model)}.",
            "What it means: none of its objectives is measured in these windows, and nobody would notice a failure. "
            "This never counts as conforming.",
            f"What to do next: {plain(record.owner)} finds out why rows or runs are missing, and names the cause"
            f"{by_when}. Show it with: aimsight nc show {record.nonconformity}",
        ),
        f"nonconformity/{record.nonconformity}/opened",
    )


def effect_judged(case: Case, effect: Effect) -> Notice:
    """The pipeline has reached a verdict on the actions of a nonconformity, or has changed it."""
    name = case.name
    worked = effect.verdict == EFFECTIVE
    return Notice(
        "effectiveness",
        plain(f"{name}: the actions are measured as {effect.verdict} ({case.record.model})"),
        _paragraphs(
            f"What happened: the windows after the actions of {name} were judged against the criterion that was fixed "
            f"before. {_sentence(effect.reason)}",
            f"What it means: measured as {effect.verdict}. This closes nothing: a person who carried out none of the "
            "actions concludes.",
            f"What to do next: a reviewer concludes with: aimsight nc conclude {name} "
            + ("--effective --reason WHY" if worked else "--not-effective --reason WHY"),
        ),
        f"nonconformity/{name}/effect/{case.attempt}/{effect.verdict}",
    )


def overdue(late: Overdue, *, model: str, state: str) -> Notice:
    """Something of a nonconformity was to be done by now; the second time, top management is addressed."""
    name = late.nonconformity
    since = f"{late.due:%Y-%m-%d}"
    addressed_to = "top management and " if late.level > 1 else ""
    return Notice(
        "overdue",
        plain(f"{name}: {late.what} is overdue since {since}{' (escalated)' if late.level > 1 else ''}"),
        _paragraphs(
            f"What happened: {late.what} of {name}{f' ({plain(model)})' if model else ''} was due on {since} and is "
            f"not done; the record is {plain(state)}.",
            "What it means: the effect or its cause lasts longer than the project allows"
            f"{'; this is the second notice, for ' + addressed_to + plain(late.who) if late.level > 1 else ''}.",
            f"What to do next: {plain(late.who)} acts, or says why not. Show what is missing with: "
            f"aimsight nc show {name}",
        ),
        late.key,
    )


def reopened(name: str, reason: str, model: str) -> Notice:
    """A deviation that was accepted for a time is open again."""
    return Notice(
        "nonconformity",
        plain(f"{name} is open again{f' ({model})' if model else ''}"),
        _paragraphs(
            f"What happened: {_sentence(reason)}",
            "What it means: the deviation is not accepted any more.",
            f"What to do next: its owner contains the effect. Show it with: aimsight nc show {name}",
        ),
        f"nonconformity/{name}/reopened/{reason}",
    )


def judged(findings: Sequence[Finding], *, model: str, window: Window, zone: str) -> list[Notice]:
    """The verdicts of one run: one notice for each kind of verdict among them, most urgent first."""
    kinds = sorted({finding.verdict for finding in findings}, key=lambda verdict: verdict.rank)
    return [_of_one_kind(kind, [f for f in findings if f.verdict is kind], model, window, zone) for kind in kinds]


def not_run(
    outcome: Literal["error", "missed", "abandoned"], reason: str, *, model: str, window: Window, zone: str
) -> Notice:
    """A planned run gave no result."""
    when = window_words(window, zone)
    return Notice(
        outcome,
        plain(f"{model}: run of {when} {_OUTCOMES[outcome]}"),
        _paragraphs(
            f"What happened: the run of model {plain(model)} over {when} ({zone}) {_OUTCOMES[outcome]}. "
            f"{_sentence(reason)}",
            "What it means: its objectives are not measured in this window. This never counts as conforming.",
            f"What to do next: remove the cause, then run it again with: aimsight run {plain(model)}",
        ),
        f"run/{model}/{window.start.isoformat()}/{window.end.isoformat()}/{outcome}",
    )


_OUTCOMES = {"error": "ended in an error", "missed": "did not take place", "abandoned": "was broken off"}


def addressed(notices: Iterable[Notice], routes: Iterable[AlertRoute]) -> list[tuple[str, Notice]]:
    """Which notice goes to which route (by name)."""
    wanted = list(routes)
    return [(route.name, notice) for notice in notices for route in wanted if notice.occasion in route.on]


def grouped(notices: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Subject and body of one message for several notices, given as (subject, body) pairs; one stays as it is."""
    if len(notices) == 1:
        subject, body = notices[0]
        return f"[aimsight] {subject}", body
    listing = "\n".join(f"- {subject}" for subject, _ in notices)
    full = "\n\n".join(f"{'=' * 4} {subject}\n\n{body}" for subject, body in notices[:FULL_TEXTS])
    rest = len(notices) - FULL_TEXTS
    more = f"\n\n{'=' * 4} {plural(rest, 'more notice')} in the list above; see: aimsight nc" if rest > 0 else ""
    return f"[aimsight] {plural(len(notices), 'notice')}: {notices[0][0]} ...", f"{listing}\n\n{full}{more}"


FULL_TEXTS = 20
"""So many notices appear with their full text in one message; the others with their subject only."""


def _of_one_kind(kind: Verdict, findings: list[Finding], model: str, window: Window, zone: str) -> Notice:
    when = window_words(window, zone)
    names = sorted({f"{finding.objective}{'/' + finding.where if finding.where else ''}" for finding in findings})
    return Notice(
        _OCCASIONS[kind],
        plain(f"{model}, {when}: {plural(len(findings), 'objective')} {kind.value} ({', '.join(names)})"),
        _paragraphs(
            f"What happened: model {plain(model)} was judged over {when} ({zone}).",
            *(f"- {_judged(finding, window, zone)} {_sentence(finding.reason)}" for finding in findings),
            f"What it means: {_MEANINGS[kind]}",
            f"What to do next: {_NEXT[kind]}",
        ),
        f"verdict/{model}/{window.start.isoformat()}/{window.end.isoformat()}/{kind.value}/{','.join(names)}",
    )


_OCCASIONS: dict[Verdict, Occasion] = {
    Verdict.CONFORMING: "conforming",
    Verdict.AT_RISK: "at risk",
    Verdict.NONCONFORMING: "nonconforming",
    Verdict.INSUFFICIENT: "insufficient evidence",
    Verdict.AWAITING_LABELS: "awaiting labels",
    Verdict.NOT_MEASURED: "not measured",
}
_MEANINGS = {
    Verdict.CONFORMING: "the evidence supports the objectives.",
    Verdict.AT_RISK: "the values lie beyond their targets, but may do so by chance or within the tolerance.",
    Verdict.NONCONFORMING: "the objectives are not met, beyond chance and tolerance. A nonconformity opens by the "
    "objective's own rule and is told separately.",
    Verdict.INSUFFICIENT: "there are too few rows to tell. This never counts as conforming.",
    Verdict.AWAITING_LABELS: "the labels that the objectives need have not arrived yet.",
    Verdict.NOT_MEASURED: "nothing is known for this window. This never counts as conforming.",
}
_NEXT = {
    Verdict.CONFORMING: "nothing.",
    Verdict.AT_RISK: "watch the next window, and look at the trend with: aimsight objectives",
    Verdict.NONCONFORMING: "the owner looks for the cause. Show all objectives with: aimsight objectives",
    Verdict.INSUFFICIENT: "if this repeats, choose longer windows.",
    Verdict.AWAITING_LABELS: "nothing; the window is judged again when they arrive.",
    Verdict.NOT_MEASURED: "look at the reason above and at: aimsight status",
}


def statement(finding: Finding, window: Window, zone: str) -> str:
    """What failed, for the record of a nonconformity: value, interval, n, window and target in one sentence."""
    return _judged(finding, window, zone)


def _judged(finding: Finding, window: Window, zone: str) -> str:
    where = f" for {plain(finding.where)}" if finding.where else ""
    return (
        f"{plain(finding.objective)} was {finding.verdict.value}{where} {in_period(window_words(window, zone))}: "
        f"{plain(metric_name(finding.metric))} {result_text(finding.result)}; target {target_words(finding.target)}."
    )


def _sentence(text: str) -> str:
    """Text that begins with a capital letter and ends with a full stop."""
    clean = plain(text).strip()
    if not clean:
        return ""
    return f"{clean[0].upper()}{clean[1:]}{'' if clean.endswith(('.', '!', '?')) else '.'}"


def _paragraphs(*parts: str) -> str:
    return "\n".join(parts)
