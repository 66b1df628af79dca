"""Clocks of the tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class SetClock:
    """A clock that shows what it was set to."""

    moment: datetime

    def now(self) -> datetime:
        """The moment it was set to."""
        return self.moment
