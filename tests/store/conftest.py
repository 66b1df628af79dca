"""What the tests of the store share: a store in a temporary folder, a clock that ticks, and sample records."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aimsight.metrics.cells import CategoryCells, NumericCells
from aimsight.metrics.estimates.loss_tree import Input, LeafLoss, LossTree
from aimsight.metrics.plan import ColumnPlan, Reference
from aimsight.metrics.schema import Schema
from aimsight.metrics.statistics import (
    DELAY_CELLS,
    ERROR_CELLS,
    BinaryCounts,
    CellCounts,
    ErrorDetails,
    ErrorSums,
    IntervalCounts,
    LabelDelays,
    Largest,
    Latest,
    QualityCounts,
    ScoreCounts,
    ScoreSums,
    SegmentStatistics,
    Statistics,
    ValueCounts,
)
from aimsight.metrics.values import ALL_ROWS, Interval, Measurement, Segment, Undefined, Value
from aimsight.store.database import Store, Transaction
from aimsight.store.evaluations import Evaluation, save_evaluations
from aimsight.store.measurements import measurement_hash, write_measurements
from aimsight.store.outbox import Notice, enqueue_notice
from aimsight.store.records import (
    Disposition,
    DossierRow,
    EffectivenessWindow,
    EvidenceFile,
    ModelRecord,
    Nonconformity,
    ObjectiveVersion,
    Occurrence,
    add_occurrence,
    insert_record,
    open_nonconformity,
    register_model,
    save_disposition,
    save_dossier,
    save_effectiveness_window,
    save_evidence_file,
    save_objective_version,
)
from aimsight.store.references import save_reference
from aimsight.store.registers import RecordVersion, add_version
from aimsight.store.runs import RunRecord, claim, finish, plan_slots, run_key
from aimsight.store.statistics import write_statistics
from aimsight.store.tables import OBJECTIVE_DECLARATION

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)
EVIDENCE = b"a page"
"""What the evidence file of the samples holds."""


class TickingClock:
    """A clock that moves on by one second whenever it is asked."""

    def __init__(self, now: datetime = START) -> None:
        self.moment = now

    def now(self) -> datetime:
        """Give the next second."""
        self.moment += timedelta(seconds=1)
        return self.moment


class Samples:
    """Small, valid examples of everything the store keeps; ``changes`` replace fields."""

    start = START
    declaration = (
        '{"baseline":"0.86","baseline_date":"2025-12-01","communicated":["Works council"],"level":"function",'
        '"requirements":["EU AI Act"],"review":"2026-12-01","tags":["performance"]}'
    )

    def run(self, day: int = 0, **changes: Any) -> RunRecord:
        """Give a run of one day, not claimed yet."""
        start = START + timedelta(days=day)
        end = start + timedelta(days=1)
        record = RunRecord(
            run_id=run_key("wage-band", "main", start, end, "c0ffee", "f00d"),
            model="wage-band",
            model_version="2",
            monitor="main",
            window_start=start,
            window_end=end,
            planned_at=end,
            started_at=end + timedelta(minutes=1),
            source_fingerprint="f00d",
            config_hash="c0ffee",
            code_version="0.1.0",
        )
        return replace(record, **changes)

    def measurements(self) -> list[Measurement]:
        """Give one of each form: plain, with everything, undefined, of an intersection."""
        both = Segment((("gender", "F"), ("age_group", "65+")))
        return [
            Measurement("performance.accuracy", 1, Value(0.75, 40, Interval(0.5, 0.8, "wilson"))),
            Measurement(
                "drift.psi", 2, Value(0.1, 40, None, 0.01, 0.5), "age", reference="period", q_value=0.5, detail="x"
            ),
            Measurement("performance.recall", 1, Undefined("no positives", 7), segment=both),
            Measurement("estimated.accuracy", 1, Value(-0.0, 1), estimated=True),
        ]

    def statistics(self) -> Statistics:
        """Give statistics of one feature and two segments, of a binary model and (as nowhere else) of a regression."""
        women = Segment((("gender", "F"),))
        cells = np.bincount([0, 1855], minlength=ERROR_CELLS.size)
        details = ErrorDetails(2, -(2**90), Largest(2**40), 2, 3, 2**80, 0, 0, 5, 6, 1, 7, 8, cells)
        numbers = SegmentStatistics(
            rows=7,
            labelled=2,
            errors=ErrorSums(2, -(2**90), 2**90, 2**91, -4, 5, 6, -7, 8, -9, 10, 0, details),
            interval=IntervalCounts(covered=1, below=1, above=0, invalid=3),
        )
        decisions = np.zeros((1000, 3), dtype=np.int64)
        decisions[3, 0], decisions[999, 1] = 19, 20
        part = SegmentStatistics(
            rows=40,
            labelled=30,
            invalid_scores=1,
            binary=BinaryCounts(40, 20, 15, 5, 5, 15),
            score_sums=ScoreSums(30, -(2**60), 2**90, 3, 4, 5),
            scores={
                "": ScoreCounts(np.array([3.0, 999.0]), np.array([10, 5]), np.array([5, 10]), exact=False),
            },
            score_decisions={"": decisions},
        )
        return Statistics(
            QualityCounts(40, 0, None, 1, 2, 3, LabelDelays(np.bincount([5, 5, 90], minlength=DELAY_CELLS.size))),
            {"age": CellCounts(np.array([0, 3, 0, 37, 0]), 2)},
            {ALL_ROWS: part, women: numbers},
            {"age": ValueCounts.of(np.array([-0.5, 18.0]), np.array([1, 39]), 0, 0)},
            Latest(START + timedelta(hours=23)),
            {"income": "no such column"},
            {ALL_ROWS: np.array([30, 10]), women: np.array([0, 7])},
            Schema({"age": "number", "gender": "text"}),
        )

    def evaluation(self, run: RunRecord, **changes: Any) -> Evaluation:
        """Give a nonconforming verdict of a claimed run."""
        evaluation = Evaluation(
            run_id=run.run_id,
            model=run.model,
            objective="OBJ-01",
            objective_version=1,
            column_name="",
            segment="",
            window_start=run.window_start,
            window_end=run.window_end,
            value=0.75,
            ci_low=0.5,
            ci_high=0.8,
            n=40,
            target=">= 0.83",
            tolerance=0.01,
            verdict="nonconforming",
            reason="wholly beyond the target",
            revision=run.revision,
            evaluated_at=run.started_at,
        )
        return replace(evaluation, **changes)

    def objective(self, **changes: Any) -> ObjectiveVersion:
        """Give the first version of an objective."""
        objective = ObjectiveVersion(
            model="wage-band",
            objective="OBJ-01",
            version=1,
            statement="Ranking stays as good as at release.",
            metric="performance.accuracy",
            column_name="",
            segment="",
            target=">= 0.83",
            tolerance=0.01,
            zero_tolerance=False,
            min_rows=30,
            rationale="0.86 at validation.",
            owner="people-analytics",
            due=date(2027, 3, 31),
            severity="major",
            opens_failures=2,
            opens_of=3,
            policy_ref=None,
            actions=("retrain", "review"),
            resources=None,
            content_hash="ab" * 32,
            effective_from=START,
        )
        return replace(objective, **changes)

    def nonconformity(self, **changes: Any) -> Nonconformity:
        """Give a nonconformity that has just been detected."""
        record = Nonconformity(
            nonconformity="NC-2026-0001",
            dedupe_key="OBJ-01/wage-band/",
            kind="performance",
            source="evaluation",
            objective="OBJ-01",
            objective_version=1,
            model="wage-band",
            model_version="2",
            segment="",
            requirement="OBJ-01 version 1: >= 0.83",
            statement="Accuracy was 0.75 where at least 0.83 is required.",
            severity="major",
            state="detected",
            opened_at=START + timedelta(days=1),
            occurred_from=START,
            occurred_to=START + timedelta(days=1),
            detected_by="aimsight",
            due_at=None,
            owner="people-analytics",
            recurrence_of=None,
            closed_at=None,
            evidence_hash="cd" * 32,
        )
        return replace(record, **changes)

    def occurrence(self, run: RunRecord, **changes: Any) -> Occurrence:
        """Give the failing window of a claimed run, bound to its sample measurement and evaluation."""
        record = Occurrence(
            nonconformity="NC-2026-0001",
            run_id=run.run_id,
            window_start=run.window_start,
            window_end=run.window_end,
            measurement_hash=measurement_hash(run, self.measurements()[0], run.started_at),
            evaluation_hash=self.evaluation(run).hash,
            value=0.75,
            ci_low=0.5,
            ci_high=0.8,
            target=">= 0.83",
            attached_at=run.started_at,
        )
        return replace(record, **changes)

    def dossier(self) -> DossierRow:
        """Give what was recorded of the nonconformity's handling."""
        return DossierRow("NC-2026-0001", 2, START, START, 1, "{}")

    def effectiveness_window(self, run: RunRecord) -> EffectivenessWindow:
        """Give a window after the actions of the nonconformity."""
        return EffectivenessWindow(
            nonconformity="NC-2026-0001",
            attempt=1,
            window_start=run.window_start,
            window_end=run.window_end,
            run_id=run.run_id,
            metric="performance.roc_auc",
            target=">= 0.83",
            value=0.85,
            ci_low=0.84,
            ci_high=0.86,
            n=40,
            verdict="conforming",
            reason="the value meets the target",
            measurement_hash=measurement_hash(run, self.measurements()[0], run.started_at),
            judged_at=START,
        )

    def disposition(self, run: RunRecord) -> Disposition:
        """Give the reason why a failing window needs no nonconformity."""
        return Disposition(
            "wage-band", "OBJ-01", "", "", run.window_start, run.window_end, "A test batch.", "people-analytics", START
        )

    def record_version(self, **changes: Any) -> RecordVersion:
        """Give the first version of a risk, with every part of its header filled in."""
        record = RecordVersion(
            record_type="risk",
            record="RISK-2026-0001",
            version=1,
            status="approved",
            title="Unequal chances",
            content='{"description":"Women are advised lower bands."}',
            links=("objective:wage-band/OBJ-01",),
            documents='[{"location":"DMS 12","name":"Assessment"}]',
            owner="people-analytics",
            due=date(2027, 1, 31),
            unit="HR",
            model="wage-band",
            model_version="2",
            clauses=("6.1.2", "8.2"),
            classification="internal",
            author="people-analytics",
            reviewer="quality",
            approver="board",
            approved_at=START + timedelta(days=1),
            effective_from=date(2026, 1, 2),
            event_at=START,
            event_until=START + timedelta(days=1),
            recorded_at=START,
            origin="person",
            reason="First assessment",
            supersedes=0,
            retention_until=date(2036, 1, 1),
            retention_basis="RET-2026-0001",
            legal_hold=False,
            content_hash="ab" * 32,
        )
        return replace(record, **changes)

    def reference(self, **changes: Any) -> Reference:
        """Give a frozen reference with a numeric and a category column and two windows of its own."""
        reference = Reference(
            name="period 1974-01-01..1985-01-01",
            fingerprint="beef",
            columns=(
                ColumnPlan("age", "feature", NumericCells(18.0, 65.5), 40.25, 12.5),
                ColumnPlan("occupation", "feature", CategoryCells(("clerk", "farmer"))),
            ),
            classes=("a", "b"),
            error_exponent=-20,
            label_center=0.1,
            statistics=self.statistics(),
            windows=(self.statistics(), self.statistics()),
            loss_tree=self.loss_tree(),
        )
        return replace(reference, **changes)

    def loss_tree(self) -> LossTree:
        """Give a tree of one split with two leaves."""
        return LossTree(
            inputs=(Input("age", "value", fill=40.5), Input("occupation", "category", "clerk")),
            split=np.array([0, -1, -1]),
            left=np.array([1, 0, 1]),
            right=np.array([2, 0, 0]),
            threshold=np.array([33.25, 0.0, 0.0]),
            rows=np.array([120, 80]),
            losses={
                "absolute": LeafLoss(np.array([120, 80]), np.array([1.5, 0.1]), np.array([1.75, 0.01])),
                "square": LeafLoss(np.array([120, 80]), np.array([4.0, 0.02]), np.array([3.0, 1e-5])),
                "relative": LeafLoss(np.array([119, 80]), np.array([0.2, 0.1]), np.array([0.01, 0.02])),
            },
        )

    def notice(self, **changes: Any) -> Notice:
        """Give a queued notice."""
        return replace(
            Notice("N-1", START, "ops", "OBJ-01 nonconforming", "Accuracy 0.75", "OBJ-01/2026-01-01"), **changes
        )

    def write_run(self, tx: Transaction, day: int = 0) -> RunRecord:
        """Write a successful run with all its rows."""
        run = claim(tx, self.run(day))
        assert run is not None
        plan_slots(tx, run.model, run.monitor, [(run.window_start, run.window_end)], run.planned_at)
        write_statistics(tx, run.run_id, self.statistics())
        write_measurements(tx, run, self.measurements(), run.started_at)
        save_evaluations(tx, [self.evaluation(run)])
        finish(tx, run.run_id, "success", "", 40, run.started_at + timedelta(seconds=5))
        return run

    def write_all(self, store: Store) -> RunRecord:
        """Write one record of every kind and two runs, in two transactions; give the first run."""
        with store.write() as tx:
            register_model(tx, ModelRecord("wage-band", "2", "people", "Suggests", "high", "binary", "c0ffee", START))
            save_objective_version(tx, self.objective())
            save_reference(tx, "wage-band", self.reference())
        with store.write() as tx:
            run = self.write_run(tx)
            open_nonconformity(tx, self.nonconformity())
            add_occurrence(tx, self.occurrence(run))
            enqueue_notice(tx, self.notice())
            add_version(tx, self.record_version(), kind="record.created", actor="people-analytics")
            declared = OBJECTIVE_DECLARATION.row(["wage-band", "OBJ-01", 1, self.declaration])
            insert_record(
                tx,
                OBJECTIVE_DECLARATION,
                declared,
                kind="objective.declared",
                subject="wage-band/OBJ-01",
                actor="people-analytics",
            )
            save_dossier(tx, self.dossier(), kind="nonconformity.dossier", actor="people-analytics")
            save_effectiveness_window(tx, self.effectiveness_window(run))
            save_disposition(tx, self.disposition(run), actor="people-analytics")
            save_evidence_file(
                tx, EvidenceFile(sha256(EVIDENCE).hexdigest(), "a.html", "NC-2026-0001", "report", START, 5)
            )
            self.write_run(tx, 1)
        return run


