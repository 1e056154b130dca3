"""What the page asks of the library: checked at the border, refused in words."""

from dataclasses import asdict, replace

import gradio as gr
import pytest

from core.records import Segment
from studio.editor.edits import describe_recording, edit, redo, server_functions, undo
from tests.studio.conftest import segment, silent

ID = "file-1"


@pytest.fixture
def concert(library):
    library.add(silent(ID))
    return library


def sent(*segments: Segment, deleted=(), **more) -> dict:
    fields = [asdict(each) for each in segments]
    return {"recording_id": ID, "segments": fields, "deleted": list(deleted), **more}


def test_a_segment_is_saved_under_the_nickname_of_who_drew_it(concert):
    answer = edit(concert, sent(segment(ID, 5, 10), annotator="Meera"), None)
    assert answer["segments"][0]["annotator"] == "Meera"
    assert concert.segments(ID)[0].annotator == "Meera"


def test_the_signed_in_name_counts_more_than_the_nickname(concert):
    fields = {"preferred_username": "rasika", "name": "R", "profile": "", "picture": ""}
    edit(concert, sent(segment(ID, 5, 10), annotator="Meera"), gr.OAuthProfile(fields))
    assert concert.segments(ID)[0].annotator == "rasika"


def test_names_are_kept_as_theory_displays_them(concert):
    edit(concert, sent(segment(ID, 5, 10, raga="reethigowla", tala="aadi")), None)
    (found,) = concert.segments(ID)
    assert (found.raga, found.tala) == ("Reetigowla", "Adi")


def test_blanks_mean_not_said(concert):
    edit(concert, sent(segment(ID, 5, 10, raga="  ")), None)
    assert concert.segments(ID)[0].raga is None


def test_an_unknown_raga_is_refused_with_suggestions(concert):
    answer = edit(concert, sent(segment(ID, 5, 10, raga="Kalyni")), None)
    assert "Did you mean Kalyani" in answer["error"]
    assert concert.segments(ID) == []


def test_a_name_that_an_import_brought_may_stay(concert):
    brought = concert.save(segment(ID, 5, 10, raga="A raga of my teacher")).segment
    moved = {**asdict(brought), "end_s": 12.0}
    assert "error" not in edit(concert, {**sent(), "segments": [moved]}, None)
    assert concert.segment(brought.id).end_s == 12


def test_overlap_is_refused_and_nothing_of_the_edit_is_kept(concert):
    concert.save(segment(ID, 5, 20))
    answer = edit(concert, sent(segment(ID, 30, 40), segment(ID, 10, 25)), None)
    assert "overlaps" in answer["error"]
    assert len(concert.segments(ID)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"section": "chorus"},
        {"start_s": 20.0},
        {"start_s": float("nan")},
        {"end_s": 1e9},
        {"confidence": 2},
        {"unheard_of": 1},
        {"start_s": "soon"},
        {"note": 5},
    ],
)
def test_what_no_segment_can_be_is_refused(concert, fault):
    fields = {**asdict(segment(ID, 5, 10)), **fault}
    assert "error" in edit(concert, {**sent(), "segments": [fields]}, None)
    assert concert.segments(ID) == []


def test_a_split_is_undone_and_redone_as_one_edit(concert):
    whole = concert.save(segment(ID, 5, 25)).segment
    left = {**asdict(whole), "end_s": 15.0}
    edit(
        concert,
        {**sent(segment(ID, 15, 25)), "segments": [left, asdict(segment(ID, 15, 25))]},
        None,
    )
    back = undo(concert, {"recording_id": ID}, None)
    assert back["done"]
    assert len(back["deleted"]) == 1
    assert [each.end_s for each in concert.segments(ID)] == [25]
    redo(concert, {"recording_id": ID}, None)
    assert [each.end_s for each in concert.segments(ID)] == [15, 25]


def test_what_someone_else_changed_meanwhile_is_told_and_both_are_kept(concert):
    drawn = concert.save(segment(ID, 5, 25), "Meera")
    theirs = replace(drawn.segment, section="kriti")
    concert.save(theirs, "Ravi")
    mine = replace(drawn.segment, section="tanam")
    answer = edit(concert, sent(mine, seen={mine.id: drawn.id}), None)
    (clash,) = answer["clashes"]
    assert (clash["by"], clash["theirs"]["section"]) == ("Ravi", "kriti")
    assert [each.segment.section for each in concert.history(mine.id)] == [
        "alapanai",
        "kriti",
        "tanam",
    ]
    again = sent(replace(mine, end_s=20.0), seen=answer["revisions"])
    assert edit(concert, again, None)["clashes"] == []


def test_the_same_edit_sent_again_is_saved_once_and_no_clash(concert):
    drawn = segment(ID, 5, 25)
    for _ in range(2):  # the first answer was lost on its way
        answer = edit(concert, sent(drawn, seen={drawn.id: 0}), None)
        assert answer["clashes"] == []
    assert len(concert.history(drawn.id)) == 1


def test_what_someone_deleted_meanwhile_comes_back_and_is_told(concert):
    drawn = concert.save(segment(ID, 5, 25))
    concert.delete(drawn.segment_id, "Ravi")
    mine = replace(drawn.segment, end_s=20.0)
    (clash,) = edit(concert, sent(mine, seen={mine.id: drawn.id}), None)["clashes"]
    assert clash == {"id": mine.id, "by": "Ravi", "theirs": None}
    assert concert.segment(mine.id).end_s == 20


def test_nothing_to_undo_is_said(concert):
    assert undo(concert, {"recording_id": ID}, None)["done"] is False


def test_what_is_said_of_the_recording_is_saved_and_resolved(concert):
    said = {"raga": "kalyani", "tonic_hz": 146.8}
    answer = describe_recording(concert, {"recording_id": ID, "said": said}, None)
    assert answer["recording"]["raga"] == "Kalyani"
    assert concert.recording(ID).tonic_hz == 146.8


def test_only_what_one_may_say_of_a_recording_is_changed(concert):
    said = {"rights": "public-domain", "duration_s": 1.0}
    describe_recording(concert, {"recording_id": ID, "said": said}, None)
    assert concert.recording(ID) == silent(ID)


def test_an_impossible_tonic_is_refused(concert):
    answer = describe_recording(concert, {"recording_id": ID, "said": {"tonic_hz": 5}}, None)
    assert "tonic at 5" in answer["error"]


def test_the_page_may_call_these_and_no_others(concert):
    functions = server_functions(concert)
    names = [each.__name__ for each in functions]
    assert names == ["edit", "undo", "redo", "describe_recording"]
    assert "segments" in functions[0](sent(segment(ID, 5, 10)), None)
