"""Which raga where: a ragamalika, a whole concert, or a file that is not all melody.

    blocks --listen--> a window each --rank--> scores --smoothed--> stretches of one raga

Windows are judged by themselves; then the likeliest course through them is taken (Viterbi 1967), in
which a raga usually goes on, so one odd window makes no stretch of its own. The Sa is that of the
whole, unless it is said; a stretch that surely has another is told of.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.pitch import PitchTrack
from core.raga import MIN_STABLE_S, rests
from core.raga_ranking import Likely, common_ragas, rank
from core.theory import Raga
from core.tonic import Evidence, Tonic, listen, tonics

WINDOW_S = 30.0
CHANGE = 4.0  # nats that another raga must be likelier by, over all its windows
LEAST = 1e-4  # no window rules a raga out
SURE = 0.7  # of another Sa
APART_CENTS, NEAR_CENTS = 60.0, 40.0  # is another Sa, is the same


@dataclass(frozen=True)
class Stretch:
    """Some time in one raga, or without melody.

    Attributes
    ----------
    raga : Raga or None
    score : float
        Mean probability among the candidates (0..1).
    """

    start_s: float
    end_s: float
    raga: Raga | None
    score: float

    def __str__(self) -> str:
        when = f"{_clock(self.start_s)} to {_clock(self.end_s)}"
        if self.raga is None:
            return f"{when}  no melody"
        return f"{when}  {self.raga.name} ({100 * self.score:.0f} %)"


@dataclass(frozen=True)
class OtherSa:
    """Some time that surely has a Sa of its own."""

    start_s: float
    end_s: float
    hz: float

    def __str__(self) -> str:
        when = f"{_clock(self.start_s)} to {_clock(self.end_s)}"
        return f"{when}  another Sa, at {self.hz:.1f} Hz: judge it by itself"


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


@dataclass(frozen=True)
class Window:
    """What was heard in one piece."""

    duration_s: float
    track: PitchTrack
    evidence: Evidence


@dataclass(frozen=True)
class Course:
    """A whole recording: its Sa, its stretches, and the ranking of all of it together."""

    tonic_hz: float | None
    stretches: tuple[Stretch, ...]
    whole: list[Likely]
    track: PitchTrack
    tonics: list[Tonic]  # what the sound alone says; empty where the Sa was given
    other_sa: tuple[OtherSa, ...] = ()

    @property
    def ragas(self) -> list[Raga]:
        """The ragas met, in order, each once."""
        return list(dict.fromkeys(each.raga for each in self.stretches if each.raga))


def windows(blocks: Iterable[np.ndarray], sr: int) -> list[Window]:
    """Hear each block as one window; blocks of `WINDOW_S` are best."""
    return [Window(len(y) / sr, *listen([y], sr)) for y in blocks if len(y)]


def course(
    heard: Sequence[Window],
    tonic_hz: float | None = None,
    candidates: Sequence[Raga] | None = None,
) -> Course:
    """The likeliest course of ragas through what was heard."""
    ragas = tuple(candidates or common_ragas())
    track = _joined(heard)
    found = [] if tonic_hz else _tonics(heard)
    whole = rank(track, tonic_hz or found, ragas) if tonic_hz or found else []
    if not whole:
        total_s = sum(each.duration_s for each in heard)
        return Course(tonic_hz, (Stretch(0.0, total_s, None, 0.0),), [], track, found)
    sa_hz = whole[0].tonic_hz
    melodic = [rests(each.track, sa_hz).total_s >= MIN_STABLE_S for each in heard]
    scores = np.array([_scores(each, sa_hz, ragas) for each in heard])
    path = _likeliest(np.log(scores + LEAST))
    labels = [int(i) if sung else -1 for i, sung in zip(path, melodic, strict=True)]
    stretches = _stretches(heard, labels, scores, ragas)
    return Course(sa_hz, stretches, whole, track, found, _other_sa(heard, sa_hz))


def _scores(window: Window, sa_hz: float, ragas: tuple[Raga, ...]) -> np.ndarray:
    """Probability of each raga in one window, [shape=(n_ragas,)]; even without melody."""
    found = {each.raga: each.score for each in rank(window.track, sa_hz, ragas)}
    return np.array([found.get(raga, 1 / len(ragas)) for raga in ragas])


def _likeliest(log_scores: np.ndarray) -> np.ndarray:
    """The raga of each window on the likeliest path, [shape=(n_windows,), int]."""
    best, came_from = log_scores[0].copy(), []
    for here in log_scores[1:]:
        changed = best.max() - CHANGE
        came_from.append(np.where(best >= changed, np.arange(len(best)), best.argmax()))
        best = np.maximum(best, changed) + here
    path = [int(best.argmax())]
    for each in reversed(came_from):
        path.append(int(each[path[-1]]))
    return np.array(path[::-1])


def _stretches(heard, labels: list[int], scores: np.ndarray, ragas) -> tuple[Stretch, ...]:
    ends = np.cumsum([each.duration_s for each in heard])
    edges = [0, *(i for i in range(1, len(labels)) if labels[i] != labels[i - 1]), len(labels)]
    found = []
    for first, last in pairwise(edges):
        label = labels[first]
        start_s = float(ends[first - 1]) if first else 0.0
        raga = ragas[label] if label >= 0 else None
        score = float(scores[first:last, label].mean()) if raga else 0.0
        found.append(Stretch(start_s, float(ends[last - 1]), raga, score))
    return tuple(found)


def _other_sa(heard: Sequence[Window], sa_hz: float) -> tuple[OtherSa, ...]:
    """Runs of windows that agree on a Sa which is no octave of `sa_hz`."""
    ends = np.cumsum([each.duration_s for each in heard])
    likely = [next(iter(_tonics([each])), None) for each in heard]
    found, first = [], 0
    for last in range(1, len(heard) + 1):
        one = likely[first]
        if (
            last < len(heard)
            and one
            and likely[last]
            and _apart(likely[last].hz, one.hz) < NEAR_CENTS
        ):
            continue
        run = heard[first:last]
        length_s = sum(each.duration_s for each in run)
        if one and length_s >= WINDOW_S and _apart(one.hz, sa_hz) > APART_CENTS:
            best = _tonics(run)[0]
            if best.confidence >= SURE and _apart(best.hz, sa_hz) > APART_CENTS:
                found.append(
                    OtherSa(float(ends[last - 1] - length_s), float(ends[last - 1]), best.hz)
                )
        first = last
    return tuple(found)


def _apart(a_hz: float, b_hz: float) -> float:
    """Cents between two pitch classes, 0..600."""
    return abs((1200 * np.log2(a_hz / b_hz) + 600) % 1200 - 600)


def _tonics(heard: Sequence[Window]) -> list[Tonic]:
    """Candidates for the Sa of all of these together; none where nothing has a pitch."""
    from core.errors import AudioError

    lengths = np.array([each.duration_s for each in heard])
    shares = lengths / lengths.sum()
    names = ("partials", "saliences", "rests", "melody")
    together = {
        name: sum(s * getattr(w.evidence, name) for s, w in zip(shares, heard, strict=True))
        for name in names
    }
    try:
        return tonics(Evidence(**together))
    except AudioError:
        return []


def _joined(heard: Sequence[Window]) -> PitchTrack:
    """One track of all windows, in their order."""
    starts = np.cumsum([0.0, *(each.duration_s for each in heard)])
    return PitchTrack(
        np.concatenate([s + w.track.times_s for s, w in zip(starts, heard, strict=False)]),
        np.concatenate([each.track.hz for each in heard]),
        np.concatenate([each.track.confidence for each in heard]),
    )
