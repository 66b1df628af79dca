"""Personal data stays out of the ledger: entries hold counts, digests and what was declared, never a row's values."""

from __future__ import annotations

from aimsight.tests.configurations import an_objective
from aimsight.tests.monitors.sandbox import Sandbox, binary_rows

PERSON = "person-7f3a9c"
TOWN = "Llanfairpwll"
AGE = 41.728_394_5
SCORE = 0.913_274_6


def test_no_value_of_a_row_is_in_the_ledger(sandbox: Sandbox) -> None:
    """Ids, numbers, scores and categories of rows are in no entry, also not of nonconformities and notices.

    Days 4 to 6 fail, so that statements and notices are written; the categories of a declared segment are no secret.
    """
    sandbox.model(
        metrics=["performance.*", "quality.*", "drift.*", "fairness.*"],
        protected=["gender"],
        objectives=[an_objective(target=">= 0.99", zero_tolerance=True)],
    )
    for day in range(7):
        rows = binary_rows(day)
        for i, row in enumerate(rows[:20]):
            row |= {"id": f"{PERSON}-{day}-{i}", "x": AGE + i, "colour": TOWN, "p": SCORE if row["yes"] else 1 - SCORE}
        sandbox.day(day, rows)
    sandbox.run(7)
    assert sandbox.nonconformities()
    ledger = "\n".join(row["entry"] for row in sandbox.rows("SELECT entry FROM events"))
    assert "nonconformity.detected" in ledger
    for secret in (PERSON, TOWN, str(AGE), "41.728", str(SCORE), "0.9132"):
        assert secret not in ledger


def test_names_of_people_are_not_in_the_ledger(sandbox: Sandbox) -> None:
    """Who the people are is recorded by id and role; an id may be a pseudonym."""
    sandbox.root.mkdir(parents=True)
    people = "people: [{id: p-17, name: Wilhelmina Quartermaine, roles: [owner]}]\n"
    (sandbox.root / "aimsight.yaml").write_text(f"organisation: Example\n{people}")
    sandbox.model()
    sandbox.days(*range(5))
    sandbox.run(5)
    ledger = "\n".join(row["entry"] for row in sandbox.rows("SELECT entry FROM events"))
    assert '"people":{"p-17":["owner"]}' in ledger
    assert "Quartermaine" not in ledger
