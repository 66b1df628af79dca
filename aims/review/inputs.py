"""The inputs of a management review (9.3.2 a to e) as sections of the pack, each read from the store by itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from aimsight.aims import words
from aimsight.aims.registers.fields import day_of
from aimsight.aims.review.monitoring import results
from aimsight.aims.review.nonconforming import nonconformities
from aimsight.aims.review.pack import Bars, Section, Table
from aimsight.aims.review.view import FINISHED_ACTIONS, View, due_day

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from aimsight.aims.review.view import Kept

ACTION_COLUMNS = ("Id", "Action", "Owner", "Due", "State", "Carried over", "Evidence")


def previous_actions(view: View) -> Section:
    """(a) What came of the decisions and actions of earlier reviews; open ones say how often they were carried over."""
    actions = view.standing("management_action")
    signed = signed_reviews(view)
    is_open = {one.now.record: one.now.fields["state"] not in FINISHED_ACTIONS for one in actions}
    overdue = {one.now.record for one in actions if is_open[one.now.record] and _is_late(view, one)}
    shown = [one for one in actions if is_open[one.now.record] or any(view.within(v.recorded_at) for v in one.versions)]
    previous = signed[-1][1] if signed else None
    by_decision: dict[str, list[Kept]] = {}
    for one in actions:
        by_decision.setdefault(str(one.now.fields.get("decision", "")), []).append(one)
    decisions = [
        (one, by_decision.get(one.now.subject, []))
        for one in view.standing("management_decision")
        if one.now.fields.get("review") == previous
        or any(is_open[action.now.record] for action in by_decision.get(one.now.subject, []))
    ]
    said = [f"{words.plural(sum(is_open.values()), 'action')} open, {len(overdue)} of them overdue."] if actions else []
    return Section(
        "a",
        "9.3.2 a",
        "Actions of previous reviews",
        tuple(said),
        (
            Table(
                "previous_decisions",
                "Decisions of the previous review, and earlier ones with open actions",
                ("Id", "Review", "Decision", "Kind", "Actions done"),
                tuple(
                    (
                        one.now.record,
                        str(one.now.fields.get("review", "–")),
                        one.now.fields["decision"],
                        one.now.fields["kind"],
                        _done(own, is_open),
                    )
                    for one, own in decisions
                ),
            ),
            Table(
                "actions",
                "Actions",
                ACTION_COLUMNS,
                tuple(
                    (
                        one.now.record,
                        one.now.title,
                        view.person(one.now.owner),
                        due_day(one.now.due),
                        one.now.fields["state"] + (" (overdue)" if one.now.record in overdue else ""),
                        _carried_over(one, signed, is_open=is_open[one.now.record]),
                        one.now.fields.get("evidence", "–"),
                    )
                    for one in shown
                ),
            ),
        ),
    )


def signed_reviews(view: View) -> list[tuple[datetime, str]]:
    """When each review was first signed, and its id, the earliest first."""
    found = []
    for one in view.standing("management_review"):
        moments = [version.approved_at for version in one.versions if version.approved_at is not None]
        if moments:
            found.append((min(moments), one.now.record))
    return sorted(found)


def _is_late(view: View, action: Kept) -> bool:
    return action.now.due is not None and action.now.due < view.today


def _done(actions: Sequence[Kept], is_open: dict[str, bool]) -> str:
    if not actions:
        return "no action on record"
    return f"{sum(not is_open[one.now.record] for one in actions)} of {len(actions)}"


def _carried_over(action: Kept, signed: Sequence[tuple[datetime, str]], *, is_open: bool) -> int:
    """Into how many reviews it was carried: one for every review that was signed while it was open."""
    since, until = action.first_recorded, action.now.recorded_at
    return sum(1 for moment, _ in signed if moment >= since and (is_open or moment < until))


def issues(view: View) -> Section:
    """(b) External and internal issues that changed in the period, laws that began to apply, systems and suppliers."""
    known = [one for one in view.standing("issue") if one.now.fields["state"] == "current"]
    changed = {one.now.record for one in view.changed("issue")}
    shown = [one.now for one in view.records("issue") if one.now.record in changed or _begins(view, one)]
    climate = [one.now.record for one in known if one.now.fields["subject"] == "climate"]
    releases = tuple(
        (row["model"], row["version"], view.person(row["owner"]), view.day(row["registered_at"]))
        for row in view.rows(
            "SELECT model, version, owner, registered_at FROM model WHERE registered_at >= ? AND registered_at < ? "
            "ORDER BY model",
            view.start,
            view.end,
        )
    )
    systems = tuple(
        (one.record, one.title, one.fields.get("stage") or one.fields.get("state", "–"), view.day(one.recorded_at))
        for one in (kept.now for kept in view.changed("ai_system", "supplier"))
    )
    return Section(
        "b",
        "9.3.2 b",
        "Changes of external and internal issues",
        (
            f"Climate change: {words.listed(climate)} on record."
            if climate
            else "Climate change: no issue on record says whether it is relevant.",
        ),
        (
            Table(
                "issues",
                "Issues",
                ("Id", "Issue", "Kind", "Subject", "Effect", "Applies from", "State"),
                tuple(
                    (
                        one.record,
                        one.title,
                        *(one.fields[name] for name in ("kind", "subject", "effect")),
                        words.day(day_of(one.fields["applies_from"])) if "applies_from" in one.fields else "–",
                        one.fields["state"],
                    )
                    for one in shown
                ),
            ),
            Table("systems", "Systems and suppliers recorded", ("Id", "Name", "Stage", "Recorded"), systems),
            Table("releases", "Models registered or changed", ("Model", "Version", "Owner", "Recorded"), releases),
        ),
    )


def _begins(view: View, issue: Kept) -> bool:
    """Whether a law begins to apply in the period, however long it has been known."""
    given = issue.now.fields.get("applies_from")
    first, after = (moment.astimezone(view.zone).date() for moment in (view.start, view.end))
    return given is not None and first <= day_of(given) < after


def parties(view: View) -> Section:
    """(c) Needs of interested parties that changed, concerns and complaints by theme."""
    rows = tuple(
        (one.record, one.title, "; ".join(one.fields["needs"]), one.fields["requirement"], one.fields["state"])
        for one in (kept.now for kept in view.changed("interested_party"))
    )
    concerns = [one.now for one in view.changed("concern")]
    themes = tuple(sorted(Counter(str(one.fields["theme"]) for one in concerns).items()))
    states = Counter(str(one.fields["state"]) for one in concerns)
    channels = Counter(str(one.fields["channel"]) for one in concerns)
    said = [
        f"{words.plural(len(concerns), 'concern')} received: {_counted(states)}. They came from: {_counted(channels)}."
    ]
    return Section(
        "c",
        "9.3.2 c",
        "Needs and expectations of interested parties",
        tuple(said) if concerns else (),
        (
            Table("parties", "Interested parties", ("Id", "Party", "Needs", "Bound by", "State"), rows),
            Table("concerns", "Concerns by theme", ("Theme", "Concerns"), themes),
        ),
        bars=(Bars("concerns", "Concerns by theme", "concerns", themes),) if themes else (),
    )


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def audits(view: View) -> Section:
    """(d3) Audit results: audits of the period, findings and what is open of them, progress of the programme."""
    findings = view.records("audit_finding")
    open_ones = {one.now.record for one in findings if one.now.fields["state"] == "open"}
    recent = {one.now.record for one in view.changed("audit_finding")}
    shown = [one.now for one in findings if one.now.record in open_ones | recent]
    planned = [item for one in view.records("audit_programme") for item in one.now.fields["audits"]]
    done = sum(1 for item in planned if item.get("audit"))
    said = [f"{words.plural(len(open_ones), 'finding')} open."] if findings else []
    said += [f"{done} of {words.plural(len(planned), 'planned audit')} done."] if planned else []
    return Section(
        "d3",
        "9.3.2 d 3",
        "Audit results",
        tuple(said),
        (
            Table(
                "audits",
                "Audits of the period",
                ("Id", "Audit", "Kind", "Auditors", "Conclusion"),
                tuple(
                    (
                        one.record,
                        one.title,
                        one.fields["kind"],
                        ", ".join(one.fields["auditors"]),
                        one.fields.get("conclusion", "–"),
                    )
                    for one in (kept.now for kept in view.changed("audit"))
                ),
            ),
            Table(
                "findings",
                "Findings",
                ("Id", "Grade", "State", "Requirement", "Statement"),
                tuple(
                    (one.record, *(one.fields[name] for name in ("grade", "state", "requirement", "statement")))
                    for one in shown
                ),
            ),
            Table(
                "programme",
                "Audit programme",
                ("What", "When", "Auditor", "Audit"),
                tuple(
                    (
                        str(item["what"]),
                        str(item["when"]),
                        str(item.get("auditor", "–")),
                        str(item.get("audit", "not done")),
                    )
                    for item in planned
                ),
            ),
        ),
    )


def improvements(view: View) -> Section:
    """(e) Opportunities for improvement: open ones, and what came of those of the period."""
    recent = {one.now.record for one in view.changed("improvement")}
    rows = tuple(
        (
            one.record,
            one.title,
            one.fields["source"],
            one.fields["benefit"],
            one.fields["state"],
            view.person(one.owner),
            due_day(one.due),
            one.fields.get("result", "–"),
        )
        for one in (kept.now for kept in view.records("improvement"))
        if one.fields["state"] not in FINISHED_ACTIONS or one.record in recent
    )
    columns = ("Id", "Improvement", "Source", "Benefit", "State", "Owner", "Due", "Result")
    return Section(
        "e", "9.3.2 e", "Opportunities for improvement", (), (Table("improvements", "Improvements", columns, rows),)
    )


INPUTS: tuple[Callable[[View], Section], ...] = (
    previous_actions,
    issues,
    parties,
    nonconformities,
    results,
    audits,
    improvements,
)
"""The inputs in the order of the clause; to add one, write a function and list it here."""
