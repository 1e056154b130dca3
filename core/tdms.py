"""Ragas learned from labelled melodies, by time-delayed melody surfaces.

    TDMS (Gulati et al., ISMIR 2016): how often the pitch is here and, 0.3 s later, there

A surface holds what a note histogram lacks: gamakas and turns of phrase, so it tells apart ragas
of the same keys. Surfaces are compared by Bhattacharyya's coefficient; on top of it a regularised
least-squares classifier weighs the labelled melodies, where the paper takes the nearest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core import theory
from core.errors import ModelError
from core.pitch import FRAME_S, PitchTrack
from core.raga import MIN_STABLE_S, rests
from core.raga_ranking import Likely, why
from core.workspace import replacing

N_BINS = 60  # an octave; 20 cents each
DELAY_S = 0.3  # the paper's best
COMPRESSION = 0.75
BLUR_BINS = 1.0
PENALTY = 0.03
TEMPERATURE = 0.06  # of the classifier's outputs, for scores that add up to 1


@dataclass(frozen=True)
class Melody:
    """A labelled melody to learn from."""

    track: PitchTrack
    tonic_hz: float
    raga: str


def surface(track: PitchTrack, tonic_hz: float) -> np.ndarray:
    """The time-delayed melody surface, [shape=(N_BINS, N_BINS)], summing to 1 (0 if unvoiced)."""
    from scipy.ndimage import gaussian_filter

    delay = round(DELAY_S / FRAME_S)
    cents = track.cents(tonic_hz)
    now, before = cents[delay:], cents[:-delay]
    both = ~np.isnan(now) & ~np.isnan(before)
    rows, columns = (np.round(c[both] * N_BINS / 1200).astype(int) % N_BINS for c in (now, before))
    counts = np.bincount(rows * N_BINS + columns, minlength=N_BINS**2).astype(float)
    spread = gaussian_filter(counts.reshape(N_BINS, N_BINS) ** COMPRESSION, BLUR_BINS, mode="wrap")
    return spread / max(spread.sum(), 1e-12)


@dataclass(frozen=True)
class Recogniser:
    """What labelled melodies teach of their ragas.

    Attributes
    ----------
    ragas : tuple of str
    roots : np.ndarray [shape=(n_melodies, N_BINS**2), float32]
        Square roots of the surfaces: their product is Bhattacharyya's coefficient.
    weights : np.ndarray [shape=(n_melodies, n_ragas)]
    """

    ragas: tuple[str, ...]
    roots: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, melodies: Sequence[Melody]) -> "Recogniser":
        """Learn from labelled melodies; several of each raga, of half a minute or more."""
        labels = np.array([theory.raga(melody.raga).name for melody in melodies])
        ragas = tuple(sorted(set(labels)))
        roots = np.stack([_root(melody.track, melody.tonic_hz) for melody in melodies])
        likeness = (roots @ roots.T).astype(float)
        wanted = (labels[:, None] == np.array(ragas)).astype(float)
        weights = np.linalg.solve(
            likeness + PENALTY * len(labels) / 40 * np.eye(len(labels)), wanted
        )
        return cls(ragas, roots, weights)

    def rank(self, track: PitchTrack, tonic_hz: float) -> list[Likely]:
        """Every learned raga, the most likely first; empty where there is not enough melody."""
        heard = rests(track, tonic_hz)
        if heard.total_s < MIN_STABLE_S:
            return []
        outputs = (self.roots @ _root(track, tonic_hz)) @ self.weights
        chances = np.exp((outputs - outputs.max()) / TEMPERATURE)
        chances /= chances.sum()
        ragas = [theory.raga(name) for name in self.ragas]
        return [
            Likely(ragas[i], float(chances[i]), why(heard, ragas[i], ragas), tonic_hz)
            for i in np.argsort(-outputs)
        ]

    def save(self, path: Path) -> None:
        """Write it as one .npz of plain arrays."""
        with replacing(path) as part, open(part, "wb") as file:
            np.savez(file, ragas=np.array(self.ragas), roots=self.roots, weights=self.weights)

    @classmethod
    def load(cls, path: Path) -> "Recogniser":
        """Read what `save` wrote."""
        try:
            with np.load(path, allow_pickle=False) as kept:
                return cls(tuple(map(str, kept["ragas"])), kept["roots"], kept["weights"])
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(
                f"No learned ragas in {path} ({error}). Make it by `python -m core.raga_learning`."
            ) from None


def _root(track: PitchTrack, tonic_hz: float) -> np.ndarray:
    return np.sqrt(surface(track, tonic_hz)).ravel().astype(np.float32)
