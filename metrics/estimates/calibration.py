"""Calibration: how often a row of a score cell is positive, learned from the labelled rows of the reference.

Isotonic regression on score cells. How far it may be off is learned out of sample: from fits that leave out a part of
the reference each, its own windows where there are enough of them, so that what varies between windows counts as error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aimsight.metrics.statistics import SCORE_CELLS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from aimsight.metrics.statistics import ScoreCounts

    Floats = NDArray[np.float64]
    Whole = NDArray[np.int64]

FEWEST_ROWS = 200
FEWEST_OF_A_CLASS = 20
"""With fewer labelled rows, or fewer of the rarer class, nothing is calibrated."""
ENOUGH_WINDOWS = 5
"""With fewer labelled windows of its own, the reference is cut into parts at random."""
MOST_PARTS = 20
RANDOM_PARTS = 10
NEAR = 20
"""A score is known when the reference has labels of scores this many cells around it,"""
FEWEST_NEAR = 3
"""and of at least so many rows."""
SCORES: Floats = (np.arange(SCORE_CELLS) + 0.5) / SCORE_CELLS
"""The middle of every score cell."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Chance of a positive label by score cell, and how well it is known.

    Attributes
    ----------
    chance
        Fitted chance of every score cell, float64 of shape (SCORE_CELLS,), rising.
    without
        The same fitted without one part of the reference each, shape (parts, SCORE_CELLS).
    part
        The part that each of the reference's windows belongs to, or -1 for a window without labels; empty when the
        parts are random.
    noise
        Variance of one label in every cell, kept above 0 where a block of cells has one class only.
    block, block_variance
        The pooled block of every cell, and the sampling variance of the fitted chance of every block.
    known
        Whether the reference has labels of such scores.
    rows
        Labelled rows that it was fitted on.
    """

    chance: Floats
    without: Floats
    part: Whole
    noise: Floats
    block: Whole
    block_variance: Floats
    known: NDArray[np.bool_]
    rows: int


def calibrate(
    negatives: Whole,
    positives: Whole,
    windows: tuple[Whole, Whole] | None = None,
    *,
    fewest: int = FEWEST_OF_A_CLASS,
) -> Calibration | None:
    """Fit the chance of a positive label to labelled counts by score cell.

    Parameters
    ----------
    negatives, positives
        Labelled rows of the whole reference by score cell, int64 of shape (SCORE_CELLS,).
    windows
        The same of each of its own windows, shape (windows, SCORE_CELLS).
    fewest
        Fewest labelled rows of either class; a class against many others may be as rare as it is.

    Returns
    -------
    Calibration or None
        ``None`` with fewer than ``FEWEST_ROWS`` labelled rows or ``fewest`` of a class.
    """
    rows, ups = int((negatives + positives).sum()), int(positives.sum())
    if rows < FEWEST_ROWS or min(ups, rows - ups) < fewest:
        return None
    part, parts = _parts(negatives, positives, windows)
    chance, block = isotonic(negatives, positives)
    sizes = np.bincount(block, weights=negatives + positives)
    smooth = (np.bincount(block, weights=positives) + 1) / (sizes + 2)
    noise = smooth * (1 - smooth)
    around = np.convolve((negatives + positives).astype(np.float64), np.ones(2 * NEAR + 1), mode="same")
    return Calibration(
        chance=chance,
        without=np.array([isotonic(negatives - n, positives - p)[0] for n, p in parts]),
        part=part,
        noise=np.maximum(chance * (1 - chance), noise[block]),
        block=block,
        block_variance=noise / sizes,
        known=around > FEWEST_NEAR - 0.5,
        rows=rows,
    )


def isotonic(negatives: Whole, positives: Whole) -> tuple[Floats, Whole]:
    """Rising chance of every cell that is nearest to the shares of positives (weighted least squares), and its block.

    Pool adjacent violators (Ayer et al. 1955). Between cells with rows the chance is interpolated; beyond them it stays
    as in the outermost.
    """
    rows = negatives + positives
    occupied = np.flatnonzero(rows)
    ups, of, starts = positives[occupied], rows[occupied], np.arange(occupied.size)
    # whatever does not rise is pooled at once, until everything rises: the blocks are the same in any order
    while (rises := ups[:-1] * of[1:] < ups[1:] * of[:-1]).size and not rises.all():
        kept = np.flatnonzero(np.concatenate([[True], rises]))
        ups, of, starts = np.add.reduceat(ups, kept), np.add.reduceat(of, kept), starts[kept]
    block = np.repeat(np.arange(starts.size), np.diff(starts, append=occupied.size))
    rates = ups / of
    every = np.arange(SCORE_CELLS)
    chance: Floats = np.interp(every, occupied, rates[block])
    nearest = np.searchsorted((occupied[1:] + occupied[:-1]) / 2, every)
    return chance, block[nearest].astype(np.int64)


def _parts(
    negatives: Whole, positives: Whole, windows: tuple[Whole, Whole] | None
) -> tuple[Whole, list[tuple[Whole, Whole]]]:
    """The part of every window, and the counts (negatives, positives) of every part."""
    if windows is not None:
        labelled = (windows[0] + windows[1]).sum(axis=1) > 0
        count = int(labelled.sum())
        if count >= ENOUGH_WINDOWS:
            parts = min(count, MOST_PARTS)
            part = np.full(labelled.size, -1)
            part[labelled] = np.arange(count) * parts // count
            return part, [tuple(counts[part == one].sum(axis=0) for counts in windows) for one in range(parts)]
    # each row falls into one of ten parts by chance; the generator is seeded, so that the same counts give the same
    generator = np.random.default_rng(RANDOM_PARTS)
    shares = np.full(RANDOM_PARTS, 1 / RANDOM_PARTS)
    cut = [generator.multinomial(counts, shares).T for counts in (negatives, positives)]
    return np.empty(0, dtype=np.int64), list(zip(*cut, strict=True))


def by_score(counts: ScoreCounts | None) -> tuple[Whole, Whole]:
    """Negatives and positives by score cell, int64 of shape (SCORE_CELLS,); zeros of nothing."""
    out = np.zeros(SCORE_CELLS, dtype=np.int64), np.zeros(SCORE_CELLS, dtype=np.int64)
    if counts is not None:
        cells = counts.cells()
        for target, kept in zip(out, (cells.negatives, cells.positives), strict=True):
            target[cells.positions.astype(np.int64)] = kept
    return out
