"""How answers look: tables, verdicts, numbers for spreadsheets, progress."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from aimsight.aims.csv_files import FORMULA_STARTS, guarded, write_csv
from aimsight.aims.verdicts import Verdict
from aimsight.configs.load import parse_model
from aimsight.configs.schema import ProjectConfig
from aimsight.metrics.plan import Window
from aimsight.monitors.cli import progress
from aimsight.monitors.cli.nc import nonconformity_table
from aimsight.monitors.cli.objectives import objective_tables
from aimsight.monitors.cli.queries import Standing
from aimsight.monitors.cli.query import for_people
from aimsight.monitors.cli.tables import cell, legend, strip, tally, verdict_style, verdict_text

AUGUST = Window(datetime(2015, 8, 1, tzinfo=UTC), datetime(2015, 9, 1, tzinfo=UTC))
JULY = Window(datetime(2015, 7, 1, tzinfo=UTC), datetime(2015, 8, 1, tzinfo=UTC))


def shown(parts: Sequence[object], width: int = 80) -> list[str]:
    """The lines on a terminal of that width, without trailing blanks."""
    console = Console(width=width, file=io.StringIO(), color_system=None)
    for part in parts:
        console.print(part)
    file = console.file
    assert isinstance(file, io.StringIO)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def standing(objective: str, verdict: Verdict, **changes: object) -> Standing:
    """Where an objective stands, with ordinary values unless said otherwise."""
    values: dict[str, object] = {
        "model": "air-time",
        "objective": objective,
        "where": "",
        "statement": "S",
        "metric": "performance.mae",
        "target": "<= 10.8",
        "window": AUGUST,
        "value": 10.29,
        "ci_low": 10.06,
        "ci_high": 10.52,
        "n": 100,
        "verdict": verdict,
        "reason": "r",
        "history": (Verdict.CONFORMING,) * 12 + (verdict,),
    } | changes
    return Standing(**values)  # type: ignore[arg-type]  # the table above has the right types


MODEL = parse_model(
    """
model: air-time
version: "1"
owner: o
intended_use: u
risk: limited
task: regression
log: {source: log.parquet, timestamp: at, prediction: p}
features: {x: numeric}
monitor: {every: 1mo, window: 1mo}
"""
)
STANDINGS = [
    standing("AT-01", Verdict.CONFORMING),
    standing(
        "AT-02",
        Verdict.NONCONFORMING,
        target="between -1.5 and 1.5",
        value=-0.114,
        ci_low=-0.308,
        ci_high=0.435,
    ),
    standing("AT-03", Verdict.INSUFFICIENT, where="departure_delay", window=JULY),
    standing("AT-04", Verdict.NOT_MEASURED, value=None, ci_low=None, ci_high=None, window=None, history=()),
]


def test_objectives_in_eighty_columns() -> None:
    """The whole table, character by character; an objective judged in another window says in which."""
    assert shown(objective_tables(STANDINGS, [MODEL], width=80)) == [
        "air-time, Aug 2015",
        "Objective        Value                     Target        Verdict          Recent",
        "────────────────────────────────────────────────────────────────────────────────",
        "AT-01 MAE        10.29 (10.06–10.52)       <= 10.8       ● conforming     ●●●●●●",
        "AT-02 MAE        −0.114 (−0.308 to 0.435)  between -1.5  ■ nonconforming  ●●●●●■",
        "                                           and 1.5",
        "AT-03 MAE        10.29 (10.06–10.52)       <= 10.8       ◇ insufficient   ●●●●●◇",
        "departure_delay  Jul 2015                                evidence",
        "AT-04 MAE        –                         <= 10.8       ○ not measured",
        "",
        "■ nonconforming   ○ not measured   ◇ insufficient evidence   ● conforming",
    ]


def test_objectives_grow_with_the_terminal() -> None:
    """More width shows more history; no width cuts a verdict."""
    narrow = shown(objective_tables(STANDINGS, [MODEL], width=80))
    wide = shown(objective_tables(STANDINGS, [MODEL], width=120), 120)
    assert narrow[3].endswith(" ●●●●●●")
    assert wide[3].endswith(" " + "●" * 13)
    assert max(map(len, narrow)) <= 80


def test_nonconformities_in_eighty_columns() -> None:
    """The whole table, character by character."""
    record = {
        "nonconformity": "NC-2026-0001",
        "model": "air-time",
        "objective": "AT-02",
        "segment": "",
        "severity": "major",
        "state": "detected",
        "occurrences": 3,
        "owner": "ben@example.org",
        "due_at": datetime(2026, 11, 30, 23, 30, tzinfo=UTC),
    }
    config = ProjectConfig.model_validate(
        {
            "organisation": "Example",
            "people": [{"id": "ben@example.org", "name": "Ben Okoro", "roles": ["owner"]}],
            "time_zone": "Europe/Berlin",
        }
    )
    assert shown(nonconformity_table([record], config)) == [
        "Nonconformities",
        "Nonconformity  Objective      Severity  State     Windows  Who acts   Due",
        "────────────────────────────────────────────────────────────────────────────────",
        "NC-2026-0001   air-time       major     detected        3  Ben Okoro  1 Dec 2026",
        "               AT-02",
        "",
        "Show one in full with: aimsight nc show NC",
    ]
    assert shown(nonconformity_table([], config)) == ["No nonconformities."]


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_is_never_a_bare_colour(verdict: Verdict) -> None:
    """Glyph and word, always."""
    assert verdict_text(verdict).plain == f"{verdict.glyph} {verdict.value}"


def test_colours_follow_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dark unless the terminal says that it is light."""
    monkeypatch.delenv("COLORFGBG", raising=False)
    assert verdict_style(Verdict.AT_RISK) == "#E8B339"
    monkeypatch.setenv("COLORFGBG", "0;15")
    assert verdict_style(Verdict.AT_RISK) == "#9A6700"


