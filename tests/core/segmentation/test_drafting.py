"""Suggestions as drafts: what people did stays, and learning needs two recordings."""

from dataclasses import replace

import pytest

from core.errors import DatasetError
from core.library import Library
from core.records import Recording, Segment
from core.segmentation import learning, levels, listening
from core.segmentation.drafting import draft, least_sure, told
from core.segmentation.model import Model, own
from core.segmentation.suggesting import Suggestion


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    for name in ("file-a", "file-b"):
        opened.add(Recording(name, f"Concert {name}", 200.0, "own", "a test"))
    yield opened
    opened.close()


def suggestion(start_s, end_s, section="kriti", confidence=0.9) -> Suggestion:
    return Suggestion(start_s, end_s, section, confidence, "a steady pulse", 0.4)


def test_drafts_say_where_they_come_from(library):
    (saved,) = draft("file-a", [suggestion(0, 100)], library)
    found = library.segment(saved.id)
    assert (found.origin, found.status, found.confidence) == ("suggested", "draft", 0.9)
    assert (found.note, found.mridangam_level) == ("a steady pulse", 0.4)
    assert told([saved]).startswith("1 section suggested, 1 of them")


def test_what_a_person_said_is_left_alone(library):
    library.save(Segment("file-a", 40, 60, "neraval"), "asha")
    library.save(Segment("file-a", 90, 99, "violin"), "asha")
    saved = draft("file-a", [suggestion(0, 100), suggestion(100, 103)], library)
    assert [(each.start_s, each.end_s) for each in saved] == [(0, 40), (60, 100)]
    assert len(library.segments("file-a")) == 4


def test_suggesting_again_replaces_drafts_only(library):
    first = draft("file-a", [suggestion(0, 50), suggestion(50, 200)], library)
    library.save(replace(first[0], status="approved"), "asha")
    draft("file-a", [suggestion(0, 70, "alapanai"), suggestion(70, 200)], library)
    found = [(each.start_s, each.end_s, each.section) for each in library.segments("file-a")]
    assert found == [(0, 50, "kriti"), (50, 70, "alapanai"), (70, 200, "kriti")]
    library.undo("file-a", "asha")  # a person's undo is of a person's edit
    assert library.segment(first[0].id).status == "draft"


def test_the_least_sure_recording_is_to_be_marked_next(library):
    assert least_sure(library) is None
    draft("file-a", [suggestion(0, 100, confidence=0.9)], library)
    draft("file-b", [suggestion(0, 50, confidence=0.2), suggestion(50, 60)], library)
    recording, mean = least_sure(library)
    assert recording.id == "file-b"
    assert mean == pytest.approx((50 * 0.2 + 10 * 0.9) / 60)


def test_segments_without_a_level_get_one(workspace, library, concert, model):
    library.save(Segment("file-a", 0, 30, "alapanai"), "asha")
    end_s = concert.heard.duration_s
    library.save(Segment("file-a", end_s - 20, end_s, "tani avartanam", status="approved"), "asha")
    assert levels.fill("file-a", library, concert.heard, model, approved_only=True) == 1
    listening.write(concert.heard, workspace.features("file-a", listening.KIND))
    assert levels.fill_all(workspace, library) == 1
    low, high = (each.mridangam_level for each in library.segments("file-a"))
    assert low < 0.15
    assert high > 0.6
    assert levels.fill_all(workspace, library) == 0


def test_learning_needs_two_recordings(workspace, library):
    with pytest.raises(DatasetError, match="at least 2"):
        learning.retrain(workspace, library)


@pytest.mark.slow
def test_a_model_that_learned_from_others_replaces_the_old_only_if_better(
    workspace, library, concert, model
):
    """The same concert twice: what one teaches is exactly what the other asks."""
    weak = replace(model, section=replace(model.section, output=0.05 * model.section.output))
    weak.save(own(workspace))
    for name in ("file-a", "file-b"):
        listening.write(concert.heard, workspace.features(name, listening.KIND))
        marked = [
            replace(each, recording_id=name, id=f"{name}-{i}")
            for i, each in enumerate(concert.rendered.segments)
        ]
        library.save_all(marked)
    outcome = learning.retrain(workspace, library)
    assert outcome.replaced
    assert outcome.after > outcome.before + 0.1
    assert f"{outcome.after - outcome.before:.3f}" in outcome.told()
    learned = Model.load(own(workspace))
    assert learned.about["learned from"] == ["file-a", "file-b"]
    ranked = learning.to_mark_next(workspace, library)
    assert ranked == []  # both have approved sections


@pytest.mark.slow
def test_a_model_that_is_no_better_is_not_taken(workspace, library, concert):
    """What was approved is what the shipped model says already."""
    for name in ("file-a", "file-b"):
        listening.write(concert.heard, workspace.features(name, listening.KIND))
        library.save(Segment(name, 0, 30, "alapanai", status="approved"), "asha")
    outcome = learning.retrain(workspace, library)
    assert not outcome.replaced
    assert outcome.before >= outcome.after
    assert "No better" in outcome.told()
    assert not own(workspace).exists()
