"""Where the records stand, as their last recorded verification found them: for status lines and pages."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aimsight.aims import words
from aimsight.store.verify import VERIFIED

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from aimsight.store.database import Reader


@dataclass(frozen=True, slots=True)
class RecordState:
    """The three verdicts of a verification; ``authorised`` is ``None`` where it judged no authority."""

    at: datetime
    entries: int
    intact: bool
    complete: bool
    authorised: bool | None

    @property
    def is_whole(self) -> bool:
        """Whether no verdict is broken."""
        return self.intact and self.complete and self.authorised is not False


def record_state(reader: Reader) -> RecordState | None:
    """The last verification on record; ``None`` when there is none."""
    rows = reader.tuples("SELECT recorded_at, payload FROM events WHERE kind = ? ORDER BY seq DESC LIMIT 1", [VERIFIED])
    if not rows:
        return None
    at, payload = rows[0]
    said: dict[str, Any] = json.loads(payload or "{}")
    return RecordState(
        at, said.get("entries", 0), said.get("intact", False), said.get("complete", False), said.get("authorised")
    )


def verdict_words(state: RecordState) -> str:
    """The three verdicts in words."""
    authority = {
        True: "authority in order",
        False: "acts that were NOT ALLOWED",
        None: "authority not judged",
    }[state.authorised]
    whole = "intact" if state.intact else "NOT INTACT"
    complete = "complete" if state.complete else "planned windows WITHOUT an outcome"
    return f"{whole}, {complete}, {authority}"


def record_words(state: RecordState | None, zone: ZoneInfo) -> str:
    """A line for people."""
    if state is None:
        return "not verified yet; `aimsight serve` does it daily, `aimsight verify` now"
    again = "" if state.is_whole else "; see `aimsight verify`"
    return f"{verdict_words(state)}; verified {words.instant(state.at, zone)}{again}"
