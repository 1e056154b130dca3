import pytest

from core import audio
from core.library import Library
from core.synthesis import add_samples, read_truth

MINUTES = 0.3


@pytest.fixture
def library(workspace):
    library = Library.of(workspace)
    yield library
    library.close()


def test_a_newcomer_finds_concerts_marked_by_truth_and_one_to_mark(workspace, library):
    added = add_samples(workspace, library, 2, MINUTES)
    assert [r.id for r in added] == ["sample-1", "sample-2"]
    assert list(library.recordings()) == added
    truth = read_truth(workspace.audio("sample-1"))
    marked = library.segments("sample-1")
    assert [(s.start_s, s.section, s.status) for s in marked] == [
        (s.start_s, s.section, "approved") for s in truth.segments
    ]
    assert library.segments("sample-2") == []
    for recording in added:
        assert recording.is_open
        info = audio.info(workspace.audio(recording.id))
        assert info.duration_s == pytest.approx(recording.duration_s, abs=0.001)
        assert workspace.playback(recording.id).stat().st_size > 10_000
        assert workspace.peaks(recording.id).stat().st_size > 100


def test_samples_that_are_there_are_left_alone(workspace, library):
    add_samples(workspace, library, 1, MINUTES)
    before = workspace.audio("sample-1").stat().st_mtime_ns
    library.delete(library.segments("sample-1")[0].id, "someone")
    kept = library.segments("sample-1")
    assert add_samples(workspace, library, 1, MINUTES) == []
    assert workspace.audio("sample-1").stat().st_mtime_ns == before
    assert library.segments("sample-1") == kept
