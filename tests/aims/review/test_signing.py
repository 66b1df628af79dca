"""Signing a review: every guard by itself, and what a signature is bound to."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from aimsight.aims.people import Actor, AuthorityError, ConflictError, Role
from aimsight.aims.registers import service as registers
from aimsight.aims.review import service
from aimsight.aims.review.results import results_of
from aimsight.aims.review.service import ReviewError
from aimsight.configs.errors import NotFoundError
from aimsight.store.registers import latest_versions
from aimsight.store.verify import verify

if TYPE_CHECKING:
    from aimsight.tests.aims.review.conftest import Board

UTC = ZoneInfo("UTC")
AUDITOR = Actor("auditor@example.org", frozenset({Role.AUDITOR}))


def prepared(
    board: Board, *, minutes: dict[str, Any] | None = None, decided: bool = True, confirmed: bool = True
) -> str:
    """A review that lacks what is left out."""
    made, pack = board.prepare()
    if confirmed:
        board.confirm_all(made.record, pack)
    board.record(made.record, **(dict(board.minutes) | (minutes or {})))
    if decided:
        board.decide(made.record)
    return made.record


def test_a_complete_review_is_signed(board: Board) -> None:
    """Top management signs; name, pack and results are in the ledger, and the decision counts from then on."""
    made, pack = board.held()
    signed = board.sign(made.record)
    assert (signed.status, signed.approver) == ("approved", board.top.id)
    with board.store.read() as reader:
        results = results_of(reader, signed, pack, UTC)
        (decision,) = latest_versions(reader, ["management_decision"])
    assert results is not None
    assert results.signature.startswith("Signed as board@example.org on 4 May 2026, 09:00 (signed by Emma over pack 1")
    assert pack.sha256 in results.signature
    assert decision.status == "approved"
    assert verify(board.store).intact


MINUTES = ("chair", "held_on", "attendees", "discussion", "suitability", "adequacy", "effectiveness")


def test_minutes_have_to_be_complete(board: Board) -> None:
    """Each part of the minutes, and each of the three conclusions, is asked for by itself."""
    made, _ = board.prepare()
    with pytest.raises(ReviewError) as told:
        board.sign(made.record)
    assert all(f"({key})" in str(told.value) for key in MINUTES)
    assert "not on record yet: when it was held (held_on)" in str(told.value)
    complete = board.record(made.record, **board.minutes)
    content = complete.fields
    with board.store.read() as reader:
        for key in MINUTES:
            rest = {name: value for name, value in content.items() if name != key}
            points = list(service.open_points(reader, board.project, replace(complete, content=json.dumps(rest))))
            assert [point for point in points if "not on record yet" in point] == [
                point for point in points if point.endswith(f"({key})")
            ]
            assert any(point.endswith(f"({key})") for point in points)


def test_somebody_of_top_management_has_to_take_part(board: Board) -> None:
    """Attendees without top management are no management review."""
    name = prepared(board, minutes={"attendees": [{"name": "Q", "function": "Quality", "top_management": False}]})
    with pytest.raises(ReviewError, match="nobody of top management took part"):
        board.sign(name)


def test_an_empty_input_has_to_be_confirmed(board: Board) -> None:
    """Nothing to report in input a, and nobody says that this is so."""
    name = prepared(board, confirmed=False)
    with pytest.raises(ReviewError, match=r"input a \(actions of previous reviews\) reports nothing"):
        board.sign(name)


def test_an_input_with_content_cannot_be_confirmed_away(board: Board) -> None:
    """What the pack reports is not confirmed as "nothing changed"."""
    made, _ = board.prepare()
    with board.store.write() as tx, pytest.raises(NotFoundError, match="input without anything to report"):
        service.confirm(tx, board.project, made.record, "d2", "No.", board.author, expected=None)


def test_a_review_decides_something_or_says_why_not(board: Board) -> None:
    """No decision needs a reason, and a reason is enough."""
    name = prepared(board, decided=False)
    with pytest.raises(ReviewError, match="no decision is on record"):
        board.sign(name)
    board.record(name, no_decision="Everything is as it should be.")
    assert board.sign(name).status == "approved"


def test_a_decision_has_an_action(board: Board) -> None:
    """A decision that nobody carries out is missing its action."""
    name = prepared(board, decided=False)
    decision = {"title": "Hope", "review": name, "kind": "other", "decision": "Hope.", "grounds": "Why not."}
    board.add("management_decision", **decision)
    with pytest.raises(ReviewError, match=r"decision DEC-2026-0001 \(Hope\) has no action"):
        board.sign(name)


def test_a_decision_on_a_change_puts_the_change_on_record(board: Board) -> None:
    """It says what changes and what follows; the change is a draft that links to the decision."""
    name = prepared(board, decided=False)
    with pytest.raises(ReviewError, match="which consequences follow"):
        board.decide(name, kind="change")
    _, _, change = board.decide(name, kind="change", subject="model", consequences="Another release.")
    assert (change.record_type, change.status) == ("change", "draft")
    assert change.links == ("management_decision:DEC-2026-0001",)
    assert change.fields["trigger"] == "review"
    with board.store.write() as tx:
        registers.withdraw(tx, "change", change.record, board.author, expected=1, reason="no")
    with pytest.raises(ReviewError, match=r"no change \(6.3\) on record links to"):
        board.sign(name)


def test_only_top_management_signs(board: Board) -> None:
    """A reviewer may prepare and record a review, but not sign it."""
    made, _ = board.held()
    with pytest.raises(AuthorityError, match="top management"):
        board.sign(made.record, board.author)


def test_nobody_signs_what_they_wrote(board: Board) -> None:
    """Whoever recorded the minutes does not sign them, top management or not."""
    made, _ = board.held()
    board.record(made.record, board.other_top, discussion="Something else.")
    with pytest.raises(AuthorityError, match="they wrote it"):
        board.sign(made.record, board.other_top)
    assert board.sign(made.record).approver == board.top.id


def test_a_signature_has_a_name(board: Board) -> None:
    """Blanks are no name."""
    made, _ = board.held()
    with pytest.raises(ReviewError, match="the name of the person who signs"):
        board.sign(made.record, typed="  ")


def test_a_pack_that_was_tampered_with_is_not_signed(board: Board) -> None:
    """The file is not what was frozen: neither signing nor reading it works, and verify finds it."""
    made, pack = board.held()
    path = board.project.root / board.project.config.evidence / f"{pack.sha256}.json"
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b'"0.5"', b'"0.9"'))
    with pytest.raises(ReviewError, match="is not what was frozen"):
        board.sign(made.record)
    path.unlink()
    with pytest.raises(ReviewError, match="cannot be read"):
        board.sign(made.record)


def test_auditors_prepare_nothing(board: Board) -> None:
    """An auditor reads, and changes nothing."""
    with pytest.raises(AuthorityError, match="prepare a management review"):
        board.prepare(actor=AUDITOR)


def test_what_is_signed_stays(board: Board) -> None:
    """After the signature there is no other pack and no other decision of this review."""
    made, _ = board.held()
    board.sign(made.record)
    with pytest.raises(ReviewError, match="is approved: what was signed stays"):
        board.prepare(review=made.record, reason="late")
    with pytest.raises(ReviewError, match="belongs to the next review"):
        board.decide(made.record)
    with pytest.raises(ReviewError, match="set when a pack is prepared"):
        board.record(made.record, packs=[])


def test_a_decision_slipped_in_later_is_marked(board: Board) -> None:
    """The register takes it, but the results say that it came after the signature."""
    made, pack = board.held()
    signed = board.sign(made.record)
    board.clock.moment += timedelta(hours=1)
    late = {"title": "Late", "review": made.record, "kind": "other", "decision": "Late.", "grounds": "G."}
    board.add("management_decision", **late)
    with board.store.read() as reader:
        results = results_of(reader, signed, pack, UTC)
    assert results is not None
    (decisions,) = (table for table in results.tables if table.name == "decisions")
    assert [row[-1] for row in decisions.rows] == ["approved", "draft (recorded after the signature)"]


def test_an_earlier_pack_does_not_claim_the_signature(board: Board) -> None:
    """Looking at pack 1 of a review that was signed over pack 2 says so."""
    made, first = board.prepare()
    board.clock.moment += timedelta(hours=1)
    board.prepare(review=made.record, reason="Corrected.")
    board.confirm_all(made.record, first)
    board.record(made.record, **board.minutes)
    board.decide(made.record)
    signed = board.sign(made.record)
    with board.store.read() as reader:
        results = results_of(reader, signed, first, UTC)
    assert results is not None
    assert results.signature.endswith("The signature is over pack 2 and not over this one.")


def test_two_people_at_once(board: Board) -> None:
    """The second sees what the first changed, and nothing is written."""
    made, _ = board.prepare()
    board.record(made.record, discussion="First.")
    with board.store.write() as tx, pytest.raises(ConflictError, match="discussion: nothing → First"):
        service.record(tx, made.record, {"discussion": "Second."}, board.author, expected=1)
