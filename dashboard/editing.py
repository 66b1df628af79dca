"""Forms: off unless the project switches them on, and for this machine alone; here those of a nonconformity.

A form calls the same service functions as the command line, so that roles, four eyes and guards are those of the
records. Who acts is declared, not proved: see ``dashboard.editing`` in docs/configuration.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import streamlit as st

from aimsight.aims import words
from aimsight.aims.lifecycle import dossier, service, transitions
from aimsight.aims.lifecycle.states import STEPS, steps_from
from aimsight.aims.people import ConflictError, actor_of
from aimsight.aims.people_on_record import keep_people
from aimsight.configs.errors import AimsightError
from aimsight.configs.forms import form_of
from aimsight.store.database import Store

if TYPE_CHECKING:
    from aimsight.aims.lifecycle.case import Case, Context
    from aimsight.aims.lifecycle.transitions import Outcome
    from aimsight.aims.people import Actor
    from aimsight.dashboard import ui
    from aimsight.store.database import Transaction

T = TypeVar("T")

LOOPBACK = ("127.0.0.1", "localhost", "::1")
Kind = Literal["text", "lines", "choice", "yes or no", "day", "person", "number", "action", "objective"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form: its key, what it asks, and how it is answered."""

    key: str
    label: str
    kind: Kind = "text"
    choices: tuple[str, ...] = ()


_SEVERITY = Field("severity", "Severity", "choice", ("minor", "major"))
_REASON = (Field("reason", "Why"),)
FIELDS: dict[str, tuple[Field, ...]] = {
    "confirm": (
        _SEVERITY,
        Field("criteria", "Why this severity"),
        Field("owner", "Owner", "person"),
        Field("extent", "Decisions, persons or groups affected"),
    ),
    "reject": _REASON,
    "contain": (
        Field("correction", "What was done about the effect"),
        Field("none_needed", "Or why no correction is needed"),
        Field("consequences", "Persons affected, redress, users informed"),
        Field("serious", "Is it a serious incident?", "yes or no"),
        Field("serious_because", "Why, or why not"),
    ),
    "similar": (),
    "analyse": (
        Field("whys", "Five whys: one answer a line, each asking why of the one before", "lines"),
        Field("causes", "Root causes, one a line", "lines"),
        Field("contributing", "What contributed, one a line", "lines"),
        Field("undetected", "Why it was not detected earlier"),
    ),
    "plan": (
        Field("needed_because", "Why action is needed"),
        Field("action", "The action"),
        Field("owner", "Who carries it out", "person"),
        Field("due", "Until when", "day"),
        Field("objective", "Objective that shows its effect", "objective"),
        Field("windows", "Conforming windows in a row", "number"),
        Field("check", "Or, where nothing is measured: what a person must see"),
        Field("correction_only_because", "If it only corrects (retraining): why that removes the cause"),
    ),
    "approve": _REASON,
    "implement": (Field("action", "Action", "action"), Field("evidence", "Evidence that it is done")),
    "start": (),
    "check": (Field("met", "Was the criterion met?", "yes or no"), Field("finding", "What was seen")),
    "conclude": (Field("effective", "Were the actions effective?", "yes or no"), *_REASON),
    "close": (
        Field("changed", "What changes in the management system (risks, procedures, ...), one a line", "lines"),
        Field("links", "Records of these changes, one a line", "lines"),
        Field("none_because", "Or why nothing changes"),
    ),
    "correction-only": _REASON,
    "accept": (Field("risk", "Risk record"), Field("until", "Until", "day"), *_REASON),
    "reopen": _REASON,
    "escalate": (
        Field("kind", "Kind (15, 10 or 2 days to report)", "choice", ("serious", "death", "widespread")),
        Field("description", "What happened to whom"),
    ),
    "resume": (Field("reported_to", "Reported to"), Field("not_reportable", "Or why it is not reportable")),
}
"""The fields of each step; regrading and reassigning are for the command line."""


