"""Approving, and sending back with a note."""

from dataclasses import replace

import pytest

from core.errors import AnnotationError
from core.library import Library
from core.records import Recording, Segment
from core.review import approve, reviews, send_back


@pytest.fixture
def library(workspace):
    opened = Library.of(workspace)
    opened.add(Recording("file-1", "Evening", 1000.0, "own", "a test"))
    yield opened
    opened.close()


@pytest.fixture
def drawn(library) -> Segment:
    return library.save(Segment("file-1", 0, 10, "kriti"), "Meena").segment


def stage(library) -> tuple:
    (found,) = reviews(library, "file-1")
    return found.stage, found.reviewer


def test_what_a_person_drew_waits_until_it_is_approved(library, drawn):
    assert stage(library) == ("waiting", None)
    assert approve(library, [drawn.id], "Ravi") == 1
    assert stage(library) == ("approved", "Ravi")
    assert approve(library, [drawn.id], "Ravi") == 0


def test_what_is_sent_back_waits_again_once_its_annotator_changed_it(library, drawn):
    approve(library, [drawn.id], "Ravi")
    send_back(library, drawn.id, " The start is late. ", "Ravi")
    assert stage(library) == ("sent back", "Ravi")
    sent = library.segment(drawn.id)
    assert (sent.status, sent.note, sent.annotator) == ("draft", "The start is late.", "Meena")
    library.save(replace(sent, start_s=1.0), "Meena")
    assert stage(library) == ("waiting", None)
    assert library.history(drawn.id)[-2].annotator == "Ravi"  # who said so stays known


def test_undo_takes_a_verdict_back(library, drawn):
    send_back(library, drawn.id, "Late.", "Ravi")
    library.undo("file-1", "Ravi")
    assert stage(library) == ("waiting", None)


def test_a_note_by_another_that_changes_nothing_else_is_no_verdict_on_proposals(library):
    library.save(Segment("file-1", 20, 30, "kriti", origin="suggested"))
    assert reviews(library, "file-1") == []


@pytest.mark.parametrize(
    ("note", "reviewer", "said"),
    [("", "Ravi", "note is empty"), ("x", None, "no name"), ("x", "Meena", "yourself")],
)
def test_a_verdict_needs_a_note_and_another_person(library, drawn, note, reviewer, said):
    with pytest.raises(AnnotationError, match=said):
        send_back(library, drawn.id, note, reviewer)
    assert stage(library) == ("waiting", None)


def test_a_proposal_that_someone_approved_is_theirs_to_answer_for(library):
    proposal = library.save(Segment("file-1", 20, 30, "kriti", origin="suggested")).segment
    approve(library, [proposal.id], "Ravi")
    assert stage(library) == ("approved", "Ravi")


def test_two_words_on_one_stretch_are_not_both_approved(library, drawn):
    other = library.save(Segment("file-1", 1, 10, "neraval"), "Ravi").segment
    beside = library.save(Segment("file-1", 10, 20, "other", annotator="Ravi")).segment
    with pytest.raises(AnnotationError, match="same stretch"):
        approve(library, [drawn.id, other.id], "Ravi")
    assert approve(library, [drawn.id, beside.id], "Ravi") == 2
    with pytest.raises(AnnotationError, match="kriti by Meena"):
        approve(library, [other.id], "Ravi")
