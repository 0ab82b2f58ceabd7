"""How much each sign weighs, in log-odds (+1 makes "same" e times as likely). Data, and the one function that reads a curve.

The curves were drawn by hand and checked on the train parts of two public sets and the hand-written table in the tests.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

SAME, MAYBE = 80.0, 20.0  # confidence from which a verdict is "same", and "maybe"
START = -4.0  # log-odds before any evidence: of two records that a search brings together, one pair in fifty is the same recording
Curve = tuple[tuple[float, float], ...]
TITLE: Curve = ((0.0, -9.0), (0.5, -6.0), (0.7, -2.5), (0.8, 0.5), (0.9, 2.8), (0.96, 3.6), (1.0, 4.0))
ARTISTS: Curve = ((0.0, -6.5), (0.4, -5.0), (0.6, -2.0), (0.75, 0.5), (0.85, 1.5), (1.0, 2.3))
ALBUM: Curve = ((0.0, -0.7), (0.5, -0.4), (0.7, 0.2), (0.85, 1.0), (1.0, 1.5))
SECONDS: Curve = ((0.0, 2.2), (2.0, 2.0), (3.5, 1.2), (5.0, 0.2), (8.0, -0.8), (15.0, -2.2), (30.0, -4.0), (90.0, -7.0))
ALMOST = 3_500  # longest difference in ms at which "soft" versions count as one
CONTRADICTING = frozenset(("duration", "track position", "platform", "isrc", "ids", "version"))
NEVER = 3.0  # confidence of what cannot be the same


def on(curve: Curve, x: float) -> float:
    """The curve's value at x, straight between its points."""
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * max(0.0, x - x0) / (x1 - x0)
    return curve[-1][1]


class Part(NamedTuple):
    """One sign: score 0-1 (how alike), weight (evidence in log-odds, negative = against), sentence (for people)."""

    score: float
    weight: float
    sentence: str
