"""The overview's answers in sentences: is anything wrong, how sure, since when, who acts, until when."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from aimsight.aims import words
from aimsight.aims.verdicts import Verdict
from aimsight.dashboard.data import JUDGED
from aimsight.dashboard.frames import is_evident

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from aimsight.dashboard.data import BackTest, ObjectiveState, Row


def counts(states: Sequence[ObjectiveState]) -> dict[Verdict, int]:
    """Objectives by latest verdict, every verdict present, most urgent first."""
    found = Counter(state.verdict for state in states)
    return {verdict: found[verdict] for verdict in sorted(Verdict, key=lambda verdict: verdict.rank)}


def worst(states: Sequence[ObjectiveState]) -> Verdict:
    """The most urgent of the latest verdicts; not measured when there is no objective."""
    return min((state.verdict for state in states), key=lambda verdict: verdict.rank, default=Verdict.NOT_MEASURED)


_ALL_MET = {1: "The one objective is met", 2: "Both objectives met"}


def headline(states: Sequence[ObjectiveState]) -> tuple[Verdict, str]:
    """The answer to "is anything wrong?" as (verdict that leads, sentence)."""
    total = len(states)
    by = counts(states)
    if not total:
        return Verdict.NOT_MEASURED, "No objective has been set yet"
    if missed := by[Verdict.NONCONFORMING]:
        return Verdict.NONCONFORMING, f"{missed} of {words.plural(total, 'objective')} not met{_unjudged(states)}"
    if risky := by[Verdict.AT_RISK]:
        return Verdict.AT_RISK, f"No objective is missed beyond doubt; {risky} of {total} at risk{_unjudged(states)}"
    if met := by[Verdict.CONFORMING]:
        if met == total:
            return Verdict.CONFORMING, _ALL_MET.get(total, f"All {total} objectives met")
        return Verdict.CONFORMING, f"{met} of {words.plural(total, 'objective')} met; the others cannot be judged"
    return worst(states), "No objective can be judged"


def who_acts(open_records: Sequence[Row], now: datetime, zone: ZoneInfo) -> str:
    """Who has to do something about it, and until when."""
    if not open_records:
        return "No nonconformity is open."
    amount = words.plural(len(open_records), "nonconformity is", "nonconformities are")
    return f"{amount} open, {owned_until(open_records, now, zone)}"


def owned_until(open_records: Sequence[Row], now: datetime, zone: ZoneInfo) -> str:
    """Who owns open records, and what is due or overdue: ``owned by ann@example.org. The next is due ...``."""
    owners = sorted({row["owner"] for row in open_records})
    text = f"owned by {words.listed(owners, 3)}."
    due = sorted(row["due_at"] for row in open_records if row["due_at"] is not None)
    if not due:
        return text
    overdue = [moment for moment in due if moment < now]
    if overdue:
        oldest = words.day(overdue[0].astimezone(zone))
        return f"{text} {words.plural(len(overdue), 'is', 'are')} overdue, the oldest since {oldest}."
    return f"{text} The next is due {words.day(due[0].astimezone(zone))} ({words.days_until(due[0], now)})."


def since_words(state: ObjectiveState, zone: ZoneInfo) -> str:
    """``since Aug 2015``: how long the latest verdict has lasted; ``in Dec 2015``, ``on 1 Nov 2026`` when it is new.

    Where there is no value now, it says what was found before: ``since 2 Nov 2026 (before: nonconforming)``.
    """
    if state.since is None or state.window is None:
        return "never judged"
    when = words.period(*state.since, zone)
    said = words.in_period(when) if state.since == state.window else f"since {when}"
    return f"{said} (before: {state.before.value})" if state.before else said


def drift_answer(latest: Sequence[Row], zone: ZoneInfo) -> tuple[str, str]:
    """How many columns of the newest window differ from the reference beyond chance, and which ones as a sentence.

    ``latest`` has one measurement a column.
    """
    first = latest[0]
    window = words.period(first["window_start"], first["window_end"], zone)
    moved = sorted((row for row in latest if is_evident(row)), key=lambda row: -row["value"])
    total = words.plural(len(latest), "column")
    if not moved:
        return f"none of {total} differs from the reference", f"{window}: what differs may be chance."
    names = words.listed([words.printable(row["column_name"]) for row in moved], 4)
    verb = "differs" if len(moved) == 1 else "differ"
    return (
        f"{len(moved)} of {total} {verb} from the reference",
        f"{window}, beyond chance: {names}, the farthest first.",
    )


def needs_attention(state: ObjectiveState, open_record: Row | None) -> bool:
    """Whether somebody has to look at an objective: it is not met, or a record of it is still open."""
    return state.verdict in {Verdict.NONCONFORMING, Verdict.AT_RISK} or open_record is not None


_STANDS = {Verdict.NONCONFORMING: "not met", Verdict.AT_RISK: "at risk"}


def model_line(states: Sequence[ObjectiveState], zone: ZoneInfo) -> str:
    """How a model stands and since when: ``2 of 7 objectives not met (WB-04, WB-06) since 1986–1987; 1 at risk``.

    The time is that of the verdict which leads: of the objectives that share it, the one with the longest series.
    """
    if not states:
        return "No objective is set, so nothing is judged"
    verdict, said = headline(states)
    leading = [state for state in states if state.verdict is verdict]
    longest = min((state for state in leading if state.since), key=_beginning, default=None)
    since = f" {since_words(longest, zone)}" if longest else ""
    if verdict not in _STANDS:
        return said + since
    named = words.listed([state.objective for state in leading], 4)
    said = f"{len(leading)} of {words.plural(len(states), 'objective')} {_STANDS[verdict]} ({named}){since}"
    if verdict is Verdict.NONCONFORMING and (risky := counts(states)[Verdict.AT_RISK]):
        said += f"; {risky} at risk"
    return said + _unjudged(states)


def _unjudged(states: Sequence[ObjectiveState]) -> str:
    amount = sum(state.verdict not in JUDGED for state in states)
    return f"; {amount} cannot be judged" if amount else ""


def _beginning(state: ObjectiveState) -> tuple[tuple[datetime, ...], int]:
    """The earliest first; of those that begin together the one with the worst verdict before."""
    return state.since or (), state.before.rank if state.before else len(Verdict)


def who_and_when(records: Sequence[Row], now: datetime, zone: ZoneInfo) -> tuple[str, str]:
    """Who acts on the open records of a model, and until when: the one that is due first leads.

    Gives ``("ann@example.org", "due 25 Nov 2026 (in 1 day); 3 open")``.
    """
    first = min(records, key=lambda row: (row["due_at"] is None, row["due_at"], row["nonconformity"]))
    return first["owner"], f"{due_words(first, now, zone)}; {len(records)} open"


def due_words(record: Row, now: datetime, zone: ZoneInfo) -> str:
    """``due 25 Nov 2026 (in 1 day)``, or that a record has no date."""
    if record["due_at"] is None:
        return "no due date"
    due = record["due_at"].astimezone(zone)
    return f"due {words.day(due)} ({words.days_until(due, now.astimezone(zone))})"


def quality_text(row: Row) -> str:
    """A data quality measurement as a table shows it: shares as percent, counts as counts."""
    if row["value"] is None:
        return f"– ({row['undefined_reason']})"
    name = str(row["metric"])
    if name.endswith(("_share", "_coverage")):
        return words.share(row["value"])
    if name.endswith("_hours"):
        return f"{words.number(row['value'], 1)} h"
    return words.number(row["value"], 0 if float(row["value"]).is_integer() else None)


def estimate_words(found: BackTest) -> str:
    """What an estimate is worth: what it cannot see, and how far it was off where labels have come."""
    limits = "Estimated from scores or features, without labels: a change of what they mean cannot be seen."
    if not found.windows or found.bias is None:
        return f"{limits} No label has tested it yet."
    tested = words.plural(found.windows, "window")
    return (
        f"{limits} Where labels came ({tested}) it was off by {words.signed(found.bias)} on average, and "
        f"{found.covered} of {found.windows} intervals held the value."
    )
