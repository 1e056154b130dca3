"""Names meet across romanisations and stay apart where they differ."""

import pytest

from core.spelling import Named, Spellings, fold, plain


@pytest.mark.parametrize(
    "spellings",
    [
        ("Rītigauḷa", "Reethigowla", "ritigoula", "Reethi Gowlai"),
        ("Ṣanmukhapriya", "Shanmukhapriya", "Sanmukapriya"),
        ("Śankarābharaṇaṁ", "Shankarabharanam", "Sankarabarana"),
        ("Haṁsadhvani", "Hansadhwani", "hamsa-dwani"),
        ("Tōḍi", "Thodi", "Todi"),
        ("Kīravāṇi", "Keeravaani", "Kiravani"),
        ("Pūrvīkaḷyāṇi", "Poorvi Kalyani", "purvikalyany"),
        ("Nīlāṁbari", "Neelambari", "Nilanbari"),
        ("Cārukēśi", "Charukeshi", "Chaarukesi"),
        ("Nāṭa", "Nattai", "Naata"),
    ],
)
def test_romanisations_of_one_name_fold_together(spellings):
    assert len({fold(name) for name in spellings}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Kanada", "Kannada"),
        ("Bhairavi", "Bhairavam"),
        ("Abhogi", "Bhogi"),
        ("Asaveri", "Saveri"),
        ("Ranjani", "Sriranjani"),
        ("Ranjani", "Niranjani"),
        ("Kapi", "Kapinarayani"),
    ],
)
def test_different_names_do_not_fold_together(one, other):
    assert fold(one) != fold(other)


def test_plain_keeps_doubled_letters_and_drops_signs_and_digits():
    assert plain("  Kannaḍa-gaula (2)") == "kannadagaula"


def test_a_name_wins_over_another_values_alias():
    index = Spellings([Named("Yaman", 1), Named("Yamunakalyani", 2, ("yaman",))])
    assert index.find("YAMAN") == 1


def test_aliases_of_two_values_that_fold_together_are_found_only_as_written():
    index = Spellings([Named("One", 1, ("Gauri",)), Named("Two", 2, ("Gowri",))])
    assert index.find("gauri") == 1
    assert index.find("gowri") == 2
    assert index.find("gouri") is None


def test_a_word_that_says_only_the_kind_is_dropped_unless_it_is_the_whole_name():
    index = Spellings([Named("Kalyani", 1), Named("Raga", 2)], frozenset({"raga"}))
    assert index.find("rāgaṁ: kalyāṇi") == 1
    assert index.find("raagam") == 2


@pytest.mark.parametrize("name", ["", "  ", "123", "கல்யாணி", "-" * 5000])
def test_a_name_without_latin_letters_finds_and_suggests_nothing(name):
    index = Spellings([Named("Kalyani", 1)], frozenset({"raga"}))
    assert index.find(name) is None
    assert index.similar(name) == []


def test_suggestions_are_at_most_three_and_begin_with_the_likeliest():
    names = ("Kalyani", "Kalyana Vasantam", "Kalyanakesari", "Kalyanadayini", "Mohanam")
    index = Spellings([Named(name, name) for name in names])
    assert index.similar("kalyni")[0] == "Kalyani"
    assert len(index.similar("kalyni")) == 3
    assert "Mohanam" not in index.similar("kalyni")
