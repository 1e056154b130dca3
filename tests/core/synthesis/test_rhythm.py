import numpy as np
import pytest

from core import theory
from core.synthesis.mridangam import STROKES, Mridangam, Stroke
from core.synthesis.rhythm import Groove, korvai, metre, tani, threefold

SUNG = ("Adi", "Rupaka", "Misra chapu", "Khanda chapu", "Khanda triputa", "Khanda ata")


@pytest.fixture(scope="module")
def drum():
    return Mridangam.tuned(150.0, 24_000, np.random.default_rng(0))


@pytest.mark.parametrize("name", SUNG)
def test_an_avartana_opens_with_both_hands_and_fills_its_tala(name):
    rng = np.random.default_rng(0)
    time = metre(theory.tala(name), rng)
    strokes = Groove.chosen(time, rng).avartana(rng, busy=1.0, fill=True)
    assert [s.sama for s in strokes] == [True] + [False] * (len(strokes) - 1)
    assert (strokes[0].time_s, strokes[0].name) == (0.0, "tham")
    assert strokes[0].level == max(s.level for s in strokes)
    assert time.avartana_s - 2.1 * time.pulse_s < strokes[-1].time_s < time.avartana_s
    assert time.avartana_s == pytest.approx(time.tala.aksharas * time.akshara_s)


@pytest.mark.parametrize("name", SUNG[:5])
@pytest.mark.parametrize("seed", range(3))
def test_the_strokes_repeat_with_the_avartana_and_with_nothing_shorter(name, seed):
    rng = np.random.default_rng(seed)
    time = metre(theory.tala(name), rng)
    groove = Groove.chosen(time, rng)
    cycle, n = time.avartana, 16
    struck = np.full(n * cycle, "", "U6")
    for i in range(n):
        for stroke in groove.avartana(rng, busy=0.12, fill=i % 4 == 3):
            struck[i * cycle + round(stroke.time_s / time.pulse_s)] = stroke.name
    lags = range(2, 2 * cycle - 1)
    alike = {lag: np.mean(struck[lag:] == struck[:-lag]) for lag in lags}
    assert max(alike, key=alike.get) == cycle


def test_cycles_last_as_long_as_in_real_concerts():
    rng = np.random.default_rng(0)
    for name, shortest, longest in (("Adi", 2.5, 12.1), ("Misra chapu", 1.5, 4.5)):
        lengths = [metre(theory.tala(name), rng).avartana_s for _ in range(50)]
        assert shortest < min(lengths)
        assert max(lengths) < longest


@pytest.mark.parametrize("total", range(9, 80))
def test_a_korvai_is_one_phrase_three_times_that_lands_on_the_sama(total):
    before, phrase, gap = threefold(total, np.random.default_rng(total))
    assert before + 3 * phrase + 2 * gap == total
    assert phrase >= 1
    assert before <= total // 3


def test_the_three_phrases_of_a_korvai_are_stroke_for_stroke_the_same():
    rng = np.random.default_rng(3)
    time = metre(theory.tala("Adi"), rng)
    played = korvai(time, 1, np.random.default_rng(5))
    before, phrase, gap = threefold(time.avartana, np.random.default_rng(5))

    def names(start):
        first, last = (start - 0.3) * time.pulse_s, (start + phrase - 0.3) * time.pulse_s
        return [s.name for s in played if first <= s.time_s < last]

    starts = [before + i * (phrase + gap) for i in range(3)]
    assert names(starts[1]) == names(starts[2])
    assert len(names(starts[1])) >= phrase // 2
    assert names(starts[0])[1:] == names(starts[1])[1:]  # the first may open the avartana


def test_a_tani_passes_through_other_nadais():
    rng = np.random.default_rng(0)
    time = metre(theory.tala("Adi"), rng)
    strokes = tani(time, 8, rng)
    places = np.array([s.time_s for s in strokes]) / time.akshara_s
    quarters = np.abs(places * 4 - np.round(places * 4)) / 4 * time.akshara_s < 0.015
    assert 0.2 < quarters.mean() < 0.9
    assert max(s.time_s for s in strokes) < 8 * time.avartana_s


def test_the_right_head_is_tuned_to_the_tonic(drum):
    y = drum.play([Stroke(0.0, "dhin", 1.0)], 12_000, np.random.default_rng(0))
    power = np.abs(np.fft.rfft(y, 48_000)) ** 2  # 0.5 Hz bins
    peak_hz = (200 + np.argmax(power[200:1000])) / 2
    off = 1200 * np.log2(peak_hz / 150.0) % 1200
    assert min(off, 1200 - off) < 15


def test_the_left_head_is_a_bass_whose_pitch_rises_in_a_gumki(drum):

    def hz(y):
        rises = np.flatnonzero(np.diff(np.sign(y)) > 0)
        return 24_000 * (len(rises) - 1) / (rises[-1] - rises[0])

    y = drum.play([Stroke(0.0, "gumki", 1.0)], 9_600, np.random.default_rng(0))
    assert 60 < hz(y[1200:4200]) < 110
    assert hz(y[6000:9000]) > 1.05 * hz(y[1200:4200])


@pytest.mark.parametrize("name", sorted(STROKES))
def test_every_stroke_sounds_at_once_and_dies_away(name, drum):
    y = drum.play([Stroke(0.1, name, 1.0)], 48_000, np.random.default_rng(0))
    assert not y[:2390].any()
    assert np.abs(y[2400:3600]).max() > 0.1
    assert np.abs(y[40_000:]).max() < 0.01
