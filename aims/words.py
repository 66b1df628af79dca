"""Words and numbers as people read them, the same on the terminal, in notices and on pages.

Everything said goes through here, so that a number never lacks its unit, interval and n, a window is called what people
call it, and a name from somebody's data never becomes Markdown or moves a cursor.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aimsight.configs.durations import Duration
from aimsight.configs.targets import Target
from aimsight.configs.window_lengths import ChunkCount, RowCount, WindowLength
from aimsight.metrics.plan import Window
from aimsight.metrics.values import Result, Undefined

MINUS = "−"
SMALLEST = 0.00001
"""Smaller numbers are written with an exponent where they stand alone."""
_NAMES = {
    "auc": "AUC",
    "roc_auc": "AUC",
    "f1": "F1",
    "mae": "MAE",
    "rmse": "RMSE",
    "r2": "R²",
    "psi": "PSI",
    "ks": "KS distance",
    "jensen_shannon_distance": "Jensen–Shannon distance",
    "wasserstein_normed": "Wasserstein distance (normed)",
    "missing_share_change": "Change of missing share",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "mcc": "Matthews correlation",
    "cohen_kappa": "Cohen’s kappa",
    "f_beta": "F-beta",
    "ece": "Expected calibration error",
    "score_ks": "KS of scores",
    "mape": "MAPE",
    "smape": "sMAPE",
    "rmsle": "RMSLE",
    "mse": "MSE",
    "msle": "MSLE",
    "confusion": "Share of the confusion matrix",
    "freshness_hours": "Freshness",
    "non_finite_share": "Non-finite share",
    "out_of_range_share": "Out-of-range share",
    "outside_intended_use_share": "Share outside the intended use",
    "auc_difference": "AUC difference",
    "auc_ratio": "AUC ratio",
    "mae_difference": "MAE difference",
    "mae_ratio": "MAE ratio",
    "anderson_darling": "Anderson–Darling distance",
    "cramer_von_mises": "Cramér–von Mises distance",
    "cramers_v": "Cramér’s V",
    "hellinger": "Hellinger distance",
    "jensen_shannon_divergence": "Jensen–Shannon divergence",
    "kl_divergence": "KL divergence",
    "domain_classifier_auc": "AUC of the domain classifier",
}
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SPECIAL = re.compile(r"([!-/:-@\[-`{-~])")
_JOINED = re.compile(
    r"(?i)(?<=[a-z])(?=://)|(?<=www)(?=\.)|(?<=@)|(?<=-)(?=[->])|(?<=<)(?=-)|(?<=[<>~!])(?==)|(?<=\d–)(?=\d)"
)
_BREAK = "\u2060"
_HELD = re.compile(r"\bn = (?=\d)|(?<=\d) to (?=[−\d])|\bat (?:least|most) (?=[−\d])|(?<=\d) (?=%)")


def printable(text: str) -> str:
    """The text on one line with nothing invisible in it: control and direction-changing characters become ``�``."""
    if text.isprintable():
        return text
    return "".join(
        " "
        if character in "\t\n\r"
        else "�"
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co"}
        else character
        for character in text
    )


def plain(text: str) -> str:
    r"""The text on one line of a terminal or file: control and direction characters become ``\x1b`` and the like."""
    return "".join(
        character.encode("unicode_escape").decode("ascii")
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character
        for character in text
    )


def escape(text: str) -> str:
    """Markdown that shows exactly this text: no link, image, colour, emoji, formula or heading comes of it.

    Every ASCII punctuation mark is escaped; an invisible word joiner goes where renderers make links or arrows of plain
    text after the escapes are gone. ``n = 8,128``, ``at most 0.1``, ``95 %`` and intervals stay on one line.
    """
    held = _HELD.sub(lambda found: found[0].replace(" ", "\u00a0"), printable(text))
    return _SPECIAL.sub(r"\\\1", _JOINED.sub(_BREAK, held))


def decimals(*values: float | None) -> int:
    """Decimal places for numbers that stand together, by the largest: three below 10, fewer above, as on a terminal."""
    sizes = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(sizes, default=0.0)
    if 0 < largest < 0.001:
        return 5
    return next((places for limit, places in ((10.0, 3), (100.0, 2), (1000.0, 1)) if largest < limit), 0)


def number(value: float | None, places: int | None = None) -> str:
    """``0.817``, ``−1.500``, ``2,118``; an en dash where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    if places is None and 0 < abs(value) < SMALLEST:
        return f"{value:.1e}".replace("-", MINUS)
    text = f"{value:,.{decimals(value) if places is None else places}f}"
    if not float(text.replace(",", "")):
        text = text.removeprefix("-")
    return text.replace("-", MINUS)


def signed(value: float, places: int | None = None) -> str:
    """``+0.03``, ``−0.11``: a difference."""
    text = number(value, places)
    return text if text.startswith(MINUS) or value == 0 else f"+{text}"


