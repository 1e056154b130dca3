"""What is heard each second, on sounds whose answer is known."""

import numpy as np
import pytest

from core.segmentation.frames import FRAMES_PER_S, SR, hear
from core.segmentation.repetition import NAMES as REPETITION
from core.segmentation.repetition import POINTS_PER_S, repetition
from core.segmentation.seconds import NAMES, PULSE, by_second, n_seconds, pulse
from tests.core.segmentation.test_frames import clicks, saw


def column(rows: np.ndarray, name: str, names=NAMES) -> np.ndarray:
    return rows[:, names.index(name)]


def test_one_row_a_second_and_never_none():
    assert [n_seconds(n) for n in (1, 62, 94, 250, 3750)] == [1, 1, 2, 4, 60]
    assert by_second(hear(saw(220))).shape == (4, len(NAMES))
    assert np.isfinite(by_second(hear(np.zeros(300, np.float32)))).all()


def test_onsets_are_counted():
    rows = by_second(hear(clicks(5)))
    assert column(rows, "onsets")[1:3].tolist() == [5, 5]
    assert column(by_second(hear(saw(220))), "onsets")[1:3].tolist() == [0, 0]


def test_gaps_between_strokes_and_none_in_a_held_tone():
    assert column(by_second(hear(clicks(3))), "gaps")[1] > 0.5
    assert column(by_second(hear(saw(220))), "gaps")[1] == 0


def test_the_melody_of_a_held_tone_and_of_a_glide():
    rows = by_second(hear(saw(220)))
    assert column(rows, "pitch")[1] == pytest.approx(1200, abs=5)  # an octave above 110 Hz
    assert column(rows, "range")[1] < 10
    assert column(rows, "steady")[1] > 0.95
    assert column(rows, "voiced")[1] == 1
    t = np.arange(4 * SR) / SR
    phase = 2 * np.pi * np.cumsum(220 * 2 ** (t * 400 / 1200)) / SR
    gliding = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 10)).astype(np.float32)
    rows = by_second(hear(gliding))
    assert column(rows, "range")[1] == pytest.approx(320, abs=25)  # 10 to 90 % of 400 cents
    assert column(rows, "glide")[1] == pytest.approx(400 / FRAMES_PER_S, rel=0.2)


def test_a_beat_is_salient_and_its_rate_known():
    onset = np.zeros(round(40 * FRAMES_PER_S), np.float32)
    onset[np.round(np.arange(0, 40, 0.4) * FRAMES_PER_S).astype(int)] = 5.0
    beaten = pulse(onset, 40)
    rng = np.random.default_rng(1)
    free = np.zeros_like(onset)
    free[rng.choice(len(free), 100, replace=False)] = 5.0
    unbeaten = pulse(free, 40)
    octaves = column(beaten, "pulse rate", PULSE)[10:30] - np.log2(2.5)  # or twice as fast
    np.testing.assert_allclose(octaves, np.round(octaves), atol=0.05)
    lag = 2 ** column(beaten, "beat lag", PULSE)[10:30]
    np.testing.assert_allclose(lag, 0.4, atol=0.02)
    assert column(beaten, "beat", PULSE)[10:30].min() > 0.7
    assert column(beaten, "pulse kept", PULSE)[10:30].min() == 1
    assert column(unbeaten, "beat", PULSE)[10:30].mean() < 0.4
    assert column(unbeaten, "pulse kept", PULSE)[10:30].mean() < 0.6


def test_a_line_sung_again_is_heard_again():
    rng = np.random.default_rng(2)
    line = round(8 * POINTS_PER_S)
    cents = np.repeat(rng.choice([0, 200, 400, 700, 900], 40), line // 40 + 1)[:line] + 1200.0
    words = rng.normal(0, 5, (line, 6))
    other = np.repeat(rng.choice([0, 200, 400, 700, 900], 240), line // 40 + 1) + 1200.0
    n = 6 * line
    kriti = repetition(np.tile(cents, 6), np.tile(words, (6, 1)), 48)
    neraval = repetition(other[:n], np.tile(words, (6, 1)), 48)
    swaram = repetition(other[:n], rng.normal(0, 5, (n, 6)), 48)
    middle = slice(10, 38)

    def mean(rows: np.ndarray, name: str) -> float:
        return float(column(rows, name, REPETITION)[middle].mean())

    assert mean(kriti, "melody again") > 0.95
    assert mean(kriti, "words again") > 0.95
    assert mean(neraval, "words again") > 0.95
    assert mean(neraval, "melody again") < 0.7
    assert mean(swaram, "words again") < 0.5
    assert mean(kriti, "cycle words") > mean(swaram, "cycle words") + 0.3


def test_too_short_to_repeat_anything():
    assert not repetition(np.full(40, 1200.0), np.ones((40, 6)), 4).any()
