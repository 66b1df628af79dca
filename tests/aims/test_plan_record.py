"""Plans in the ledger: kept as they were, and only when they say something new."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aimsight.aims.planning.plan import Found, ObjectivePlan
from aimsight.aims.planning.record import PLANNED, save_plans, stored_plans
from aimsight.aims.planning.standing import COARSE

if TYPE_CHECKING:
    from aimsight.store.database import Store

PLAN = ObjectivePlan(
    objective="OBJ-1", metric="performance.accuracy", where="", target=">= 0.7", tolerance=0.1, opens=(2, 3),
    known_from="as in the reference", windows_a_year=365.25, overlap=1, standing=COARSE, sentence="So it is.",
    rows=120, value=0.9, limit=0.6, effect=1.1, opens_as_is=0.1 + 0.7, false_now=None, false_at_target=1e-9,
    found=(Found(3, 0.1 + 0.2, None),), asked=0.5, times=None, window=None, rows_needed=None,
)  # fmt: skip


def test_a_plan_is_read_as_it_was_written(store: Store) -> None:
    """Every number comes back bit by bit, and what is not there stays not there."""
    with store.write() as tx:
        assert save_plans(tx, "credit", [PLAN], config_hash="c", reference="r")
    with store.read() as reader:
        (found,) = stored_plans(reader)
    assert (found.model, found.config_hash, found.plans) == ("credit", "c", (PLAN,))


def test_the_same_plan_is_not_recorded_twice(store: Store) -> None:
    """Looking at a plan again leaves the ledger alone; another number, or another configuration, does not."""
    with store.write() as tx:
        outcomes = [
            save_plans(tx, "credit", [PLAN], config_hash="c", reference="r"),
            save_plans(tx, "credit", [PLAN], config_hash="c", reference="r"),
            save_plans(tx, "credit", [replace(PLAN, rows=130)], config_hash="c", reference="r"),
            save_plans(tx, "credit", [replace(PLAN, rows=130)], config_hash="d", reference="r"),
        ]
    assert outcomes == [True, False, True, True]
    with store.read() as reader:
        assert reader.tuples("SELECT count(*) FROM events WHERE kind = ?", [PLANNED]) == [(3,)]
        assert [one.plans[0].rows for one in stored_plans(reader)] == [130]
