"""How far a recording's annotation has come."""

from dataclasses import replace

import pytest

from core.library import Library
from core.progress import Hours, covered_s, hours, main, progress, work
from core.records import Recording, Segment
from core.review import approve

CONCERT = Recording("file-1", "Concert", 100.0, "own", "a test")


def segment(start_s, end_s, **said):
    return Segment("file-1", start_s, end_s, **{"section": "kriti", **said})


def test_what_lies_under_two_segments_counts_once():
    violin = segment(10, 30, section="violin")
    assert covered_s([segment(0, 20), violin, segment(50, 60)]) == 40


def test_order_does_not_matter():
    assert covered_s([segment(50, 60), segment(0, 20)]) == 30


def test_a_suggestion_counts_once_it_is_approved():
    suggested = segment(0, 25, origin="suggested", confidence=0.9)
    approved = segment(50, 60, origin="suggested", status="approved")
    done = progress(CONCERT, [suggested, approved])
    assert done.marked == pytest.approx(0.1)
    assert done.approved == pytest.approx(0.1)
    assert done.n_segments == 2


def test_what_was_rejected_does_not_count():
    done = progress(CONCERT, [segment(0, 25, status="rejected")])
    assert (done.marked, done.approved, done.n_segments) == (0, 0, 0)


def test_who_marked_and_who_approved_is_told(workspace):
    library = Library.of(workspace)
    library.add(CONCERT)
    one = library.save(segment(0, 20), "Meena").segment
    library.save(segment(30, 40), "Ravi")
    approve(library, [one.id], "Ravi")
    done = work(library, CONCERT)
    assert done.marked_by == {"Meena": 20, "Ravi": 10}
    assert done.approved_by == {"Ravi": 20}
    assert (done.waiting, done.sent_back) == (1, 0)
    told = main(workspace.root)
    assert "Concert: 30% marked (Meena 0:20.0, Ravi 0:10.0), 20% approved (Ravi 0:20.0)" in told
    assert "section kriti: 0.01 h, 0.01 h approved" in told
    library.close()


def test_hours_of_a_raga_include_what_its_segments_inherit(workspace):
    library = Library.of(workspace)
    library.add(replace(CONCERT, duration_s=7200.0, raga="Mohanam", tala="Adi"))
    library.save(segment(0, 1800, annotator="Meena"))
    library.save(segment(0, 1800, annotator="Ravi"))  # the same half hour
    library.save(segment(1800, 3600, raga="Kalyani", status="approved"))
    library.save(segment(3600, 5400, section="applause"))
    library.save(segment(5400, 7200, origin="suggested"))
    assert hours(library, "raga") == [Hours("Kalyani", 0.5, 0.5), Hours("Mohanam", 0.5, 0.0)]
    assert hours(library, "tala") == [Hours("Adi", 1.0, 0.5)]
    assert [each.name for each in hours(library, "section")] == ["kriti", "applause"]
    library.close()
