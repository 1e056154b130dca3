"""How often the raga of a melody is found: sample concerts, and real clips named after theirs.

python benchmarks/raga.py samples                    40 ragas, a minute each
python benchmarks/raga.py clips FOLDER               files named after their ragas, theory alone
python benchmarks/raga.py speed                      pitch, tonic and raga of long audio
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import logging
import tempfile
import time
from collections.abc import Sequence
from itertools import repeat

import numpy as np

from benchmarks.heard import FORTY, hear
from benchmarks.scores import melody
from core import theory
from core.command import run
from core.raga import adherence
from core.raga_ranking import Likely, rank
from core.tdms import Recogniser
from core.theory import Raga
from core.tonic import SR, listen, tonics

log = logging.getLogger(__name__)
FIRST_HELD_OUT = 9000  # the weights of the tonic were learned from other seeds
TWO_SIDED_95 = 1.96
SHORT_NAMES = {"anandha": "Anandabhairavi", "sindhu": "Sindhubhairavi"}


def samples(
    concerts: int = 80, learned: int = 9, cache: Path | None = None, first: int = FIRST_HELD_OUT
) -> None:
    """Rank forty ragas for a minute of each held-out sample concert.

    Parameters
    ----------
    concerts
        How many, two of each raga by default.
    learned
        Melodies of each raga that the recogniser learns from: scores, not sound, of other seeds.
    cache
        A folder that keeps what was heard of each concert.
    first
        The first concert's seed; every seed from 9000 on is held out.
    """
    folder = cache or Path(tempfile.mkdtemp())
    ragas = [theory.raga(name) for name in FORTY]
    recogniser = Recogniser.fit([melody(name, s) for name in FORTY for s in range(learned)])
    found: dict[str, list] = {"theory": [], "theory, tonic measured": [], "learned": []}
    for seed in range(first, first + concerts):
        heard = hear(seed, folder)
        true = theory.raga(heard.raga)
        by_theory = rank(heard.track, heard.tonic_hz, ragas)
        joint = rank(heard.track, tonics(heard.evidence), ragas)
        by_learning = recogniser.rank(heard.track, heard.tonic_hz)
        for how, ranking in zip(found, (by_theory, joint, by_learning), strict=True):
            found[how].append(places(ranking, true))
    for how, ranked in found.items():
        _say(how, ranked)


def clips(folder: Path, tonic_hz: float | None = None) -> None:
    """Rank forty ragas for real clips, by theory alone, and judge each by its own raga.

    Parameters
    ----------
    folder
        Holds sound files named after their ragas.
    tonic_hz
        Of all clips, where it is known.
    """
    from core.audio import load

    ragas = [theory.raga(name) for name in FORTY]
    ranked, judged = [], []
    for path in sorted(folder.iterdir()):
        name = path.stem.removeprefix("raag_")
        true = theory.raga(SHORT_NAMES.get(name, name))
        track, evidence = listen([load(path, sr=SR)[0]], SR)
        ranking = rank(track, tonic_hz or tonics(evidence), ragas)
        ranked.append(places(ranking, true))
        fit = adherence(track, ranking[0].tonic_hz, true)
        judged.append(fit.percentile)
        log.info(
            "%-20s place %2d, Sa %.1f Hz; %s",
            true.name,
            ranked[-1][0] + 1,
            ranking[0].tonic_hz,
            fit,
        )
    _say(folder.name, ranked)
    log.info("adherence percentile of the true raga: median %.1f", np.median(judged))


def speed(minutes: float = 60.0) -> None:
    """Say how many times faster than it plays a long recording is heard and ranked."""
    from core.synthesis import render

    concert = render(1, 5.0)
    pieces = int(np.ceil(minutes * 60 * concert.sr / len(concert.y)))
    start, start_cpu = time.perf_counter(), time.process_time()
    track, evidence = listen(repeat(concert.y, pieces), concert.sr)
    rank(track, tonics(evidence))
    seconds = pieces * len(concert.y) / concert.sr
    log.info(
        "%.0f min: %.0f x real time, %.0f x by processor time of one core",
        seconds / 60,
        seconds / (time.perf_counter() - start),
        seconds / (time.process_time() - start_cpu),
    )


def places(ranking: Sequence[Likely], true: Raga) -> tuple[int, int]:
    """At which place, from 0, the true raga is; and the first raga of its keys."""
    if not ranking:
        return len(FORTY), len(FORTY)
    order = [each.raga for each in ranking]
    return order.index(true), [raga.cents for raga in order].index(true.cents)


def _say(how: str, ranked: list[tuple[int, int]]) -> None:
    own, keys = np.array(ranked).T
    for what, right in (("top-1", own < 1), ("up to twins", keys < 1), ("top-5", own < 5)):
        share, low, high = _wilson(right)
        log.info("%-24s n=%3d %-12s %5.1f %% (%.0f-%.0f)", how, len(own), what, share, low, high)


def _wilson(right: np.ndarray) -> tuple[float, float, float]:
    """A share in per cent with its 95 % interval (Wilson 1927)."""
    n, p, z = len(right), right.mean(), TWO_SIDED_95
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return 100 * p, 100 * (centre - half), 100 * (centre + half)


if __name__ == "__main__":
    run({"samples": samples, "clips": clips, "speed": speed}, positional=True)
