"""Who may act: known people, their roles, and nobody on their own work."""

from __future__ import annotations

from typing import Any

import pytest

from aimsight.aims.people import Actor, AuthorityError, Role, actor_of, four_eyes, require
from aimsight.configs.schema import ProjectConfig

OWNER = {"id": "ada@example.org", "name": "Ada", "roles": ["owner", "reviewer"]}
AUDITOR = {"id": "dev@example.org", "name": "Dev", "roles": ["auditor"]}


def project(*people: dict[str, Any], **settings: Any) -> ProjectConfig:
    """A project with these people."""
    return ProjectConfig.model_validate({"organisation": "Tests", "people": list(people)} | settings)


def test_a_known_person_acts_in_their_roles() -> None:
    """The id names the person; the roles come from the configuration."""
    found = actor_of(project(OWNER, AUDITOR), "ada@example.org")
    assert found == Actor("ada@example.org", frozenset({Role.OWNER, Role.REVIEWER}))


def test_the_only_person_needs_no_naming() -> None:
    """One person, no doubt about who acts."""
    assert actor_of(project(OWNER), None).id == "ada@example.org"


@pytest.mark.parametrize(
    ("people", "name", "said"),
    [
        ((), None, "nobody is named in aimsight.yaml"),
        ((OWNER, AUDITOR), None, "who acts"),
        ((OWNER, AUDITOR), "ada@exmaple.org", "did you mean ada@example.org"),
        ((OWNER,), "aimsight", 'nobody has the id "aimsight"'),
    ],
)
def test_an_unknown_person_cannot_act(people: tuple[dict[str, Any], ...], name: str | None, said: str) -> None:
    """Nobody acts in silence, and never as the program."""
    with pytest.raises(AuthorityError, match=said):
        actor_of(project(*people), name)


def test_an_unknown_role_is_a_mistake_of_the_configuration() -> None:
    """A role that the product does not know would give no right and look like one."""
    with pytest.raises(ValueError, match="approver"):
        project(OWNER | {"roles": ["aprover"]})


def test_a_role_is_required_and_named() -> None:
    """The message says who they are, what they wanted, and who may."""
    require(Actor("a", frozenset({Role.OWNER})), Role.OWNER, Role.ENGINEER, doing="x")
    with pytest.raises(AuthorityError, match="a is owner and may not close it; that takes approver or top management"):
        require(Actor("a", frozenset({Role.OWNER})), Role.APPROVER, Role.TOP_MANAGEMENT, doing="close it")
    with pytest.raises(AuthorityError, match="a has no role and may not close it; that takes approver"):
        require(Actor("a"), Role.APPROVER, doing="close it")


@pytest.mark.parametrize("role", list(Role))
def test_an_auditor_changes_nothing(role: Role) -> None:
    """Where any role will do, the auditor's alone will not."""
    actor = Actor("a", frozenset({role}))
    if role is Role.AUDITOR:
        with pytest.raises(AuthorityError):
            require(actor, doing="change a record")
    else:
        require(actor, doing="change a record")


def test_nobody_judges_their_own_work() -> None:
    """A second person passes, the first is refused with the reason."""
    assert four_eyes(Actor("b"), ["a", None], doing="close NC-1") is False
    with pytest.raises(AuthorityError, match=r"a may not close NC-1: they planned the action. A second person"):
        four_eyes(Actor("a"), ["a"], doing="close NC-1", because="they planned the action")


def test_a_firm_of_one_is_marked() -> None:
    """With a declared reason the act is allowed, and the caller learns that it has to be marked."""
    actor = actor_of(project(OWNER, single_person="We are two, and one is on leave."), None)
    assert four_eyes(actor, [actor.id], doing="close NC-1") is True
    assert four_eyes(actor, ["other"], doing="close NC-1") is False
