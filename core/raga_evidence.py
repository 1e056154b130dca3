"""What a stretch of a recording says of its raga: the likely ones, where it lingers, how it moves.

    recording + segment --hear--> Heard      likely ragas, histogram, contour, fit to its label

It is what the Segment tab shows beside a region's raga; nothing in it is more than a suggestion.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core import audio, theory
from core.pitch import FRAME_S, SR, PitchTrack
from core.raga import LOW_CONFIDENCE, adherence
from core.raga_ranking import Likely, rank
from core.tdms import Recogniser
from core.tonic import listen, tonics

LISTENED_S = 90.0  # from the middle: more changes little
N_BINS = 120  # of an octave
TOP = 5
CONTOUR_S = 0.064  # from point to point


@dataclass(frozen=True)
class Heard:
    """What was heard.

    Attributes
    ----------
    tonic_hz : float
        The recording's Sa; where it has none, that which fits best.
    likely : tuple of Likely
        The most likely first; empty without melody.
    histogram : np.ndarray [shape=(N_BINS,)]
        Share of the voiced time at each 10 cents above Sa, octaves together.
    contour : np.ndarray [shape=(n_points,)]
        Cents above Sa every `CONTOUR_S`, NaN without pitch, from `start_s` on.
    fit : str
        How it keeps to the raga it is labelled with; empty without a label.
    note : str
        What to know before believing it.
    """

    tonic_hz: float
    likely: tuple[Likely, ...]
    histogram: np.ndarray
    contour: np.ndarray
    start_s: float
    fit: str
    note: str


def hear(
    path: Path,
    span: tuple[float, float],
    tonic_hz: float | None,
    raga: str | None = None,
    learned: Recogniser | None = None,
) -> Heard:
    """Listen to the middle of `span` (start and end in seconds) of a recording.

    Raises
    ------
    AudioError
        If it cannot be read, or nothing in it has a pitch and no tonic is known.
    """
    start_s, end_s = span
    margin_s = max(0.0, end_s - start_s - LISTENED_S) / 2
    start_s, end_s = start_s + margin_s, end_s - margin_s
    y, _ = audio.load(path, sr=SR, start_s=start_s, end_s=end_s)
    track, evidence = listen([y], SR)
    likely = rank(track, tonic_hz or tonics(evidence))
    sa_hz = tonic_hz or (likely[0].tonic_hz if likely else tonics(evidence)[0].hz)
    note = _note(likely, tonic_hz, sa_hz)
    if learned and likely:
        likely = learned.rank(track, sa_hz)
        note = " ".join(filter(None, (note, "Ranked by what was learned here.")))
    return Heard(
        sa_hz,
        tuple(likely[:TOP]),
        histogram(track, sa_hz),
        track.cents(sa_hz)[:: round(CONTOUR_S / FRAME_S)],
        start_s,
        str(adherence(track, sa_hz, theory.raga(raga))) if raga else "",
        note,
    )


def histogram(track: PitchTrack, tonic_hz: float) -> np.ndarray:
    """Share of the voiced time at each 10 cents of the octave, [shape=(N_BINS,)]."""
    cents = track.cents(tonic_hz)
    bins = np.round(cents[~np.isnan(cents)] * N_BINS / 1200).astype(int) % N_BINS
    return np.bincount(bins, minlength=N_BINS) / max(1, len(bins))


def _note(likely: list[Likely], tonic_hz: float | None, sa_hz: float) -> str:
    if not likely:
        return "No melody: less than a second of steady pitch. Percussion has no raga to hear."
    said = []
    if not tonic_hz:
        said.append(f"Sa is not confirmed; {sa_hz:.1f} Hz fits best.")
    if likely[0].score < LOW_CONFIDENCE:
        said.append("Low confidence: no raga stands out.")
    return " ".join(said)
