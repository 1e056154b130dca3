"""Figures of a run as a live curve."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

MOST_POINTS = 400  # of each curve: more than a screen has room for
SMOOTHING = 0.9  # share of the past in the smoothed loss

LOSS, SMOOTHED, HELD_OUT = "loss", "smoothed", "held out"


def loss_curve(rows: Sequence[dict]) -> "pd.DataFrame":
    """The loss of a run's rows, as it was and smoothed, and that of what was held out.

    Returns
    -------
    curve : pd.DataFrame [columns=(step, loss, curve)]
    """
    import pandas as pd

    measured = [(row["step"], row["loss"]) for row in rows if "loss" in row]
    held_out = [(row["step"], row["validation_loss"]) for row in rows if "validation_loss" in row]
    points = [
        *((step, loss, LOSS) for step, loss in thinned(measured)),
        *((step, loss, SMOOTHED) for step, loss in thinned(smoothed(measured))),
        *((step, loss, HELD_OUT) for step, loss in held_out),
    ]
    return pd.DataFrame(points, columns=["step", "loss", "curve"])


def smoothed(points: Iterable[tuple[int, float]]) -> list[tuple[int, float]]:
    """An average that forgets, corrected for its beginning (Kingma & Ba 2015, section 3)."""
    average, weight, out = 0.0, 0.0, []
    for step, value in points:
        average = SMOOTHING * average + (1 - SMOOTHING) * value
        weight = SMOOTHING * weight + (1 - SMOOTHING)
        out.append((step, average / weight))
    return out


def thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    """At most `MOST_POINTS` of them, evenly, the last among them."""
    stride = -(-len(points) // MOST_POINTS) or 1
    return list(points[::-1][::stride])[::-1]
