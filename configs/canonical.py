"""One byte string for one value: canonical JSON (RFC 8785) without floats, for hashes and the ledger.

Floats are refused, because two JSON writers may spell the same number differently: write numbers that are not whole as
``decimal_text``. Text is brought to Unicode form NFC, so that the two spellings of an accented letter are one.
"""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from datetime import date
from typing import SupportsFloat

LARGEST_INTEGER = 2**53 - 1
"""Larger integers lose digits in JSON readers that keep numbers as doubles."""


def canonical_json(value: object) -> bytes:
    """UTF-8 bytes of a value made of dicts with text keys, lists, tuples, text, integers, booleans and ``None``.

    Keys are sorted by their UTF-16 code units, nothing is escaped that need not be, there is no white space.

    Raises
    ------
    TypeError
        For floats and every other type.
    ValueError
        For integers beyond ``LARGEST_INTEGER``, lone surrogates, and keys that are equal in NFC.
    """
    normal = _normal(value, "$")
    return json.dumps(normal, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode("utf-8")


def decimal_text(number: SupportsFloat) -> str:
    """Shortest decimal text that reads back as the same double: ``0.1`` -> ``"0.1"``, ``-0.0`` -> ``"-0.0"``.

    Raises
    ------
    ValueError
        For NaN and infinities.
    """
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(f"{value} has no decimal text")
    return repr(value)


def plain(value: object) -> object:
    """The value with floats as decimal text (-0.0 as 0.0) and dates as ISO 8601 text, for ``canonical_json``."""
    if isinstance(value, float):
        return decimal_text(value + 0.0)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _normal(value: object, path: str) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _normal_text(value, path)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueError(f"{path}: {value} is beyond 2**53 - 1; write it as text")
        return int(value)
    if isinstance(value, list | tuple):
        return [_normal(item, f"{path}[{position}]") for position, item in enumerate(value)]
    if isinstance(value, Mapping):
        return _normal_mapping(value, path)
    raise TypeError(f"{path}: {type(value).__name__} has no canonical form; write it as text")


def _normal_mapping(value: Mapping[object, object], path: str) -> dict[str, object]:
    normal: dict[str, object] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise TypeError(f"{path}: a key is text, not {type(key).__name__}")
        name = _normal_text(key, path)
        if name in normal:
            raise ValueError(f"{path}: two keys are the same text in Unicode form NFC: {name!r}")
        normal[name] = _normal(item, f"{path}.{name}")
    return dict(sorted(normal.items(), key=lambda pair: pair[0].encode("utf-16-be")))


def _normal_text(text: str, path: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{path}: text holds a lone surrogate") from None
    return unicodedata.normalize("NFC", str(text))
