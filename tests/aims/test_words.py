"""Numbers, dates and names as people read them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.aims import words
from aimsight.configs.durations import Duration
from aimsight.metrics.values import Interval, Undefined, Value

VIENNA = ZoneInfo("Europe/Vienna")
WORLD = ZoneInfo("UTC")


def at(year: int, month: int, day: int, hour: int = 0, zone: ZoneInfo = WORLD) -> datetime:
    """Give a moment of local time as the store keeps it, in UTC."""
    return datetime(year, month, day, hour, tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "zone", "said"),
    [
        (at(2026, 11, 3), at(2026, 11, 10), WORLD, "3–9 Nov 2026"),
        (at(2026, 11, 9), at(2026, 11, 10), WORLD, "9 Nov 2026"),
        (at(2026, 10, 28), at(2026, 11, 4), WORLD, "28 Oct – 3 Nov 2026"),
        (at(2026, 12, 28), at(2027, 1, 4), WORLD, "28 Dec 2026 – 3 Jan 2027"),
        (at(2026, 11, 1), at(2026, 12, 1), WORLD, "Nov 2026"),
        (at(2015, 1, 1), at(2015, 4, 1), WORLD, "Jan–Mar 2015"),
        (at(2015, 11, 1), at(2016, 2, 1), WORLD, "Nov 2015 – Jan 2016"),
        (at(2015, 1, 1), at(2016, 1, 1), WORLD, "2015"),
        (at(1996, 1, 1), at(1998, 1, 1), WORLD, "1996–1997"),
        (at(2026, 11, 3, 14), at(2026, 11, 3, 15), WORLD, "3 Nov 2026, 14:00–15:00"),
        (at(2026, 11, 3, 23), at(2026, 11, 4, 0), WORLD, "3 Nov 2026, 23:00–00:00"),
        (at(2026, 11, 3, 22), at(2026, 11, 4, 1), WORLD, "3 Nov 2026, 22:00 – 4 Nov 2026, 01:00"),
        (at(2026, 3, 29, 0, VIENNA), at(2026, 3, 30, 0, VIENNA), VIENNA, "29 Mar 2026"),  # 23 hours long
        (at(2026, 10, 19, 0, VIENNA), at(2026, 10, 26, 0, VIENNA), VIENNA, "19–25 Oct 2026"),
    ],
)
def test_windows_are_said_as_people_say_them(start: datetime, end: datetime, zone: ZoneInfo, said: str) -> None:
    """Half-open windows lose their exclusive end; whole months and years are named; clock changes do not matter."""
    assert words.period(start, end, zone) == said


@pytest.mark.parametrize(
    ("value", "low", "high", "said"),
    [
        (0.817, 0.799, 0.834, "0.817 (0.799–0.834)"),
        (-0.011, -0.032, 0.01, "−0.011 (−0.032 to 0.010)"),
        (1.0, 0.997, 1.0, "1.000 (0.997–1.000)"),
        (10.25, 10.1, 10.44, "10.25 (10.10–10.44)"),
        (2.415, 2.207, 2.623, "2.415 (2.207–2.623)"),
        (0.0029, 0.0, 0.0094, "0.003 (0.000–0.009)"),
        (0.00042, 0.0001, 0.0009, "0.00042 (0.00010–0.00090)"),
        (12345.6, None, None, "12,346"),
    ],
)
def test_values_keep_their_interval_and_its_precision(
    value: float, low: float | None, high: float | None, said: str
) -> None:
    """Value and ends of the interval have the same places; minus signs are real ones; ranges with them say "to"."""
    assert words.value_text(value, low, high) == said


def test_a_value_is_a_sentence_with_n() -> None:
    """The example of the interface: metric, value, interval, n."""
    assert words.value_sentence("AUC", 0.817, 0.799, 0.834, 2118) == "AUC 0.817 (0.799–0.834), n = 2,118"
    assert words.value_sentence("AUC", None) == "AUC: no value"
    assert words.value_sentence("Freshness", 3.0, None, None, 10, "hours") == "Freshness 3.000 hours, n = 10"


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0 %"), (0.0004, "<0.1 %"), (0.043, "4.3 %"), (0.99934, "99.9 %"), (0.9998, "100 %"), (1.0, "100 %")],
)
def test_shares_are_percent(value: float, said: str) -> None:
    """A tiny share is not shown as none."""
    assert words.share(value) == said


def test_differences_carry_their_sign() -> None:
    """A gap is +0.03 or −0.11, and nothing is just 0."""
    assert (words.signed(0.03, 2), words.signed(-0.11, 2), words.signed(0.0, 2)) == ("+0.03", "−0.11", "0.00")
    assert words.number(-0.0001, 2) == "0.00"
    assert words.number(float("nan")) == words.number(None) == "–"


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        ("performance.roc_auc", "AUC"),
        ("performance.mean_error", "Mean error"),
        ("drift.psi", "PSI"),
        ("quality.unseen_category_share", "Unseen category share"),
        ("drift.cramer_von_mises", "Cramér–von Mises distance"),
        ("evidently.MissingValueCount(column='age')", "Missing value count (column='age')"),
    ],
)
def test_metrics_have_names_for_people(metric: str, name: str) -> None:
    """Known abbreviations stay, everything else is read from the id."""
    assert words.metric_name(metric) == name


def test_targets_and_durations_in_words() -> None:
    """Targets name their tolerance; lengths are written out."""
    assert words.target_words(">= 0.83", 0.01) == "at least 0.83, tolerance 0.01"
    assert words.target_words("between -1.5 and 1.5") == "from −1.5 to 1.5"
    assert words.duration(Duration(1, "mo")) == "1 month"
    assert words.duration(Duration(30, "d")) == "30 days"
    assert words.span(date(1974, 1, 1), date(1985, 1, 1)) == "1974–1984"


def test_due_days_count_from_today() -> None:
    """Days until, today, and overdue."""
    today = date(2026, 11, 20)
    said = [
        words.days_until_day(day, today) for day in (date(2026, 12, 2), today, date(2026, 11, 17), date(2026, 11, 21))
    ]
    assert said == ["in 12 days", "today", "3 days overdue", "in 1 day"]


def test_lists_read_as_sentences() -> None:
    """Commas and "and"; what is too many is counted."""
    assert words.listed([]) == ""
    assert words.listed(["a"]) == "a"
    assert words.listed(["a", "b", "c"]) == "a, b and c"
    assert words.listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"


@pytest.mark.parametrize(
    "text",
    [
        "# a",
        "![x](http://e.x/?)",
        "[a](javascript:1)",
        ":red[a]",
        ":material/home:",
        "$x$",
        "<b>",
        "a_b*c",
        "`c`",
        "1. a",
        "~~a~~",
    ],
)
def test_escaped_text_has_no_live_punctuation(text: str) -> None:
    """Before every ASCII punctuation mark stands a backslash, and taking these and the joiners away gives the text."""
    escaped = words.escape(text)
    assert escaped.replace("\\", "").replace("\u2060", "") == text
    for place, character in enumerate(escaped):
        if character in "!#$()*:<>[]_`{}~|":
            assert escaped[place - 1] == "\\"


def test_plain_text_cannot_become_a_link_or_an_arrow() -> None:
    """Renderers make links of addresses and arrows of -> after the escapes are gone; a word joiner keeps them apart."""
    for text in ("http://evil.example", "www.evil.example", "someone@evil.example", "a -> b", "a <- b", "a -- b"):
        assert "\u2060" in words.escape(text)


def test_a_number_of_rows_and_an_interval_stay_on_one_line() -> None:
    """What a narrow page must not break at has no place to break; every other blank stays one."""
    shown = words.escape("MAE 1.5 (−0.5 to 2.5), n = 8,128; at most 1; 95 %; 0.1 (0.05–0.2)").replace("\\", "")
    assert shown == (
        "MAE 1.5 (−0.5\u00a0to\u00a02.5), n\u00a0=\u00a08,128; at\u00a0most\u00a01; 95\u00a0%; 0.1 (0.05–\u20600.2)"
    )


def test_invisible_characters_are_shown() -> None:
    """Line breaks become blanks, control and direction-changing characters a visible mark."""
    assert words.printable("a\nb\tc") == "a b c"
    assert words.printable("a\u202eb\u0000c\u200bd") == "a�b�c�d"


@pytest.mark.parametrize(
    "state",
    [
        "detected",
        "open",
        "contained",
        "analysed",
        "planned",
        "implementing",
        "implemented",
        "effectiveness_window",
        "closing",
    ],
)
def test_an_open_record_always_waits_for_something(state: str) -> None:
    """Every open state says what happens next; unknown states name at least the owner."""
    assert not words.what_happens_next(state, "4 Dec 2026", "x@example.org").startswith("Nothing")
    assert "x@example.org" in words.what_happens_next("new state", None, "x@example.org")
    assert words.what_happens_next("closed", None, "x").startswith("Nothing.")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.000"),
        (0.81749, "0.817"),
        (-0.2, "−0.200"),
        (9.8765, "9.877"),
        (10.2888, "10.29"),
        (123.456, "123.5"),
        (12345.6, "12,346"),
        (0.00012, "0.00012"),
        (-0.00000012, "−1.2e−07"),
    ],
)
def test_a_number_shows_the_digits_that_matter(value: float, text: str) -> None:
    """Three digits after the point for shares, fewer for large numbers, none lost for tiny ones."""
    assert words.number(value) == text


def test_a_result_stands_with_its_interval_and_n() -> None:
    """Value, interval and number of rows always come together; without a value the reason stands there."""
    assert words.result_text(Value(0.817, 2118, Interval(0.799, 0.834, "test"))) == "0.817 (0.799–0.834), n = 2,118"
    assert words.result_text(Value(12.0, 12)) == "12.00, n = 12"
    assert words.result_text(Undefined("no rows")) == "no value: no rows"


def test_spans_of_time_that_passed() -> None:
    """Seconds, minutes, hours and days, with the digits that matter."""
    assert [words.elapsed(s) for s in (0.42, 12.3, 180, 7300, 200_000)] == ["0.4 s", "12 s", "3 min", "2 h", "2 d"]


@given(st.text())
def test_strangers_text_stays_on_one_line(text: str) -> None:
    """No line break, escape sequence or change of writing direction survives."""
    shown = words.plain(text)
    assert len(shown.splitlines()) <= 1
    assert not any(character in shown for character in "\x1b\x00\r\n\t\u202e\u2028")


def test_ordinary_text_is_left_alone() -> None:
    """Letters, signs and markup are text like any other."""
    assert words.plain('Größe "<b>" [x](y) =1+1 女') == 'Größe "<b>" [x](y) =1+1 女'
    assert words.plain("a\x1b[31mb\nc") == r"a\x1b[31mb\nc"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("period 2015-01-01..2015-04-01", "Jan–Mar 2015"),
        ("period 1974-01-01..1985-01-01", "1974–1984"),
        ("period 2015-01-01T06:00:00..2015-01-01T18:00:00", "1 Jan 2015, 06:00–18:00"),
        ("source reference.parquet", "reference.parquet"),
    ],
)
def test_a_reference_is_named_as_people_say_it(name: str, said: str) -> None:
    """Periods are said like windows, files by their path."""
    assert words.reference_words(name) == said


def test_a_window_ends_on_the_last_day_that_belongs_to_it() -> None:
    """Midnight belongs to the day before; another hour is said; nothing is a dash."""
    assert words.until(datetime(2016, 1, 1, tzinfo=UTC), ZoneInfo("UTC")) == "31 Dec 2015"
    assert words.until(datetime(2015, 12, 31, 23, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == "31 Dec 2015"
    assert words.until(datetime(2016, 1, 1, 6, tzinfo=UTC), ZoneInfo("UTC")) == "1 Jan 2016, 06:00"
    assert words.until(None, ZoneInfo("UTC")) == "–"


def test_units_that_only_specialists_name_are_left_out_of_titles() -> None:
    """A share or nats stand in the catalogue; label units and hours stand on the axis."""
    assert words.axis_title("drift.psi", "nats") == "PSI"
    assert words.axis_title("performance.mae", "label units") == "MAE (label units)"


def test_words_lose_their_capital_within_a_sentence_but_abbreviations_keep_it() -> None:
    """``AI system`` and ``PSI, latest`` stay; ``Impact assessment`` begins small."""
    assert [words.lowered(text) for text in ("Impact assessment", "AI system", "PSI, latest", "n", "")] == [
        "impact assessment", "AI system", "PSI, latest", "n", "",
    ]  # fmt: skip
