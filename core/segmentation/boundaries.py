"""Where exactly one section becomes the next: the point that tells the two best apart.

The decoder's evidence is smeared over the windows of its features; here each second by itself is
held against what the two neighbours are like in their inner parts (a two-sided test for a change,
Page 1954), within a few seconds of the boundary found.
"""

from collections.abc import Sequence

import numpy as np

from core.segmentation.context import relative
from core.segmentation.decoding import Span
from core.segmentation.listening import NAMES, Heard
from core.segmentation.repetition import NAMES as REPETITION
from core.segmentation.seconds import PULSE

REACH_S = 14  # how far a boundary may move
_INNER_S = 4  # seconds next to a boundary that say nothing of what a section is like
_BELIEVED_S = 90  # what is farther from the boundary may be another part of the section
_AT_ONCE = [i for i, name in enumerate(NAMES) if name not in (*REPETITION, *PULSE)]


def refined(spans: Sequence[Span], heard: Heard, leads: np.ndarray) -> list[Span]:
    """The same sections with their boundaries moved to where the change is.

    Parameters
    ----------
    leads : np.ndarray [shape=(n_seconds, 3)]
    """
    z = standard(heard, leads)
    edges = [start for start, _, _ in spans] + [spans[-1][1]]
    for i in range(1, len(spans)):
        edges[i] = _change(z, edges[i - 1], edges[i], edges[i + 1])
    return [(edges[i], edges[i + 1], span[2]) for i, span in enumerate(spans)]


def standard(heard: Heard, leads: np.ndarray) -> np.ndarray:
    """What each second is like by itself, in the recording's own standard deviations."""
    rows = np.hstack([relative(heard)[:, _AT_ONCE], leads])
    deviation = rows.std(axis=0)
    return (rows - rows.mean(axis=0)) / np.maximum(deviation, 1e-3)


def _change(z: np.ndarray, start: int, edge: int, end: int) -> int:
    """The second between `start` and `end`, near `edge`, at which what is heard changes."""
    low, high = max(start + 2, edge - REACH_S), min(end - 2, edge + REACH_S)
    if high - low < 2:
        return edge
    before, after = _inner(z, start, edge, -1), _inner(z, edge, end, +1)
    within = z[max(start, edge - _BELIEVED_S) : min(end, edge + _BELIEVED_S)].std(axis=0) + 0.3
    apart = (after - before) / within**2
    sides = (z[low:high] - (before + after) / 2) @ apart  # above 0: like what comes after
    cost = np.concatenate([[0.0], np.cumsum(sides)])  # of calling everything up to here `before`
    return low + int(cost.argmin())


def _inner(z: np.ndarray, start: int, end: int, side: int) -> np.ndarray:
    """The mean of a section's inner part on this side of the boundary."""
    if side < 0:
        first, last = max(start, end - _BELIEVED_S), end - _INNER_S
    else:
        first, last = start + _INNER_S, min(end, start + _BELIEVED_S)
    return z[first:last].mean(axis=0) if last - first >= 3 else z[start:end].mean(axis=0)
