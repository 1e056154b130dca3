"""What the editor hears: pitch lies in its tile, and a drone's tonic is among the likely."""

import numpy as np
import pytest

from core import audio
from core.errors import StudioError
from core.pitch import FRAME_S
from studio.editor.listening import TILE_S, Listening

ID = "file-1"
SR = 16_000
LENGTH_S = 30.0


@pytest.fixture
def listening(workspace) -> Listening:
    """Ears for a recording that glides up at 20 s, over a drone on 146.8 Hz."""
    t = np.arange(round(LENGTH_S * SR)) / SR
    melody_hz = np.where(t < TILE_S, 293.6, 440.4)
    y = sum(np.sin(2 * np.pi * k * np.cumsum(melody_hz) / SR) / k for k in (1, 2, 3))
    drone = sum(np.sin(2 * np.pi * 146.8 * k * t) / k for k in (1, 1.5, 2, 3, 4))
    path = workspace.audio_target(ID, ".flac")
    audio.write(path, (0.12 * y + 0.04 * drone).astype(np.float32), SR)
    audio.prepare(path, workspace.playback(ID), workspace.peaks(ID))
    return Listening(workspace)


def test_each_tile_tells_the_pitch_of_its_own_seconds(listening):
    n_frames = round(TILE_S / FRAME_S)
    first, second = (np.frombuffer(listening.pitch(ID, i), "<f4") for i in (0, 1))
    assert len(first) == len(second) == n_frames
    assert np.median(first[first > 0]) == pytest.approx(293.6, rel=0.005)
    assert first[-5:] == pytest.approx(293.6, rel=0.03)  # up to its last frames
    assert second[5:100] == pytest.approx(440.4, rel=0.01)
    assert not second[round((LENGTH_S + 0.2 - TILE_S) / FRAME_S) :].any()  # after the end: silence


def test_the_likely_tonics_come_best_first(listening):
    found = None
    while found is None:  # it is heard in the background
        found = listening.tonics(ID)
    assert [each.confidence for each in found] == sorted(
        (c.confidence for c in found), reverse=True
    )
    classes = {round(12 * np.log2(each.hz / 146.8)) % 12 for each in found}
    assert 0 in classes


def test_a_recording_without_sound_is_explained(workspace):
    listening = Listening(workspace)
    for ask in (listening.tonics, lambda recording: listening.pitch(recording, 0)):
        with pytest.raises(StudioError, match="Import it again"):
            ask("file-none")


def test_beyond_the_end_there_is_no_tile(listening):
    with pytest.raises(StudioError, match="ends before"):
        listening.pitch(ID, 7)