def allowed(scene: ui.Scene) -> str:
    """Why there are no forms; ``""`` when there are."""
    if not scene.project.config.dashboard.editing:
        return "This page only shows. Steps are taken with aimsight nc, or here after dashboard.editing: true."
    if address() not in LOOPBACK:
        return (
            "Forms are for a dashboard that only this machine reaches (server.address 127.0.0.1); this one only shows."
        )
    if not scene.project.config.people:
        return "Nobody is named in aimsight.yaml, so nobody can act."
    return ""


def address() -> str | None:
    """The address that the dashboard listens on; ``None`` for every address of the machine."""
    found = st.get_option("server.address")
    return str(found) if found else None


def forms(scene: ui.Scene, case: Case) -> None:
    """The forms of the steps that are possible now, or why there are none."""
    began = seen(case.name, case)
    possible = [step.name for step in steps_from(began.state) if step.name in FIELDS]
    why_not = allowed(scene)
    if why_not or not possible:
        if why_not and possible:
            st.caption(why_not)
        return
    with st.container(border=True):
        st.subheader("Take a step", anchor=False)
        choices = _choices(scene, began)
        left, right = st.columns(2)
        with left:
            who = who_acts(scene, "acting")
        turn = turn_of(case.name)
        name = right.selectbox("Step", possible, key=f"step {case.name} {turn}")
        doing = STEPS[name].doing
        st.caption(words.escape(f"{doing[0].upper()}{doing[1:]} {case.name}"))
        with st.form(f"{name} {case.name} {turn}", border=False):
            given = {field.key: _ask(field, choices, f"{case.name} {turn}") for field in FIELDS[name]}
            if st.form_submit_button(_button(name)):
                submit(scene, who, lambda tx, actor: take(tx, scene, began, name, actor, given), record=case.name)


def seen(record: str, now: T) -> T:
    """The record as a person saw it when they began to fill in a form about it.

    It stays until something is saved, so that what they typed is still there when somebody else was faster.
    """
    found: T = st.session_state.setdefault(f"seen {record}", now)
    return found


def turn_of(form: str) -> int:
    """How often a form has been saved: one that has done its work comes back empty."""
    return int(st.session_state.setdefault(f"turn {form}", 0))


def who_acts(scene: ui.Scene, key: str, label: str = "Who acts") -> str:
    """The person who acts, with their roles: chosen, not proved."""
    people = {one.id: f"{one.name} ({', '.join(one.roles) or 'no role'})" for one in scene.project.config.people}
    return st.selectbox(label, list(people), format_func=lambda one: words.printable(people[one]), key=key)


def submit(
    scene: ui.Scene, who: str, step: Callable[[Transaction, Actor], object], *, record: str, form: str = ""
) -> None:
    """Take a step on the version that the person saw; what is missing or has changed is told, and nothing is saved.

    Parameters
    ----------
    record
        The record that is changed. When it has changed meanwhile, the next try is about its present version.
    form
        The form that has done its work; by default the record's only one.
    """

    def take(store: Store, actor: Actor) -> None:
        with store.write() as tx:
            step(tx, actor)

    attempt(scene, who, take, record=record, form=form)


def attempt(scene: ui.Scene, who: str, do: Callable[[Store, Actor], object], *, record: str, form: str = "") -> None:
    """The same for what asks for transactions of its own."""
    try:
        do(*desk(scene, who))
    except AimsightError as error:
        st.error(words.escape(str(error)).replace("\n", "  \n"))
        if isinstance(error, ConflictError):
            st.session_state.pop(f"seen {record}", None)
            st.caption("What you filled in is still here: look at what changed, then press again.")
    else:
        st.session_state.pop(f"seen {record}", None)
        st.session_state[f"turn {form or record}"] = turn_of(form or record) + 1
        st.rerun()


def desk(scene: ui.Scene, who: str) -> tuple[Store, Actor]:
    """The store and the person who acts on it, with who the people are on record."""
    config, root = scene.project.config, scene.project.root
    actor = actor_of(scene.project, who)
    store = Store(scene.store, checkpoints=tuple(root / checkpoint for checkpoint in config.checkpoints))
    keep_people(store, config)
    return store, actor


def _button(name: str) -> str:
    return STEPS[name].name.replace("-", " ").capitalize()


