"""What a type of record declares about itself: its fields, its clause, who writes and who approves it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aimsight.aims.registers.fields import Field

if TYPE_CHECKING:
    from aimsight.store.database import Reader
    from aimsight.store.registers import RecordVersion

Check = Callable[["Reader", "RecordVersion"], Iterator[str]]
"""What stands against approving a version, one sentence each."""

HEADER: tuple[Field, ...] = (
    Field("title", "text", True, "What it is about, in a few words."),
    Field("owner", "person", False, "Who answers for it."),
    Field("due", "day", False, "Day by which something is due: a next assessment, an action, a review."),
    Field("unit", "text", False, "Organisation unit that it holds for."),
    Field("model", "text", False, "Model that it is about."),
    Field("model_version", "text", False, "Version of that model."),
    Field("clauses", "clauses", False, "Clauses and controls that it is evidence for; default: those of its type."),
    Field(
        "classification", "choice", False, "Who may read it; default: that of its type.",
        choices=("public", "internal", "confidential"),
    ),
    Field("effective_from", "day", False, "Day from which it holds; default: the day of its approval."),
    Field("event_at", "moment", False, "When it happened, or its period began; default: now."),
    Field("event_until", "moment", False, "End of the period that it covers."),
    Field("links", "links", False, "Records that it belongs to, as kind:id."),
    Field(
        "documents", "items", False, "Documents kept elsewhere.",
        fields=(
            Field("name", "text", True, "Name of the document."),
            Field("location", "text", True, "Where it is kept: a path, an address, a system and its number."),
            Field("sha256", "text", False, "SHA-256 of its contents, so that a later change shows."),
        ),
    ),
    Field("retention_until", "day", False, "Day until which it is kept at least; default: by the retention rule."),
    Field("retention_basis", "text", False, "Why so long: law, contract, retention rule."),
    Field("legal_hold", "flag", False, "Whether it is kept beyond that day, because of a dispute or an inquiry."),
)  # fmt: skip
"""The header of every record (7.5); the system fills in number, version, status, author, reviewer and approver."""


@dataclass(frozen=True, slots=True)
class RecordType:
    """One type of register record.

    Parameters
    ----------
    name
        Its id: lower-case words joined by ``_``.
    title
        What people call it.
    clauses
        Clauses and controls that such a record is evidence for, the main one first.
    fields
        What it holds beside the header.
    id_prefix
        Start of its numbers: ``RISK`` gives ``RISK-2026-0001``.
    doc
        What it is for, one sentence.
    approved
        Whether a version counts only once it is approved; otherwise it counts as soon as it is recorded.
    header_required
        Header fields that this type cannot do without.
    classification
        Who may read it unless it says otherwise.
    check
        What else stands against its approval, for types that are approved; single-person mode passes over it.
    forbidden
        What forbids its approval, whoever approves.
    dated
        Fields that belong to the day that it was made on: when one of them changes in what is approved, ``event_at`` is
        asked for.
    """

    name: str
    title: str
    clauses: tuple[str, ...]
    fields: tuple[Field, ...]
    id_prefix: str
    doc: str
    approved: bool = True
    header_required: tuple[str, ...] = ()
    classification: str = "internal"
    check: Check | None = None
    forbidden: Check | None = None
    dated: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [field.name for field in (*HEADER, *self.fields)]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ValueError(f"{self.name}: {', '.join(sorted(twice))} is the name of two fields")

    @property
    def clause(self) -> str:
        """The clause that asks for it."""
        return self.clauses[0]

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Header and fields as a file holds them."""
        header = tuple(
            Field(
                field.name, field.kind, field.required or field.name in self.header_required, field.doc,
                field.choices, field.fields,
            )
            for field in HEADER
        )  # fmt: skip
        return (*header, *self.fields)
