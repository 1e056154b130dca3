"""Self-similarity: are lines sung again, with the same melody, with the same words?

A kriti repeats its lines, words and melody; a neraval keeps the words and changes the melody; a
kalpanaswaram repeats neither but comes home to the same half line. For every lag of 3 to 60 s the
melody (cents) and the mouth (cepstra of the held part) are compared with themselves, over 4 s.
"""

import numpy as np
from scipy.ndimage import uniform_filter1d

from core.segmentation.frames import FRAMES_PER_S, Frames
from core.segmentation.seconds import melody_cents

STEP = 6  # frames from one point to the next
POINTS_PER_S = FRAMES_PER_S / STEP
N_WORDS = 6  # cepstra that tell vowels
NAMES = ("melody again", "melody contrast", "words again", "words contrast", "cycle melody",
         "cycle words")  # fmt: skip

SHORTEST_S = 9  # in less nothing can come again
_LINE_S = 4.0
_LAGS_S = (3.0, 60.0)
_AROUND_S = 40.0  # the cycle is looked for in so much
_SAME_CENTS = 60.0


def points(frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """Melody in cents (n_points,), NaN where unvoiced, and mouth (n_points, N_WORDS)."""
    n = len(frames) // STEP
    cents = melody_cents(frames.hz[: n * STEP])[STEP // 2 :: STEP][:n]
    mouth = frames.cepstra[: n * STEP, :N_WORDS].reshape(n, STEP, N_WORDS).mean(axis=1)
    return cents.astype(np.float32), mouth.astype(np.float32)


def repetition(cents: np.ndarray, mouth: np.ndarray, n_rows: int) -> np.ndarray:
    """How much of what is around each second is heard again, (n_rows, len(NAMES)) float32."""
    rows = np.zeros((n_rows, len(NAMES)), np.float32)
    if len(cents) < SHORTEST_S * POINTS_PER_S:
        return rows
    voiced = ~np.isnan(cents)
    sung = np.where(voiced, cents, -1e4).astype(np.float32)
    mouth = _unit(mouth, voiced)
    first, last = (round(s * POINTS_PER_S) for s in _LAGS_S)
    lags = range(first, min(last, len(cents) - first), 2)
    at = np.minimum(((np.arange(n_rows) + 0.5) * POINTS_PER_S).astype(int), len(cents) - 1)
    melody, words = _Again(n_rows), _Again(n_rows)
    for lag in lags:
        both = voiced[lag:] & voiced[:-lag]
        same = both & (np.abs(sung[lag:] - sung[:-lag]) < _SAME_CENTS)
        alike = np.einsum("ij,ij->i", mouth[lag:], mouth[:-lag])
        melody.hear(_lined(same.astype(np.float32), lag, at))
        words.hear(_lined(alike, lag, at))
    rows[:, 0], rows[:, 1], rows[:, 4] = melody.told()
    rows[:, 2], rows[:, 3], rows[:, 5] = words.told()
    return rows


def _unit(mouth: np.ndarray, voiced: np.ndarray) -> np.ndarray:
    """Cepstra about their mean of 10 s, as unit vectors; 0 where nothing is sung."""
    around = uniform_filter1d(mouth, round(10 * POINTS_PER_S), axis=0, mode="nearest")
    centred = mouth - around
    length = np.sqrt(np.square(centred).sum(axis=1, keepdims=True)) + 1e-6
    return (centred / length * voiced[:, None]).astype(np.float32)


def _lined(alike: np.ndarray, lag: int, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Likeness over a line, each second, with what came `lag` before and what comes after it."""
    mean = uniform_filter1d(alike, round(_LINE_S * POINTS_PER_S), mode="constant")
    padded = np.pad(mean, (lag, lag))
    return padded[at], padded[at + lag]


class _Again:
    """Keeps, over all lags, the best likeness, the mean, and the best lag of the surroundings."""

    def __init__(self, n_rows: int):
        self.best = np.zeros(n_rows, np.float32)
        self.total = np.zeros(n_rows, np.float32)
        self.cycle = np.zeros(n_rows, np.float32)
        self.n = 0

    def hear(self, sides: tuple[np.ndarray, np.ndarray]) -> None:
        both = np.maximum(*sides)
        self.best = np.maximum(self.best, both)
        self.total += both
        self.cycle = np.maximum(self.cycle, uniform_filter1d(sides[0], round(_AROUND_S)))
        self.n += 1

    def told(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        mean = self.total / max(1, self.n)
        return self.best, self.best - mean, self.cycle - uniform_filter1d(mean, round(_AROUND_S))
