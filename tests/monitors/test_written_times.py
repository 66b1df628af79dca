"""Times that are text: read in the form that is declared, for the log and for its labels."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from aimsight.tests.monitors.sandbox import Sandbox

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
ROWS_ONLY: dict[str, Any] = {
    "labels": None,
    "features": {"x": "numeric"},
    "reference": None,
    "metrics": ["quality.rows"],
    "objectives": [],
    "monitor": {"start": FIRST.date()},
}
"""A model whose rows are counted, no more."""
MARCH_3 = (datetime(2026, 3, 3, tzinfo=UTC) - FIRST).days


@pytest.mark.parametrize(
    ("form", "zone", "right"),
    [
        ("%d.%m.%Y %H:%M", "Europe/Berlin", {MARCH_3: 1.0, MARCH_3 + 1: 0.0}),
        ("%d.%m.%Y %H:%M %z", None, {MARCH_3: 1.0, MARCH_3 + 1: 0.0}),
        ("%m/%d/%Y %H:%M", "UTC", {MARCH_3 + 1: 0.5}),
        ("%d/%m/%Y %H:%M", "UTC", {MARCH_3 + 1: 0.5}),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_times_are_read_as_they_are_said_to_be_written(
    sandbox: Sandbox, form: str, zone: str | None, right: dict[int, float], kind: str
) -> None:
    """Days first, months first, with an offset: 00:00 and 23:00 of 4 March, decided rightly and wrongly."""

    def written(text: str) -> str:
        return datetime.fromisoformat(text).strftime(form.replace("%z", "+0200"))

    sandbox.model(
        log={"source": f"log.{kind}", "timestamp_format": form, "naive_timestamps": zone, "score": None},
        labels={"source": f"labels.{kind}", "arrived_at": "seen"},
        features={"x": "numeric"},
        reference=None,
        metrics=["performance.accuracy"],
    )
    log = [("a", written("2026-03-04 00:00"), 1.5, 1), ("b", written("2026-03-04 23:00"), 2.5, 0)]
    labels = [("a", 1, written("2026-03-04 09:00")), ("b", 1, written("2026-03-05 09:00"))]
    for name, head, rows in (("log", ("id", "at", "x", "yes"), log), ("labels", ("id", "y", "seen"), labels)):
        if kind == "csv":
            lines = [",".join(head), *(",".join(map(str, row)) for row in rows)]
        else:
            lines = [json.dumps(dict(zip(head, row, strict=True))) for row in rows]
        (sandbox.root / f"{name}.{kind}").write_text("\n".join(lines) + "\n")
    sandbox.run(70)
    found = sandbox.values("performance.accuracy")
    assert {day: value for day, value in found.items() if not isinstance(value, str)} == right


def test_a_time_that_is_not_written_so_is_quoted_and_nothing_is_measured(sandbox: Sandbox) -> None:
    """No row is left out because its time cannot be read."""
    sandbox.model(
        log={"source": "log.csv", "timestamp_format": "%d.%m.%Y", "naive_timestamps": "UTC", "score": None},
        **ROWS_ONLY,
    )
    (sandbox.root / "log.csv").write_text("id,at,x,yes\na,01.01.2026,1.5,1\nb,soon,2.5,0\n")
    summary = sandbox.run(1)["credit"]
    assert summary.runs == []
    assert 'Could not parse string "soon"' in summary.problem


@pytest.mark.parametrize(
    ("form", "zone", "times"),
    [
        ("iso8601", None, ["2026-03-04T00:00:00Z", "2026-03-05T00:30:00.250+01:00"]),
        ("iso8601", "Europe/Berlin", ["2026-03-04 01:00:00", "2026-03-05T00:30:00.250000"]),
        ("epoch_s", None, [1772582400, 1772667000.25]),
        ("epoch_s", None, ["1772582400", "1772667000.25"]),
        ("epoch_ms", None, [1772582400000, 1772667000250]),
        ("epoch_us", None, [1772582400000000, 1772667000250000]),
        ("epoch_ns", None, [1772582400000000000, 1772667000250000999]),
        ("%Y%m%d%H%M", "UTC", [202603040000, 202603042330]),
    ],
)
def test_times_by_the_name_of_their_form(
    sandbox: Sandbox, form: str, zone: str | None, times: list[str] | list[float]
) -> None:
    """4 March 2026, 00:00 and 23:30 (UTC), in every named form and as one number."""
    sandbox.model(
        log={"source": "log.json", "timestamp_format": form, "naive_timestamps": zone, "score": None},
        **ROWS_ONLY,
    )
    lines = [json.dumps({"id": str(at), "at": at, "x": 1.5, "yes": 1}) for at in times]
    (sandbox.root / "log.json").write_text("\n".join(lines) + "\n")
    sandbox.run(70)
    found = {day: rows for day, rows in sandbox.values("quality.rows").items() if not isinstance(rows, str)}
    assert found == {MARCH_3 + 1: 2}


def test_a_time_without_offset_needs_a_zone(sandbox: Sandbox) -> None:
    """ISO 8601 allows times without an offset; no zone is guessed for them."""
    sandbox.model(
        log={"source": "log.json", "timestamp_format": "iso8601", "score": None},
        **ROWS_ONLY,
    )
    (sandbox.root / "log.json").write_text('{"id": "a", "at": "at 2026-01-01 10:00:00", "x": 1, "yes": 1}\n')
    problem = sandbox.run(1)["credit"].problem
    assert "a time without an offset: at 2026-01-01 10:00:00; name its zone in `naive_timestamps`" in problem


def test_numbers_with_a_decimal_comma(sandbox: Sandbox) -> None:
    """CSV as spreadsheets write it in half of the world, the labels of a regression included."""
    sandbox.model(
        task="regression",
        log={
            "source": "log.csv",
            "timestamp_format": "%d.%m.%Y %H:%M",
            "naive_timestamps": "UTC",
            "decimal_comma": True,
        },
        **ROWS_ONLY | {"labels": {"source": "labels.csv"}, "metrics": ["performance.mae", "quality.rows"]},
    )
    (sandbox.root / "log.csv").write_text("id;at;x;minutes\na;01.01.2026 08:00;0,5;1,25\nb;01.01.2026 09:00;1,5;2,75\n")
    (sandbox.root / "labels.csv").write_text("id;y\na;1,5\nb;2,25\n")
    sandbox.run(1)
    assert sandbox.values("performance.mae") == {0: 0.375}