def count(value: float) -> str:
    """``2,118``."""
    return f"{round(value):,}"


def lowered(text: str) -> str:
    """Text as it stands within a sentence: without its first capital, unless that begins an abbreviation."""
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def plural(amount: int, one: str, many: str | None = None) -> str:
    """``1 run``, ``3 runs``."""
    return f"{count(amount)} {one if amount == 1 else many or one + 's'}"


def share(value: float) -> str:
    """A share as percent: ``4.3 %``, ``<0.1 %``."""
    percent = 100 * value
    if 0 < abs(percent) < 0.1:
        return "<0.1 %"
    return f"{number(percent, 1 if percent and abs(percent) < 99.95 else 0)} %"


def suffix(unit: str) -> str:
    """What follows a number in this unit: ``' hours'``; nothing for units that only specialists name."""
    return f" {unit}" if unit in {"hours", "minutes"} else ""


def in_unit(unit: str) -> str:
    """`` (label units)``, or nothing for pure numbers and for what only specialists name."""
    plain = {"", "share", "probability", "squared probability", "share of variance", "ratio"}
    return "" if unit in plain | {"nats", "square root of nats"} else f" ({unit})"


def axis_title(metric: str, unit: str) -> str:
    """``MAE (label units)``."""
    return f"{metric_name(metric)}{in_unit(unit)}"


def metric_name(metric: str) -> str:
    """``performance.roc_auc`` as people say it: ``AUC``; arguments follow: ``F-beta (beta=2)``.

    An estimate is always called one: ``Estimated AUC``.
    """
    name, _, arguments = metric.partition("(")
    short = name.rpartition(".")[2]
    said = _NAMES.get(short, _WORD_ENDS.sub(" ", short).replace("_", " ").capitalize())
    if family(name) == "estimated":
        said = f"Estimated {said if short in _NAMES else short.replace('_', ' ')}"
    return f"{said} ({arguments}" if arguments else said


def family(metric: str) -> str:
    """The family of a metric id: ``performance``."""
    return metric.partition(".")[0]


def value_sentence(  # the parts of one sentence
    name: str,
    value: float | None,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    unit: str = "",
) -> str:
    """``AUC 0.817 (0.799–0.834), n = 2,118``; without a value only the name."""
    if value is None:
        return f"{name}: no value"
    return f"{name} {value_text(value, low, high, unit)}" + (f", n = {count(n)}" if n else "")


def value_text(value: float, low: float | None = None, high: float | None = None, unit: str = "") -> str:
    """``0.817 (0.799–0.834)``; an interval with negative ends says "to" instead of a dash."""
    places = decimals(value, low, high)
    text = number(value, places)
    if low is not None and high is not None:
        text += f" ({between(low, high, places)})"
    return text + suffix(unit)


def result_text(result: Result) -> str:
    """``0.817 (0.799–0.834), n = 2,118``, or why there is no value."""
    if isinstance(result, Undefined):
        return f"no value: {plain(result.reason)}"
    interval = result.interval
    limits = (interval.low, interval.high) if interval else (None, None)
    return f"{value_text(result.value, *limits)}, n = {count(result.n)}"


def between(low: float, high: float, places: int | None = None) -> str:
    """``0.799–0.834`` or ``−0.02 to 0.01``."""
    joint = "–" if low >= 0 and high >= 0 else " to "
    return f"{number(low, places)}{joint}{number(high, places)}"


def target_words(target: str, tolerance: float = 0.0) -> str:
    """``at least 0.83, tolerance 0.01``."""
    words = Target.parse(target).words.replace("-", MINUS)
    return f"{words}, tolerance {tolerance:g}" if tolerance else words


def day(moment: date) -> str:
    """``9 Nov 2026``."""
    return f"{moment.day} {moment:%b %Y}"


def instant(moment: datetime | None, zone: ZoneInfo) -> str:
    """``9 Nov 2026, 14:05`` in the zone."""
    if moment is None:
        return "–"
    local = moment.astimezone(zone)
    return f"{day(local)}, {local:%H:%M}"


def until(end: datetime | None, zone: ZoneInfo) -> str:
    """The end of a half-open window as people say it: the last day that belongs to it, or the moment within a day."""
    if end is None:
        return "–"
    local = end.astimezone(zone)
    return day(local - timedelta(days=1)) if _midnight(local) else instant(end, zone)


