"""Labelled melodies straight from the sample concerts' scores: no sound, and so very fast."""

import numpy as np

from core import theory
from core.pitch import FRAME_S, PitchTrack
from core.synthesis.character import character
from core.synthesis.composition import Composition
from core.synthesis.melody import RATE, contour
from core.synthesis.rhythm import Groove, metre
from core.synthesis.sections import Stage, score
from core.tdms import Melody

SECTIONS = ("alapanai", "kriti", "kalpanaswaram")
TONIC_HZ = 150.0


def melody(raga: str, seed: int, seconds: float = 60.0) -> Melody:
    """A passage of a raga as sung by an ideal singer."""
    rng = np.random.default_rng([seed, 77])
    sung, time = character(theory.raga(raga)), metre(theory.tala("Adi"), rng)
    song = Composition.named(f"Learned {raga} {seed}", sung, time)
    stage = Stage(sung, time, Groove.chosen(time, rng), song, float(rng.uniform(0.85, 1.25)))
    written = score(SECTIONS[seed % len(SECTIONS)], stage, seconds, rng)
    drawn = contour(written.lead, written.duration_s, sung, rng)
    times_s = np.arange(0, written.duration_s, FRAME_S)
    at = (times_s * RATE).astype(int).clip(max=len(drawn.cents) - 1)
    hz = np.where(drawn.sounds[at], TONIC_HZ * 2 ** (drawn.cents[at] / 1200), 0.0)
    return Melody(PitchTrack(times_s, hz, (hz > 0).astype(float)), TONIC_HZ, raga)
