"""The inputs of a management review (9.3.2 a to e) as sections of the pack, each read from the store by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from aimsight.aims import words
from aimsight.aims.nonconformities import is_open
from aimsight.aims.registers.due import reassessments_due
from aimsight.aims.registers.inventory import inventory
from aimsight.aims.review.pack import Bars, Point, Section, Series, Table
from aimsight.aims.verdicts import Verdict
from aimsight.configs.canonical import decimal_text
from aimsight.configs.targets import Target
from aimsight.metrics.registry import find
from aimsight.store.registers import latest_versions, versions_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from aimsight.aims.review.pack import Cell
    from aimsight.configs.load import Project
    from aimsight.store.database import Reader
    from aimsight.store.registers import RecordVersion

FINISHED_ACTIONS = ("done", "dropped")


@dataclass(frozen=True, slots=True)
class View:
    """What the inputs are read from: the store as it is, the project, and the period [start, end) reviewed."""

    reader: Reader
    project: Project
    start: datetime
    end: datetime

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of dates."""
        return ZoneInfo(self.project.config.time_zone)

    @property
    def today(self) -> date:
        """The day on which the period ends."""
        return self.end.astimezone(self.zone).date()

    def day(self, moment: datetime | None) -> str:
        """A moment as a day, or a dash."""
        return "–" if moment is None else words.day(moment.astimezone(self.zone))

    def records(self, *types: str) -> list[RecordVersion]:
        """The latest version of the records of these types that were recorded before the period's end."""
        found = [one for one in latest_versions(self.reader, types) if one.status != "withdrawn"]
        return [one for one in found if one.recorded_at < self.end]

    def changed(self, *types: str) -> list[RecordVersion]:
        """Those of them that were recorded within the period."""
        return [one for one in self.records(*types) if one.recorded_at >= self.start]

    def rows(self, sql: str, *params: object) -> list[dict[str, Any]]:
        """Rows of the store."""
        return self.reader.rows(sql, params)

    def label(self, model: str, start: datetime, end: datetime) -> str:
        """A window as people call it, in the calendar of its model."""
        config = self.project.models.get(model)
        return words.period(start, end, config.log.zone if config else self.zone)


def previous_actions(view: View) -> Section:
    """(a) What came of the actions of earlier reviews; open ones say how often they were carried over."""
    records = view.records("management_action")
    open_then = [one for one in records if one.fields["state"] not in FINISHED_ACTIONS]
    overdue = [one for one in open_then if one.due is not None and one.due < view.today]
    shown = [one for one in records if one in open_then or one.recorded_at >= view.start]
    rows = tuple(
        (
            one.record,
            one.title,
            one.owner or "–",
            words.day(one.due) if one.due else "–",
            one.fields["state"] + (" (overdue)" if one in overdue else ""),
            _carried_over(view, one),
            one.fields.get("evidence", "–"),
        )
        for one in shown
    )
    said = [f"{words.plural(len(open_then), 'action')} open, {len(overdue)} of them overdue."] if records else []
    return Section(
        "a",
        "9.3.2 a",
        "Actions of previous reviews",
        tuple(said),
        (Table("actions", "Actions", ("Id", "Action", "Owner", "Due", "State", "Carried over", "Evidence"), rows),),
    )


def _carried_over(view: View, action: RecordVersion) -> int:
    """In how many reviews it was open: those that were held since it was first recorded."""
    first = versions_of(view.reader, action.record_type, action.record)[0].recorded_at
    return sum(1 for one in view.records("management_review") if one.approved_at and one.approved_at >= first)


def issues(view: View) -> Section:
    """(b) External and internal issues that changed in the period, systems and suppliers among them."""
    rows = tuple(
        (one.record, one.title, one.fields["kind"], one.fields["subject"], one.fields["effect"], one.fields["state"])
        for one in view.changed("issue")
    )
    releases = tuple(
        (row["model"], row["version"], row["owner"], view.day(row["registered_at"]))
        for row in view.rows(
            "SELECT model, version, owner, registered_at FROM model WHERE registered_at >= ? AND registered_at < ? "
            "ORDER BY model",
            view.start,
            view.end,
        )
    )
    systems = tuple(
        (one.record, one.title, one.fields.get("stage") or one.fields.get("state", "–"), view.day(one.recorded_at))
        for one in view.changed("ai_system", "supplier")
    )
    return Section(
        "b",
        "9.3.2 b",
        "Changes of external and internal issues",
        (),
        (
            Table("issues", "Issues", ("Id", "Issue", "Kind", "Subject", "Effect", "State"), rows),
            Table("systems", "Systems and suppliers recorded", ("Id", "Name", "Stage", "Recorded"), systems),
            Table("releases", "Models registered or changed", ("Model", "Version", "Owner", "Recorded"), releases),
        ),
    )