@pytest.fixture(scope="session")
def samples() -> Samples:
    """Give the maker of sample records."""
    return Samples()


@pytest.fixture
def clock() -> TickingClock:
    """Give a clock that ticks once a question."""
    return TickingClock()


@pytest.fixture
def checkpoint_file(tmp_path: Path) -> Path:
    """Give the path of the store's checkpoint file."""
    return tmp_path / "elsewhere" / "checkpoints.jsonl"


@pytest.fixture
def store(tmp_path: Path, clock: TickingClock, checkpoint_file: Path) -> Store:
    """Give a store that does not exist yet."""
    return Store(tmp_path / "store" / "aimsight.duckdb", clock=clock, checkpoints=(checkpoint_file,))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, samples: Samples) -> Store:
    """Give a store with one record of every kind and two runs, made once and never changed."""
    folder = tmp_path_factory.mktemp("template")
    store = Store(folder / "aimsight.duckdb", clock=TickingClock(), checkpoints=(folder / "checkpoints.jsonl",))
    samples.write_all(store)
    return store


@pytest.fixture
def filled(template: Store, store: Store, clock: TickingClock, checkpoint_file: Path) -> Store:
    """Give a store of one's own with one record of every kind and two runs."""
    for source, target in ((template.path, store.path), (template.checkpoints[0], checkpoint_file)):
        target.parent.mkdir()
        shutil.copyfile(source, target)
    clock.moment += timedelta(hours=1)
    return store
