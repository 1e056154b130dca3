"""Captions say what holds for a section, in the words a prompt uses too."""

import csv
import subprocess
import sys

import pytest

from core.caption import main as caption_main
from core.caption import say
from core.errors import AnnotationError
from core.fields import describe, facts, known_fields, tonic_name
from core.library import Library
from core.records import SECTIONS, Artist, Recording, Segment
from core.templates import PRESETS, save_templates
from core.workspace import DEMO_MODEL, PROJECT

CONCERT = Recording(
    id="file-1",
    title="A concert",
    duration_s=600.0,
    rights="own",
    source="concert.flac",
    artists=(
        Artist("D. K. Pattammal", "voice"),
        Artist("Lalgudi Jayaraman", "violin"),
        Artist("Palghat Mani Iyer", "mridangam"),
        Artist("A Student", "tanpura"),
    ),
    lead_artist="D. K. Pattammal",
    tonic_hz=185.0,
    raga="Mohanam",
    tala="Adi",
    composer="Thyagaraja",
    composition="Nannu palimpa",
)


def segment(section: str, **said) -> Segment:
    return Segment("file-1", 10.0, 30.0, section, **said)


def test_an_alapanai_has_the_tala_of_its_annotator_but_not_of_its_recording():
    assert "tala" not in known_fields(segment("alapanai"), CONCERT)
    assert known_fields(segment("alapanai", tala="Rupaka"), CONCERT)["tala"] == "Rupaka"
    assert known_fields(segment("kriti"), CONCERT)["tala"] == "Adi"


def test_an_alapanai_is_nobodys_composition():
    assert not {"composer", "composition"} & set(known_fields(segment("alapanai"), CONCERT))
    assert known_fields(segment("neraval"), CONCERT)["composer"] == "Thyagaraja"


def test_percussion_alone_and_applause_are_in_no_raga_and_no_sruti():
    for section in ("tani avartanam", "applause", "speech"):
        assert not {"raga", "tonic", "composer"} & set(known_fields(segment(section), CONCERT))


@pytest.mark.parametrize(
    ("section", "lead"),
    [
        ("kriti", "sung by D. K. Pattammal"),
        ("violin", "Lalgudi Jayaraman on violin"),
        ("tani avartanam", "Palghat Mani Iyer on mridangam"),
    ],
)
def test_the_lead_is_who_leads_this_section(section, lead):
    assert known_fields(segment(section), CONCERT)["lead"] == lead


def test_an_own_word_beats_the_recordings():
    known = known_fields(segment("neraval", raga="Todi", artist="D. K. Jayaraman"), CONCERT)
    assert (known["raga"], known["artist"]) == ("Todi", "D. K. Jayaraman")
    assert known["lead"] == "by D. K. Jayaraman"  # what he plays is not said


def test_the_drone_and_the_lead_do_not_accompany_and_a_silent_mridangam_neither():
    assert known_fields(segment("kriti"), CONCERT)["accompaniment"] == "violin and mridangam"
    silent = known_fields(segment("kriti", mridangam_level=0.0), CONCERT)
    assert (silent["accompaniment"], silent["mridangam"]) == ("violin", "without mridangam")


@pytest.mark.parametrize(
    ("level", "words"),
    [
        (None, None),
        (0.0, "without mridangam"),
        (0.2, "soft mridangam"),
        (0.6, None),
        (0.95, "mridangam solo"),
    ],
)
def test_the_mridangam_is_worded_by_its_level(level, words):
    known = known_fields(segment("kriti", mridangam_level=level), CONCERT)
    assert known.get("mridangam") == words


@pytest.mark.parametrize(
    ("hz", "name"), [(130.8, "C"), (146.8, "D"), (185.0, "F#"), (220.0, "A"), (246.9, "B")]
)
def test_a_tonic_is_named_by_the_nearest_note(hz, name):
    assert tonic_name(hz) == name


