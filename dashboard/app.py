"""The dashboard's entry point for ``streamlit run``: navigation, and errors as words for people."""

from __future__ import annotations

import streamlit as st

from aimsight.configs.errors import AimsightError
from aimsight.dashboard import ui
from aimsight.dashboard.theme import LIGHT

# Inline, because the browser would fetch one of Streamlit's named icons from a server on the internet.
ICON = f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect x="2" y="2" width="28" height="28" rx="6" fill="{LIGHT.accent}"/>
<circle cx="16" cy="16" r="8" fill="none" stroke="white" stroke-width="2.5"/>
<circle cx="16" cy="16" r="3" fill="white"/>
</svg>"""

st.set_page_config(page_icon=ICON, layout="wide")  # before the pages are named, or their icons are fetched

chosen = st.navigation(
    {
        "": [
            st.Page(ui.OVERVIEW, title="Overview", icon=":material/dashboard:", default=True),
        ],
        "Models": [
            st.Page(ui.MODEL, title="Objectives over time", icon=":material/show_chart:", url_path="model"),
            st.Page(ui.DRIFT, title="Drift", icon=":material/stacked_bar_chart:", url_path="drift"),
            st.Page(ui.FAIRNESS, title="Fairness", icon=":material/balance:", url_path="fairness"),
        ],
        "Management system": [
            st.Page(ui.NONCONFORMITIES, title="Nonconformities", icon=":material/report:", url_path="nonconformities"),
            st.Page(ui.OBJECTIVES, title="Objectives", icon=":material/flag:", url_path="objectives"),
            st.Page(ui.REVIEW, title="Review", icon=":material/gavel:", url_path="review"),
            st.Page(ui.PLAN, title="Plan", icon=":material/troubleshoot:", url_path="plan"),
            st.Page(ui.REGISTERS, title="Registers", icon=":material/folder_open:", url_path="registers"),
            st.Page(ui.OPERATIONS, title="Operations", icon=":material/settings_suggest:", url_path="operations"),
        ],
    },
    expanded=True,
)
st.set_page_config(page_title=f"{chosen.title} – aimsight")

with st.container(width=1240):
    try:
        chosen.run()
    except AimsightError as error:
        ui.problem(error)
