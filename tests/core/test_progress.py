"""How far a recording's annotation has come."""

import pytest

from core.progress import covered_s, progress
from core.records import Recording, Segment

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
