"""What is heard every 16 ms, on sounds whose answer is known."""

import numpy as np
import pytest

from core.segmentation.frames import FRAMES_PER_S, SR, hear, rises, separated, spectra

RNG = np.random.default_rng(0)
T = np.arange(4 * SR) / SR


def clicks(rate: float) -> np.ndarray:
    """Short bursts of noise, `rate` a second, over a faint hiss."""
    y = 1e-4 * RNG.standard_normal(len(T))
    burst = RNG.standard_normal(320) * np.exp(-np.arange(320) / 60)
    for at in np.arange(0.25, 3.9, 1 / rate):
        start = round(at * SR)
        y[start : start + 320] += 0.5 * burst
    return y.astype(np.float32)


def saw(hz: float, n_harmonics: int = 20) -> np.ndarray:
    k = np.arange(1, n_harmonics + 1)
    return 0.1 * sum(np.sin(2 * np.pi * hz * i * T) / i for i in k).astype(np.float32)


def test_a_held_tone_is_not_struck_and_clicks_are():
    tone, struck = hear(saw(220)), hear(clicks(4))
    loud = struck.power > np.median(struck.power) * 100
    assert tone.struck[20:-20, 4].mean() < 0.05
    assert struck.struck[loud, 4].mean() > 0.8


def test_the_level_of_a_recording_does_not_matter():
    y = saw(220) + clicks(4)
    loud, soft = hear(y), hear(0.1 * y)
    for name in ("struck", "onset", "flatness", "high", "tilt", "shares"):
        np.testing.assert_allclose(getattr(soft, name), getattr(loud, name), atol=0.02)


def test_onsets_rise_where_the_clicks_are_and_a_gamaka_sets_off_none():
    onset = hear(clicks(2)).onset
    peaks = np.flatnonzero(onset > 0.5 * onset.max()) / FRAMES_PER_S
    for at in np.arange(0.25, 3.9, 0.5):
        assert np.abs(peaks - at).min() < 0.05
    cents = 80 * np.sin(2 * np.pi * 5 * T)
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (cents / 1200)) / SR
    gamaka = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 12)).astype(np.float32)
    assert hear(gamaka).onset[20:-20].max() < 0.2 * onset.max()


def test_a_stroke_on_the_left_head_rises_in_the_lowest_band_only():
    y = np.zeros(2 * SR, np.float32)
    t = np.arange(SR // 2) / SR
    y[SR : SR + SR // 2] = 0.5 * np.sin(2 * np.pi * 75 * t) * np.exp(-8 * t) * np.minimum(1, t * 60)
    four, _ = rises(spectra(y + 1e-5 * RNG.standard_normal(len(y)).astype(np.float32)))
    at = round(FRAMES_PER_S)
    around = four[at - 3 : at + 5].max(axis=0)
    assert around[0] > 10
    assert around[0] > 3 * around[3]


def test_noise_is_flat_and_a_tone_is_not():
    noise = hear(0.1 * RNG.standard_normal(2 * SR).astype(np.float32))
    assert noise.flatness.mean() > 0.5
    assert noise.entropy.mean() > 0.85
    assert noise.high.mean() == pytest.approx(0.5, abs=0.05)  # half of 0 to 8 kHz
    assert hear(saw(220)).flatness[20:-20].mean() < 0.1


def test_harmonics_tell_how_steep_and_where_a_tone_is():
    found = hear(saw(220))
    inner = slice(20, -20)
    assert np.median(found.hz[inner]) == pytest.approx(220, rel=0.01)
    assert found.tone[inner].mean() > 0.9
    assert found.tilt[inner].mean() == pytest.approx(-6, abs=1)  # amplitudes 1/k: 6 dB an octave
    share = sum(1 / k**2 for k in range(2, 5)) / sum(1 / k**2 for k in range(1, 13))
    assert found.body[inner, 0].mean() == pytest.approx(share, abs=0.05)  # 440 to 880 Hz


def test_medians_take_apart_what_is_added():
    tone, struck = spectra(saw(330)), spectra(clicks(3))
    held, beaten = separated(spectra(saw(330) + clicks(3)))
    ridge = round(330 / (SR / 1024))
    assert held[30:-30, ridge].mean() == pytest.approx(tone[30:-30, ridge].mean(), rel=0.15)
    at = struck.sum(axis=1).argmax()
    assert beaten[at].mean() > 3 * held[at].mean()


def test_silence_says_nothing():
    found = hear(np.zeros(SR, np.float32))
    for name in ("struck", "onset", "hz", "tone", "tilt"):
        assert not getattr(found, name).any(), name
