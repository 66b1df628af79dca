"""Makes the data sets that metrics are verified on: ``python tests/metrics/verification_data.py``.

They are small, hold every difficulty that a log has (missing, infinite, unseen, out of range, repeated, without label,
no probability), and are committed; whoever changes them has to derive all answers anew. Scores are the middles of score
cells and numbers in regression are halves, so that binning and fixed point move no answer.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "metrics" / "verification"
START = datetime(2026, 1, 5, tzinfo=UTC)
REFERENCE_ROWS, WINDOW_ROWS = 280, 160
REFERENCE_DAYS, WINDOW_DAYS = 28, 7
Row = dict[str, Any]


def rows(kind: str) -> list[Row]:
    """The rows of a data set, in order of time; the last ``WINDOW_ROWS`` are the window's."""
    source = random.Random(f"aimsight {kind}")
    out = []
    for number in range(REFERENCE_ROWS + WINDOW_ROWS):
        late = number >= REFERENCE_ROWS
        place = (number - REFERENCE_ROWS) / WINDOW_ROWS if late else number / REFERENCE_ROWS
        days = REFERENCE_DAYS + place * WINDOW_DAYS if late else place * REFERENCE_DAYS
        at = START + timedelta(minutes=round(days * 24 * 60))
        row = {"id": f"{kind}-{number}", "at": at.isoformat(), **_features(source, number, late=late)}
        out.append(row | _outcome(kind, source, number, row, late=late))
    again = out[REFERENCE_ROWS + 10]
    return [*out, dict(again), dict(again) | {"age": 99}]


def _features(source: random.Random, number: int, *, late: bool) -> Row:
    age = min(max(round(source.gauss(46 if late else 41, 12)), 16), 85)
    income = round(math.exp(source.gauss(7.4 if late else 7.2, 0.5)))
    regions = ("north", "south", "east", "west") if late else ("north", "south", "east")
    region = source.choices(regions, (3, 4, 2, 0.5)[: len(regions)])[0]
    return {
        "age": "" if number % 23 == 7 else age,
        "income": "inf" if number % 61 == 5 else income,
        "region": "" if number % (17 if late else 41) == 3 else region,
        "gender": source.choices(("F", "M", "X"), (5, 5, 3))[0],
    }


def _outcome(kind: str, source: random.Random, number: int, row: Row, *, late: bool) -> Row:
    age = float(row["age"] or 40)
    lean = (age - 40) / 15 + {"F": 0.4, "M": -0.3, "X": 0.0}[row["gender"]]
    known = datetime.fromisoformat(row["at"]) + timedelta(hours=1 + number % 29)
    has_label = number % 19 != 4
    arrival = {"known_at": known.isoformat() if has_label else ""}
    if kind == "binary":
        chance = 1 / (1 + math.exp(-lean - (0.3 if late else 0)))
        score = (min(max(math.floor(1000 / (1 + math.exp(-lean - source.gauss(0, 0.5)))), 1), 998) + 0.5) / 1000
        truth = int(source.random() < chance)
        valid = number % 47 != 11
        return {
            "y": truth if has_label else "",
            "yes": "" if number % 53 == 9 else int(score >= 0.5),
            "p": score if valid else 1.25,
            **arrival,
        }
    if kind == "multiclass":
        weights = [math.exp(one) for one in (lean + source.gauss(0, 0.4), source.gauss(0, 0.7), -lean)]
        cells = [math.floor(1000 * one / sum(weights)) for one in weights]
        scores = [(min(max(one, 1), 997) + 0.5) / 1000 for one in cells]
        kind_of = source.choices("abc", weights)[0]
        return {
            "y": kind_of if has_label else "",
            "kind": "abc"[scores.index(max(scores))],
            **dict(zip(("p_a", "p_b", "p_c"), scores, strict=True)),
            **arrival,
        }
    label = 20 + round(2 * (8 * lean + source.gauss(0, 6))) / 2
    guess = 20 + round(2 * (8 * lean + source.gauss(0.5 if late else 0, 3))) / 2
    return {"y": label if has_label else "", "guess": guess, "low": guess - 9, "high": guess + 10, **arrival}


def loss_rows() -> list[Row]:
    """A regression model whose errors are of one size in each region: whatever tree tells regions apart is right."""
    source, count = random.Random("aimsight losses"), 700
    out = []
    for number in range(count + WINDOW_ROWS):
        late = number >= count
        days = (
            REFERENCE_DAYS + (number - count) / WINDOW_ROWS * WINDOW_DAYS if late else number / count * REFERENCE_DAYS
        )
        at = START + timedelta(minutes=round(days * 24 * 60))
        region = source.choices(("north", "south", "east"), (1, 2, 4) if late else (3, 4, 3))[0]
        guess = 20 + source.randrange(-10, 10)
        error = {"north": 2, "south": 5, "east": 9}[region] * source.choice((-1, 1))
        arrival = (at + timedelta(hours=2)).isoformat()
        out.append(
            {
                "id": number,
                "at": at.isoformat(),
                "region": region,
                "y": guess - error,
                "guess": guess,
                "known_at": arrival,
            }
        )
    return out


def ratio_rows() -> list[Row]:
    """A regression model with one label and one prediction in each region: every error measure is known of each."""
    both = {"north": (10, 12), "south": (20, 15), "east": (40, 49)}
    return [row | dict(zip(("y", "guess"), both[row["region"]], strict=True)) for row in loss_rows()]


DATA: dict[str, Callable[[], list[Row]]] = {
    **{kind: partial(rows, kind) for kind in ("binary", "multiclass", "regression")},
    "losses": loss_rows,
    "ratios": ratio_rows,
}
"""What makes the rows of each data set."""


def main() -> None:
    """Write the data sets."""
    for kind, make in DATA.items():
        made = make()
        with (FOLDER / f"{kind}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, made[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(made)


if __name__ == "__main__":
    main()
