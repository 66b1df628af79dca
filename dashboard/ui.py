"""What every page shares: the project, cached questions to the store, header, verdict chips and empty states."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import streamlit as st

from aimsight.aims import words
from aimsight.aims.changes import in_force_now
from aimsight.aims.registers.types import TYPES
from aimsight.aims.verdicts import Verdict
from aimsight.configs.errors import NotFoundError
from aimsight.configs.load import Project, load_project
from aimsight.dashboard import data
from aimsight.dashboard.theme import COLOUR_NAMES, Palette, palette
from aimsight.store.database import Reader, Store

if TYPE_CHECKING:
    from aimsight.dashboard.charts.spec import Spec

P = ParamSpec("P")
T = TypeVar("T")

Version = tuple[int, ...]

PROJECT = "AIMSIGHT_PROJECT"
EVIDENCE_URL = "AIMSIGHT_EVIDENCE_URL"
REFRESH_SECONDS = 30
MOST_LINES = 12
LIST_HEIGHT = 560
"""Height in pixels of a list of more than so many rows; it scrolls."""

REGISTER = "register"
"""The part of the address that names a record of a register."""

MEANINGS: dict[Verdict, str] = {
    Verdict.CONFORMING: "The value meets its target.",
    Verdict.AT_RISK: "The value misses its target, but not beyond doubt or not beyond the tolerance.",
    Verdict.NONCONFORMING: "The whole 95 % interval lies beyond the target and its tolerance.",
    Verdict.INSUFFICIENT: "Too few rows for a judgement.",
    Verdict.AWAITING_LABELS: "The truth is not known yet for enough rows.",
    Verdict.NOT_MEASURED: "There is no value: no run, no data, or the metric is not defined for it.",
}
PLAN, REGISTERS, REVIEW = "page/plan.py", "page/registers.py", "page/review.py"
OVERVIEW, MODEL, DRIFT, FAIRNESS = "page/overview.py", "page/model.py", "page/drift.py", "page/fairness.py"
NONCONFORMITIES, OBJECTIVES, OPERATIONS = (
    "page/nonconformities.py",
    "page/objectives.py",
    "page/operations.py",
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What a page is drawn from; ``version`` names the state of the store, empty before anything was written."""

    project: Project
    store: Path
    version: Version
    palette: Palette
    zone: ZoneInfo
    now: datetime

    def ask(self, question: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The answer of one question of ``aimsight.dashboard.data``, cached until the store changes."""
        answer: T = _answer(
            str(self.store), self.version, f"{question.__module__}.{question.__qualname__}", question, *args, **kwargs
        )
        return answer

    def person(self, record: str) -> str:
        """The name of a person, or the id that records use where the project names nobody by it."""
        return next((one.name for one in self.project.config.people if one.id == record), record)

    def zone_of(self, model: str) -> ZoneInfo:
        """The calendar of a model's windows."""
        config = self.project.models.get(model)
        return config.log.zone if config is not None else self.zone


@st.cache_data(max_entries=400, show_spinner=False)
def _answer(store: str, version: Version, name: str, _question: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401, ARG001  # any answer; the rest is the cache's key
    with Store(Path(store)).read() as reader:
        return _question(reader, *args, **kwargs)


@st.cache_resource(max_entries=4, show_spinner=False)
def _project(root: str, files: tuple[tuple[str, int, int], ...], variables: tuple[tuple[str, str], ...]) -> Project:
    """The configuration, read again when a file or a variable of it changes; a mistake in it is never kept."""
    del files, variables  # they are keys of the cache
    return load_project(Path(root))


def _files(root: Path) -> tuple[tuple[str, int, int], ...]:
    """Name, time of change (ns) and size of every file of the configuration."""
    found = [*root.glob("*.y*ml"), *(root / "models").glob("*.y*ml")]
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in sorted(found))


def scene() -> Scene:
    """Read the configuration and look at which state the store is in.

    Raises
    ------
    AimsightError
        When the configuration has problems, or the store is busy, newer than this program or damaged.
    """
    root = Path(os.environ.get(PROJECT, ".")).resolve()
    variables = tuple(sorted((name, value) for name, value in os.environ.items() if name.startswith("AIMSIGHT_")))
    project = _project(str(root), _files(root), variables)
    store = project.root / project.config.store
    version = Store(store).stamp() if store.exists() else ()
    return Scene(
        project, store, version, palette(st.context.theme.type), ZoneInfo(project.config.time_zone), datetime.now(UTC)
    )


def in_force(scene: Scene, model: str | None = None) -> list[data.ObjectiveState]:
    """The objectives in force, with their latest judgement.

    They are those declared or, where changes are approved, those approved: one that was taken out of its file is in
    force until its withdrawal is approved.
    """
    if not scene.version:
        return []
    models = scene.project.models
    if scene.project.config.changes == "approve":
        known = scene.ask(_approved, tuple(models))
    else:
        known = {(name, one.id) for name, config in models.items() for one in config.objectives}
    return [
        state
        for state in scene.ask(data.standing).objectives
        if (state.model, state.objective) in known and model in {None, state.model}
    ]


def _approved(reader: Reader, models: tuple[str, ...]) -> set[tuple[str, str]]:
    return {(name, one) for name in models for one in in_force_now(reader, name)}


def records(scene: Scene, model: str | None = None) -> list[data.Row]:
    """The nonconformities, open ones first, the next to be due first."""
    rows = scene.ask(data.standing).nonconformities if scene.version else []
    return [row for row in rows if model in {None, row["model"]}]


def open_records(scene: Scene, model: str | None = None) -> list[data.Row]:
    """The open nonconformities, the next to be due first, their owners by name."""
    return [row | {"owner": scene.person(row["owner"])} for row in records(scene, model) if data.is_open(row)]


def series_of(scene: Scene, states: list[data.ObjectiveState]) -> dict[str, list[data.Row]]:
    """By objective: every window's latest judgement, for objectives of one model."""
    if not states:
        return {}
    return scene.ask(data.evaluations, states[0].model, tuple(state.objective for state in states))


def unit(metric: str) -> str:
    """The unit of a metric, as the catalogue declares it; ``''`` for one that it no longer has."""
    from aimsight.metrics.registry import find

    try:
        return find(metric).unit
    except NotFoundError:
        return ""


def header(scene: Scene, title: str, verdict: Verdict | None = None, model: str | None = None) -> None:
    """The page's answer, led by a verdict's glyph, and beneath it: project, data until when, store verified when.

    ``model`` is the one that the page is about; without one, the data are those of all.
    """
    glyph = "" if verdict is None else f":{COLOUR_NAMES[verdict]}[{verdict.glyph}] "
    st.header(glyph + words.escape(title), anchor=False)
    zone = scene.zone_of(model) if model else scene.zone
    parts = [words.escape(scene.project.config.organisation)]
    if scene.version:
        state = scene.ask(data.standing).store
        name, until = state.newest(model)
        parts.append(f"data until {words.until(until, scene.zone_of(name))}")
        parts.append(_verified(scene, state))
    st.caption(" · ".join([*parts, f"times in {words.escape(str(zone))}"]))
    _watch(str(scene.store), scene.version)


def _verified(scene: Scene, state: data.StoreState) -> str:
    """Markdown: when the store was verified, and loudly when it was found broken."""
    if state.verified_at is None:
        return "no verification of the store on record"
    when = words.instant(state.verified_at, scene.zone)
    return f"store verified {when}" if state.is_intact else f":red[■ store found broken {when}]"


@st.fragment(run_every=REFRESH_SECONDS)
def _watch(store: str, version: Version) -> None:
    """Draw the page again when the store has changed; otherwise leave it alone."""
    path = Path(store)
    if (Store(path).stamp() if path.exists() else ()) != version:
        st.rerun(scope="app")


def chip(verdict: Verdict, label: str | None = None) -> str:
    """Markdown of a verdict: glyph, word and colour."""
    return f":{COLOUR_NAMES[verdict]}-badge[{verdict.glyph} {label or verdict.value}]"


def coloured(verdict: Verdict) -> str:
    """Markdown of a verdict as text that wraps in a narrow column, which a chip would not."""
    return f":{COLOUR_NAMES[verdict]}[**{verdict.glyph} {verdict.value}**]"


def strip(verdicts: list[Verdict]) -> str:
    """Markdown of several verdicts in a row: coloured glyphs."""
    return " ".join(f":{COLOUR_NAMES[verdict]}[{verdict.glyph}]" for verdict in verdicts)


def answer(states: list[data.ObjectiveState]) -> None:
    """How the objectives that a page is about stand, one line each, most urgent first."""
    for state in sorted(states, key=lambda one: (one.verdict.rank, one.objective)):
        st.markdown(f"{chip(state.verdict)} **{words.escape(state.objective)}** {words.escape(state.statement)}")


def tally(amounts: dict[Verdict, int] | None = None) -> None:
    """The verdicts that there are side by side with amounts, or all six as a legend; their meanings on hover."""
    with st.container(horizontal=True, gap="small"):
        for verdict in Verdict if amounts is None else (one for one, amount in amounts.items() if amount):
            label = verdict.value if amounts is None else f"{amounts[verdict]} {verdict.value}"
            st.badge(f"{verdict.glyph} {label}", color=COLOUR_NAMES[verdict], help=MEANINGS[verdict])


def on_phone() -> bool:
    """Whether the browser says that it is a phone's, which has no room for a table of many columns."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def facts(pairs: dict[str, str]) -> None:
    """Small facts side by side, each under its name; they wrap on a narrow screen."""
    with st.container(horizontal=True, gap="small"):
        for name, value in pairs.items():
            labelled(name, value, width="content")


def labelled(name: str, value: str, width: Literal["content", "stretch"] = "stretch") -> None:
    """One text of a record under its name."""
    with st.container(width=width, gap=None):
        st.caption(name)
        st.text(words.printable(value))


def record_link(link: str, label: str = "") -> None:
    """A link to the page that shows a record: ``kind:id`` of a register, a nonconformity or a model."""
    kind, _, record = link.partition(":")
    said = words.escape(label or f"{kind.replace('_', ' ')} {record}".strip())
    if kind == "nonconformity":
        st.page_link(NONCONFORMITIES, label=said, icon=":material/link:", query_params={"record": record})
    elif kind in {"model", "objective"}:
        st.page_link(MODEL, label=said, icon=":material/link:", query_params={"model": record.partition("/")[0]})
    elif kind == "management_review":
        st.page_link(REVIEW, label=said, icon=":material/link:", query_params={"review": record})
    elif kind in TYPES:
        st.page_link(REGISTERS, label=said, icon=":material/link:", query_params={REGISTER: record})
    else:
        st.markdown(said)


def lines(entries: Sequence[tuple[str, Sequence[str]]], table: Sequence[dict[str, Any]] = ()) -> None:
    """Rows as text that wraps on a phone, each with its facts beneath; folded away, the same rows as a table.

    Parameters
    ----------
    entries
        For each row its first line as Markdown, and its facts as plain text.
    table
        The rows with all their columns, to sort, to search and to download; none where the lines say everything.
    """
    said = [
        "  \n".join(part for part in (lead, words.escape(" · ".join(fact for fact in facts if fact))) if part)
        for lead, facts in entries
    ]
    with st.container(border=True, height="content" if len(said) <= MOST_LINES else LIST_HEIGHT):
        st.markdown("\n\n".join(said))
    if table:
        with st.expander(f"{words.plural(len(table), 'row')} as a table"):
            st.dataframe(table, hide_index=True, width="stretch", height="content" if len(table) <= 12 else 460)


def empty(message: str, command: str | None = None) -> None:
    """Why there is nothing to see, and what to do about it."""
    with st.container(border=True):
        st.text(message)
        if command:
            to_copy(command)


def to_copy(command: str) -> None:
    """A command or a line of a file, with a button that copies it; in the colour of text, which can be read."""
    st.code(command, language=None, wrap_lines=True)


def command(scene: Scene, arguments: str) -> str:
    """A command line for this project, to copy."""
    return f"aimsight -C {shlex.quote(str(scene.project.root))} {arguments}"


def no_runs(scene: Scene) -> None:
    """The empty state of a project that has not run yet, or where no objective is in force that runs could judge."""
    if scene.version and scene.project.config.changes == "approve":
        empty(
            "No objective is in force yet, so nothing is judged. What the files declare is proposed, and approved by a "
            "second person; then a run also judges what was measured before.",
            command(scene, "changes propose --purpose WHY"),
        )
        return
    names = words.listed(list(scene.project.models)) or "no model"
    empty(
        f"Nothing has been measured yet. This project declares {names}; a run measures every window of its log.",
        command(scene, "run"),
    )


def problem(error: Exception) -> None:
    """An error for people: what happened, and what to do."""
    st.header("The dashboard cannot show this project", anchor=False)
    with st.container(border=True):
        st.text(str(error))
    st.caption("Nothing was changed. Solve what is said above, then load this page again.")


def chart(specification: Spec, alt_text: str) -> None:
    """A chart of ``aimsight.dashboard.charts`` at full width, described for those who do not see it."""
    st.vega_lite_chart(specification, width="stretch", alt=alt_text)


def choose_model(scene: Scene) -> str | None:
    """The model that a page is about, kept in the address (``?model=``)."""
    names = sorted(scene.project.models)
    if not names:
        return None
    return st.selectbox("Model", names, key="model", bind="query-params", width=260)


def no_model(scene: Scene) -> None:
    """The empty state of a project without a model."""
    empty("This project declares no model yet.", command(scene, "init MODEL --log LOG.parquet"))
