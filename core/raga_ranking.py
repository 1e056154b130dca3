"""Which ragas a melody could be in, by theory alone: no recording has been learned from.

    PitchTrack + tonic --rank--> Likely(raga, score, why), the most likely first

A raga is taken as a source of rests and of steps between them. Rests: their time is shared among
its svaras in unknown proportion (a Dirichlet prior leaning to Sa and Pa), a little falls outside.
A raga of more svaras than were sung is thus less likely than one of just these. Steps: most go to
the next svara of the arohana or the avarohana, some leap to another, a few are foreign. Where the
tonic is not known, every candidate is tried and the best (raga, tonic) counts.

Ragas of the same keys differ here by the order of their scales only, so their scores lie near each
other and `why` names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np

from core import theory
from core.pitch import PitchTrack
from core.raga import MIN_STABLE_S, Rests, rests
from core.theory import Raga
from core.tonic import Tonic

FOREIGN = 0.05  # of the resting time, on svaras a raga does not have: slips and ends of gamakas
FOREIGN_STEPS = 0.15
LEAPS = 0.3  # of the steps, to a svara of the raga that is not the next one
OBSERVATION_S = 0.5  # rests nearer than this are not independent of each other
MOST_OBSERVATIONS = 120
STEP_WEIGHT = 0.5  # a step says again what the rest it ends on has said
TONIC_WEIGHT = 30.0  # rests and steps are far surer than they should be
TEMPERATURE = 3.0  # what is left unsaid makes the model too sure
LEANING = {0: 3.0, 7: 2.0}  # to Sa and Pa; the other svaras 1


@dataclass(frozen=True)
class Likely:
    """A raga a melody could be in.

    Attributes
    ----------
    score : float
        Probability among the candidates (0..1).
    why : str
        What speaks for it and against it, and which ragas of the same keys it may be taken for.
    """

    raga: Raga
    score: float
    why: str
    tonic_hz: float


def rank(
    track: PitchTrack,
    tonic: float | Sequence[Tonic],
    candidates: Sequence[Raga] | None = None,
) -> list[Likely]:
    """Rank ragas for a melody.

    Parameters
    ----------
    tonic : float or sequence of Tonic
        Hz where it is known; else what `core.tonic.tonics` makes of the sound.
    candidates : sequence of Raga, optional
        The ragas met in concerts, if not given.

    Returns
    -------
    ranking : list of Likely
        Every candidate, the most likely first; empty where there is not enough melody.
    """
    ragas = tuple(candidates or common_ragas())
    tried = [Tonic(float(tonic), 1.0)] if np.isscalar(tonic) else _by_pitch_class(tonic)
    heard = [rests(track, each.hz) for each in tried]
    if not heard or heard[0].total_s < MIN_STABLE_S:
        return []
    prior = TONIC_WEIGHT * np.log([max(each.confidence, 1e-3) for each in tried])
    fit = np.stack([_fit(each, ragas) for each in heard]) + prior[:, None]
    best = fit.argmax(axis=0)
    joint = fit.max(axis=0) / TEMPERATURE
    chances = np.exp(joint - joint.max())
    chances /= chances.sum()
    return [
        Likely(ragas[i], float(chances[i]), why(heard[best[i]], ragas[i], ragas), tried[best[i]].hz)
        for i in np.argsort(-joint)
    ]


@cache
def common_ragas() -> tuple[Raga, ...]:
    """The ragas met in collections of concert recordings."""
    return tuple(raga for raga in theory.ragas() if raga.is_common)


def why(heard: Rests, raga: Raga, among: Sequence[Raga]) -> str:
    """What speaks for a raga, in a line."""
    own = [cents // 100 for cents in raga.cents]
    outside = 1 - heard.seconds[own].sum() / heard.total_s
    unsung = [
        svara
        for svara in raga.svaras
        if heard.seconds[theory.SVARAS[svara] // 100] < 0.01 * heard.total_s
    ]
    said = [f"{100 * (1 - outside):.0f} % of its rests are on {' '.join(raga.svaras)}"]
    if unsung:
        said.append(f"hardly any on {' '.join(unsung)}")
    same = {twin.name for twin in theory.twins(raga)} & {other.name for other in among}
    if same:
        said.append(f"the same notes as {', '.join(sorted(same))}")
    return "; ".join(said)


def _by_pitch_class(tonics: Sequence[Tonic]) -> list[Tonic]:
    """The candidates without regard to octave, which no raga depends on."""
    kept: list[Tonic] = []
    for each in sorted(tonics, key=lambda tonic: -tonic.confidence):
        cents = [1200 * np.log2(each.hz / other.hz) for other in kept]
        near = [i for i, c in enumerate(cents) if abs((c + 600) % 1200 - 600) < 40]
        if near:
            same = kept[near[0]]
            kept[near[0]] = Tonic(same.hz, same.confidence + each.confidence)
        else:
            kept.append(each)
    return kept


def _fit(heard: Rests, ragas: tuple[Raga, ...]) -> np.ndarray:
    """Log likelihood of each raga, [shape=(n_ragas,)]."""
    return _fit_of_rests(heard, ragas) + STEP_WEIGHT * _fit_of_steps(heard, ragas)


def _fit_of_rests(heard: Rests, ragas: tuple[Raga, ...]) -> np.ndarray:
    from scipy.special import gammaln

    mask, leaning = _scales(ragas)
    n = min(heard.total_s / OBSERVATION_S, MOST_OBSERVATIONS)
    counts = heard.seconds[:12] * n / heard.total_s
    inside = counts * mask
    n_inside = inside.sum(axis=1)
    shares = gammaln(leaning.sum(axis=1)) - gammaln(leaning.sum(axis=1) + n_inside)
    shares += np.where(mask, gammaln(leaning + inside) - gammaln(np.maximum(leaning, 1)), 0).sum(1)
    n_foreign = counts.sum() - n_inside
    n_keys = mask.sum(axis=1)
    foreign = n_foreign * np.log(FOREIGN / np.maximum(12 - n_keys, 1))
    return shares + n_inside * np.log(1 - FOREIGN) + foreign


def _fit_of_steps(heard: Rests, ragas: tuple[Raga, ...]) -> np.ndarray:
    counts = np.zeros((2, 12, 12))
    for a, b in heard.steps:
        counts[int(b < a), a % 12, b % 12] += 1
    n = counts.sum()
    if not n:
        return np.zeros(len(ragas))
    return _steps(ragas).reshape(len(ragas), -1) @ counts.ravel() * min(1, MOST_OBSERVATIONS / n)


@cache
def _scales(ragas: tuple[Raga, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Which keys each raga has and how its rests lean, both [shape=(n_ragas, 12)]."""
    mask = np.array([[100 * key in raga.cents for key in range(12)] for raga in ragas])
    usual = np.array([LEANING.get(key, 1.0) for key in range(12)])
    return mask, mask * usual


@cache
def _steps(ragas: tuple[Raga, ...]) -> np.ndarray:
    """Log chance of each step, [shape=(n_ragas, 2, 12, 12)]: rising or falling, from, to."""
    return np.log(np.stack([[_line(r.arohana_cents), _line(r.avarohana_cents)] for r in ragas]))


def _line(cents: tuple[int, ...]) -> np.ndarray:
    keys = [c // 100 % 12 for c in cents]
    own = np.isin(np.arange(12), keys)
    chance = np.tile(
        np.where(own, LEAPS / own.sum(), FOREIGN_STEPS / max(12 - own.sum(), 1)), (12, 1)
    )
    following = np.zeros((12, 12))
    for a, b in pairwise(keys):
        following[a, b] = 1
    n_following = following.sum(axis=1, keepdims=True)
    share = 1 - LEAPS - FOREIGN_STEPS
    return chance + share * np.where(
        n_following > 0, following / np.maximum(n_following, 1), own / own.sum()
    )