def parties(view: View) -> Section:
    """(c) Needs of interested parties that changed, concerns and complaints by theme."""
    rows = tuple(
        (one.record, one.title, "; ".join(one.fields["needs"]), one.fields["requirement"])
        for one in view.changed("interested_party")
    )
    concerns = view.changed("concern")
    themes = Counter(one.fields["theme"] for one in concerns)
    states = Counter(one.fields["state"] for one in concerns)
    said = (
        f"{words.plural(len(concerns), 'concern')} received: "
        + ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
        + "."
        if concerns
        else ""
    )
    return Section(
        "c",
        "9.3.2 c",
        "Needs and expectations of interested parties",
        (said,) if said else (),
        (
            Table("parties", "Interested parties", ("Id", "Party", "Needs", "Bound by"), rows),
            Table("concerns", "Concerns by theme", ("Theme", "Concerns"), tuple(sorted(themes.items()))),
        ),
        bars=(Bars("concerns", "Concerns by theme", "concerns", tuple(sorted(themes.items()))),) if themes else (),
    )


_NC_COLUMNS = ("Id", "Severity", "State", "Opened", "Due", "Owner", "Recurrence of", "Statement")


def nonconformities(view: View) -> Section:
    """(d1) Nonconformities and corrective actions: what opened and closed, how old, overdue, recurring, ineffective."""
    found = view.rows("SELECT * FROM nonconformities WHERE opened_at < ? ORDER BY opened_at, nonconformity", view.end)
    running = [row for row in found if is_open(row["state"])]
    opened = [row for row in found if row["opened_at"] >= view.start]
    closed = [row for row in found if row["closed_at"] and view.start <= row["closed_at"] < view.end]
    shown = [row for row in found if row in running or row in opened or row in closed]
    rows = tuple(_nonconformity(view, row) for row in shown)
    return Section(
        "d1",
        "9.3.2 d 1",
        "Nonconformities and corrective actions",
        (
            (
                f"{words.plural(len(opened), 'nonconformity', 'nonconformities')} opened, {len(closed)} closed in the "
                f"period; {len(running)} open at its end."
            ),
        )
        if found
        else (),
        (
            Table("nonconformity_figures", "Figures", ("Figure", "Value"), _figures(view, found, running, opened)),
            Table("nonconformities", "Open, opened or closed in the period", _NC_COLUMNS, rows),
            Table(
                "corrective_actions",
                "Actions of open nonconformities",
                ("Nonconformity", "Action", "Kind", "Owner", "Due", "Done"),
                _actions(view, running),
            ),
        )
        if found
        else (),
        bars=(_by_age(view, running),) if running else (),
    )


def _nonconformity(view: View, row: Mapping[str, Any]) -> tuple[Cell, ...]:
    late = is_open(row["state"]) and row["due_at"] is not None and row["due_at"] < view.end
    return (
        row["nonconformity"],
        row["severity"],
        row["state"].replace("_", " "),
        view.day(row["opened_at"]),
        view.day(row["due_at"]) + (" (overdue)" if late else ""),
        row["owner"],
        row["recurrence_of"] or "–",
        f"{row['model']}, {row['kind']}: {row['statement']}",
    )


def _figures(
    view: View,
    found: Sequence[Mapping[str, Any]],
    running: Sequence[Mapping[str, Any]],
    opened: Sequence[Mapping[str, Any]],
) -> tuple[tuple[Cell, ...], ...]:
    repeated = view.rows(
        "SELECT count(DISTINCT nonconformity) AS n FROM nonconformities WHERE attempt > 1 AND opened_at < ?", view.end
    )[0]["n"]
    alone = view.rows(
        "SELECT count(*) AS n FROM failures_without_nonconformity WHERE window_end > ? AND window_end <= ?",
        view.start,
        view.end,
    )[0]["n"]
    overdue = sum(1 for row in running if row["due_at"] is not None and row["due_at"] < view.end)
    return (
        ("Open at the end of the period", len(running)),
        ("Open and major", sum(1 for row in running if row["severity"] == "major")),
        ("Open and overdue", overdue),
        ("Opened in the period", len(opened)),
        ("Opened in the period, recurring", sum(1 for row in opened if row["recurrence_of"])),
        ("With an action that was not effective", repeated),
        ("Rejected, of all", sum(1 for row in found if row["state"] == "rejected")),
        ("Failing windows without a nonconformity or a reasoned disposition", alone),
    )


