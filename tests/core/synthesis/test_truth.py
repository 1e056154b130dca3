import json

import numpy as np
import pytest
import soundfile

from core.errors import AnnotationError
from core.synthesis import Item, Plan, read_truth, render, write

CONCERT = Plan((Item("Hamsadhvani", "Rupaka", ("alapanai", "kriti")),))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    concert = render(2, 0.4, CONCERT)
    return concert, write(concert, tmp_path_factory.mktemp("samples"))


def test_what_is_read_back_is_what_was_rendered(written):
    concert, path = written
    truth = read_truth(path)
    assert truth.recording == concert.recording
    assert truth.segments == concert.segments
    assert truth.strokes == concert.strokes
    assert truth.notes == concert.notes
    times, hz = truth.f0
    assert times == pytest.approx(concert.f0_times)
    assert hz == pytest.approx(concert.f0_hz, abs=0.001)


def test_the_sound_is_a_tagged_flac_of_the_same_samples(written):
    concert, path = written
    with soundfile.SoundFile(path) as file:
        y = file.read(dtype="float32")
        assert (file.samplerate, file.channels, file.format) == (24_000, 1, "FLAC")
        assert file.title == concert.recording.title
        assert file.artist == concert.recording.lead_artist
    assert np.abs(y - concert.y).max() < 2 / 2**15  # 16 bits


def test_a_sound_without_truth_is_refused(tmp_path):
    with pytest.raises(AnnotationError, match="No truth"):
        read_truth(tmp_path / "sample-7.flac")


def test_a_damaged_truth_is_refused_by_the_place_of_the_damage(written, tmp_path):
    _, path = written
    damaged = json.loads(path.with_suffix(".json").read_text())
    damaged["segments"][0]["end_s"] = -1
    broken = tmp_path / "sample-2.json"
    broken.write_text(json.dumps(damaged))
    with pytest.raises(AnnotationError, match="segments"):
        read_truth(broken)
