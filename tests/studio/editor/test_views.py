"""What the editor is told."""

import pytest

from core.errors import LibraryError, TheoryError
from studio.editor.views import changes, history, opened, search, told
from tests.studio.conftest import LENGTH_S, segment, silent

ID = "file-1"


@pytest.fixture
def concert(library):
    library.add(silent(ID))
    return library


def test_a_recording_is_told_with_its_segments_and_revision(concert):
    revision = concert.save(segment(ID, 5, 10))
    answer = opened(concert, ID)
    assert answer["recording"]["duration_s"] == LENGTH_S
    assert [each["start_s"] for each in answer["segments"]] == [5]
    assert answer["revision"] == revision.id


def test_a_recording_nobody_has_is_an_error(library):
    with pytest.raises(LibraryError, match="holds no recording"):
        opened(library, "file-none")


def test_changes_give_the_last_word_on_each_segment(concert):
    first = concert.save(segment(ID, 5, 10))
    kept = concert.save(segment(ID, 20, 30)).segment
    concert.delete(first.segment_id)
    answer = changes(concert, ID, first.id)
    assert [each["id"] for each in answer["segments"]] == [kept.id]
    assert answer["deleted"] == [first.segment_id]
    assert changes(concert, ID, answer["revision"]) == {
        "revision": answer["revision"],
        "segments": [],
        "deleted": [],
        "revisions": {},
        "by": {},
        "recording": answer["recording"],
    }


def test_changes_say_whose_each_is_and_its_number(concert):
    revision = concert.save(segment(ID, 5, 10), "Meera")
    answer = changes(concert, ID, 0)
    assert answer["by"] == {revision.segment_id: "Meera"}
    assert answer["revisions"] == {revision.segment_id: revision.id}


def test_a_segments_history_tells_who_said_what(concert):
    first = concert.save(segment(ID, 5, 10), "Meera").segment
    concert.delete(first.id, "Ravi")
    told_of = history(concert, first.id)["revisions"]
    assert [(each["by"], each["action"]) for each in told_of] == [
        ("Meera", "add"),
        ("Ravi", "delete"),
    ]
    assert told_of[0]["segment"]["end_s"] == 10
    assert told_of[1]["segment"] is None


def test_changes_tell_what_is_now_said_of_the_recording(concert):
    concert.change(silent(ID, raga="Kalyani"), "Ravi")
    assert changes(concert, ID, 0)["recording"]["raga"] == "Kalyani"


def test_no_change_keeps_the_revision():
    assert told([], since=7)["revision"] == 7


@pytest.mark.parametrize("text", ["reethigowla", "rītigauḷa", "Ritigaula"])
def test_a_raga_is_found_first_by_any_spelling(text):
    found = search("raga", text)
    assert found["exact"] == "Reetigowla"
    assert found["options"][0]["name"] == "Reetigowla"


def test_part_of_a_name_finds_all_that_hold_it_and_names_none():
    found = search("raga", "kalya")
    names = [each["name"] for each in found["options"]]
    assert found["exact"] is None
    assert "Kalyani" in names
    assert "Mohanakalyani" in names
    assert names.index("Kalyani") < names.index("Mohanakalyani")  # beginnings first


def test_a_raga_comes_with_its_scale_and_svaras():
    (mohanam, *_) = search("raga", "mohanam")["options"]
    assert mohanam["detail"].startswith("S R2 G3 P D2 Ṡ · Ṡ D2 P G3 R2 S")
    assert mohanam["svaras"] == [("S", 0), ("R2", 200), ("G3", 400), ("P", 700), ("D2", 900)]


def test_a_tala_comes_with_its_aksharas():
    (adi, *_) = search("tala", "aadi talam")["options"]
    assert (adi["name"], adi["detail"]) == ("Adi", "8 aksharas: 4 + 2 + 2")


def test_a_section_is_told_as_records_hold_it():
    assert search("section", "thani")["options"][0]["name"] == "tani avartanam"


def test_nothing_typed_lists_what_there_is():
    assert len(search("section", "")["options"]) == 12


def test_another_kind_is_refused():
    with pytest.raises(TheoryError, match="raga, tala, section"):
        search("composer", "x")