def test_each_fact_says_where_it_comes_from_and_how_sure_it_is():
    found = facts(segment("kriti", raga="Todi", origin="suggested", confidence=0.7), CONCERT)
    assert (found["raga"].source, found["raga"].confidence) == ("suggested", 0.7)
    assert (found["tala"].source, found["tala"].confidence) == ("recording", None)
    assert found["kind"].source == "theory, from the raga of suggested"
    approved = facts(
        segment("kriti", raga="Todi", origin="suggested", confidence=0.7, status="approved"),
        CONCERT,
    )
    assert (approved["raga"].source, approved["raga"].confidence) == ("human", None)


def test_theory_adds_the_parent_and_the_cycle():
    known = known_fields(segment("kriti"), CONCERT)
    assert known["kind"] == "janya of Harikambhoji"
    assert known["svaras"] == "S R2 G3 P D2"
    assert known["aksharas"] == "8"
    assert known_fields(segment("kriti", raga="Kalyani"), CONCERT)["kind"].startswith(
        "melakarta 65"
    )


def test_a_raga_nobody_knows_is_still_said():
    known = known_fields(segment("kriti", raga="Nobodys raga"), CONCERT)
    assert known["raga"] == "Nobodys raga"
    assert "kind" not in known


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("section", SECTIONS)
def test_a_prompt_and_a_caption_of_the_same_facts_are_the_same_words(preset, section):
    plain = Recording("file-2", "t", 99.0, "own", "x", tonic_hz=185.0)
    marked = Segment("file-2", 0.0, 9.0, section, raga="Todi", tala="Adi", artist="M. S.")
    wish = describe("Thodi", "adi tala", section, artist="M. S.")
    known = known_fields(marked, plain)
    known.pop("tonic", None)  # only melodic sections say it
    if section in ("tani avartanam", "violin"):  # the section says what leads
        wish = {**wish, "instrument": known["instrument"], "lead": known["lead"]}
    if section in ("applause", "speech", "other"):  # nobody leads
        wish.pop("lead")
    assert say(wish, preset) == say(known, preset)


def test_what_is_not_said_of_a_wish_is_left_out():
    assert (
        say(describe(section="alapanai", raga="Kalyani"), "sections") == "Alapanai in raga Kalyani"
    )
    assert say(describe(), "rich") == "Carnatic music"
    with pytest.raises(AnnotationError, match="'speed' is no field"):
        describe("Todi", speed="fast")


def test_the_captions_of_the_first_carnatic_riffusion_come_out_word_for_word(material):
    with (material / "tables" / "seed_author_captions.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 240
    for row in rows:
        known = {"section": "kriti", "raga": row["raga"], "composer": row["composer"]}
        assert say(known, "seed") == row["caption_v1"]


def test_the_command_writes_a_table_with_own_templates(workspace, tmp_path, monkeypatch):
    monkeypatch.setenv("STUDIO_WORKSPACE", str(workspace.root))
    library = Library.of(workspace)
    library.add(CONCERT)
    library.save(segment("kriti"))
    save_templates(workspace, "mine", {"kriti": "A song in {raga}"})
    caption_main("mine", out=tmp_path / "captions.csv", base=DEMO_MODEL)
    with (tmp_path / "captions.csv").open(encoding="utf-8") as lines:
        (row,) = csv.DictReader(lines)
    assert (row["caption"], row["start_s"]) == ("A song in Mohanam", "10.0")
    assert (row["origin"], int(row["tokens"]) > 5) == ("template", True)


def test_the_command_says_in_one_line_what_is_missing(workspace):
    answer = subprocess.run(
        [sys.executable, "-m", "core.caption", "--template", "rich"],
        cwd=PROJECT,
        env={"STUDIO_WORKSPACE": str(workspace.root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 2
    assert answer.stderr.strip().startswith("error: No segments to caption")
    assert len(answer.stderr.splitlines()) == 1
