"""What a check remarks of the data before a run meets it: what does not fit, and what will make noise."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from aimsight.monitors.remarks import remarks
from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Row, Sandbox, binary_rows

if TYPE_CHECKING:
    from collections.abc import Callable


NOW = datetime(2026, 1, 4, 12, tzinfo=UTC)
LOOKBACK = {"every": "1d", "window": "1d", "lookback": "30d"}


def told(sandbox: Sandbox, now: datetime = NOW) -> dict[str, str]:
    """The remarks by their key."""
    return {one.key: f"{one.problem} [{one.suggestion}]" for one in remarks(sandbox.project, now)}


@pytest.fixture
def fitting(sandbox: Sandbox) -> Sandbox:
    """Three days of a log that fits its configuration."""
    sandbox.model(monitor=LOOKBACK)
    sandbox.days(1, 2, 3)
    return sandbox


def test_a_log_that_fits_is_not_remarked_on(fitting: Sandbox) -> None:
    """Nothing to say, nothing said."""
    assert told(fitting) == {}


def test_an_owner_who_is_nobody_is_told_where_people_are_named(fitting: Sandbox) -> None:
    """A misspelt id with the one that is meant; without any people every owner will do."""
    raw = fitting.model(monitor=LOOKBACK)
    raw["owner"] = "ops@exmaple.org"
    raw["objectives"][0]["owner"] = "somebody@else.org"
    fitting.write_model("credit", raw)
    assert told(fitting) == {}
    people = "[{id: ops@example.org, name: Ops, roles: [owner]}]"
    (fitting.root / "aimsight.yaml").write_text(f"organisation: Example\npeople: {people}\n")
    found = told(fitting)
    assert found["owner"] == 'nobody has the id "ops@exmaple.org" [ops@example.org]'
    assert found["objectives[0].owner"].startswith(
        'nobody has the id "somebody@else.org"; aimsight.yaml names ops@example.org'
    )


def test_an_objective_on_drift_from_a_moving_reference_is_told(sandbox: Sandbox) -> None:
    """What stays changed becomes the rule: an objective on drift says so, one on accuracy does not."""
    goals = [an_objective(), an_objective("OBJ-2", metric="drift.psi", column="x", target="<= 0.2")]
    sandbox.model(monitor=LOOKBACK, reference={"rolling": 5}, objectives=goals)
    sandbox.days(*range(6))
    found = told(sandbox)
    assert "a lasting change becomes the rule" in found["objectives[1].metric"]
    assert "objectives[0].metric" not in found


def test_a_reference_too_short_for_its_seasons_is_told(sandbox: Sandbox) -> None:
    """Three days are no three Mondays: what `season` asks for cannot be had."""
    sandbox.model(monitor=LOOKBACK, reference={"period": ["2026-01-01", "2026-01-04"], "season": "weekday"})
    sandbox.days(1, 2, 3)
    assert "no weekday has 3 of the reference's" in told(sandbox)["reference.season"]


def as_text(rows: list[Row]) -> list[Row]:
    """Times as a German spreadsheet writes them."""
    return [row | {"at": row["at"].strftime("%d.%m.%Y %H:%M")} for row in rows]


@pytest.mark.parametrize(
    ("change", "key", "words"),
    [
        (as_text, "log.timestamp", "must be a timestamp, or text with `timestamp_format: "),
        (lambda rows: [row | {"at": row["at"].replace(tzinfo=None)} for row in rows], "log.timestamp", "no time zone"),
        (lambda rows: [row | {"x": str(row["x"])} for row in rows], "features.x", "must be numeric, not VARCHAR"),
        (lambda rows: [row | {"p": str(row["p"])} for row in rows], "log.score", "must be numeric, not VARCHAR"),
        (
            lambda rows: [row | {"yes": "yes" if row["yes"] else "no"} for row in rows],
            "log.prediction",
            '"yes" holds no and yes; the value that counts as positive is said to be 1',
        ),
        (
            lambda rows: [{("col" if key == "colour" else key): cell for key, cell in row.items()} for row in rows],
            "features.colour",
            'there is no column "colour" in the newest file of the log, data/credit/2026-01-04.parquet [col]',
        ),
    ],
)
def test_what_would_fail_a_run_is_told_before_it(
    fitting: Sandbox, change: Callable[[list[Row]], list[Row]], key: str, words: str
) -> None:
    """The newest file has changed: the key whose column cannot be read, and why."""
    fitting.day(3, change(binary_rows(3)))
    found = told(fitting)
    assert list(found) == [key]
    assert words in found[key]


def test_a_label_that_is_never_positive_is_told(fitting: Sandbox) -> None:
    """Labels of words where a number counts as positive."""
    for day in (1, 2, 3):
        fitting.labels(day, [row | {"y": "good" if row["y"] else "bad"} for row in binary_rows(day)])
    assert list(told(fitting)) == ["labels.label"]


def test_one_value_alone_says_nothing(fitting: Sandbox) -> None:
    """A day on which nothing was positive is no contradiction."""
    fitting.day(3, [row | {"yes": 0} for row in binary_rows(3)])
    assert told(fitting) == {}


def test_a_log_of_one_file_without_a_lookback_is_told(fitting: Sandbox) -> None:
    """It changes as a whole when a row is added; a closed history does not grow."""
    source = fitting.path(1).relative_to(fitting.root).as_posix()
    one_file: dict[str, Any] = {"labels": None, "log": {"source": source}, "metrics": ["drift.psi"], "objectives": None}
    fitting.model(**one_file, monitor={"lookback": None})
    assert told(fitting)["monitor"].endswith("say how late rows may come [lookback: 2d]")
    fitting.model(**one_file, monitor={"lookback": None, "end": "2026-01-04"})
    assert "monitor" not in told(fitting)


def test_labels_without_a_lookback_are_told(fitting: Sandbox) -> None:
    """Each new file of labels would have the whole history measured again; a closed history has none to come."""
    fitting.model()
    assert told(fitting)["monitor"].endswith("say how long labels may take [lookback: 30d]")
    fitting.model(monitor={"start": date(2026, 1, 2), "end": NOW.date()})
    assert told(fitting) == {}


def test_a_reference_that_cannot_be_made_is_told(fitting: Sandbox) -> None:
    """A year that is mistyped, a file that is not there, a column that it lacks: all before a run meets them."""
    fitting.model(monitor=LOOKBACK, reference={"period": ["2025-01-01", "2025-01-05"]})
    assert told(fitting)["reference.period"] == "no row lies in it: the log goes from 2026-01-02 to 2026-01-04 []"
    fitting.model(monitor=LOOKBACK, reference={"period": None, "windows": None, "source": "held-out.parquet"})
    assert told(fitting)["reference.source"].startswith("no such file: ")
    rows = [{key: cell for key, cell in row.items() if key != "x"} for row in binary_rows(0)]
    fitting.write(fitting.root / "held-out.parquet", rows)
    assert told(fitting) == {"features.x": 'there is no column "x" in the reference []'}


def test_rows_after_the_end_are_told(fitting: Sandbox) -> None:
    """A history that was taken for closed goes on, and nothing of it would be measured."""
    fitting.model(monitor={"end": date(2026, 1, 4)})
    assert "monitor.end" not in told(fitting)
    fitting.model(monitor={"end": date(2026, 1, 3)})
    assert told(fitting)["monitor.end"] == (
        "the last row of data/credit/2026-01-04.parquet is of 2026-01-04: rows after the end are not measured; "
        "remove it where more will come []"
    )


def test_an_end_before_any_window_is_told(fitting: Sandbox) -> None:
    """Windows of ten days lie on a fixed grid (2026-01-10 is 914 of them after 2001-01-01)."""
    ten = {"every": "10d", "window": "10d", "start": date(2026, 1, 1)}
    fitting.model(monitor={**ten, "end": date(2026, 1, 11)})
    assert told(fitting, NOW)["monitor.window"] == (
        "no window of 10d lies between start and end; the first after the start is 10–19 Jan 2026 []"
    )
    fitting.model(monitor={**ten, "end": date(2026, 1, 20)})
    assert "monitor.window" not in told(fitting, NOW)


def test_a_log_that_ended_is_told_with_its_end(fitting: Sandbox) -> None:
    """Two windows without rows open a record, so it is said before they are run; days are those of the log's zone."""
    assert told(fitting, datetime(2026, 1, 5, 23, tzinfo=UTC)) == {}
    found = told(fitting, datetime(2026, 1, 9, 1, tzinfo=UTC))
    assert found["monitor"] == (
        "the last row of data/credit/2026-01-04.parquet is of 2026-01-04, so 4 windows have no rows, which opens a "
        "nonconformity; a history that is closed has an end [end: 2026-01-05]"
    )


