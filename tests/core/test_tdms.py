"""Surfaces of known melodies, and a recogniser that learned from them."""

import numpy as np
import pytest

from core.pitch import FRAME_S, PitchTrack
from core.tdms import DELAY_S, N_BINS, Melody, Recogniser, surface

SA = 150.0


def track_of(cents: np.ndarray) -> PitchTrack:
    hz = SA * 2 ** (np.asarray(cents, dtype=float) / 1200)
    return PitchTrack(np.arange(len(hz)) * FRAME_S, hz, np.ones(len(hz)))


def wandering(notes: tuple[int, ...], shake: float, seed: int) -> PitchTrack:
    """Twenty seconds on these notes in a random order, shaken by some cents."""
    rng = np.random.default_rng(seed)
    held = np.repeat(rng.choice(notes, 40), int(0.5 / FRAME_S))
    return track_of(held + shake * np.sin(2 * np.pi * 5 * np.arange(len(held)) * FRAME_S))


def test_a_held_note_is_one_place_on_the_diagonal():
    found = surface(track_of(np.full(200, 700)), SA)
    assert found.sum() == pytest.approx(1.0)
    assert np.unravel_index(found.argmax(), found.shape) == (35, 35)  # 20 cents a bin


def test_a_step_lies_off_the_diagonal_by_the_delay():
    delay = round(DELAY_S / FRAME_S)
    found = surface(track_of(np.concatenate([np.zeros(delay), np.full(delay, 400)])), SA)
    assert np.unravel_index(found.argmax(), found.shape) == (20, 0)  # now 400, before 0


def test_octaves_are_folded_and_a_tonic_turns_the_surface():
    low, high = surface(track_of(np.full(99, 200)), SA), surface(track_of(np.full(99, 1400)), SA)
    np.testing.assert_allclose(low, high)
    turned = surface(track_of(np.full(99, 200)), SA * 2 ** (200 / 1200))
    assert np.unravel_index(turned.argmax(), turned.shape) == (0, 0)


def test_no_melody_makes_an_empty_surface():
    silent = PitchTrack(np.arange(50) * FRAME_S, np.zeros(50), np.zeros(50))
    assert surface(silent, SA).sum() == 0
    assert surface(silent, SA).shape == (N_BINS, N_BINS)
    few = PitchTrack(np.arange(5) * FRAME_S, np.zeros(5), np.zeros(5))
    assert surface(few, SA).sum() == 0  # shorter than the delay


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    kharaharapriya = (0, 200, 300, 500, 700, 900, 1000)
    return Recogniser.fit(
        [Melody(wandering(kharaharapriya, 10, s), SA, "Kharaharapriya") for s in range(6)]
        + [Melody(wandering(kharaharapriya, 90, s), SA, "Sri") for s in range(6)]
    )


def test_gamaka_tells_apart_ragas_of_the_same_keys(recogniser):
    keys = (0, 200, 300, 500, 700, 900, 1000)
    assert recogniser.rank(wandering(keys, 10, 99), SA)[0].raga.name == "Kharaharapriya"
    assert recogniser.rank(wandering(keys, 60, 99), SA)[0].raga.name == "Sri"


def test_scores_add_up_to_one(recogniser):
    found = recogniser.rank(wandering((0, 200, 700), 10, 5), SA)
    assert sum(each.score for each in found) == pytest.approx(1.0)


def test_what_was_learned_survives_a_file(recogniser, tmp_path):
    recogniser.save(tmp_path / "ragas.npz")
    again = Recogniser.load(tmp_path / "ragas.npz")
    heard = wandering((0, 200, 300, 700), 10, 7)
    assert again.rank(heard, SA) == recogniser.rank(heard, SA)
