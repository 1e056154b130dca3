import numpy as np
import pytest

from core import theory
from core.avartana import cycles
from core.errors import AudioError

SR = 16_000
TALAS = tuple(map(theory.tala, ("Adi", "Rupaka", "Misra chapu", "Khanda chapu")))


def struck(tala: theory.Tala, akshara_s: float, length_s: float = 15.0) -> np.ndarray:
    """A cycle of short tones, again and again: each akshara is struck, what lies between softer."""
    rng = np.random.default_rng(tala.aksharas)
    pulses = 2 * tala.aksharas
    hz = rng.choice([110, 400, 1800], pulses)
    level = np.where(np.arange(pulses) % 2, rng.choice([0.0, 0.2], pulses), 0.6)
    y = 0.001 * rng.standard_normal(round(length_s * SR))
    t = np.arange(round(0.2 * SR)) / SR
    for n in range(int(2 * length_s / akshara_s) - 1):
        start, at = round(n * akshara_s / 2 * SR), n % pulses
        y[start : start + len(t)] += level[at] * np.exp(-30 * t) * np.sin(2 * np.pi * hz[at] * t)
    return y.astype(np.float32)


@pytest.mark.parametrize(
    ("tala", "akshara_s"),
    [("Adi", 0.7), ("Rupaka", 0.42), ("Misra chapu", 0.36), ("Khanda chapu", 0.5)],
)
def test_the_cycle_is_found_with_its_tempo(tala, akshara_s):
    known = theory.tala(tala)
    best = cycles(struck(known, akshara_s), SR, TALAS)[0]
    assert best.tala == known
    assert best.akshara_s == pytest.approx(akshara_s, rel=0.02)
    assert best.period_s == pytest.approx(known.aksharas * akshara_s, rel=0.02)


def test_strokes_at_random_keep_no_cycle_as_a_tala_does():
    rng = np.random.default_rng(1)
    y = 0.001 * rng.standard_normal(15 * SR)
    for start in rng.integers(0, 14 * SR, 40):
        y[start : start + 800] += 0.5 * rng.standard_normal(800)
    kept = cycles(struck(TALAS[1], 0.42), SR, TALAS)[0].score
    assert cycles(y, SR, TALAS)[0].score < 0.5 * kept


def test_silence_and_too_little_sound():
    assert all(np.isfinite(each.score) for each in cycles(np.zeros(8 * SR), SR, TALAS))
    with pytest.raises(AudioError, match="too short"):
        cycles(np.zeros(SR), SR, TALAS)
