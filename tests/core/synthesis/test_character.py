from itertools import pairwise

import numpy as np
import pytest

from core import theory
from core.synthesis.character import COMPASS, character
from core.synthesis.phrases import Register, solfa, walk

EVERY_RAGA = (*theory.ragas()[::9], *map(theory.raga, ("Sahana", "Jinjhoti", "Gandharva")))


def steps(line):
    return set(pairwise(line))


def test_a_walk_along_any_raga_takes_only_steps_of_its_arohana_and_avarohana():
    rng = np.random.default_rng(0)
    for raga in EVERY_RAGA:
        raga_character = character(raga)
        allowed = steps(raga_character.up) | steps(raga_character.down)
        for centre in (0, 600, 1200):
            walked = walk(rng, raga_character, Register(centre), 8)
            assert len(walked) > 1, raga.name
            assert steps(walked) <= allowed, raga.name


def test_a_melody_uses_no_svara_foreign_to_the_raga():
    for raga in EVERY_RAGA:
        assert {c % 1200 for c in character(raga).pool} <= set(raga.cents), raga.name


def test_a_vakra_raga_never_steps_straight_where_its_scale_turns():
    kathanakuthuhalam = character(theory.raga("Kathanakuthuhalam"))
    up = steps(kathanakuthuhalam.up)
    arohana = theory.raga("Kathanakuthuhalam").arohana_cents
    assert (arohana[0], arohana[1]) in up
    assert (arohana[0], sorted(arohana)[1]) not in up or arohana[1] == sorted(arohana)[1]


def test_both_lines_span_two_octaves_where_a_scale_runs_from_sa_to_sa():
    mohanam = character(theory.raga("Mohanam"))
    low, high = COMPASS
    assert mohanam.up[0] <= low + 400
    assert mohanam.up[-1] >= high - 400
    assert mohanam.down[0] >= high - 400
    assert mohanam.down[-1] <= low + 400


def test_a_raga_has_one_character_in_every_concert():
    todi = theory.raga("Todi")
    first = character(todi)
    character.cache_clear()
    assert character(todi) == first


def test_ragas_of_the_same_keys_have_turns_of_phrase_of_their_own():
    kharaharapriya = theory.raga("Kharaharapriya")
    twin = next(t for t in theory.twins(kharaharapriya) if not t.is_melakarta)
    assert character(kharaharapriya).motifs != character(twin).motifs


@pytest.mark.parametrize(
    ("name", "drone"), [("Mohanam", 700), ("Hindolam", 500), ("Sriranjani", 500)]
)
def test_the_first_string_of_the_drone_is_pa_or_else_ma(name, drone):
    assert character(theory.raga(name)).drone == drone


def test_sa_and_pa_are_never_shaken():
    for raga in EVERY_RAGA:
        assert not {0, 700} & set(character(raga).shakes), raga.name


def test_svaras_are_called_by_name_in_every_octave():
    assert [solfa(c) for c in (-500, 0, 300, 600, 1100, 1400)] == [
        "pa",
        "sa",
        "ga",
        "ma",
        "ni",
        "ri",
    ]
