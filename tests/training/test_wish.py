import pytest

from core.caption import describe, say
from core.errors import StudioError, TheoryError
from training.wish import GenerateConfig, Vocabulary, nearest_raga, resolve, sruti_hz


def test_a_wish_is_worded_by_the_templates_of_the_training_captions():
    wish = resolve(GenerateConfig(raga="mohana", tala="ādi tāḷam", section="krithi"))
    assert wish.prompt == say(describe("Mohanam", "Adi", "kriti", 146.83), "rich")
    assert (wish.config.raga, wish.config.tala, wish.config.section) == ("Mohanam", "Adi", "kriti")


def test_a_model_is_asked_in_the_words_of_its_own_template():
    wish = resolve(GenerateConfig(raga="Mohanam"), Vocabulary(template="concise"))
    assert wish.prompt == "Alapanai in raga Mohanam"


def test_free_words_stand_instead_of_the_made_ones():
    words = "  <b>slow</b> violin \n over a drone "
    assert resolve(GenerateConfig(prompt=words)).prompt == "<b>slow</b> violin over a drone"
    assert resolve(GenerateConfig(raga="Mohanam", prompt="  ")).prompt.count("Mohanam") == 1


@pytest.mark.parametrize("section", ["alapanai", "tanam", "viruttam"])
def test_what_is_sung_in_free_time_takes_no_tala_and_says_why(section):
    with pytest.raises(StudioError, match="free time") as refusal:
        resolve(GenerateConfig(raga="Mohanam", tala="Adi", section=section))
    assert "kriti" in str(refusal.value)  # a section that would take it


def test_a_tempo_is_said_where_there_is_one():
    wish = resolve(GenerateConfig(raga="Mohanam", tala="Adi", section="kriti", tempo="slow"))
    assert "slow tempo" in wish.prompt
    with pytest.raises(StudioError, match="free time, without a tempo"):
        resolve(GenerateConfig(raga="Mohanam", tempo="slow"))
    with pytest.raises(StudioError, match="no tempo"):
        GenerateConfig(tempo="140")


def test_what_a_models_captions_never_said_is_told():
    asked = GenerateConfig(
        raga="Mohanam", tala="Adi", section="kriti", tempo="slow", instrument="violin"
    )
    assert resolve(asked, Vocabulary(template="concise")).notes == ()
    notes = resolve(asked, Vocabulary(template="sections")).notes
    assert any("tempo" in note for note in notes)
    assert any("voice or violin" in note for note in notes)


def test_a_tani_is_asked_of_the_mridangam_and_a_violin_passage_of_the_violin():
    concise = Vocabulary(template="concise")
    tani = resolve(GenerateConfig(section="tani", tala="Adi", instrument="voice"), concise)
    assert tani.prompt == "Tani avartanam, Adi tala, mridangam"
    violin = resolve(GenerateConfig(section="violin", raga="Todi"), concise)
    assert violin.prompt == "Violin in raga Todi, violin"


def test_an_unknown_raga_is_refused_with_suggestions():
    with pytest.raises(TheoryError, match="Did you mean Kalyani"):
        resolve(GenerateConfig(raga="Kalyni"))


def test_a_raga_the_model_was_not_taught_is_played_with_a_word_about_the_nearest():
    vocabulary = Vocabulary(ragas=("Todi", "Harikambhoji", "Sankarabharanam"))
    wish = resolve(GenerateConfig(raga="Khamas"), vocabulary)
    assert wish.config.raga == "Khamas"
    assert "not taught raga Khamas" in wish.notes[0]
    assert "Harikambhoji" in wish.notes[0]  # its parent: six of seven keys or all


def test_the_nearest_raga_is_told_from_others_of_its_keys_by_its_steps():
    # Hamsadhwani S R2 G3 P N3: Sankarabharanam holds all its keys, Kalyani too, Todi two of five.
    assert nearest_raga("Hamsadhwani", ("Todi", "Mohanam", "Bilahari")) != "Todi"
    assert nearest_raga("Mohanam", ("Todi", "Mohanam")) == "Mohanam"
    assert nearest_raga("Mohanam", ()) is None


def test_what_was_taught_earns_no_word():
    vocabulary = Vocabulary(ragas=("Mohanam",), talas=("Adi",), sections=("kriti",))
    wish = resolve(GenerateConfig(raga="Mohanam", tala="Adi", section="kriti"), vocabulary)
    assert wish.notes == ()


@pytest.mark.parametrize(
    "wrong",
    [
        {"seconds": 0},
        {"seconds": 10_000},
        {"seconds": float("nan")},
        {"steps": 0},
        {"steps": 10**6},
        {"guidance_scale": -1},
        {"tonic_hz": 5},
        {"seed": -1},
        {"prompt": "x" * 5000},
    ],
)
def test_impossible_numbers_are_refused_with_the_possible_ones(wrong):
    with pytest.raises(StudioError, match=r"Choose a number|shorter"):
        GenerateConfig(**wrong)


@pytest.mark.parametrize(
    ("said", "hz"),
    [
        ("C", 130.81),
        ("c#4", 277.18),
        ("Bb", 233.08),
        ("1 kattai", 130.81),
        ("5", 196.0),
        ("4½ kattai", 185.0),
        ("146.8 Hz", 146.8),
        ("146.8", 146.8),
    ],
)
def test_the_sruti_is_said_as_note_kattai_or_hertz(said, hz):
    assert sruti_hz(said) == pytest.approx(hz, abs=0.01)


@pytest.mark.parametrize("said", ["H", "9 kattai", "3.5 kattai", "20 Hz", "", "loud"])
def test_a_sruti_nobody_can_tune_to_is_refused(said):
    with pytest.raises(StudioError):
        sruti_hz(said)
