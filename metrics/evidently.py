"""Evidently reports of a window against the reference: pictures for people, made on demand on a bounded sample.

Never on the path of a run: importing evidently takes seconds, and its numbers are not the ones that verdicts read.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SAMPLE_ROWS = 20_000
"""Largest number of rows of each side that a report is made from."""


@dataclass(frozen=True, slots=True)
class Report:
    """A finished report: the HTML bytes and the columns left out of it, each with the reason."""

    html: bytes
    left_out: dict[str, str]


def drift_report(
    reference: pd.DataFrame, window: pd.DataFrame, numeric: Sequence[str], category: Sequence[str]
) -> Report:
    """Evidently's data drift preset of ``window`` against ``reference``.

    Parameters
    ----------
    reference, window
        Sampled rows, at most ``SAMPLE_ROWS`` each, with at least the named columns.
    numeric, category
        Columns by kind. The methods are fixed by kind (normed Wasserstein, Jensen-Shannon) because evidently's own
        choice changes with the number of reference rows.

    Notes
    -----
    A column without a single value on either side would abort evidently's whole report; it is left out and named.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("ITERATIVE_DO_NOT_TRACK", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # evidently's own code raises deprecation warnings that no caller can act on
        import evidently
        from evidently.presets import DataDriftPreset

        left_out: dict[str, str] = {}
        for name in (*numeric, *category):
            for side, frame in (("reference", reference), ("window", window)):
                if not frame[name].notna().any():
                    left_out[name] = f"no values in the {side}"
        numbers = [name for name in numeric if name not in left_out]
        categories = [name for name in category if name not in left_out]
        kept = [*numbers, *categories]
        shown = {name: _inert(name) for name in kept}
        definition = evidently.DataDefinition(
            numerical_columns=[shown[name] for name in numbers],
            categorical_columns=[shown[name] for name in categories],
        )
        sides = [
            evidently.Dataset.from_pandas(
                _plain(frame[kept], numbers, categories).rename(columns=shown), data_definition=definition
            )
            for frame in (window, reference)
        ]
        preset = DataDriftPreset(
            columns=list(shown.values()), num_method="wasserstein", cat_method="jensenshannon", include_tests=False
        )
        snapshot = evidently.Report([preset]).run(sides[0], sides[1])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "report.html"
            snapshot.save_html(str(path))
            return Report(path.read_bytes(), left_out)


def _plain(frame: pd.DataFrame, numeric: Sequence[str], category: Sequence[str]) -> pd.DataFrame:
    """The frame in the two types that evidently reads without surprises: float64 and str (missing stays missing)."""
    out = frame.copy()
    for name in numeric:
        out[name] = out[name].astype("float64")
    for name in category:
        column = out[name].astype("object")
        out[name] = column.where(column.isna(), column.astype(str).map(_inert))
    return out


def _inert(text: str) -> str:
    """Text that cannot become markup: evidently writes column names and categories into its HTML unescaped."""
    return text.translate(_LOOK_ALIKES)


_LOOK_ALIKES = str.maketrans(dict(zip("<>&\"'`\\", "‹›＆″′′∖", strict=True)))  # noqa: RUF001  # look-alikes are the point