def test_rows_of_the_future_are_told(fitting: Sandbox) -> None:
    """They are in no window that is over, and nobody would see them."""
    found = told(fitting, datetime(2026, 1, 3, 1, tzinfo=UTC))
    assert found["log.timestamp"].startswith("the last row of data/credit/2026-01-04.parquet is of 2026-01-04 19:41")


def test_types_are_looked_at_in_the_oldest_file_too(fitting: Sandbox) -> None:
    """A reference that lies in an old file must be readable as well."""
    rows: list[dict[str, Any]] = [{k: v for k, v in row.items() if k != "y"} for row in binary_rows(1)]
    fitting.write(fitting.path(1), rows, x=pa.string())
    found = told(fitting)
    assert "data/credit/2026-01-02.parquet: column 'x' must be numeric" in found["features.x"]


def test_a_guessed_day_and_month_are_told(fitting: Sandbox) -> None:
    """03/04/2026 is in March or in April: DuckDB takes the day first, so a person has to say."""
    config = {"source": "log.csv", "naive_timestamps": "UTC", "prediction": "yes", "score": None, "id": None}
    (fitting.root / "log.csv").write_text("at,x,yes\n03/04/2026,1.5,1\n04/04/2026,2.5,0\n")
    how: dict[str, Any] = {"features": {"x": "numeric"}, "labels": None, "reference": None, "metrics": ["quality.rows"]}
    fitting.model(log=config, objectives=[], monitor={"end": "2026-05-01"}, **how)
    assert told(fitting, datetime(2026, 6, 1, tzinfo=UTC))["log.timestamp"] == (
        'it is a guess how times such as "03/04/2026" are written; say it in `log.timestamp_format` '
        '["%d/%m/%Y" or "%m/%d/%Y"]'
    )
    fitting.model(log=config | {"timestamp_format": "%m/%d/%Y"}, objectives=[], monitor={"end": "2026-05-01"}, **how)
    assert told(fitting, datetime(2026, 6, 1, tzinfo=UTC)) == {}
