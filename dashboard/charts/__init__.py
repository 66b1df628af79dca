"""The charts, as Vega-Lite specifications from frames of ``aimsight.dashboard.frames``, one kind a file.

For: what is drawn. Columns have fixed names of ours and names from data are values only, because Vega reads ``.``,
``[`` and ``'`` in a field name as syntax. Times are wall-clock times of the model's zone labelled as UTC, drawn on a
UTC scale, so that a page looks the same in every browser. Verdicts are always glyph and colour, and the word in the
hover.

Never: knows Streamlit, reads the store, or loads anything by address.
"""
