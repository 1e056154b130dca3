"""How much of a segment is mridangam: 0 none, 1 nothing else.

The share of drum energy in drum and melody, learned from sample concerts, where both are known
apart; a straight line on the logit of what is struck, risen and silent.
"""

from collections.abc import Sequence

import numpy as np

from core.records import Segment
from core.segmentation.context import relative
from core.segmentation.listening import NAMES, Heard
from core.segmentation.seconds import MELODY, ONSETS, PERCUSSION, PULSE

MEASURES = (*PERCUSSION, *ONSETS, *PULSE, *(name for name in MELODY if name != "pitch"))
_COLUMNS = [NAMES.index(name) for name in MEASURES]
_LEAST = 0.003  # a level below it is none


def summary(heard: Heard, start_s: float, end_s: float) -> np.ndarray:
    """What the level is told from: means over a stretch, (len(MEASURES),)."""
    first = min(int(start_s), len(heard) - 1)
    last = min(max(round(end_s), first + 1), len(heard))
    return relative(heard)[first:last][:, _COLUMNS].mean(axis=0)


def level(weights: np.ndarray, heard: Heard, start_s: float, end_s: float) -> float:
    """The mridangam's level in a stretch, 0..1."""
    logit = float(summary(heard, start_s, end_s) @ weights[:-1] + weights[-1])
    share = 1 / (1 + np.exp(-np.clip(logit, -8, 8)))
    return round(0.0 if share < _LEAST else float(share), 3)


def fit(lessons: Sequence[tuple[Heard, Sequence[Segment]]]) -> np.ndarray:
    """Weights from segments whose level is known (ridge regression on the logit)."""
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    x, y = [], []
    for heard, segments in lessons:
        for each in segments:
            if each.mridangam_level is not None:
                x.append(summary(heard, each.start_s, each.end_s))
                share = np.clip(each.mridangam_level, _LEAST, 1 - _LEAST)
                y.append(np.log(share / (1 - share)))
    scaler = StandardScaler().fit(np.array(x))
    ridge = Ridge(alpha=10.0).fit(scaler.transform(np.array(x)), y)
    weights = ridge.coef_ / scaler.scale_
    return np.append(weights, ridge.intercept_ - weights @ scaler.mean_)
