"""The independent judge: does this melody keep to that raga?

    PitchTrack + tonic --svara_seconds--> time on each svarasthana --adherence--> score

It needs no training and shares nothing with the recogniser a model is trained against, so a model
cannot learn to please it. A svara counts where the pitch rests (gamakas pass over foreign pitches
by nature). Raw adherence says nothing by itself: a drone scores 1.00 under any raga. So the score
is a percentile among all note sets of the same size that hold Sa, chance being 50.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise

import numpy as np

from core.pitch import FRAME_S, PitchTrack
from core.theory import Raga

TOLERANCE_CENTS = 35.0  # around a svara; under half a semitone, so neighbours never both count
STABLE_FRAMES = 5  # 80 ms: shorter rests are part of a gamaka
STABLE_CENTS = 40.0  # a rest wanders no further than this
MIN_STABLE_S = 1.0  # less than this is not enough melody to judge
CHANCE = 50.0


@dataclass(frozen=True)
class Adherence:
    """How a melody keeps to a raga.

    Attributes
    ----------
    share : float
        Of the stable voiced time, what lies within 35 cents of the raga's svaras (0..1).
    percentile : float
        Of all note sets as large that hold Sa, how many fit worse (0..100, chance 50).
    forbidden : float
        Share of the stable time on svaras the raga does not have (0..1).
    direction_violations : float
        Share of the steps from one rest to the next that rise to a svara the arohana lacks, or
        fall to one the avarohana lacks (0..1). A vakra order is not judged.
    stable_s : float
        Seconds of stable pitch it was judged by.
    """

    share: float
    percentile: float
    forbidden: float
    direction_violations: float
    stable_s: float

    @property
    def judged(self) -> bool:
        """Whether there was enough melody; if not, the percentile is chance."""
        return self.stable_s >= MIN_STABLE_S

    def __str__(self) -> str:
        if not self.judged:
            return f"not enough melody ({self.stable_s:.1f} s of steady pitch)"
        return (
            f"fits better than {self.percentile:.0f} % of note sets as large; "
            f"{100 * self.forbidden:.0f} % of its rests are on foreign svaras"
        )


def stable_cents(track: PitchTrack, tonic_hz: float) -> np.ndarray:
    """Cents above the tonic where the pitch rests, NaN elsewhere, [shape=(n_frames,)]."""
    cents = track.cents(tonic_hz)
    if len(cents) < STABLE_FRAMES:
        return np.full_like(cents, np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(cents, STABLE_FRAMES)
    rests = windows.max(axis=1) - windows.min(axis=1) <= STABLE_CENTS  # NaN compares false
    resting = np.zeros(len(cents), dtype=bool)
    for shift in range(STABLE_FRAMES):
        resting[shift : shift + len(rests)] |= rests
    return np.where(resting, cents, np.nan)


def svara_seconds(track: PitchTrack, tonic_hz: float) -> np.ndarray:
    """Seconds the melody rests on each of the 12 svarasthanas, and elsewhere.

    Returns
    -------
    seconds : np.ndarray [shape=(13,)]
        Sa first, by semitone; the last is rest further than 35 cents from any of them.
    """
    cents = stable_cents(track, tonic_hz)
    return np.bincount(_positions(cents[~np.isnan(cents)]), minlength=13) * FRAME_S


def adherence(track: PitchTrack, tonic_hz: float, raga: Raga) -> Adherence:
    """Judge how a melody keeps to `raga`, its Sa at `tonic_hz`."""
    seconds = svara_seconds(track, tonic_hz)
    stable_s = float(seconds.sum())
    own = [cents // 100 for cents in raga.cents]
    if stable_s < MIN_STABLE_S:
        return Adherence(0.0, CHANCE, 0.0, 0.0, stable_s)
    within = seconds[:12] / stable_s
    share = float(within[own].sum())
    rivals = within[_note_sets(len(own))].sum(axis=1)
    worse = (rivals < share - 1e-9).mean() + (np.abs(rivals - share) <= 1e-9).mean() / 2
    return Adherence(
        share=share,
        percentile=float(100 * worse),
        forbidden=float(within.sum() - share),
        direction_violations=_direction_violations(track, tonic_hz, raga),
        stable_s=stable_s,
    )


def _positions(cents: np.ndarray) -> np.ndarray:
    nearest = np.round(cents / 100)
    near = np.abs(cents - 100 * nearest) <= TOLERANCE_CENTS
    return np.where(near, nearest % 12, 12).astype(int)


@cache
def _note_sets(size: int) -> np.ndarray:
    """Every choice of `size` svarasthanas that holds Sa, [shape=(n_sets, size)]."""
    return np.array([(0, *others) for others in combinations(range(1, 12), size - 1)])


def _direction_violations(track: PitchTrack, tonic_hz: float, raga: Raga) -> float:
    cents = stable_cents(track, tonic_hz)
    cents = cents[~np.isnan(cents)]
    notes = np.round(cents / 100).astype(int)[_positions(cents) < 12]
    rests = notes[np.flatnonzero(np.diff(notes, prepend=notes[:1] - 1))]
    if len(rests) < 2:
        return 0.0
    rising, falling = (
        {step // 100 % 12 for step in scale} for scale in (raga.arohana_cents, raga.avarohana_cents)
    )
    foreign = [int(b) % 12 not in (rising if b > a else falling) for a, b in pairwise(rests)]
    return sum(foreign) / len(foreign)
