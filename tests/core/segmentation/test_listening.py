"""A whole recording in a stream: the same however it is cut, kept, and refused where it must be."""

import numpy as np
import pytest

from core import audio
from core.errors import AudioError
from core.segmentation import listening
from core.segmentation.frames import SR
from core.segmentation.listening import NAMES, heard, listen, listen_to, read, write


@pytest.fixture(scope="module")
def y() -> np.ndarray:
    rng = np.random.default_rng(3)
    t = np.arange(33 * SR) / SR
    hz = np.repeat(rng.choice([196.0, 220.0, 261.6, 294.0, 330.0], 150), SR // 2)[: len(t)]
    tune = sum(np.sin(2 * np.pi * k * np.cumsum(hz) / SR) / k for k in range(1, 6))
    return (0.1 * tune + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


@pytest.fixture
def file(tmp_path, y):
    path = tmp_path / "tune.flac"
    audio.write(path, y, SR)
    return path


def test_a_block_ends_anywhere_and_nothing_changes(y, monkeypatch):
    whole = listen_to(y, SR)
    monkeypatch.setattr(listening, "_BLOCK", 24 * SR)
    parts = listen_to(y, SR)
    assert whole.rows.shape == parts.rows.shape == (33, len(NAMES))
    apart = np.abs(whole.rows - parts.rows)
    assert np.mean(apart > 0.05 * whole.rows.std(axis=0) + 1e-3) < 0.03
    assert whole.duration_s == parts.duration_s == 33


def test_a_file_is_heard_as_the_same_sound_in_memory(file, y):
    np.testing.assert_allclose(listen(file).rows, listen_to(y, SR).rows, atol=0.3)


def test_what_was_heard_is_kept_and_damage_is_heard_anew(workspace, file, y):
    path = workspace.features("file-tune", listening.KIND)
    target = workspace.audio_target("file-tune", ".flac")
    target.write_bytes(file.read_bytes())
    first = heard("file-tune", workspace)
    target.unlink()  # from now on only what was kept can answer
    again = heard("file-tune", workspace)
    np.testing.assert_array_equal(first.rows, again.rows)
    path.write_bytes(path.read_bytes()[:1000])
    assert read(path) is None


def test_another_version_is_heard_anew(tmp_path, y, monkeypatch):
    path = tmp_path / "kept.npz"
    write(listen_to(y[: 3 * SR], SR), path)
    assert read(path) is not None
    monkeypatch.setattr(listening, "VERSION", listening.VERSION + 1)
    assert read(path) is None


def test_progress_is_told_and_may_end_it(file):
    told = []
    listen(file, lambda share, what: told.append(share))
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1, abs=0.01)

    class Enough(Exception):
        pass

    def stop(share, what):
        raise Enough

    with pytest.raises(Enough):
        listen(file, stop)


def test_too_long_and_broken_sound_is_refused(file, monkeypatch):
    monkeypatch.setattr(listening, "LONGEST_S", 20.0)
    with pytest.raises(AudioError, match="cut it"):
        listen(file)
    with pytest.raises(AudioError, match="NaN"):
        listen_to(np.full(SR, np.nan, np.float32), SR)
    with pytest.raises(AudioError, match="no sound"):
        listen_to(np.zeros(0, np.float32), SR)


def test_silence_is_known_as_such():
    assert listen_to(np.zeros(5 * SR, np.float32), SR).is_silent


@pytest.mark.parametrize("more", [1, 100, 255, 256, 300])
def test_a_few_samples_after_the_last_block_are_heard(y, more):
    whole = np.resize(y, 12 * SR + more)
    found = listen_to(whole, SR)
    assert len(found) in (12, 13)
    assert np.isfinite(found.rows).all()
