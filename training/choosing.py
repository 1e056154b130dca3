"""Stage 7: judge clips by ear of the independent judge, and keep the best of several.

The judge is `core.raga`: where the melody rests, not what the model was taught to please.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from core.errors import StudioError
from training.clips import Clip
from training.ear import listened
from training.generate import Generator, Progress
from training.wish import MAX_SEED, GenerateConfig

MAX_CANDIDATES = 16
UNJUDGED = -math.inf  # percussion, applause, or too little melody

Score = Callable[[Clip], float]


def raga_scores(clip: Clip) -> dict[str, float]:
    """How the clip keeps to its raga, as its sidecar says; nothing without a raga to judge by."""
    if not clip.config.raga or clip.config.section == "tani avartanam":
        return {}
    return listened(clip.y, clip.sr, clip.config).scores


def by_raga(clip: Clip) -> float:
    """The clip's adherence percentile, and within it the share of its rests on the raga."""
    scores = raga_scores(clip)
    return scores["adherence"] + scores["share"] if "adherence" in scores else UNJUDGED


def by_recognizer(path: Path) -> Score:
    """What a trained recogniser thinks: log probability that the picture is in the clip's raga.

    For candidates that the independent judge is to be kept out of, so that it can judge the result.

    Raises
    ------
    ModelError
        If the file holds no recogniser.
    """
    from training.raga_network import Recognizer

    recognizer = Recognizer.load(path)

    def score(clip: Clip) -> float:
        likings = recognizer.likings(clip.image[None], clip.config.raga)
        if likings is None or not recognizer.reads(clip.codec):
            return UNJUDGED
        return float(likings[0])

    return score


def best_of(
    generator: Generator,
    config: GenerateConfig,
    n: int,
    score: Score = by_raga,
    **watch,
) -> Clip:
    """Make `n` clips from the seed on and keep the one with the highest score.

    The clip's config holds the seed that made it, so it is made again alone. `watch` is passed on:
    `progress`, `cancelled`, `source`.
    """
    if not 1 <= n <= MAX_CANDIDATES:
        raise StudioError(f"Best of {n} is not possible. Choose 1 to {MAX_CANDIDATES}.")
    progress = watch.pop("progress", None)
    candidates = []
    for i in range(n):
        seed = (config.seed + i) % (MAX_SEED + 1)
        told = _part(progress, i, n) if progress else None
        clip = generator.generate(replace(config, seed=seed), progress=told, **watch)
        candidates.append((score(clip) if n > 1 else 0.0, -i, clip))
    return max(candidates, key=lambda each: each[:2])[-1]


def _part(progress: Progress, i: int, n: int) -> Progress:
    def tell(share: float, what: str) -> None:
        progress((i + share) / n, f"{what}, {i + 1} of {n}" if n > 1 else what)

    return tell
