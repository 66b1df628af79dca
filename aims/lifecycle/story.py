"""What people recorded of a nonconformity as titled facts: the same words on the terminal, on the page and in packs."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from aimsight.aims.lifecycle.dossier import corrections
from aimsight.aims.words import day, instant, listed, metric_name, plural, target_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from aimsight.aims.lifecycle.case import Case
    from aimsight.aims.lifecycle.dossier import Action, Criterion, Dossier, Incident, Part, Plan, SimilarSearch

Section = tuple[str, dict[str, str]]
Facts = dict[str, str | None]


def story(case: Case, zone: ZoneInfo) -> list[Section]:
    """The parts that are there, in the order of the life cycle; texts are as people wrote them."""
    parts = chain(_until_contained(case.dossier, zone), _until_analysed(case), _after(case.dossier, zone))
    return [(title, _said(facts, part, zone)) for title, part, facts in parts]


def _until_contained(dossier: Dossier, zone: ZoneInfo) -> Iterator[tuple[str, Part, Facts]]:
    if (grading := dossier.grading) is not None:
        facts: Facts = {"Severity": grading.severity, "Because": grading.criteria, "Extent": grading.extent}
        yield "Grading", grading, facts
    if dossier.rejection is not None:
        yield "Rejection", dossier.rejection, {"Because": dossier.rejection.reason}
    if (one := dossier.containment) is not None:
        facts = {
            "Correction": one.correction,
            "None needed, because": one.none_needed,
            "Result": one.result,
            "Consequences": one.consequences,
            "Serious incident": _yes_no(one.serious_because, answer=one.serious),
        }
        yield "Containment and correction", one, facts
    for incident in dossier.incidents:
        facts = {
            "What": incident.description,
            "Report by": instant(incident.due_at, zone) if incident.due_at else None,
            "Settled": _settled(incident),
            "Record": incident.record,
        }
        yield f"Incident ({incident.kind})", incident, facts


def _until_analysed(case: Case) -> Iterator[tuple[str, Part, Facts]]:
    dossier = case.dossier
    for number, attempt in enumerate(dossier.attempts, 1):
        facts: Facts = {
            "Cause": listed(list(attempt.cause.causes)),
            "Actions": listed([action.description for action in attempt.plan.actions]),
            "Conclusion": attempt.conclusion.reason,
        }
        yield f"Attempt {number}, not effective", attempt.conclusion, facts
    if (cause := dossier.cause) is not None and cause.attempt == case.attempt:
        facts = {
            **{f"Why {number}": why for number, why in enumerate(cause.whys, 1)},
            **{branch.capitalize(): listed(list(found)) for branch, found in cause.branches.items()},
            "Root cause": listed(list(cause.causes)),
            "Contributing": listed(list(cause.contributing)),
            "Not detected earlier": cause.undetected,
        }
        yield f"Cause, by {cause.method}", cause, facts


def _after(dossier: Dossier, zone: ZoneInfo) -> Iterator[tuple[str, Part, Facts]]:
    if dossier.similar is not None:
        yield "Similar nonconformities", dossier.similar, _similar(dossier.similar)
    if dossier.no_action is not None:
        yield "No corrective action", dossier.no_action, {"Because": dossier.no_action.reason}
    if dossier.plan is not None:
        yield "Corrective action", dossier.plan, _plan(dossier.plan, zone)
    if (conclusion := dossier.conclusion) is not None:
        facts: Facts = {
            "Measured": conclusion.measured or "–",
            "Concluded": "effective" if conclusion.effective else "not effective",
            "Because": conclusion.reason,
        }
        yield "Conclusion", conclusion, facts
    if (closure := dossier.closure) is not None:
        facts = {
            "Changed": listed(list(closure.changed)),
            "Records": listed(list(closure.links)),
            "None, because": closure.none_because,
        }
        yield "Changes of the management system", closure, facts
    for deviation in dossier.deviations:
        facts = {
            "Risk": deviation.risk,
            "Because": deviation.reason,
            "Until": day(deviation.until),
            "Worst value": f"{deviation.worst:g}" if deviation.worst is not None else None,
        }
        yield "Accepted deviation", deviation, facts


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


def _plan(plan: Plan, zone: ZoneInfo) -> Facts:
    made: Facts = {"Needed because": plan.needed_because}
    for action in plan.actions:
        kind = " (a correction)" if action.kind == "correction" else ""
        made[f"Action {action.id}"] = f"{action.description}{kind} – {action_state(action, zone)}"
    made["Why corrections suffice"] = plan.correction_only_because
    made["Criterion"] = criterion_words(plan.criterion)
    made["Approved"] = f"{plan.approved_by}, {instant(plan.approved_at, zone)}" if plan.approved_by else "not yet"
    return made


def _similar(found: SimilarSearch) -> Facts:
    asked: Facts = {
        f"Question {number}": f"{question.asked}: {question.hits}" for number, question in enumerate(found.questions, 1)
    }
    hits = [f"{hit.nonconformity or hit.where}: {hit.finding}" for hit in found.hits]
    asked["Found"] = listed(hits) or "nothing"
    return asked


def _yes_no(because: str | None, *, answer: bool | None) -> str | None:
    if answer is None:
        return None
    return f"{'yes' if answer else 'no'}, because {because}" if because else ("yes" if answer else "no")


def _settled(incident: Incident) -> str | None:
    if incident.reported_to:
        return f"reported to {incident.reported_to}"
    return f"not reportable: {incident.not_reportable}" if incident.not_reportable else None


def _said(facts: Facts, part: Part, zone: ZoneInfo) -> dict[str, str]:
    said = {name: text for name, text in facts.items() if text}
    if part.by:
        said["By"] = f"{part.by}, {instant(part.at, zone)}"
    return said
