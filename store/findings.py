"""What verification passes around: events as read from the ledger, and what contradicts them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
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
