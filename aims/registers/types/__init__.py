"""The types of register records, one file each; a new type is one file and one line here.

For: declaring what a record of a type holds, which clause asks for it, and whether it needs approval.

Never: reads the store, or decides who may do what.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from aimsight.aims.registers.types import (
    ai_system,
    applicability,
    audit,
    audit_finding,
    audit_programme,
    change,
    concern,
    disposal,
    document,
    impact_assessment,
    improvement,
    incident,
    incident_communication,
    interested_party,
    issue,
    logging_decision,
    management_action,
    management_decision,
    management_review,
    metric_verification,
    retention_rule,
    risk,
    supplier,
)
from aimsight.configs.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aimsight.aims.registers.record_type import RecordType

_ALL = (
    ai_system,
    risk,
    impact_assessment,
    applicability,
    issue,
    interested_party,
    document,
    supplier,
    logging_decision,
    change,
    metric_verification,
    audit_programme,
    audit,
    audit_finding,
    improvement,
    concern,
    incident,
    incident_communication,
    management_review,
    management_decision,
    management_action,
    retention_rule,
    disposal,
)

TYPES: Mapping[str, RecordType] = MappingProxyType({module.TYPE.name: module.TYPE for module in _ALL})
"""Every type by its id, in the order in which people see them."""


def find_type(name: str) -> RecordType:
    """The type with this id (``-`` for ``_`` is understood).

    Raises
    ------
    NotFoundError
        When there is none, with the ids that are close.
    """
    found = TYPES.get(name.replace("-", "_"))
    if found is None:
        raise NotFoundError.named("type of record", name, TYPES)
    return found
