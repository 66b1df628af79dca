"""What people recorded of a nonconformity as titled facts: the same words on the terminal, on the page and in packs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.dossier import corrections
from aimsight.aims.words import day, instant, listed, metric_name, plural, target_words

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from aimsight.aims.lifecycle.case import Case
    from aimsight.aims.lifecycle.dossier import Action, Criterion, Part, Plan, SimilarSearch

Section = tuple[str, dict[str, str]]


def story(case: Case, zone: ZoneInfo) -> list[Section]:
    """The parts that are there, in the order of the life cycle; texts are as people wrote them."""
    dossier = case.dossier
    sections: list[tuple[str, Part | None, dict[str, str | None]]] = []
    if dossier.grading is not None:
        sections.append(
            (
                "Grading",
                dossier.grading,
                {"Severity": dossier.grading.severity, "Because": dossier.grading.criteria,
                 "Extent": dossier.grading.extent},
            )
        )  # fmt: skip
    if dossier.rejection is not None:
        sections.append(("Rejection", dossier.rejection, {"Because": dossier.rejection.reason}))
    if (one := dossier.containment) is not None:
        sections.append(
            (
                "Containment and correction",
                one,
                {
                    "Correction": one.correction,
                    "None needed, because": one.none_needed,
                    "Result": one.result,
                    "Consequences": one.consequences,
                    "Serious incident": _yes_no(one.serious_because, answer=one.serious),
                },
            )
        )
    for incident in dossier.incidents:
        settled = (
            f"reported to {incident.reported_to}"
            if incident.reported_to
            else f"not reportable: {incident.not_reportable}"
            if incident.not_reportable
            else None
        )
        due = instant(incident.due_at, zone) if incident.due_at else None
        sections.append(
            (
                f"Incident ({incident.kind})",
                incident,
                {"What": incident.description, "Report by": due, "Settled": settled, "Record": incident.record},
            )
        )
    for number, attempt in enumerate(dossier.attempts, 1):
        sections.append(
            (
                f"Attempt {number}, not effective",
                attempt.conclusion,
                {
                    "Cause": listed(list(attempt.cause.causes)),
                    "Actions": listed([action.description for action in attempt.plan.actions]),
                    "Conclusion": attempt.conclusion.reason,
                },
            )
        )
    if (cause := dossier.cause) is not None and cause.attempt == case.attempt:
        sections.append(
            (
                f"Cause, by {cause.method}",
                cause,
                {
                    **{f"Why {number}": why for number, why in enumerate(cause.whys, 1)},
                    **{branch.capitalize(): listed(list(found)) for branch, found in cause.branches.items()},
                    "Root cause": listed(list(cause.causes)),
                    "Contributing": listed(list(cause.contributing)) or None,
                    "Not detected earlier": cause.undetected,
                },
            )
        )
    if dossier.similar is not None:
        sections.append(("Similar nonconformities", dossier.similar, dict(_similar(dossier.similar))))
    if dossier.no_action is not None:
        sections.append(("No corrective action", dossier.no_action, {"Because": dossier.no_action.reason}))
    if dossier.plan is not None:
        sections.append(("Corrective action", dossier.plan, dict(_plan(dossier.plan, zone))))
    if dossier.conclusion is not None:
        verdict = "effective" if dossier.conclusion.effective else "not effective"
        said = {"Measured": dossier.conclusion.measured or "–", "Concluded": verdict,
                "Because": dossier.conclusion.reason}  # fmt: skip
        sections.append(("Conclusion", dossier.conclusion, dict(said)))
    if dossier.closure is not None:
        sections.append(
            (
                "Changes of the management system",
                dossier.closure,
                {
                    "Changed": listed(list(dossier.closure.changed)) or None,
                    "Records": listed(list(dossier.closure.links)) or None,
                    "None, because": dossier.closure.none_because,
                },
            )
        )
    sections += [
        (
            "Accepted deviation",
            deviation,
            {
                "Risk": deviation.risk,
                "Because": deviation.reason,
                "Until": day(deviation.until),
                "Worst value": f"{deviation.worst:g}" if deviation.worst is not None else None,
            },
        )
        for deviation in dossier.deviations
    ]
    return [(title, _said(facts, part, zone)) for title, part, facts in sections]


def action_state(action: Action, zone: ZoneInfo) -> str:
    """``owner, due 3 Dec 2026, done 1 Dec 2026 by ...``."""
    text = f"{action.owner}, due {day(action.due)}"
    if action.done_at is None:
        return f"{text}, not done yet"
    when = day(action.done_on) if action.done_on else instant(action.done_at, zone)
    shown = listed([one.text or f"file {one.file}" for one in action.evidence])
    return f"{text}, done {when} by {action.done_by}: {shown}"


def criterion_words(criterion: Criterion) -> str:
    """The criterion in one sentence."""
    if criterion.kind == "check":
        return f"a person checks: {criterion.check}"
    within = f"{plural(criterion.windows, 'window')} in a row, within {criterion.most} measured ones"
    if criterion.kind == "runs":
        return f"monitoring gives a result in {within}"
    where = " · ".join(part for part in (criterion.column, criterion.segment) if part)
    named = f"{criterion.objective}: " if criterion.objective else ""
    what = f"{metric_name(criterion.metric or '')}{f' of {where}' if where else ''}"
    threshold = target_words(criterion.threshold, criterion.tolerance) if criterion.threshold else ""
    return f"{named}{what} {threshold} in {within}, each with at least {plural(criterion.min_rows, 'row')}"


def flagged(plan: Plan) -> str:
    """What a person is told of planned actions that only correct; ``""`` when none does."""
    only = [action.id for action in corrections(plan)]
    if not only:
        return ""
    return (
        f"{listed(only)} {'corrects' if len(only) == 1 else 'correct'} the effect (retraining and so on): what keeps "
        "the cause from coming back is a corrective action"
    )


def _plan(plan: Plan, zone: ZoneInfo) -> dict[str, str | None]:
    made: dict[str, str | None] = {"Needed because": plan.needed_because}
    for action in plan.actions:
        kind = " (a correction)" if action.kind == "correction" else ""
        made[f"Action {action.id}"] = f"{action.description}{kind} – {action_state(action, zone)}"
    made["Why corrections suffice"] = plan.correction_only_because
    made["Criterion"] = criterion_words(plan.criterion)
    made["Approved"] = f"{plan.approved_by}, {instant(plan.approved_at, zone)}" if plan.approved_by else "not yet"
    return made


def _similar(found: SimilarSearch) -> dict[str, str | None]:
    asked: dict[str, str | None] = {
        f"Question {number}": f"{question.asked}: {question.hits}" for number, question in enumerate(found.questions, 1)
    }
    hits = [f"{hit.nonconformity or hit.where}: {hit.finding}" for hit in found.hits]
    asked["Found"] = listed(hits) or "nothing"
    return asked


def _yes_no(because: str | None, *, answer: bool | None) -> str | None:
    if answer is None:
        return None
    return f"{'yes' if answer else 'no'}, because {because}" if because else ("yes" if answer else "no")


def _said(facts: dict[str, str | None], part: Part | None, zone: ZoneInfo) -> dict[str, str]:
    said = {name: text for name, text in facts.items() if text}
    if part is not None and part.by:
        said["By"] = f"{part.by}, {instant(part.at, zone)}"
    return said
