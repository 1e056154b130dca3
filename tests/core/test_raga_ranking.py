"""Ragas sung as their scales are written, and what theory makes of them."""

import numpy as np
import pytest

from core import theory
from core.pitch import FRAME_S, PitchTrack
from core.raga_ranking import common_ragas, rank
from core.tonic import Tonic

SA = 146.8


def sung(name: str, tonic_hz: float = SA, rounds: int = 4) -> PitchTrack:
    """Up the arohana and down the avarohana, half a second a svara."""
    raga = theory.raga(name)
    cents = np.array([*raga.arohana_cents, *raga.avarohana_cents] * rounds, dtype=float)
    hz = tonic_hz * 2 ** (np.repeat(cents, int(0.5 / FRAME_S)) / 1200)
    return PitchTrack(np.arange(len(hz)) * FRAME_S, hz, np.ones(len(hz)))


@pytest.mark.parametrize("name", ["Mohanam", "Kalyani", "Todi", "Hindolam", "Abhogi", "Saveri"])
def test_a_ragas_own_scale_is_ranked_first_or_among_its_twins(name):
    first = rank(sung(name), SA)[0].raga
    assert first.cents == theory.raga(name).cents


def test_the_order_of_the_scale_tells_twins_apart():
    found = rank(sung("Bilahari"), SA, [theory.raga("Bilahari"), theory.raga("Sankarabharanam")])
    assert found[0].raga.name == "Bilahari"  # ascends without Ma and Ni, descends with them


def test_twins_are_named_and_not_guessed_between():
    likely = {each.raga.name: each for each in rank(sung("Kharaharapriya"), SA)}
    assert "the same notes as" in likely["Kharaharapriya"].why
    assert "Sri" in likely["Kharaharapriya"].why


def test_the_same_pitches_are_another_raga_from_another_sa():
    pitches = sung("Mohanam")
    from_ri = SA * 2 ** (200 / 1200)
    assert rank(pitches, SA)[0].raga.cents == theory.raga("Mohanam").cents
    assert rank(pitches, from_ri)[0].raga.cents == theory.raga("Madhyamavati").cents


def test_an_unsure_tonic_is_settled_together_with_the_raga():
    candidates = [Tonic(SA * 2 ** (100 / 1200), 0.55), Tonic(SA, 0.45)]
    found = rank(sung("Kalyani"), candidates)[0]
    assert found.raga.name == "Kalyani"
    assert found.tonic_hz == pytest.approx(SA)


def test_an_octave_of_the_tonic_makes_no_difference():
    low, high = rank(sung("Todi"), SA), rank(sung("Todi"), 2 * SA)
    assert [each.raga for each in low[:5]] == [each.raga for each in high[:5]]


def test_scores_are_probabilities_over_the_common_ragas():
    found = rank(sung("Mohanam"), SA)
    assert sum(each.score for each in found) == pytest.approx(1.0)
    assert {each.raga for each in found} == set(common_ragas())
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_an_unsung_svara_is_said():
    kalyani = next(each for each in rank(sung("Mohanam"), SA) if each.raga.name == "Kalyani")
    assert "hardly any on M2 N3" in kalyani.why


@pytest.mark.parametrize("seconds", [0.0, 0.5], ids=["nothing", "half a second"])
def test_too_little_melody_ranks_nothing(seconds):
    n = int(seconds / FRAME_S)
    track = PitchTrack(np.arange(n) * FRAME_S, np.full(n, SA), np.ones(n))
    assert rank(track, SA) == []


def test_random_pitches_make_no_raga_stand_out():
    rng = np.random.default_rng(0)
    hz = SA * 2 ** (np.repeat(rng.uniform(0, 1200, 120), 20) / 1200)
    found = rank(PitchTrack(np.arange(len(hz)) * FRAME_S, hz, np.ones(len(hz))), SA)
    assert found[0].score < 0.9