def _choices(scene: ui.Scene, case: Case) -> dict[Kind, list[str]]:
    """What there is to choose from: people, actions that are not done, objectives of the model."""
    plan, model = case.dossier.plan, scene.project.models.get(case.record.model)
    return {
        "person": [person.id for person in scene.project.config.people],
        "action": [one.id for one in plan.actions if one.done_at is None] if plan is not None else [],
        "objective": [one.id for one in model.objectives] if model is not None else [],
    }


def _ask(field: Field, choices: dict[Kind, list[str]], where: str) -> object:
    """What the widget of the field gives."""
    key = f"{where} {field.key}"
    match field.kind:
        case "choice":
            return st.selectbox(field.label, field.choices, index=None, key=key)
        case "person" | "objective":
            return st.selectbox(field.label, choices[field.kind], index=None, key=key, format_func=words.printable)
        case "action":
            return st.selectbox(field.label, choices[field.kind], key=key)
        case "yes or no":
            answer = st.radio(field.label, ("yes", "no"), index=None, horizontal=True, key=key)
            return None if answer is None else answer == "yes"
        case "day":
            return st.date_input(field.label, value=None, key=key)
        case "number":
            return st.number_input(field.label, min_value=1, max_value=366, value=3, key=key)
        case "lines":
            return [line for line in st.text_area(field.label, key=key).splitlines() if line.strip()]
        case _:
            return st.text_area(field.label, key=key, height=80)


def take(tx: Transaction, scene: ui.Scene, case: Case, name: str, actor: Actor, given: dict[str, Any]) -> None:
    """One step with what the form gave."""
    project, expected = scene.project, case.version
    if name == "similar":
        service.similar(tx, project, case.name, actor, expected=expected)
    elif name == "start":
        service.start(tx, project, case.name, actor, expected=expected)
    elif name == "plan":
        service.plan(tx, project, case.name, actor, _plan(given), expected=expected)
    else:
        service.act(tx, project, case.name, actor, _step(name, given), expected=expected)


_FORMS: dict[str, tuple[type[Any], Callable[..., Outcome]]] = {
    "confirm": (dossier.Grading, transitions.confirm),
    "reject": (dossier.Said, transitions.reject),
    "contain": (dossier.Containment, transitions.contain),
    "analyse": (dossier.Cause, transitions.analyse),
    "approve": (dossier.Said, transitions.approve),
    "check": (dossier.Check, transitions.check),
    "conclude": (dossier.Conclusion, transitions.conclude),
    "close": (dossier.Closure, transitions.close),
    "correction-only": (dossier.Said, transitions.without_action),
    "accept": (dossier.Deviation, transitions.accept),
    "reopen": (dossier.Said, transitions.reopen),
    "escalate": (dossier.Incident, transitions.escalate),
}


def _step(name: str, given: dict[str, Any]) -> Callable[[Case, Actor, Context], Outcome]:
    if name == "implement":
        evidence = form_of(dossier.Evidence, {"text": given["evidence"]}, shown="evidence")
        shown = (evidence,) if evidence.text else ()
        return lambda case, who, knows: transitions.implement(case, given["action"], shown, who, knows)
    if name == "resume":
        told, not_told = given["reported_to"] or None, given["not_reportable"] or None
        return lambda case, who, knows: transitions.resume(case, who, knows, reported_to=told, not_reportable=not_told)
    kind, do = _FORMS[name]
    method = {"method": "five whys"} if name == "analyse" else {}
    form = form_of(kind, given | method, shown=name)
    return lambda case, who, knows: do(case, form, who, knows)


def _plan(given: dict[str, Any]) -> dossier.Plan:
    action = {"id": "A1", "description": given["action"], "owner": given["owner"], "due": given["due"]}
    criterion = {"kind": "objective", "objective": given["objective"], "windows": given["windows"]}
    if given["check"] and not given["objective"]:
        criterion = {"kind": "check", "check": given["check"]}
    content = {
        "needed_because": given["needed_because"],
        "correction_only_because": given["correction_only_because"],
        "actions": [{key: value for key, value in action.items() if value}],
        "criterion": {key: value for key, value in criterion.items() if value},
    }
    return form_of(dossier.Plan, content, shown="plan")
