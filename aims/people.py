"""Who acts, in which role, and who may not judge their own work.

The service functions of ``aims`` ask here before they change a record, so that the command line and the pages obey the
same rules. A firm of one person declares ``single_person: "why"`` in ``aimsight.yaml``: what needs two people is then
allowed, marked in the event, and printed as a limitation.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TYPE_CHECKING

from aimsight.configs.errors import AimsightError, quoted_list
from aimsight.configs.schema import ProjectConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aimsight.configs.load import Project

ACTOR_VARIABLE = "AIMSIGHT_ACTOR"
ALIKE = 0.65
"""From this ratio on a part of an id may be another one misspelt."""


class Role(StrEnum):
    """A role in the management system; a person may have several."""

    ENGINEER = "engineer"
    OWNER = "owner"
    ACTION_OWNER = "action owner"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    TOP_MANAGEMENT = "top management"
    AUDITOR = "auditor"


CHANGES_RECORDS = tuple(role for role in Role if role is not Role.AUDITOR)
"""Every role that may change records at all."""


class AuthorityError(AimsightError):
    """Somebody may not do this: an unknown person, a missing role, or their own work."""


class ConflictError(AimsightError):
    """The record has changed since it was read; the message shows what changed in between."""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person who acts.

    Parameters
    ----------
    id
        As records name them.
    roles
        What they are in the management system.
    single_person
        The project's reason why one person may do what needs two; ``None`` where two are needed.
    """

    id: str
    roles: frozenset[Role] = frozenset()
    single_person: str | None = None

    def has(self, *roles: Role) -> bool:
        """Whether they have at least one of the roles."""
        return bool(self.roles & frozenset(roles))


def actor_of(project: Project | ProjectConfig, name: str | None) -> Actor:
    """The person of that id, or the only one that the project has when no id is given.

    Raises
    ------
    AuthorityError
        The project does not know them, or it knows several and nobody said who acts.
    """
    config = project if isinstance(project, ProjectConfig) else project.config
    people = {person.id: person for person in config.people}
    if not people:
        raise AuthorityError(
            "nobody is named in aimsight.yaml, so nobody can act; add yourself: "
            "people: [{id: you@example.org, name: Your Name, roles: [owner]}]"
        )
    if not name:
        if len(people) > 1:
            raise AuthorityError(
                f"who acts? Say it with --as ID or in the variable {ACTOR_VARIABLE}; known: {quoted_list(people)}"
            )
        name = next(iter(people))
    if name not in people:
        near = close_id(name, people)
        question = f"; did you mean {near}?" if near else "."
        raise AuthorityError(f'nobody has the id "{name}"{question} aimsight.yaml names {quoted_list(people)}')
    return Actor(name, frozenset(Role(role) for role in people[name].roles), config.single_person)


def close_id(name: str, known: Iterable[str]) -> str:
    """The id that is meant by a misspelt one, or ``''``: alike before the ``@``, and after it where that is given."""
    local, _, domain = name.casefold().partition("@")
    for one in known:
        its_local, _, its_domain = one.casefold().partition("@")
        if _alike(local, its_local) and (not domain or _alike(domain, its_domain)):
            return one
    return ""


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(a=one, b=other).ratio() >= ALIKE


def require(actor: Actor, *roles: Role, doing: str) -> None:
    """Refuse when the actor has none of the roles; without any, every role but the auditor's will do.

    Parameters
    ----------
    doing
        What they are about to do, for the message: ``"approve the plan of NC-2026-0001"``.

    Raises
    ------
    AuthorityError
        Naming the roles that may.
    """
    wanted = roles or CHANGES_RECORDS
    if actor.has(*wanted):
        return
    has = f"is {quoted_list(sorted(actor.roles))}" if actor.roles else "has no role"
    raise AuthorityError(f"{actor.id} {has} and may not {doing}; that takes {_any_of(wanted)}")


def four_eyes(actor: Actor, others: Iterable[str | None], *, doing: str, because: str = "") -> bool:
    """Refuse when the actor is one of those whose work this judges.

    Parameters
    ----------
    others
        Ids of the people who did the work; ``None`` among them is nobody.
    because
        Why they are those people, for the message: ``"they planned the action"``.

    Returns
    -------
    bool
        ``True`` when the rule is broken and the project's single-person mode allows it: the caller marks the event with
        ``single_person: true``. ``False`` when it is kept.

    Raises
    ------
    AuthorityError
        When the rule is broken and the project has no single-person mode.
    """
    if actor.id not in set(others):
        return False
    if actor.single_person:
        return True
    why = f": {because}" if because else ""
    raise AuthorityError(
        f"{actor.id} may not {doing}{why}. A second person does it; a firm of one declares "
        'single_person: "why" in aimsight.yaml'
    )


def _any_of(roles: Iterable[Role]) -> str:
    names = [role.value for role in roles]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