def _actions(view: View, running: Sequence[Mapping[str, Any]]) -> tuple[tuple[Cell, ...], ...]:
    names = [row["nonconformity"] for row in running]
    return tuple(
        (
            row["nonconformity"],
            row["description"],
            row["kind"],
            row["owner"],
            words.day(row["due"]) if row["due"] else "–",
            view.day(row["done_at"]),
        )
        for row in view.rows(
            "SELECT * FROM nonconformity_actions WHERE list_contains(?, nonconformity) ORDER BY nonconformity, action",
            names,
        )
    )


_AGES = ((30, "up to 30 days"), (90, "31 to 90 days"), (10**6, "more than 90 days"))


def _by_age(view: View, running: Sequence[Mapping[str, Any]]) -> Bars:
    ages = [(view.end - row["opened_at"]).days for row in running]
    counts, low = [], -1
    for high, name in _AGES:
        counts.append((name, sum(1 for age in ages if low < age <= high)))
        low = high
    return Bars("nonconformities_by_age", "Open nonconformities by age", "nonconformities", tuple(counts))


def results(view: View) -> Section:
    """(d2) Results of monitoring and measurement: each objective's target and values, missed runs, targets changed."""
    judged = view.rows(
        "SELECT * FROM evaluations WHERE is_latest AND window_end > ? AND window_end <= ? "
        "ORDER BY model, objective, column_name, segment, window_start",
        view.start,
        view.end,
    )
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in judged:
        groups.setdefault((row["model"], row["objective"]), []).append(row)
    counts = Counter(row["verdict"] for row in judged)
    runs = view.rows(
        "SELECT model, outcome, count(*) AS n FROM runs WHERE window_end > ? AND window_end <= ? GROUP BY ALL "
        "ORDER BY model, outcome",
        view.start,
        view.end,
    )
    said = [
        f"{words.plural(len(groups), 'objective')} judged in {words.plural(len(judged), 'window')}: "
        + ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict if counts[verdict.value])
        + "."
    ]
    tables = [
        Table(
            "objectives",
            "Objectives",
            ("Model", "Objective", "Statement", "Target", "Latest value", "n", "Latest verdict", "Windows", "Met"),
            tuple(_objective(rows) for rows in groups.values()),
        ),
        Table("runs", "Runs", ("Model", "Outcome", "Runs"), tuple((r["model"], r["outcome"], r["n"]) for r in runs)),
        Table(
            "changes_of_targets",
            "Targets and other changes (6.3)",
            ("Id", "Change", "State", "Recorded", "Past verdicts that would differ"),
            tuple(
                (
                    one.record,
                    one.title,
                    one.status,
                    view.day(one.recorded_at),
                    str(one.fields.get("differing_verdicts", "–")),
                )
                for one in view.changed("change")
            ),
        ),
        Table(
            "metric_verifications",
            "Verification of metrics",
            ("Metric", "Version", "Result", "Verified", "Due again"),
            tuple(
                (
                    one.fields["metric"],
                    int(one.fields["version"]),
                    one.fields["result"],
                    view.day(one.event_at),
                    words.day(one.due) if one.due else "–",
                )
                for one in view.records("metric_verification")
            ),
        ),
    ]
    return Section(
        "d2",
        "9.3.2 d 2",
        "Results of monitoring and measurement",
        tuple(said) if judged else (),
        tuple(tables) if judged or runs else (),
        tuple(_series(view, rows) for rows in groups.values()),
    )


def _objective(rows: Sequence[Mapping[str, Any]]) -> tuple[Cell, ...]:
    last = rows[-1]
    value = "–" if last["value"] is None else words.value_text(last["value"], last["ci_low"], last["ci_high"])
    met = sum(1 for row in rows if row["verdict"] == Verdict.CONFORMING.value)
    return (
        last["model"],
        last["objective"],
        last["statement"],
        words.target_words(last["target"], last["tolerance"]),
        value,
        last["n"],
        last["verdict"],
        len(rows),
        f"{met} of {len(rows)}",
    )


def _series(view: View, rows: Sequence[Mapping[str, Any]]) -> Series:
    last = rows[-1]
    target = Target.parse(last["target"])
    where = f" of {last['column_name']}" if last["column_name"] else ""
    segment = f" in {last['segment']}" if last["segment"] else ""
    return Series(
        f"{last['model']}/{last['objective']}",
        f"{last['model']}, {last['objective']}: {words.metric_name(last['metric'])}{where}{segment}",
        find(last["metric"]).unit,
        words.target_words(last["target"], last["tolerance"]),
        _text(target.low),
        _text(target.high),
        tuple(
            Point(
                view.label(row["model"], row["window_start"], row["window_end"]),
                _text(row["value"]),
                _text(row["ci_low"]),
                _text(row["ci_high"]),
                row["verdict"],
            )
            for row in rows
        ),
    )


def _text(value: float | None) -> str | None:
    return None if value is None else decimal_text(value)


