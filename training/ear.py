"""Stage 8, one clip: what the independent judge hears in it, as numbers, words and a contour.

The judge (`core.raga`) is told the tonic and the raga; it never sees the model or its pictures.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core import theory
from core.pitch import FRAME_S, PitchTrack
from core.raga import Adherence, adherence, svara_seconds
from core.theory import Raga
from training.wish import GenerateConfig

# From which percentile on (chance is 50), the highest first. Real sample clips reach 98.
WORDS = (
    (90.0, "keeps closely to {raga}"),
    (75.0, "mostly keeps to {raga}"),
    (60.0, "leans to {raga}"),
    (0.0, "does not keep to {raga}"),
)


@dataclass(frozen=True)
class Ear:
    """What is heard in a clip.

    Attributes
    ----------
    cents : np.ndarray [shape=(n_frames,)]
        The melody above the tonic, a frame every `FRAME_S` s; NaN where there is none.
    seconds : np.ndarray [shape=(13,)]
        Rest on each svarasthana, Sa first, and on none of them.
    adherence : Adherence or None
        None where there is no raga to keep to.
    """

    cents: np.ndarray
    seconds: np.ndarray
    raga: Raga | None
    adherence: Adherence | None

    @property
    def scores(self) -> dict[str, float]:
        """What a sidecar keeps: percentile (chance is 50), share of its rests on the raga's svaras
        and on foreign ones, seconds of steady pitch; nothing without a raga to judge by."""
        found = self.adherence
        if found is None:
            return {}
        if not found.judged:
            return {"stable_s": found.stable_s}
        return {
            "adherence": found.percentile,
            "share": found.share,
            "forbidden": found.forbidden,
            "stable_s": found.stable_s,
        }

    @property
    def n_seconds(self) -> float:
        """How long the clip is."""
        return len(self.cents) * FRAME_S


def listened(y: np.ndarray, sr: int, config: GenerateConfig) -> Ear:
    """Listen to a clip that `config` describes.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,), float, -1..1]
    """
    from core.pitch import f0

    return judged(f0(y, sr), config)


def judged(track: PitchTrack, config: GenerateConfig) -> Ear:
    """What its pitch says of a clip."""
    has_raga = config.raga and config.section != "tani avartanam" and not config.to_raga
    raga = theory.raga(config.raga) if has_raga else None
    found = adherence(track, config.tonic_hz, raga) if raga else None
    seconds = svara_seconds(track, config.tonic_hz)
    return Ear(track.cents(config.tonic_hz), seconds, raga, found)


def in_words(scores: Mapping[str, float], raga: str | None) -> str:
    """The judge's verdict on a clip, from its scores.

    >>> in_words({"adherence": 93.0, "forbidden": 0.04, "stable_s": 6.0}, "Mohanam")
    'It keeps closely to Mohanam: its rests fit better than 93 % of scales as large.'
    """
    if not scores or not raga:
        return ""
    if "adherence" not in scores:
        return f"Too little steady melody ({scores['stable_s']:.1f} s) to judge its raga."
    percentile = scores["adherence"]
    verdict = next(words for least, words in WORDS if percentile >= least).format(raga=raga)
    return f"It {verdict}: its rests fit better than {percentile:.0f} % of scales as large."
