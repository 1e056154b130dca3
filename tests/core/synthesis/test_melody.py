import numpy as np
import pytest

from core import theory
from core.synthesis.character import character
from core.synthesis.melody import GAMAKAS, KAMPITA, RATE, Note, contour, ornament

TODI = character(theory.raga("Todi"))
STEADY = 12  # cents; drift and waver together stay below this


def drawn(*notes, seed=0):
    duration_s = notes[-1].end_s + 0.5
    return contour(notes, duration_s, TODI, np.random.default_rng(seed))


def part(line, start_s, end_s):
    return line[round(start_s * RATE) : round(end_s * RATE)]


def test_a_plain_note_is_held_on_its_svara():
    line = drawn(Note(0.2, 1.0, 700))
    assert part(line.cents, 0.25, 1.15) == pytest.approx(700, abs=STEADY)


def test_notes_sound_from_their_start_to_their_end_and_rests_are_silent():
    line = drawn(Note(0.2, 0.5, 0), Note(1.0, 0.5, 700))
    assert part(line.sounds, 0.3, 0.6).all()
    assert not part(line.sounds, 0.0, 0.19).any()
    assert not part(line.sounds, 0.72, 0.98).any()
    assert not part(line.sounds, 1.52, 2.0).any()


def test_joined_notes_are_bound_by_a_quick_movement_and_reach_both_svaras():
    line = drawn(Note(0.0, 0.5, 0), Note(0.5, 0.5, 700))
    assert part(line.cents, 0.1, 0.4) == pytest.approx(0, abs=STEADY)
    assert part(line.cents, 0.6, 0.9) == pytest.approx(700, abs=STEADY)
    assert line.cents[round(0.5 * RATE)] == pytest.approx(350, abs=60)


def test_kampita_shakes_four_to_six_times_a_second_around_its_svara():
    line = drawn(Note(0.0, 2.0, 300, gamaka=KAMPITA))
    shake = part(line.cents, 0.8, 1.9) - 300
    low, high = TODI.shakes[300].low, TODI.shakes[300].high
    assert shake.min() < 0.6 * low
    assert shake.max() > 0.6 * high
    centred = shake - shake.mean()
    per_second = np.sum(np.diff(np.sign(centred)) != 0) / 2 / 1.1
    assert 4 <= per_second <= 7


@pytest.mark.parametrize("gamaka", sorted(set(GAMAKAS) - {KAMPITA}))
def test_every_other_gamaka_ends_on_its_svara(gamaka):
    line = drawn(Note(0.0, 0.3, 100), Note(0.3, 0.8, 500, gamaka=gamaka))
    assert line.cents[round(1.09 * RATE)] == pytest.approx(500, abs=STEADY)


@pytest.mark.parametrize(("gamaka", "below"), [("spurita", True), ("pratyahata", False)])
def test_a_repeated_svara_is_told_apart_by_a_touch_of_its_neighbour(gamaka, below):
    line = part(drawn(Note(0.0, 0.4, 500, gamaka=gamaka)).cents, 0.1, 0.3) - 500
    assert (line.min() < -100) == below
    assert (line.max() > 100) == (not below)


def test_a_raga_shakes_the_svaras_it_is_known_for_and_holds_the_others():
    notes = [Note(float(i), 0.9, (300, 0)[i % 2]) for i in range(60)]
    dressed = ornament(notes, TODI, np.random.default_rng(1))
    shaken = [n.cents for n in dressed if n.gamaka == KAMPITA]
    assert set(shaken) == {300}
    assert len(shaken) > 20


def test_notes_too_short_for_an_ornament_stay_plain():
    run = [Note(0.1 * i, 0.1, c) for i, c in enumerate((0, 100, 300, 500, 700))]
    assert ornament(run, TODI, np.random.default_rng(1)) == run
