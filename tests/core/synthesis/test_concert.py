from itertools import pairwise

import numpy as np
import pytest

from core import theory
from core.synthesis import Item, Plan, render
from core.synthesis.character import character

WHOLE = ("alapanai", "violin", "tanam", "kriti", "neraval", "kalpanaswaram", "tani avartanam")
PLAN = Plan((Item("Sahana", "Adi", (*WHOLE, "applause")),), lead="voice")


@pytest.fixture(scope="module")
def concert():
    """Two and a half minutes with every main section, in a vakra raga."""
    return render(5, 2.5, PLAN)


def within(segment, times):
    return [t for t in times if segment.start_s <= t < segment.end_s]


def of(concert, section):
    return next(s for s in concert.segments if s.section == section)


SHORT = Plan((Item("Mohanam", "Adi", ("alapanai", "kriti"), composition="Sample song"),))


@pytest.fixture(scope="module")
def short():
    """A quarter of a minute, for what needs several concerts."""
    return render(9, 0.25, SHORT)


def test_the_same_seed_gives_the_same_samples(short):
    first, second = short, render(9, 0.25, SHORT)
    assert np.array_equal(first.y, second.y)
    assert np.array_equal(first.f0_hz, second.f0_hz)
    assert first.segments == second.segments
    assert first.recording == second.recording


def test_another_seed_gives_another_concert_of_the_same_song(short):
    first, second = short, render(10, 0.25, SHORT)
    n = min(len(first.y), len(second.y))
    assert not np.allclose(first.y[:n], second.y[:n])
    assert first.recording.tonic_hz != second.recording.tonic_hz
    songs = [
        [n.cents for n in c.notes if n.start_s >= c.segments[1].start_s][:4]
        for c in (first, second)
    ]
    assert songs[0] == songs[1]


def test_the_segments_tile_the_recording_in_the_order_of_the_plan(concert):
    assert [s.section for s in concert.segments] == [*WHOLE, "applause"]
    assert concert.segments[0].start_s == 0
    for one, other in pairwise(concert.segments):
        assert other.start_s == pytest.approx(one.end_s, abs=1e-9)
    assert concert.segments[-1].end_s == pytest.approx(concert.recording.duration_s)
    assert concert.recording.duration_s == pytest.approx(len(concert.y) / concert.sr)
    assert concert.recording.duration_s == pytest.approx(150, abs=15)  # whole avartanas


def test_what_a_segment_says_is_what_is_heard(concert):
    kriti, alapanai, applause = (of(concert, s) for s in ("kriti", "alapanai", "applause"))
    assert (kriti.raga, kriti.tala, kriti.status) == ("Sahana", "Adi", "approved")
    assert (alapanai.raga, alapanai.tala) == ("Sahana", None)
    assert (applause.raga, applause.tala, applause.artist) == (None, None, None)
    assert "Vocalist" in alapanai.artist
    assert "Violinist" in of(concert, "violin").artist


def test_the_mridangam_plays_in_a_tala_and_only_there(concert):
    struck = [s.time_s for s in concert.strokes]
    for section in ("alapanai", "violin", "tanam", "applause"):
        assert not within(of(concert, section), struck)
        assert of(concert, section).mridangam_level == 0
    for section in ("kriti", "neraval", "kalpanaswaram"):
        assert len(within(of(concert, section), struck)) > 2 * of(concert, section).duration_s
        assert 0.02 < of(concert, section).mridangam_level < 0.95


def test_a_tani_avartanam_is_percussion_alone(concert):
    tani = of(concert, "tani avartanam")
    inside = (concert.f0_times >= tani.start_s) & (concert.f0_times < tani.end_s)
    assert not concert.f0_hz[inside].any()
    assert tani.mridangam_level == 1


def test_samas_are_one_avartana_apart(concert):
    for section in ("kriti", "neraval", "kalpanaswaram"):
        samas = within(of(concert, section), [s.time_s for s in concert.strokes if s.sama])
        beats = [t for t, akshara in concert.beats if akshara == 1]
        assert samas == pytest.approx(within(of(concert, section), beats))
        gaps = np.diff(samas)
        assert gaps == pytest.approx(gaps[0])


def test_steady_stretches_of_the_melody_lie_on_svaras_of_the_raga(concert):
    sahana = np.array(theory.raga("Sahana").cents)
    hz, tonic_hz = concert.f0_hz, concert.recording.tonic_hz
    windows = np.lib.stride_tricks.sliding_window_view(hz, 20)  # a fifth of a second
    windows = windows[(windows > 0).all(axis=1)]
    cents = 1200 * np.log2(windows / tonic_hz)
    steady = cents[np.ptp(cents, axis=1) < 10].mean(axis=1)
    off = np.abs((steady[:, None] - sahana + 600) % 1200 - 600).min(axis=1)
    assert len(steady) > 500
    assert np.quantile(off, 0.99) < 12  # drift and waver of the hand


def test_free_melody_obeys_the_vakra_order_of_its_raga(concert):
    sahana = character(theory.raga("Sahana"))
    allowed = {*pairwise(sahana.up), *pairwise(sahana.down)}
    free = [s for s in concert.segments if s.section in ("alapanai", "violin", "tanam")]
    notes = [n for n in concert.notes if any(within(s, [n.start_s]) for s in free)]
    joined = [
        (one.cents, other.cents)
        for one, other in pairwise(notes)
        if abs(other.start_s - one.end_s) < 0.02 and one.cents != other.cents
    ]
    assert len(joined) > 50
    assert set(joined) <= allowed


def test_the_drone_does_not_drown_the_lead(concert):
    alapanai = of(concert, "alapanai")
    sounding = np.repeat(concert.f0_hz > 0, concert.sr // 100)
    until = int(alapanai.end_s * concert.sr)
    y, sounding = concert.y[:until], sounding[:until]
    heard = np.concatenate([[0], np.cumsum(sounding)])
    silent = np.zeros(until, bool)  # nothing for a fifth of a second: clear of reverberation
    silent[4800:] = heard[4801:] == heard[1:-4800]
    ratio = np.mean(y[sounding] ** 2) / np.mean(y[silent] ** 2)
    assert 10 * np.log10(ratio) > 6


def test_the_violin_leads_its_own_section_and_answers_in_the_kalpanaswaram(concert):
    violin, swaram = of(concert, "violin"), of(concert, "kalpanaswaram")
    leads = [t for t in concert.turns if violin.start_s <= t[0] < violin.end_s]
    assert {who for _, _, who in leads} == {"violin"}
    assert {who for a, _, who in concert.turns if within(swaram, [a])} == {"voice", "violin"}


def test_a_violin_concert_has_no_singer():
    played = render(3, 0.2, Plan((Item("Kalyani", "Adi", ("alapanai",)),), lead="violin"))
    assert played.recording.artists[0].instrument == "violin"
    assert {who for _, _, who in played.turns} == {"violin"}


def test_the_sound_neither_clips_nor_vanishes(concert):
    assert concert.y.dtype == np.float32
    assert 0.3 < np.abs(concert.y).max() <= 0.95
    assert np.mean(np.abs(concert.y) > 0.6) < 0.001  # where peaks are rounded off
    assert 0.03 < np.sqrt(np.mean(concert.y**2)) < 0.3
