"""A valid configuration with a slip of the keyboard is refused or means the same: nothing is silently ignored."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aimsight.configs.errors import ConfigError
from aimsight.configs.load import load_project, parse_model
from aimsight.configs.schema import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aimsight.configs.facts import MetricFacts

NAMES_OF_COLUMNS = {"age", "education", "job"}
SLIPS: tuple[Callable[[str, int], str], ...] = (
    lambda word, at: word[:at] + word[at + 1 :],
    lambda word, at: word[:at] + word[at] + word[at:],
    lambda word, at: word[:at] + word[at : at + 2][::-1] + word[at + 2 :],
    lambda word, at: word[:at] + word[at].swapcase() + word[at + 1 :],
    lambda word, at: word[:at] + "_" + word[at:],
)


def outcome(text: str, facts: dict[str, MetricFacts]) -> ModelConfig | None:
    """The model that the text declares, or ``None`` when it is refused with a report."""
    try:
        return parse_model(text, metric_ids=facts)
    except ConfigError:
        return None


@given(st.data())
def test_a_misspelt_key_is_refused(model_text: str, facts: dict[str, MetricFacts], data: st.DataObject) -> None:
    """Whichever key is misspelt, however: it is unknown, and not a key left at its default."""
    keys = [found for found in re.finditer(r"(\w+):(?= |\n)", model_text) if found[1] not in NAMES_OF_COLUMNS]
    key = data.draw(st.sampled_from(keys))
    slip = data.draw(st.sampled_from(SLIPS))
    word = slip(key[1], data.draw(st.integers(0, len(key[1]) - 1)))
    found = outcome(model_text[: key.start(1)] + word + model_text[key.end(1) :], facts)
    assert found is None or found == parse_model(model_text)


@given(st.data())
def test_a_line_written_twice_is_refused(model_text: str, facts: dict[str, MetricFacts], data: st.DataObject) -> None:
    """The last of two equal keys would win in silence; here neither does."""
    lines = model_text.splitlines()
    at = data.draw(st.integers(0, len(lines) - 1))
    assert outcome("\n".join([*lines[: at + 1], *lines[at:]]), facts) is None


def test_a_lost_line_is_refused_or_was_optional(model_text: str, facts: dict[str, MetricFacts]) -> None:
    """Of 48 lines these can go: a key with a default, a feature or a group that nothing else names."""
    lines = model_text.splitlines()
    optional = [
        line.strip()
        for at, line in enumerate(lines)
        if outcome("\n".join(lines[:at] + lines[at + 1 :]), facts) is not None
    ]
    assert optional == [
        "time_zone: Europe/Vienna",
        "prediction: band_high",
        "age: {kind: numeric, range: [18, 120]}",
        "job: category",
        "protected: [gender]",
        "segments: [gender, [gender, age_group]]",
        "tolerance: 0.01",
    ]


@given(st.data())
def test_any_other_slip_ends_in_a_report_or_in_what_was_written(
    model_text: str, facts: dict[str, MetricFacts], data: st.DataObject
) -> None:
    """Characters lost, added or exchanged anywhere: never a traceback, and what is accepted reads back as itself."""
    text = model_text
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        inserted = data.draw(
            st.sampled_from(["", " ", "\n", ":", "-", "[", "{", '"', "#", "&a ", "*a", "\t", "0", "\x00"])
        )
        text = text[:at] + inserted + text[at + data.draw(st.integers(0, 2)) :]
    found = outcome(text, facts)
    if found is not None:
        assert ModelConfig.model_validate(found.model_dump(mode="json")) == found


@given(st.binary(max_size=200))
def test_any_bytes_end_in_a_report(content: bytes) -> None:
    """A file that is no configuration at all is refused like any other."""
    with pytest.raises(ConfigError):
        parse_model(content)


def test_the_demo_has_no_problems() -> None:
    """The shipped demo project is read by the same strict loader."""
    from importlib.resources import as_file, files

    with as_file(files("aimsight.configs") / "demo") as folder:
        demo: Path = folder
        assert set(load_project(demo, environ={}).models) == {"wage-band", "air-time"}
