"""How far two annotators agree, beside mir_eval and scikit-learn on the same marks."""

from itertools import pairwise

import mir_eval
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from core.agreement import Difference, agreement, annotators, heard, main, pair
from core.errors import LibraryError
from core.library import Library
from core.records import SECTIONS, Recording, Segment


def marked(annotator: str, *rows: tuple) -> list[Segment]:
    return [Segment("file-1", s, e, section, annotator=annotator) for s, e, section in rows]


def both(ours: list, theirs: list):
    return agreement(marked("A", *ours) + marked("B", *theirs), "A", "B")


CONCERT = [(0, 300, "alapanai"), (300, 900, "kriti"), (900, 1000, "tani avartanam")]


def test_the_same_marks_agree_in_everything():
    found = both(CONCERT, CONCERT)
    assert (found.boundary_f, found.pairwise_f, found.kappa, found.same_share) == (1, 1, 1, 1)
    assert found.differences == ()


def test_edges_within_three_seconds_are_one_and_others_are_not():
    near = [(0, 302.5, "alapanai"), (302.5, 900, "kriti"), (900, 1000, "tani avartanam")]
    far = [(0, 310, "alapanai"), (310, 900, "kriti"), (900, 1000, "tani avartanam")]
    assert both(CONCERT, near).boundary_f == 1
    assert both(CONCERT, far).boundary_f == pytest.approx(0.75)
    assert both(CONCERT, far).differences == (Difference(300, 310, "kriti", "alapanai"),)


def test_other_names_for_the_same_parts_keep_the_boundaries_but_not_kappa():
    renamed = [(0, 300, "tanam"), (300, 900, "neraval"), (900, 1000, "other")]
    found = both(CONCERT, renamed)
    assert (found.boundary_f, found.pairwise_f) == (1, 1)
    assert found.kappa == pytest.approx(0, abs=0.3)
    assert found.same_share == 0


def test_what_only_one_marked_differs_and_what_neither_marked_does_not_count():
    found = both([(100, 200, "kriti")], [(150, 200, "kriti")])
    assert found.compared_s == 100
    assert found.differences == (Difference(100, 150, "kriti", "unmarked"),)


def test_violin_is_what_is_heard_where_it_is_marked():
    over = marked("A", (0, 300, "alapanai"), (100, 200, "violin"))
    beside = marked("B", (0, 100, "alapanai"), (100, 200, "violin"), (200, 300, "alapanai"))
    assert [each.label for each in heard(over, "A")] == ["alapanai", "violin", "alapanai"]
    assert agreement(over + beside, "A", "B").kappa == 1


def test_two_songs_in_a_row_keep_their_boundary():
    songs = marked("A", (0, 300, "kriti"), (300, 600, "kriti"), (290, 310, "violin"))
    assert [(each.start_s, each.end_s) for each in heard(songs, "A")] == [
        (0, 290),
        (290, 310),
        (310, 600),
    ]


def test_rejected_marks_and_proposals_are_nobodys():
    segments = [
        Segment("file-1", 0, 10, "kriti", annotator="A", status="rejected"),
        Segment("file-1", 0, 10, "kriti", annotator="B", origin="suggested"),
    ]
    assert annotators(segments) == []
    with pytest.raises(LibraryError, match="Fewer than two"):
        pair(segments)


def test_who_marked_most_is_compared_first():
    segments = marked("A", (0, 10, "kriti")) + marked("B", *CONCERT) + marked("C", (0, 5, "other"))
    assert pair(segments) == ("B", "A")
    assert pair(segments, other="B") == ("A", "B")
    with pytest.raises(LibraryError, match="'X' marked nothing"):
        agreement(segments, "X", "B")


@st.composite
def tilings(draw) -> list[tuple]:
    edges = sorted({0, 120, *draw(st.lists(st.integers(1, 119), max_size=6))})
    labels = st.sampled_from([name for name in SECTIONS if name != "violin"])
    return [(s, e, draw(labels)) for s, e in pairwise(edges)]


@settings(max_examples=40, deadline=None)
@given(ours=tilings(), theirs=tilings())
def test_the_measures_are_those_of_the_libraries(ours, theirs):
    found = both(ours, theirs)
    intervals = [np.array([row[:2] for row in rows], float) for rows in (ours, theirs)]
    labels = [[row[2] for row in rows] for rows in (ours, theirs)]
    hit = mir_eval.segment.detection(*intervals, window=3.0)[2]
    together = mir_eval.segment.pairwise(intervals[0], labels[0], intervals[1], labels[1])[2]
    seconds = [[row[2] for row in rows for _ in range(row[1] - row[0])] for rows in (ours, theirs)]
    assert found.boundary_f == pytest.approx(hit)
    assert found.pairwise_f == pytest.approx(np.nan_to_num(together), abs=0.01)
    if seconds[0] != seconds[1]:
        assert found.kappa == pytest.approx(cohen_kappa_score(*seconds), nan_ok=True)
    else:
        assert found.kappa == 1


def test_the_command_tells_it_in_words(workspace):
    library = Library.of(workspace)
    library.add(Recording("file-1", "Evening", 1000.0, "own", "a test"))
    library.save_all(marked("A", *CONCERT))
    library.save_all(marked("B", (0, 310, "alapanai"), (310, 1000, "kriti")))
    told = main("file-1", workspace=workspace.root)
    assert "A and B: 89.0 % of 16:40.0 the same" in told
    assert "5:00.0 to 5:10.0: A says kriti, B alapanai" in told
    library.close()
