from core.raga_words import in_a_line
from core.theory import raga, ragas


def test_a_melakarta_says_its_number():
    assert in_a_line(raga("Kalyani")).startswith("Melakarta 65: seven svaras up and down")


def test_a_raga_that_falls_by_more_than_it_rises_says_so():
    assert "five svaras up, seven down (audava-sampurna)" in in_a_line(raga("Arabhi"))


def test_what_sets_a_raga_apart_is_said():
    assert "Bhashanga" in in_a_line(raga("Bhairavi"))
    assert "Vakra" in in_a_line(raga("Reetigowla"))


def test_every_raga_has_its_line():
    for each in ragas():
        line = in_a_line(each)
        assert line.endswith(".")
        assert "()" not in line
