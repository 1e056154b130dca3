"""The cycle of a tala, found in the strokes: which tala, and how long an akshara lasts.

    y --beginnings--> onsets in twelve bands --recurrence--> autocorrelation --cycles--> Cycle, ...

A mridangam's strokes differ in colour and return with the cycle, so each band's onsets are
correlated with themselves and the bands averaged (after Scheirer 1998). A tala of n aksharas at
some tempo is likely if sound returns after n aksharas and its multiples, and, less so, after any
whole number of aksharas. The tempo is searched for among those that are sung.

What is found is a period, not where in it sama lies. It needs two cycles of it: 15 s of most talas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import AudioError
from core.theory import Tala

FRAMES_PER_S = 100
N_BANDS = 12
FMIN, FMAX = 60.0, 8000.0  # Hz
SWELL_S = 0.5  # slower changes of loudness are the melody's, not the hand's
HEARD = 0.75  # of the sound's length: the longest period that still has enough to compare
BESIDE = 0.6  # what returns after other whole aksharas counts for so much
STEP = 0.003  # between two tempos tried
FAST_AKSHARA_S = (0.3, 0.56)  # a chapu's, and those of talas of six or fewer
AKSHARA_S = (0.45, 0.95)
FIND_S = 4.0  # less sound than this holds no cycle twice


@dataclass(frozen=True)
class Cycle:
    """A tala whose cycle the strokes may keep, the likelier the higher its score (at most 1)."""

    tala: Tala
    akshara_s: float
    score: float

    @property
    def period_s(self) -> float:
        """Seconds from one sama to the next."""
        return self.tala.aksharas * self.akshara_s


def cycles(y: np.ndarray, sr: int, talas: Sequence[Tala]) -> list[Cycle]:
    """The talas at their likeliest tempos, the likeliest first.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,), float, -1..1]
    talas : sequence of Tala
        Those it may be in.

    Raises
    ------
    AudioError
        If there is less sound than any cycle needs.
    """
    if len(y) < FIND_S * sr:
        raise AudioError(
            f"{len(y) / sr:.1f} s are too short to find a cycle in. Give {FIND_S:.0f} s or more."
        )
    again = recurrence(beginnings(y, sr))
    found = [_best(again, tala) for tala in talas]
    return sorted(found, key=lambda each: -each.score)


def beginnings(y: np.ndarray, sr: int) -> np.ndarray:
    """How suddenly it gets louder, [shape=(N_BANDS, n_frames)], `FRAMES_PER_S` frames a second."""
    import librosa  # its compiler takes seconds to load

    hop = round(sr / FRAMES_PER_S)
    power = librosa.feature.melspectrogram(
        y=y, sr=sr, n_fft=1024, hop_length=hop, n_mels=4 * N_BANDS, fmin=FMIN, fmax=FMAX
    )
    level = np.log1p(1e4 * power / max(power.max(), 1e-12))
    rises = np.maximum(0, np.diff(level, axis=1, prepend=level[:, :1]))
    return rises.reshape(N_BANDS, 4, -1).mean(axis=1)


def strokes(onsets: np.ndarray) -> np.ndarray:
    """What of `beginnings` stands out of its surroundings, of the same shape."""
    box = np.ones(round(SWELL_S * FRAMES_PER_S)) / round(SWELL_S * FRAMES_PER_S)
    return np.maximum(0, onsets - np.stack([np.convolve(each, box, "same") for each in onsets]))


def recurrence(onsets: np.ndarray) -> np.ndarray:
    """How alike onsets are to those some frames later, [shape=(n_frames,)]: 1 for none later."""
    n = onsets.shape[1]
    sharp = strokes(onsets)
    sharp -= sharp.mean(axis=1, keepdims=True)
    products = np.fft.irfft(np.abs(np.fft.rfft(sharp, 2 * n)) ** 2)[:, :n]
    energy = np.cumsum(sharp**2, axis=1)
    early = energy[:, ::-1]  # of what has something so much later
    late = energy[:, -1:] - np.concatenate([np.zeros((len(sharp), 1)), energy[:, :-1]], axis=1)
    return (products / np.sqrt(np.maximum(early * late, 1e-18))).mean(axis=0)


def _best(again: np.ndarray, tala: Tala) -> Cycle:
    low, high = FAST_AKSHARA_S if _is_fast(tala) else AKSHARA_S
    tempos = low * (1 + STEP) ** np.arange(np.log(high / low) / np.log(1 + STEP) + 1)
    scores = [_score(again, tala.aksharas, akshara_s) for akshara_s in tempos]
    best = int(np.argmax(scores))
    return Cycle(tala, float(tempos[best]), float(scores[best]))


def _is_fast(tala: Tala) -> bool:
    return "chapu" in tala.name or tala.aksharas <= 6


def _score(again: np.ndarray, aksharas: int, akshara_s: float) -> float:
    n_heard = int(HEARD * len(again) / (akshara_s * FRAMES_PER_S))
    counts = np.arange(1, min(2 * aksharas, n_heard) + 1)
    whole = counts % aksharas == 0
    if not whole.any():
        return -1.0
    at = np.round(counts * akshara_s * FRAMES_PER_S).astype(int)
    near = np.stack([again[at + shift] for shift in (-2, -1, 0, 1, 2)]).max(axis=0)
    beside = near[~whole].mean() if not whole.all() else 0.0
    return float((near[whole].mean() + BESIDE * beside) / (1 + BESIDE))