def audits(view: View) -> Section:
    """(d3) Audit results: audits of the period, findings and what is open of them, progress of the programme."""
    held = view.changed("audit")
    findings = view.records("audit_finding")
    open_findings = [one for one in findings if one.fields["state"] == "open"]
    shown = [one for one in findings if one in open_findings or one.recorded_at >= view.start]
    planned = [item for one in view.records("audit_programme") for item in one.fields["audits"]]
    programme = tuple(
        (str(item["what"]), str(item["when"]), str(item.get("auditor", "–")), str(item.get("audit", "not done")))
        for item in planned
    )
    return Section(
        "d3",
        "9.3.2 d 3",
        "Audit results",
        (f"{words.plural(len(open_findings), 'finding')} open.",) if findings else (),
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
                    for one in held
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
            Table("programme", "Audit programme", ("What", "When", "Auditor", "Audit"), programme),
        ),
    )


def improvements(view: View) -> Section:
    """(e) Opportunities for improvement: open ones, and what came of those of the period."""
    found = [
        one
        for one in view.records("improvement")
        if one.fields["state"] not in ("done", "dropped") or one.recorded_at >= view.start
    ]
    rows = tuple(
        (
            one.record,
            one.title,
            one.fields["source"],
            one.fields["state"],
            one.owner or "–",
            words.day(one.due) if one.due else "–",
            one.fields.get("result", "–"),
        )
        for one in found
    )
    columns = ("Id", "Improvement", "Source", "State", "Owner", "Due", "Result")
    return Section(
        "e", "9.3.2 e", "Opportunities for improvement", (), (Table("improvements", "Improvements", columns, rows),)
    )


def extras(view: View) -> Section:
    """What ISO/IEC 27001 and ISO 9001 ask for beside these inputs, and what is due of assessments and incidents."""
    risks = tuple(
        (
            one.record,
            one.title,
            f"{one.fields['likelihood']} / {one.fields['consequence']}",
            f"{one.fields.get('residual_likelihood', '–')} / {one.fields.get('residual_consequence', '–')}",
            _treated(one),
            words.day(one.due) if one.due else "–",
        )
        for one in view.records("risk")
    )
    incidents = tuple(
        (one.record, one.title, one.fields["kind"], "yes" if one.fields["reportable"] else "no", one.fields["state"])
        for one in view.changed("incident")
    )
    due = tuple(
        (one.model, one.assessment or "–", "; ".join(one.reasons), one.owner)
        for one in reassessments_due(view.reader, view.today)
    )
    return Section(
        "extras",
        "",
        "Risks, incidents and assessments",
        ("Asked for by ISO/IEC 27001 (9.3.2 d to g) and ISO 9001 (9.3.2), not by ISO/IEC 42001.",),
        (
            Table(
                "risks",
                "Risks and their treatment",
                ("Id", "Risk", "Likelihood / consequence", "With treatment", "Treatments done", "Due"),
                risks,
            ),
            Table("incidents", "Incidents", ("Id", "Incident", "Kind", "Reportable", "State"), incidents),
            Table("assessments_due", "Impact assessments due", ("Model", "Assessment", "Reasons", "Owner"), due),
        ),
        input=False,
    )


def _treated(risk: RecordVersion) -> str:
    treatments = risk.fields.get("treatments", ())
    return f"{sum(1 for one in treatments if one.get('done'))} of {len(treatments)}"


def limits(view: View, *, entries: int, anchored: int) -> Section:
    """What the pack does not show: entries that nobody vouches for, and systems that nobody watches."""
    systems = inventory(view.reader, view.project.models)
    said = [
        (
            "The pack shows what was recorded. Whether the management system is suitable, adequate and effective is "
            "for top management to conclude."
        ),
        "Measured is what the inference logs and labels say; concept drift shows only where labels arrive.",
        "Requirements are told in words of our own, written from public pages; the standard itself decides.",
    ]
    if anchored < entries:
        said.append(
            f"Ledger entries {anchored + 1:,} to {entries:,} are covered by no checkpoint outside the database: a "
            "change of them would not be seen."
        )
    if view.project.config.single_person:
        said.append(
            "One person may do here what needs two (single_person in aimsight.yaml): "
            f"{view.project.config.single_person}"
        )
    if systems.unassigned:
        said.append(f"Monitored models that belong to no recorded AI system: {words.listed(list(systems.unassigned))}.")
    rows = tuple((one.record, one.title, one.owner) for one in systems.without_plan)
    return Section(
        "limits",
        "",
        "Limits of this pack",
        tuple(said),
        (Table("without_plan", "Systems in scope without a monitoring plan", ("Id", "System", "Owner"), rows),)
        if rows
        else (),
        input=False,
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
