"""What is heard of a segment is worded, kept, and heard again when the segment moves."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile

from core import synthesis
from core.export import ExportConfig, export
from core.fields import Fact, known_fields
from core.library import Library
from core.measure import Measure, heard_facts, kept_measures, measure, measure_recording
from core.metadata import read_metadata
from core.records import Recording, Segment
from core.workspace import Workspace

SR, TONIC_HZ = 16_000, 146.8
RECORDING = Recording("file-1", "t", 40.0, "own", "x", tonic_hz=TONIC_HZ, raga="Todi")
LOW_AND_SLOW = Segment("file-1", 0.0, 20.0, "kriti", id="low", status="approved")
HIGH_AND_FAST = Segment("file-1", 20.0, 40.0, "kriti", id="high", status="approved")


def notes(length_s: float, each_s: float, octave: int) -> np.ndarray:
    """Sa, Pa and Sa' in turn, plucked."""
    t = np.arange(round(length_s * SR)) / SR
    steps = np.array([0.0, 702.0, 0.0, 498.0])[(t // each_s).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(TONIC_HZ * 2 ** (octave + steps / 1200)) / SR
    tone = sum(np.sin(k * phase) / k for k in range(1, 7))
    return 0.2 * tone * np.exp(-(t % each_s) * 2)


@pytest.fixture
def heard(workspace: Workspace) -> Workspace:
    y = np.concatenate([notes(20.0, 1.0, 0), notes(20.0, 0.16, 1)])
    soundfile.write(workspace.audio_target("file-1", ".flac"), y, SR)
    return workspace


def test_slow_and_low_is_told_from_fast_and_high(heard):
    slow = measure(LOW_AND_SLOW, heard.audio("file-1"))
    fast = measure(HIGH_AND_FAST, heard.audio("file-1"))
    assert slow.onsets_per_s == pytest.approx(1.0, abs=0.2)
    assert fast.onsets_per_s == pytest.approx(1 / 0.16, rel=0.15)
    assert slow.notes_per_s < 1.9 < fast.notes_per_s
    assert 1.8 < fast.median_hz / slow.median_hz < 3.1  # an octave, or Sa against Pa beside it


def test_what_was_heard_is_said_in_words(heard):
    measure_recording(RECORDING, [LOW_AND_SLOW, HIGH_AND_FAST], heard)
    kept = kept_measures("file-1", heard)
    slow = heard_facts(LOW_AND_SLOW, RECORDING, kept)
    assert slow["tempo"] == Fact("slow", "measured")
    assert slow["density"].text == "long held notes"
    assert heard_facts(HIGH_AND_FAST, RECORDING, kept)["register"].text == "high"
    assert heard_facts(HIGH_AND_FAST, RECORDING, kept)["tempo"].text == "fast"


def test_a_register_needs_a_tonic_and_follows_it():
    found = {"a": Measure("a", 0.0, 20.0, 293.6, np.nan, np.nan)}
    mark = replace(LOW_AND_SLOW, id="a")
    assert heard_facts(mark, RECORDING, found)["register"].text == "high"
    corrected = replace(RECORDING, tonic_hz=293.6)
    assert heard_facts(mark, corrected, found)["register"].text == "low"
    assert heard_facts(mark, replace(RECORDING, tonic_hz=None), found) == {}


def test_free_time_has_no_tempo_and_percussion_no_register():
    found = {"a": Measure("a", 0.0, 20.0, 200.0, 5.0, 6.0)}
    alapanai = heard_facts(replace(LOW_AND_SLOW, id="a", section="alapanai"), RECORDING, found)
    assert set(alapanai) == {"density", "register"}
    tani = heard_facts(replace(LOW_AND_SLOW, id="a", section="tani avartanam"), RECORDING, found)
    assert set(tani) == {"tempo"}


def test_a_segment_that_moved_is_heard_again_and_nothing_else(heard):
    assert measure_recording(RECORDING, [LOW_AND_SLOW, HIGH_AND_FAST], heard) == 2
    assert measure_recording(RECORDING, [LOW_AND_SLOW, HIGH_AND_FAST], heard) == 0
    moved = replace(LOW_AND_SLOW, end_s=15.0)
    assert heard_facts(moved, RECORDING, kept_measures("file-1", heard)) == {}
    assert measure_recording(RECORDING, [moved, HIGH_AND_FAST], heard) == 1


def test_silence_says_nothing(workspace):
    soundfile.write(workspace.audio_target("file-1", ".flac"), np.zeros(40 * SR), SR)
    measure_recording(RECORDING, [LOW_AND_SLOW], workspace)
    said = heard_facts(LOW_AND_SLOW, RECORDING, kept_measures("file-1", workspace))
    assert set(said) <= {"tempo"}


def test_what_a_person_says_goes_before_what_was_heard():
    known = known_fields(LOW_AND_SLOW, RECORDING, {"raga": Fact("Kalyani", "measured")})
    assert known["raga"] == "Todi"


@pytest.mark.slow
def test_the_mridangam_is_heard_where_nobody_said_it(workspace):
    """The first failing of the first Carnatic Riffusion: too much mridangam."""
    concert = synthesis.render(seed=5, minutes=2.0)
    soundfile.write(workspace.audio_target("file-1", ".flac"), concert.y, concert.sr)
    library = Library.of(workspace)
    library.add(replace(RECORDING, duration_s=len(concert.y) / concert.sr))
    long = [each for each in concert.segments if each.duration_s > 8]
    softest, *_, loudest = sorted(long, key=lambda each: each.mridangam_level)
    for name, each in (("softest", softest), ("loudest", loudest)):
        mark = Segment("file-1", each.start_s, each.start_s + 8, each.section, id=name)
        library.save(replace(mark, status="approved"))
    config = {"clip_s": 2.56, "max_mridangam": 0.5, "find_duplicates": False}
    folder = export(ExportConfig("demo", **config), workspace, library)
    kept = {row["segment_id"] for rows in read_metadata(folder).values() for row in rows}
    assert kept == {"softest"}
    levels = kept_measures("file-1", workspace)
    assert levels["softest"].mridangam < 0.2 < 0.6 < levels["loudest"].mridangam


@pytest.mark.slow
def test_an_export_that_listens_says_what_it_heard(heard):
    library = Library.of(heard)
    library.add(RECORDING)
    library.save_all([LOW_AND_SLOW, HIGH_AND_FAST])
    folder = export(ExportConfig("demo", clip_s=2.56, measure=True), heard, library)
    rows = {row["segment_id"]: row for row in read_metadata(folder)["train"]}
    assert rows["high"]["tempo"] == "fast"
    assert "fast tempo" in rows["high"]["text"]
    assert "high register" in rows["high"]["text"]
