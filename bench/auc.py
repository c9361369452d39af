"""How well one class of times can be told from another: the area under the ROC curve, with its interval."""

import math
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Separation:
    """An AUC with its 95 % interval, and both classes' medians in milliseconds. 0.5: nothing to tell."""

    auc: float
    low: float
    high: float
    known_ms: float
    unknown_ms: float
    known: int
    unknown: int


def separation(known: Sequence[int], unknown: Sequence[int]) -> Separation:
    """The chance that a known one takes longer than an unknown one (nanoseconds), ties counting half.

    That is Mann and Whitney's U over n·m; the interval is DeLong's (Biometrics 44, 1988).
    """
    by_known = _placements(known, unknown)
    by_unknown = _placements(unknown, known)
    auc = statistics.fmean(by_known)
    spread = 1.96 * math.sqrt(
        statistics.variance(by_known) / len(known) + statistics.variance(by_unknown) / len(unknown)
    )
    return Separation(
        auc=auc,
        low=auc - spread,
        high=auc + spread,
        known_ms=statistics.median(known) / 1e6,
        unknown_ms=statistics.median(unknown) / 1e6,
        known=len(known),
        unknown=len(unknown),
    )


def _placements(of: Sequence[int], among: Sequence[int]) -> list[float]:
    """For each time, the share of the others that it exceeds."""
    ordered = sorted(among)
    return [(bisect_left(ordered, one) + bisect_right(ordered, one)) / 2 / len(ordered) for one in of]
