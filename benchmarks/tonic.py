"""How often the tonic of a sample concert is found; and the fit of the weights that find it.

python benchmarks/tonic.py                   evaluate assets/tonic.json on concerts not fitted on
python benchmarks/tonic.py --fit             learn the weights anew, then evaluate
python benchmarks/tonic.py --cache DIR       keep what was heard of each concert, to go on with
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import json
import logging
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from benchmarks.heard import Heard, hear
from core.command import progress_bar, run
from core.pitch import FRAME_S, PitchTrack
from core.tonic import (
    HOP_LENGTH,
    N_PARTIALS,
    SR,
    WEIGHTS,
    Evidence,
    bin_of,
    candidates,
    sight,
    tonics,
)
from core.workspace import replacing

log = logging.getLogger(__name__)
PENALTY = 0.02
SPREAD = 0.03  # a feature that hardly varies gets no great weight
RIGHT_CENTS = 50.0
FIRST_FITTED, FIRST_HELD_OUT = 4000, 9000


def main(
    fit: bool = False,
    fitted: int = 700,
    held_out: int = 100,
    cache: Path | None = None,
    workers: int = 2,
    first: int = FIRST_HELD_OUT,
) -> None:
    """Evaluate the tonic on held-out sample concerts of a minute, after a new fit where asked.

    Parameters
    ----------
    fit
        Learn the weights and write them to assets/tonic.json.
    fitted
        Concerts to learn from.
    held_out
        Concerts to evaluate on.
    cache
        A folder that keeps what was heard of each concert.
    workers
        Processes that render and listen.
    first
        The first held-out concert's seed.
    """
    folder = cache or Path(tempfile.mkdtemp())
    if fit:
        _write(learn(heard(range(FIRST_FITTED, FIRST_FITTED + fitted), folder, workers)))
    report(heard(range(first, first + held_out), folder, workers))


def heard(seeds: range, folder: Path, workers: int) -> list[Heard]:
    """Render and hear the concerts of these seeds, or read what was heard of them before."""
    with (
        ProcessPoolExecutor(workers) as pool,
        progress_bar(len(seeds), "concert", "Listening") as bar,
    ):
        found = []
        for each in pool.map(partial(hear, folder=folder), seeds):
            found.append(each)
            bar.update()
    return found


@dataclass(frozen=True)
class _Choice:
    """Features of each candidate of a concert, and which is right."""

    features: np.ndarray
    right: int


def learn(concerts: list[Heard]) -> np.ndarray:
    """Fit a softmax regression over the candidates, half of it on the melodies alone."""
    from scipy.optimize import minimize

    choices = [_choice(c.evidence, c.tonic_hz) for c in concerts]
    choices += [_choice(bare(c), c.tonic_hz) for c in concerts]
    choices = [choice for choice in choices if choice]
    spread = np.concatenate([choice.features for choice in choices]).std(axis=0) + SPREAD
    scaled = [replace(choice, features=choice.features / spread) for choice in choices]
    start = np.zeros(len(spread))
    return minimize(_loss, start, args=(scaled,), jac=True, method="L-BFGS-B").x / spread


def bare(concert: Heard) -> Evidence:
    """What would be heard of the melody without drone, drum or hall."""
    rng = np.random.default_rng(concert.seed)
    f0 = concert.true_hz  # 100 a second
    at = np.arange(0, len(f0) / 100, HOP_LENGTH / SR)
    order = np.arange(1, N_PARTIALS // 2 + 1)
    hz = f0[(at * 100).astype(int).clip(max=len(f0) - 1), None] * order
    timbre = np.exp(rng.normal(0, 0.7, len(order))) / order
    partials = np.stack([hz, (hz > 0) * timbre * np.exp(rng.normal(0, 0.4, hz.shape))], axis=-1)
    times_s = np.arange(0, len(f0) / 100, FRAME_S)
    melody = f0[(times_s * 100).astype(int).clip(max=len(f0) - 1)].astype(float)
    return Evidence.of(partials, PitchTrack(times_s, melody, (melody > 0).astype(float)))


def _choice(evidence: Evidence, tonic_hz: float) -> _Choice | None:
    bins = candidates(evidence)
    away = np.abs(bins - bin_of(np.array(tonic_hz)))
    if not len(bins) or away.min() > 5:
        return None  # the right one is not among them
    return _Choice(sight(evidence, bins), int(away.argmin()))


def _loss(weights: np.ndarray, choices: list[_Choice]) -> tuple[float, np.ndarray]:
    loss, slope = PENALTY * weights @ weights / 2, PENALTY * weights
    for choice in choices:
        scores = choice.features @ weights
        odds = np.exp(scores - scores.max())
        chances = odds / odds.sum()
        loss -= np.log(chances[choice.right] + 1e-12) / len(choices)
        chances[choice.right] -= 1
        slope = slope + chances @ choice.features / len(choices)
    return loss, slope


def report(concerts: list[Heard]) -> None:
    """Say how many are right, octave and all, by who leads."""
    off = np.array(
        [1200 * np.log2(tonics(c.evidence)[0].hz / c.tonic_hz) for c in concerts], dtype=float
    )
    sure = np.array([tonics(c.evidence)[0].confidence for c in concerts])
    alone = np.array([1200 * np.log2(tonics(bare(c))[0].hz / c.tonic_hz) for c in concerts])
    leads = np.array([c.lead for c in concerts])
    for who, which in (
        ("all", leads == leads),
        ("voice-led", leads == "voice"),
        ("violin-led", leads == "violin"),
    ):
        _say(who, off[which])
    _say("melody alone, no drone", alone)
    for low, high in ((0, 0.5), (0.5, 0.9), (0.9, 1.01)):
        which = (sure >= low) & (sure < high)
        _say(f"confidence {low:.1f}-{min(high, 1):.1f}", off[which])
    wrong = np.flatnonzero(np.abs(off) > RIGHT_CENTS)
    for i in wrong:
        c = concerts[i]
        log.info("seed %d, %s, %.1f Hz: off by %+.0f cents", c.seed, c.lead, c.tonic_hz, off[i])


def _say(who: str, off: np.ndarray) -> None:
    if not len(off):
        return
    exact = np.abs(off) <= RIGHT_CENTS
    folded = np.abs((off + 600) % 1200 - 600) <= RIGHT_CENTS
    log.info(
        "%-24s n=%3d  octave exact %5.1f %%  pitch class %5.1f %%",
        who,
        len(off),
        100 * exact.mean(),
        100 * folded.mean(),
    )


def _write(weights: np.ndarray) -> None:
    text = json.dumps({"weights": [round(float(w), 4) for w in weights]})
    with replacing(WEIGHTS) as part:
        part.write_text(text.replace(", ", ",\n  ") + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main)