def test_strips_tallies_and_legends() -> None:
    """The last verdicts, how many of each, and what the glyphs mean; the urgent ones first."""
    history = [Verdict.CONFORMING, Verdict.AT_RISK, Verdict.NONCONFORMING]
    assert strip(history, 2).plain == "▲■"
    assert tally([*history, Verdict.CONFORMING]).plain == "■ 1  ▲ 1  ● 2"
    assert shown([legend(history)]) == ["■ nonconforming   ▲ at risk   ● conforming"]
    assert shown([legend(history)], 34) == ["■ nonconforming   ▲ at risk", "● conforming"]
    assert tally([]).plain == ""


def test_long_names_break_where_a_reader_expects_it() -> None:
    """After a hyphen or a slash; within a word only where there is nothing else, and nothing is lost."""
    assert shown([cell("credit-limit-eu-west no file in data/nowhere/x.parquet")], 13) == [
        "credit-limit-", "eu-west no", "file in", "data/nowhere/", "x.parquet",
    ]  # fmt: skip
    assert shown([cell("abcdefghij")], 4) == ["abcd", "efgh", "ij"]
    assert shown([cell("a-b-c d")], 20) == ["a-b-c d"]


def test_a_cell_shows_text_and_never_obeys_it() -> None:
    """Markup and control characters of a name are shown as they are written."""
    assert shown([cell("[bold]x[/bold] \x1b[31m")]) == [r"[bold]x[/bold] \x1b[31m"]


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_a_spreadsheet_finds_no_formula(start: str) -> None:
    """Text that begins like a formula, also after spaces, gets an apostrophe in front."""
    assert guarded(f"{start}cmd") == f"'{start}cmd"
    assert guarded(f"  {start}cmd") == f"'  {start}cmd"


@given(
    names=st.lists(st.text(min_size=1), min_size=1, max_size=3, unique=True),
    value=st.one_of(st.text(), st.floats(allow_nan=False), st.integers(), st.none(), st.booleans()),
)
def test_csv_keeps_numbers_and_guards_texts(names: list[str], value: object) -> None:
    """Heads and texts are guarded, numbers stay numbers (a negative one is no formula), and the rows come back."""
    stream = io.StringIO(newline="")
    write_csv(names, [[value] * len(names)], stream)
    head, *rows = list(csv.reader(io.StringIO(stream.getvalue(), newline="")))
    assert len(head) == len(names)
    assert not any(name.lstrip(" ").startswith(FORMULA_STARTS) for name in head)
    if isinstance(value, str):
        assert rows == [[guarded(value)] * len(names)]
    elif isinstance(value, float | int) and not isinstance(value, bool):
        assert [float(text) for text in rows[0]] == [float(value)] * len(names)


def test_nobody_is_shown_progress_in_a_pipe() -> None:
    """Without a terminal there is no function to report to, and nothing is written."""
    with progress.shown(Console(file=io.StringIO())) as report:
        assert report is None


def test_progress_appears_only_for_long_work() -> None:
    """Quick work leaves the terminal alone; after a second the bar shows what is being done, and goes away again."""
    console = Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)
    moment = [0.0]
    bar = progress.bar_on(console)
    file = console.file
    assert isinstance(file, io.StringIO)
    with progress.Late(bar, clock=lambda: moment[0]) as late:
        late.report("air-time: windows", 1, 9)
        assert file.getvalue() == ""
        moment[0] = 1.5
        late.report("air-time: windows", 3, 9)
        bar.refresh()
        assert "air-time: windows" in file.getvalue()
        assert "3 of 9" in file.getvalue()
        late.report("hashing log.parquet", 0, 0)
        bar.refresh()
        assert "hashing log.parquet" in file.getvalue()
        late.report("air-time: rows", 1_234_567, 0)
        bar.refresh()
        assert "1,234,567" in file.getvalue()


def test_a_wide_answer_is_shown_record_by_record() -> None:
    """What does not fit beside each other in 80 columns is shown below each other; narrow answers stay tables."""
    narrow = pa.table({"model": ["air-time"], "n": [3]})
    assert shown(for_people(narrow, 80)) == ["model     n", "───────────", "air-time  3", "1 row"]
    wide = pa.table({f"column_{number:02}": ["a text of some length"] for number in range(12)})
    lines = shown(for_people(wide, 80))
    assert lines[0] == "Row 1"
    assert lines[1] == "column_00  a text of some length"
    assert lines[-1] == "1 row"
    assert max(map(len, lines)) <= 80
