"""Management reviews (clause 9.3): the frozen packs, what is missing before a signature, what was concluded."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from aimsight.aims import words
from aimsight.aims.registers import service as registers
from aimsight.aims.review import service
from aimsight.aims.review.pack import Table
from aimsight.aims.review.render import FORMATS, NO_ONE, first_page, layout, tables_of
from aimsight.aims.review.results import results_of
from aimsight.aims.verdicts import Verdict
from aimsight.configs.targets import Target
from aimsight.dashboard import editing, editing_review, frames, taking, ui
from aimsight.dashboard.charts.series import series_chart
from aimsight.store.database import Store

if TYPE_CHECKING:
    from aimsight.aims.review.pack import Bars, Cell, Pack, Section, Series
    from aimsight.aims.review.render import Results
    from aimsight.store.database import Reader
    from aimsight.store.registers import RecordVersion

MOST_ROWS, TALL = 14, 500
"""Beyond so many rows a table scrolls in so many pixels."""
MOST_COLUMNS = 3
MIME = {
    "html": "text/html",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "json": "application/json",
    "csv.zip": "application/zip",
}
LABELS = {"html": "HTML", "pdf": "PDF", "docx": "DOCX", "json": "JSON", "csv.zip": "CSV"}


def _render() -> None:
    scene = ui.scene()
    if not scene.version:
        ui.header(scene, "Management review")
        ui.no_runs(scene)
        return
    found = scene.ask(reviews)
    if not found:
        ui.header(scene, "Management review")
        with st.container(border=True):
            st.text("No review was prepared yet. Preparing one freezes its inputs as a pack; nothing else is changed.")
            editing_review.prepare(scene, found)
        return
    names = [one.record for one in found]
    known = {one.record: one for one in found}
    head = st.container()  # filled when it is known which review is asked for
    if len(found) > 1:
        _table(_list(found))
    with st.expander("Prepare another review"):
        editing_review.prepare(scene, found)
    left, right = st.columns(2)
    shown = left.selectbox("Review", names, key="review", bind="query-params")
    review = known[shown]
    packs = [int(one["version"]) for one in reversed(review.fields.get("packs", ()))]
    number = right.selectbox("Pack", packs, key=f"pack {shown}") if packs else None
    pack = service.frozen_pack(scene.project, review, number)
    with Store(scene.store).read() as reader:  # not through the cache: the answer follows the evidence files, too
        missing = [] if review.approver else list(service.open_points(reader, scene.project, review))
        results = results_of(reader, review, pack, scene.zone)
    with head:
        ui.header(scene, _headline(review, missing))
    _cover(scene, review, pack, missing)
    _downloads(scene, review, pack, results)
    if review.approver:  # what was concluded comes first; before that, what is missing
        _results(results)
    if (stand := first_page(pack)) is not None:
        _table(stand)
    for section in pack.sections:
        _section(scene, section, results)
    if not review.approver:
        _results(results)


def reviews(reader: Reader) -> list[RecordVersion]:
    """The reviews that were not withdrawn, the latest first."""
    return [one for one in reversed(registers.list_records(reader, [service.REVIEW])) if one.status != "withdrawn"]


def _list(found: list[RecordVersion]) -> Table:
    rows = tuple(
        (
            one.record,
            one.title,
            len(one.fields.get("packs", ())),
            f"signed by {one.approver}" if one.approver else one.status,
        )
        for one in found
    )
    return Table("reviews", "Reviews", ("Review", "Title", "Packs", "Status"), rows)


def _headline(review: RecordVersion, missing: list[str]) -> str:
    if review.approver:
        return f"{review.title}: signed"
    open_points = f", {words.plural(len(missing), 'point')} open" if missing else ""
    return f"{review.title}: not signed yet{open_points}"


def _cover(scene: ui.Scene, review: RecordVersion, pack: Pack, missing: list[str]) -> None:
    cover = pack.cover
    ui.facts(
        {
            "Period": cover.period,
            "Data cut-off": cover.cut_off,
            "Previous review": cover.previous or "none on record",
            "Pack": f"{cover.version}, SHA-256 {pack.sha256[:12]}…",
            "Ledger": f"{words.count(cover.entries)} entries, {words.count(cover.anchored)} vouched for",
        }
    )
    for text in cover.limitations:
        st.warning(words.escape(f"Limitation: {text}"))
    if missing:
        with st.container(border=True):
            st.markdown("**Missing before it can be signed**")
            st.markdown("\n".join(f"- {words.escape(text)}" for text in missing))
    if not review.approver and pack.sha256 == review.fields["packs"][-1]["sha256"]:
        editing_review.forms(scene, review, pack)


def _downloads(scene: ui.Scene, review: RecordVersion, pack: Pack, results: Results | None) -> None:
    """Files that are made only when somebody asks for one; with forms, who took it is on record."""
    who = editing.who_acts(scene, "taking", "Who takes a file") if not editing.allowed(scene) else None
    if who is None:
        st.caption("Who takes a file here is not on record; aimsight review export puts it there.")
    with st.container(horizontal=True, gap="small"):
        for suffix in FORMATS:
            st.download_button(
                LABELS[suffix],
                data=taking.made(scene, who, review, pack, results, suffix),
                file_name=taking.file_name(review, pack, suffix),
                mime=MIME[suffix],
                on_click="ignore",
                icon=":material/download:",
                key=f"download {suffix}",
            )


def _section(scene: ui.Scene, section: Section, results: Results | None) -> None:
    st.subheader(words.escape(section.title), anchor=False)
    if section.clause:
        st.caption(f"Clause {section.clause}")
    for text in section.sentences:
        st.markdown(words.escape(text))
    if section.is_empty:
        st.markdown(words.escape((results.confirmed if results else {}).get(section.key, NO_ONE)))
    for bars in section.bars:
        _bars(bars)
    first = 1 if section.series else 0  # the objectives in one table, then each over the period
    tables = tables_of(section)
    for table in tables[:first]:
        _table(table)
    if section.series:
        _charts(scene, section.series)
    for table in tables[first:]:
        _table(table)


def _bars(bars: Bars) -> None:
    _heading(bars.title)
    st.dataframe([{"": name, bars.unit.capitalize(): count} for name, count in bars.bars], hide_index=True, width=420)


def _heading(title: str) -> None:
    st.markdown(f"**{words.escape(title)}**")


def _table(table: Table) -> None:
    if not table.rows:
        return
    _heading(table.title)
    plan = layout(table)
    order = [*plan.columns, *([plan.beneath] if plan.beneath is not None else [])]  # long texts last
    numbers = {i for i in order if all(isinstance(row[i], int) for row in table.rows)}
    rows = [{table.columns[i]: _cell(row[i], as_number=i in numbers) for i in order} for row in table.rows]
    if len(table.columns) > MOST_COLUMNS and ui.on_phone():
        ui.lines([_line(row) for row in rows], rows)
    else:
        st.dataframe(rows, hide_index=True, height="content" if len(rows) <= MOST_ROWS else TALL)


def _line(row: dict[str, str | int | None]) -> tuple[str, list[str]]:
    """What comes before the first number, at most two cells; beneath it the others that are not empty, with names."""
    cells = list(row.items())
    leading = 1 if isinstance(cells[1][1], int) else 2
    first, *more = [words.escape(str(cell or "–")) for _, cell in cells[:leading]]
    said = [(name, words.count(cell) if isinstance(cell, int) else cell) for name, cell in cells[leading:]]
    facts = [f"{words.lowered(name)}: {cell}" for name, cell in said if cell not in {None, "", "–"}]
    return " ".join([f"**{first}**", *more]), facts


def _cell(cell: Cell, *, as_number: bool) -> str | int | None:
    """A cell of a column of numbers as number; any other as text, because a column is of one type."""
    if cell is None:
        return "–"
    if isinstance(cell, int) and not as_number:
        return words.count(cell)
    return words.printable(cell) if isinstance(cell, str) else cell


def _charts(scene: ui.Scene, series: tuple[Series, ...]) -> None:
    """One objective at a time, the one that failed most first."""
    ordered = sorted(series, key=lambda one: (-_failures(one), one.name))
    by_name = {one.name: one for one in ordered}
    with st.container(border=True):
        chosen = st.selectbox(
            "Objective over the period",
            list(by_name),
            format_func=lambda name: words.printable(f"{by_name[name].title} ({_failures(by_name[name])} failing)"),
            key="objective",
        )
        one = by_name[chosen]
        frame = frames.series_frame([_row(point) for point in _points(one)], scene.zone_of(one.name.split("/")[0]))
        st.caption(words.escape(f"Target: {one.target}. As frozen in the pack."))
        if frame["value"].notna().any():
            figure = series_chart(
                frame,
                scene.palette,
                metric=one.metric,
                unit=one.unit,
                target=Target.parse(one.rule),
                tolerance=float(one.tolerance),
            )
            ui.chart(figure, f"{one.title}; target {one.target}. {frames.history_words(frame)}")
        else:
            ui.empty("No window of the period has a value.")


def _points(series: Series) -> list[dict[str, Any]]:
    return [
        {
            "window_start": datetime.fromisoformat(point.start),
            "window_end": datetime.fromisoformat(point.end),
            "value": point.value,
            "ci_low": point.low,
            "ci_high": point.high,
            "n": point.n,
            "verdict": point.verdict,
        }
        for point in series.points
    ]


def _row(point: dict[str, Any]) -> dict[str, Any]:
    numbers = {key: None if point[key] is None else float(point[key]) for key in ("value", "ci_low", "ci_high")}
    return point | numbers | {"revision": "as frozen", "run_id": "–"}


def _failures(series: Series) -> int:
    return sum(1 for point in series.points if point.verdict == Verdict.NONCONFORMING.value)


def _results(results: Results | None) -> None:
    st.subheader("Results of the review", anchor=False)
    st.caption("Clause 9.3.3")
    if results is None:
        st.text("Not held yet.")
        return
    for name, value in results.facts:
        ui.labelled(name, value)
    for table in results.tables:
        _table(table)
    ui.labelled("Signature", results.signature)


_render()
