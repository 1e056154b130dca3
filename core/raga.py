"""The independent judge: does this melody keep to that raga?

    PitchTrack + tonic --svara_seconds--> time on each svarasthana --adherence--> score

It needs no training and shares nothing with the recogniser a model is trained against, so a model
cannot learn to please it. A svara counts where the pitch rests (gamakas pass over foreign pitches
by nature). Raw adherence says nothing by itself: a drone scores 1.00 under any raga. So the score
is a percentile among all note sets of the same size that hold Sa, chance being 50.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np

from core.command import run
from core.pitch import FRAME_S, PitchTrack
from core.theory import Raga

TOLERANCE_CENTS = 35.0  # around a svara; under half a semitone, so neighbours never both count
MIN_STABLE_S = 1.0  # less than this is not enough melody to judge
CHANCE = 50.0
LOW_CONFIDENCE = 0.3  # a first place with less says little


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
    return np.where(track.resting, track.cents(tonic_hz), np.nan)


@dataclass(frozen=True)
class Rests:
    """Where a melody rests, and in what order.

    Attributes
    ----------
    seconds : np.ndarray [shape=(13,)]
        On each of the 12 svarasthanas, Sa first; the last is rest further than 35 cents from any.
    notes : np.ndarray [shape=(n_rests,), int]
        Semitones above the middle Sa, one for each rest on a svarasthana, no two alike in a row.
    """

    seconds: np.ndarray
    notes: np.ndarray

    @property
    def total_s(self) -> float:
        """Seconds of steady pitch."""
        return float(self.seconds.sum())

    @property
    def steps(self) -> list[tuple[int, int]]:
        """From each rest to the next."""
        return list(pairwise(self.notes.tolist()))


def rests(track: PitchTrack, tonic_hz: float) -> Rests:
    """Gather the rests of a melody."""
    cents = stable_cents(track, tonic_hz)
    cents = cents[~np.isnan(cents)]
    positions = _positions(cents)
    notes = np.round(cents / 100).astype(int)[positions < 12]
    changes = np.flatnonzero(np.diff(notes, prepend=notes[:1] - 1))
    return Rests(np.bincount(positions, minlength=13) * FRAME_S, notes[changes])


def svara_seconds(track: PitchTrack, tonic_hz: float) -> np.ndarray:
    """Seconds the melody rests on each svarasthana and elsewhere, [shape=(13,)]: see `Rests`."""
    return rests(track, tonic_hz).seconds


def adherence(track: PitchTrack, tonic_hz: float, raga: Raga) -> Adherence:
    """Judge how a melody keeps to `raga`, its Sa at `tonic_hz`."""
    heard = rests(track, tonic_hz)
    stable_s = heard.total_s
    own = [cents // 100 for cents in raga.cents]
    if stable_s < MIN_STABLE_S:
        return Adherence(0.0, CHANCE, 0.0, 0.0, stable_s)
    within = heard.seconds[:12] / stable_s
    share = float(within[own].sum())
    rivals = within[_note_sets(len(own))].sum(axis=1)
    worse = (rivals < share - 1e-9).mean() + (np.abs(rivals - share) <= 1e-9).mean() / 2
    return Adherence(
        share=share,
        percentile=float(100 * worse),
        forbidden=max(0.0, float(within.sum() - share)),
        direction_violations=_direction_violations(heard, raga),
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


def _direction_violations(heard: Rests, raga: Raga) -> float:
    steps = heard.steps
    if not steps:
        return 0.0
    rising, falling = (
        {step // 100 % 12 for step in scale} for scale in (raga.arohana_cents, raga.avarohana_cents)
    )
    foreign = [b % 12 not in (rising if b > a else falling) for a, b in steps]
    return sum(foreign) / len(foreign)


def main(
    audio: Path,
    tonic_hz: float | None = None,
    top: int = 5,
    learned: Path | None = None,
    passages: bool = False,
) -> str:
    """Name the ragas a recording could be in, the most likely first.

    Parameters
    ----------
    audio
        A recording, or a stretch cut out of one; half a minute of melody or more.
    tonic_hz
        Its Sa; measured if not given.
    top
        How many ragas to name.
    learned
        What `python -m core.raga_learning` made of labelled recordings; theory alone if not given.
    passages
        Say which raga where too: of a ragamalika, or of a whole concert.
    """
    from core.audio import stream
    from core.raga_passages import WINDOW_S, course, windows
    from core.tdms import Recogniser
    from core.tonic import SR

    heard = windows(stream(audio, sr=SR, block_s=WINDOW_S), SR)
    found = course(heard, tonic_hz)
    if not found.whole:
        return "There is no melody to judge: less than a second of steady pitch."
    likely = found.whole
    if learned:
        likely = Recogniser.load(learned).rank(found.track, likely[0].tonic_hz)
    sure = "" if tonic_hz else _how_sure(found.tonics, found.tonic_hz)
    lines = [f"Sa at {found.tonic_hz:.1f} Hz{sure}"]
    if likely[0].score < LOW_CONFIDENCE:
        lines.append("Low confidence: no raga stands out.")
    lines += [f"{each.raga.name:20} {100 * each.score:5.1f} %  {each.why}" for each in likely[:top]]
    if passages or len(found.ragas) > 1:
        lines += ["By passages:", *map(str, found.stretches)]
    lines += map(str, found.other_sa)
    return "\n".join(lines)


def _how_sure(found: Sequence, hz: float) -> str:
    """What the sound alone says of the tonic that fits best with a raga."""
    chance = sum(each.confidence for each in found if abs(each.hz - hz) < 0.01 * hz)
    return f", {100 * chance:.0f} % sure by the drone and the compass"


if __name__ == "__main__":
    run(main, positional=True)
