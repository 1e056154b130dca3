import numpy as np
import pytest

from core import theory
from core.synthesis.character import character
from core.synthesis.melody import RATE, Note, contour
from core.synthesis.players import flutist, nagaswaram_player, singer, vainika, violinist
from core.synthesis.voices import source, wave_tables

SR = 24_000
TONIC_HZ = 150.0
MAYAMALAVAGAULA = character(theory.raga("Mayamalavagaula"))
SCALE = (0, 100, 400, 500, 700, 800, 1100, 1200)


def measured_hz(y: np.ndarray, near_hz: float) -> float:
    """Pitch by the peak of the autocorrelation near an expected period, between samples."""
    y = y * np.hanning(len(y))
    spectrum = np.fft.rfft(y, 2 * len(y))
    r = np.fft.irfft(np.abs(spectrum) ** 2)
    # the tenth period is ten times as exact as the first
    around = round(10 * SR / near_hz)
    lags = np.arange(around - round(0.3 * SR / near_hz), around + round(0.3 * SR / near_hz))
    best = lags[np.argmax(r[lags])]
    a, b, c = r[best - 1 : best + 2]
    return 10 * SR / (best + 0.5 * (a - c) / (a - 2 * b + c))


@pytest.mark.parametrize("make", [singer, violinist, flutist, nagaswaram_player, vainika])
def test_the_sounded_pitch_is_the_contour(make):
    player = make(TONIC_HZ, SR, np.random.default_rng(4))
    notes = [Note(0.5 * i, 0.5, c, syllable="a") for i, c in enumerate(SCALE)]
    line = contour(notes, 4.0, MAYAMALAVAGAULA, np.random.default_rng(0))
    hz = TONIC_HZ * 2 ** (line.cents / 1200)
    y, _ = player.perform(line, hz, notes, np.random.default_rng(0))
    for i, _cents in enumerate(SCALE):
        middle = slice(round((0.5 * i + 0.1) * SR), round((0.5 * i + 0.4) * SR))
        truth = np.mean(hz[round((0.5 * i + 0.1) * RATE) : round((0.5 * i + 0.4) * RATE)])
        off = 1200 * np.log2(measured_hz(y[middle], truth) / truth)
        assert off == pytest.approx(0, abs=4)  # waver within the note; a shruti is 22 or more


def test_a_singer_is_silent_where_a_stop_closes_the_mouth():
    notes = [Note(0.0, 0.5, 0, syllable="ta"), Note(0.5, 0.5, 0, syllable="ta")]
    line = contour(notes, 1.0, MAYAMALAVAGAULA, np.random.default_rng(0))
    player = singer(TONIC_HZ, SR, np.random.default_rng(0))
    _, sung = player.perform(line, np.full(RATE, TONIC_HZ), notes, np.random.default_rng(0))
    assert not sung.sounds[round(0.51 * RATE) : round(0.54 * RATE)].any()
    assert sung.sounds[round(0.6 * RATE) : round(0.9 * RATE)].all()


def test_a_veena_rings_on_softer_and_duller_and_is_plucked_anew_before_it_is_silent():
    notes = [Note(0.0, 0.6, 0, syllable="a"), Note(0.6, 0.6, 0), Note(1.2, 0.8, 0)]
    line = contour(notes, 2.0, MAYAMALAVAGAULA, np.random.default_rng(0))
    player = vainika(TONIC_HZ, SR, np.random.default_rng(0))
    hz = np.full(2 * RATE, TONIC_HZ)
    y, _ = player.perform(line, hz, notes, np.random.default_rng(0))

    def heard(start_s):
        part = y[round(start_s * SR) : round((start_s + 0.2) * SR)]
        power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
        return power.sum(), power[200:].sum() / power.sum()  # above 1 kHz

    (plucked, bright), (later, dull), (anew, bright_again) = map(heard, (0.05, 0.95, 1.25))
    assert later < 0.7 * plucked
    assert later < 0.7 * anew
    assert dull < 0.7 * min(bright, bright_again)


def test_vowels_differ_in_colour():
    player = singer(TONIC_HZ, SR, np.random.default_rng(0))

    def centroid(vowel):
        notes = [Note(0.0, 1.0, 0, syllable=vowel)]
        line = contour(notes, 1.0, MAYAMALAVAGAULA, np.random.default_rng(0))
        hz = np.full(RATE, TONIC_HZ)
        y, _ = player.perform(line, hz, notes, np.random.default_rng(0))
        power = np.abs(np.fft.rfft(y)) ** 2
        low = power[:1000].sum()
        return power[1600:3000].sum() / low  # 1.6-3 kHz: the second formant of "i"

    assert centroid("i") > 3 * centroid("u")


def test_the_wave_holds_nothing_but_harmonics_even_at_a_high_pitch():
    tables = wave_tables(SR, 1.0, np.random.default_rng(0))
    hz = 860.0
    y = source(tables, np.full(RATE, hz), np.ones(RATE), SR)
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)))) ** 2
    bins = np.arange(len(power))
    off = np.abs((bins + hz / 2) % hz - hz / 2) > 20
    assert 10 * np.log10(power[off].max() / power.max()) < -45
