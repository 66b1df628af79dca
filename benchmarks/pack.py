"""How long a management review takes to prepare and to render, over 100 models and a year of daily windows.

    python benchmarks/pack.py                       # 100 models, 365 windows each
    python benchmarks/pack.py --models 20 --pdf     # also the PDF, which takes longest

The store is generated: five objectives and sixty measurements a window, two groups of one protected column, a
nonconformity for every third objective, and registers with actions, risks and concerns. Its rows are written straight
into the tables, without the ledger, which a pack only asks for its last entry.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from aimsight.aims.people import Actor, Role
from aimsight.aims.registers import service as registers
from aimsight.aims.review import service
from aimsight.aims.review.render import archive_of_csv, docx, html, pdf
from aimsight.configs.load import load_project
from aimsight.metrics.plan import Window
from aimsight.store.database import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from aimsight.store.database import Transaction

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
PERSON = Actor("quality@example.org", frozenset({Role.OWNER, Role.APPROVER}))
OBJECTIVES = (
    ("OBJ-1", "performance.accuracy", "", ">= 0.8"),
    ("OBJ-2", "performance.f1", "", ">= 0.7"),
    ("OBJ-3", "drift.psi", "feature_1", "<= 0.2"),
    ("OBJ-4", "fairness.demographic_parity_difference", "gender", "<= 0.1"),
    ("OBJ-5", "quality.label_coverage", "", ">= 0.9"),
)
FEATURES = 10


def model_name(i: int) -> str:
    """The name of a model, as SQL makes it too."""
    return f"model-{i:03d}"


def write_project(root: Path, models: int) -> None:
    """The configuration: so many models with five objectives each."""
    (root / "models").mkdir(parents=True)
    people = [{"id": PERSON.id, "name": "Quality", "roles": ["owner", "approver"]}]
    (root / "aimsight.yaml").write_text(yaml.safe_dump({"organisation": "Benchmark", "people": people}))
    for i in range(models):
        objectives = [
            {
                "id": name,
                "statement": f"Objective {name} of model {i} is met.",
                "metric": metric,
                "target": target,
                "rationale": "Value at release.",
                "owner": PERSON.id,
                "due": "2026-12-31",
                "severity": "minor",
                **({"column": column} if metric.startswith("drift") else {}),
                **({"over": column} if metric.startswith("fairness") else {}),
            }
            for name, metric, column, target in OBJECTIVES
        ]
        config = {
            "model": model_name(i),
            "version": "1",
            "owner": PERSON.id,
            "intended_use": "Benchmark.",
            "risk": "limited",
            "task": "binary",
            "log": {"source": "log.parquet", "id": "id", "timestamp": "at", "prediction": "yes", "score": "p"},
            "labels": {"source": "labels.parquet", "label": "y"},
            "features": {f"feature_{j}": "numeric" for j in range(FEATURES)} | {"gender": "category"},
            "protected": ["gender"],
            "reference": {"period": ["2024-01-01", "2025-01-01"]},
            "monitor": {"every": "1d", "window": "1d"},
            "objectives": objectives,
        }
        (root / "models" / f"{model_name(i)}.yaml").write_text(yaml.safe_dump(config))


def fill(tx: Transaction, models: int, days: int) -> None:
    """Runs, measurements, evaluations and nonconformities, by SQL."""
    tx.execute(
        "CREATE TEMP TABLE w AS SELECT printf('model-%03d', m) AS model, m, d, printf('%d/%d', m, d) AS run_id, "
        f"TIMESTAMPTZ '{START.isoformat()}' + to_days(d::INTEGER) AS a, "
        f"TIMESTAMPTZ '{START.isoformat()}' + to_days(d::INTEGER + 1) AS b "
        f"FROM range({models}) AS t(m), range({days}) AS u(d)"
    )
    tx.execute(
        "INSERT INTO model SELECT DISTINCT model, '1', 'o@example.org', 'Benchmark.', 'limited', 'binary', 'c', "
        f"TIMESTAMPTZ '{START.isoformat()}' FROM w"
    )
    tx.execute(
        "INSERT INTO run SELECT run_id, run_id, model, '1', 'main', a, b, 1, b, b, b, 'success', '', 1000, 'f', 'c', "
        "'0' FROM w"
    )
    names = [(f"drift.psi/feature_{j}/", "0.02 * (1 + (m + d) % 7)") for j in range(FEATURES)]
    names += [(f"quality.missing_share/feature_{j}/", "0.001 * (d % 5)") for j in range(FEATURES)]
    names += [(f"{metric}//", "0.9") for metric in ("quality.rows", "quality.label_coverage", "performance.accuracy")]
    names += [("fairness.demographic_parity_difference/gender/", "0.05 + 0.01 * (d % 6)")]
    metrics = ("selection_rate", "recall", "accuracy", "precision", "f1", "brier", "log_loss", "mcc", "roc_auc", "ece")
    names += [(f"performance.{metric}//{group}", "0.5") for metric in metrics for group in "FM"]
    names += [(f"performance.{metric}//", "0.5") for metric in metrics]
    for key, value in names:
        metric, column, group = key.split("/")
        segment = f"gender={group}" if group else ""
        columns, values = ("['gender']", f"['{group}']") if group else ("[]", "[]")
        tx.execute(
            f"INSERT INTO measurement SELECT run_id, model, '1', 'main', '{metric}', 1, '{column}', '{segment}', "
            f"{columns}, {values}, a, b, {value}, NULL, 1000, {value} - 0.01, {value} + 0.01, 'm', NULL, NULL, 0.2, "
            "'', false, '', 1, b FROM w"
        )
    for name, metric, column, target in OBJECTIVES:
        tx.execute(
            f"INSERT INTO objective_version SELECT DISTINCT model, '{name}', 1, 'It is met.', '{metric}', '{column}', "
            f"'', '{target}', 0.0, false, 100, 'r', 'o@example.org', DATE '2026-12-31', 'minor', 2, 3, NULL, [], "
            f"NULL, 'h', TIMESTAMPTZ '{START.isoformat()}' FROM w"
        )
        tx.execute(
            f"INSERT INTO evaluation SELECT run_id, model, '{name}', 1, '{column}', '', a, b, 0.8 + 0.01 * (d % 9), "
            f"0.78 + 0.01 * (d % 9), 0.82 + 0.01 * (d % 9), 1000, '{target}', 0.0, "
            "CASE WHEN (m + d) % 30 = 0 THEN 'nonconforming' WHEN d % 11 = 0 THEN 'awaiting labels' "
            "ELSE 'conforming' END, 'r', 1, b FROM w"
        )
    tx.execute(
        "INSERT INTO nonconformity SELECT printf('NC-2025-%05d', m * 366 + d), run_id, 'performance', 'monitoring', "
        "'OBJ-1', 1, model, '1', '', 'objective', 'OBJ-1 was nonconforming.', "
        "CASE WHEN m % 5 = 0 THEN 'major' ELSE 'minor' END, CASE WHEN d < 300 THEN 'closed' ELSE 'open' END, b, a, b, "
        "'run', b + to_days(30), 'o@example.org', NULL, CASE WHEN d < 300 THEN b + to_days(20) END, 'h' "
        "FROM w WHERE (m + d) % 30 = 0"
    )
    tx.execute(
        "INSERT INTO occurrence SELECT nonconformity, dedupe_key, occurred_from, occurred_to, NULL, NULL, 0.7, 0.6, "
        "0.8, '>= 0.8', opened_at FROM nonconformity"
    )


def register(tx: Transaction, amount: int) -> None:
    """Actions, risks and concerns, through the registers themselves."""
    for i in range(amount):
        action = {
            "title": f"Action {i}",
            "owner": PERSON.id,
            "due": "2025-10-01",
            "description": "Do.",
            "state": "open",
        }
        registers.create(tx, "management_action", action, PERSON)
        risk = {
            "title": f"Risk {i}",
            "owner": PERSON.id,
            "due": "2025-11-01",
            "description": "It happens.",
            "method": "Ours, version 1.",
            "trigger": "interval",
            "likelihood": "low",
            "consequence": "high",
        }
        registers.create(tx, "risk", risk, PERSON)


def timed(name: str, make: Callable[[], bytes]) -> bytes:
    """Do something, and print how long it took and how much came of it."""
    start = time.perf_counter()
    made = make()
    print(f"{name:<10} {time.perf_counter() - start:7.1f} s  {len(made) / 1e6:8.2f} MB", flush=True)
    return made


def main() -> None:
    """Generate, prepare, render."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--models", type=int, default=100)
    arguments.add_argument("--days", type=int, default=365)
    arguments.add_argument("--records", type=int, default=300)
    arguments.add_argument("--pdf", action="store_true")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "project"
        write_project(root, options.models)
        project = load_project(root)
        store = Store(root / project.config.store)
        start = time.perf_counter()
        with store.write() as tx:
            fill(tx, options.models, options.days)
            register(tx, options.records)
        print(f"{options.models} models, {options.days} days: generated in {time.perf_counter() - start:.1f} s")
        found = []

        def prepare() -> bytes:
            found.append(service.prepare(store, project, PERSON, Window(START, END))[1])
            return found[0].content()

        timed("prepare", prepare)
        (pack,) = found
        timed("html", lambda: html(pack))
        timed("docx", lambda: docx(pack))
        timed("csv", lambda: archive_of_csv(pack))
        if options.pdf:
            timed("pdf", lambda: pdf(pack))


if __name__ == "__main__":
    main()
