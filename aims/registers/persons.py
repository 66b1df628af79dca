"""Persons whom records name: somebody who answers for something is one of the people of `aimsight.yaml`.

They are compared with the people as the ledger knows them at that moment. A person who has left stays named where they
were named before; whoever is named anew has to be known. Auditors, assessors and chairs may be somebody else: of them
only the id that nearly is somebody's is refused, because independence is compared by ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aimsight.aims.people import close_id
from aimsight.aims.people_on_record import people_on_record
from aimsight.configs.errors import quoted_list
from aimsight.configs.problems import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aimsight.aims.registers.fields import Field
    from aimsight.configs.positions import Path
    from aimsight.store.database import Reader

ANYBODY = frozenset({"anybody", "people"})
"""Kinds of field that may name somebody whom the project does not know."""


def check_persons(
    reader: Reader, fields: Iterable[Field], values: Mapping[str, Any], before: Mapping[str, Any]
) -> list[Finding]:
    """What is wrong with the persons that these checked values name and that those before did not.

    Nothing, where nobody was ever on record.
    """
    known = people_on_record(reader)
    if not known:
        return []
    fields = tuple(fields)
    old = {person for _, _, person in _named(fields, before, ())}
    found = []
    for path, kind, person in _named(fields, values, ()):
        near = close_id(person, known)
        if person in known or person in old or (kind in ANYBODY and not near):
            continue
        whom = f"aimsight.yaml names {quoted_list(known)}; add them there (without roles they may not act)"
        found.append(Finding(path, f'nobody has the id "{person}"{"" if near else f": {whom}"}', near))
    return found


def signed(
    kind: str, fields: Iterable[Field], values: Mapping[str, Any], before: Mapping[str, Any], actor: str
) -> tuple[dict[str, Any], list[Finding]]:
    """What a person may write of fields that only the person who is named in them may fill.

    Returns
    -------
    tuple
        The values, without a name that stood for what is changed now by somebody else; and a finding for each name that
        another person would have to write.
    """
    kept, found = dict(values), []
    for field in fields:
        named = values.get(field.name)
        if not field.stands_for or named in {None, actor}:
            continue
        if named != before.get(field.name):
            cure = (
                f"leave it out; they add it: aimsight records revise {kind} ID --set {field.name}={named} "
                f"--reason WHY --as {named}"
            )
            found.append(Finding((field.name,), f"{named} has to say so, and {actor} acts; {cure}"))
        elif any(values.get(name) != before.get(name) for name in field.stands_for):
            del kept[field.name]
    return kept, found


def _named(fields: Iterable[Field], values: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, str, str]]:
    """Where a person is named, as what, and who."""
    for field in fields:
        value = values.get(field.name)
        if value is None:
            continue
        where: Path = (*path, field.name)
        if field.kind == "items":
            for position, item in enumerate(value):
                yield from _named(field.fields, item, (*where, position))
        elif field.kind == "person" or field.kind in ANYBODY:
            if isinstance(value, list):
                yield from (((*where, position), field.kind, one) for position, one in enumerate(value))
            else:
                yield where, field.kind, value
