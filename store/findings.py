"""What verification passes around: events as read from the ledger, and what contradicts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class Event(NamedTuple):
    """One entry of the ledger."""

    seq: int
    actor: str
    kind: str
    subject: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One break of integrity: the ledger entry concerned (``None`` when there is none) and a sentence about it."""

    seq: int | None
    message: str

    def __str__(self) -> str:
        """The sentence."""
        return self.message


Fold = Callable[[Sequence[Event]], Mapping[str, Mapping[str, Any]]]
"""The events of one table in order -> by key, the columns that they determine (as events show them)."""


@dataclass(frozen=True, slots=True)
class Authority:
    """Whether those who acted were allowed to.

    Parameters
    ----------
    findings
        Acts that the rules did not allow, in the ledger's order.
    alone
        Acts by one person that take two, which the project's single-person mode allowed: a limitation, no break.
    acts
        How many acts of people were looked at.
    unjudged
        How many of these lie before the first entry that says who the people are: their roles cannot be told.
    limits
        What else nobody can know.
    changed
        Roles and rules that were others before, each with the entry that says so.
    """

    findings: tuple[Finding, ...]
    alone: tuple[str, ...]
    acts: int
    unjudged: int
    limits: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()


class Watcher(Protocol):
    """Goes along the ledger with the verification and judges who acted."""

    def see(self, event: Event) -> None:
        """Take up one event, in the ledger's order."""
        ...

    def verdict(self) -> Authority:
        """What came of it."""
        ...