def period(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """A half-open window as people say it: ``3–9 Nov 2026``, ``1996–1998``, ``3 Nov 2026, 14:00–15:00``."""
    first, after = start.astimezone(zone), end.astimezone(zone)
    if not _midnight(first) or not _midnight(after):
        return _hours(first, after)
    last = (after.replace(tzinfo=None) - timedelta(days=1)).replace(tzinfo=first.tzinfo)
    if first.day == 1 and after.day == 1:
        return _months(first, last, after)
    if first.date() == last.date():
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{day(last)}"
    if first.year == last.year:
        return f"{first.day} {first:%b} – {day(last)}"
    return f"{day(first)} – {day(last)}"


def window_words(window: Window, zone: str) -> str:
    """A window as people say it, in the time zone of that name."""
    return period(window.start, window.end, ZoneInfo(zone))


def in_period(when: str) -> str:
    """A window in words with its preposition: ``in Aug 2015``, ``in 2018–2019``, ``on 5 Sep 2025``."""
    return f"{'in' if when[0].isalpha() or when[:4].isdigit() else 'on'} {when}"  # months and years; days and hours


def elapsed(seconds: float) -> str:
    """``0.4 s``, ``12 s``, ``3 min``, ``5 h``, ``2 d``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second) == (0, 0, 0)


def _hours(first: datetime, after: datetime) -> str:
    if first.date() == after.date() or (after - first <= timedelta(days=1) and _midnight(after)):
        return f"{day(first)}, {first:%H:%M}–{after:%H:%M}"
    return f"{day(first)}, {first:%H:%M} – {day(after)}, {after:%H:%M}"


def _months(first: datetime, last: datetime, after: datetime) -> str:
    if first.month == 1 and after.month == 1:
        return f"{first.year}" if first.year == last.year else f"{first.year}–{last.year}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first:%b %Y}"
    if first.year == last.year:
        return f"{first:%b}–{last:%b %Y}"
    return f"{first:%b %Y} – {last:%b %Y}"


def days_until(due: datetime, now: datetime) -> str:
    """``in 12 days``, ``today``, ``3 days overdue``."""
    return days_until_day(due.date(), now.date())


def days_until_day(due: date, today: date) -> str:
    """The same for days."""
    days = (due - today).days
    if days == 0:
        return "today"
    return f"in {plural(days, 'day')}" if days > 0 else f"{plural(-days, 'day')} overdue"


def listed(items: list[str], most: int = 5) -> str:
    """``a, b and c``; what is beyond ``most`` is counted."""
    shown = items[:most] + ([f"{len(items) - most} more"] if len(items) > most else [])
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def what_happens_next(state: str, due: str | None, owner: str) -> str:
    """What a nonconformity in this state waits for, in words."""
    until = f" by {due}" if due else ""
    steps = {
        "detected": f"{owner} confirms or rejects it{until}; further failing windows are attached as occurrences.",
        "open": f"{owner} contains and corrects the effect{until}.",
        "contained": f"{owner} searches for similar ones, states the cause and plans a corrective action{until}.",
        "analysed": f"{owner} plans a corrective action with a criterion for its effect{until}.",
        "planned": f"An approver who neither planned nor carries it out approves the plan; it is carried out{until}.",
        "implementing": f"{owner} finishes the planned action and attaches the evidence{until}.",
        "implemented": f"{owner} starts the watch over the windows after the action{until}.",
        "effectiveness_window": "The windows after the action are measured against the criterion fixed before it; then "
        "a person who did not carry out the action concludes.",
        "closing": "A second person closes it and says what changes in the management system, or why nothing does.",
        "escalated_incident": f"{owner} reports the incident{until}, or says why it is not reportable.",
        "accepted_until": "The deviation is accepted for a time; a worse value or the end of that time opens it again.",
        "closed": "Nothing. If the objective fails again, a new record opens and points back to this one.",
        "closed_correction_only": "Nothing. The reason why no corrective action was needed is part of the record.",
        "rejected": "Nothing. The reason for the rejection is part of the record.",
    }
    return steps.get(state, f"{owner} decides the next step{until}.")


_UNITS = {"h": "hour", "d": "day", "w": "week", "mo": "month", "q": "quarter", "y": "year"}


def duration(length: Duration) -> str:
    """``30 days``."""
    return plural(length.count, _UNITS[length.unit])


def window_length(length: WindowLength) -> str:
    """``1 day``, ``1,000 rows`` or ``12 chunks of equal size``."""
    if isinstance(length, RowCount):
        return plural(length.count, "row")
    if isinstance(length, ChunkCount):
        return f"{plural(length.count, 'chunk')} of about as many rows each"
    return duration(length)


def reference_words(name: str) -> str:
    """The name of a reference as people say it: ``period 2015-01-01..2015-04-01`` is ``Jan–Mar 2015``."""
    kind, _, rest = name.partition(" ")
    first, _, after = rest.partition("..")
    if kind != "period" or not after:
        return name.removeprefix("source ")
    start, end = (datetime.fromisoformat(moment).replace(tzinfo=UTC) for moment in (first, after))
    return period(start, end, ZoneInfo("UTC"))


def span(first: date | datetime, after: date | datetime) -> str:
    """A half-open period of the configuration (days, or moments of local time): ``1974–1984``."""
    start, end = (
        moment.replace(tzinfo=UTC) if isinstance(moment, datetime) else datetime.combine(moment, time(), UTC)
        for moment in (first, after)
    )
    return period(start, end, ZoneInfo("UTC"))
