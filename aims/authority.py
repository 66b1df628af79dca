"""Authority: whether everybody who acted was allowed to, told from the ledger alone.

The rules are those of ``aimsight.store.check_authority``, which auditors are given with a bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aimsight.store.check_authority import Authority as Rules
from aimsight.store.findings import Authority, Finding

if TYPE_CHECKING:
    from aimsight.store.findings import Event

DECLARED = "roles are declared in aimsight.yaml and acts by --as: nothing here proves that a person is who they say"


class Authorities:
    """The walk; give it to ``verify``, or let it see the events in their order."""

    def __init__(self) -> None:
        self._rules = Rules()

    def see(self, event: Event) -> None:
        """Take up one event."""
        self._rules.see(event)

    def verdict(self) -> Authority:
        """What came of it."""
        rules = self._rules
        limits = [DECLARED] if rules.acts else []
        if rules.unjudged:
            limits.append(
                f"acts of people before it was on record who they are, so that their roles cannot be told: "
                f"{rules.unjudged:,}"
            )
        if rules.alone:
            limits.append(f"acts by one person that need two, allowed by single_person: {len(rules.alone):,}")
        findings = tuple(Finding(seq, message) for seq, message in rules.wrong)
        return Authority(findings, tuple(rules.alone), rules.acts, rules.unjudged, tuple(limits), tuple(rules.changed))
