"""A copy of a concert is recognised through encoders, cuts and gain; other music is not."""

import numpy as np
import pytest

from core import audio
from core.duplicates import find_duplicates, known_duplicates
from core.export import ExportConfig
from core.fingerprint import (
    SAME,
    agreement,
    fingerprint,
    fingerprint_of,
    kept_fingerprint,
    same_audio,
    together,
)

SR = 22_050


def music(seed: int, length_s: float = 40.0) -> np.ndarray:
    """Notes of random pitch and length over a drone, as any melody has."""
    draw = np.random.default_rng(seed)
    t = np.arange(round(length_s * SR)) / SR
    changes = np.cumsum(draw.uniform(0.2, 0.7, round(4 * length_s)))
    notes = 220 * 2 ** (draw.integers(0, 18, len(changes) + 1) / 12)
    hz = notes[np.searchsorted(changes, t)]
    phase = 2 * np.pi * np.cumsum(hz) / SR
    lead = sum(np.sin(k * phase) / k for k in range(1, 6))
    drone = np.sin(2 * np.pi * 146.8 * t) + np.sin(2 * np.pi * 220 * t)
    return (0.1 * lead + 0.1 * drone + 0.003 * draw.normal(size=len(t))).astype(np.float32)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """Fingerprints of two concerts, and of the first as people pass it on."""
    folder = tmp_path_factory.mktemp("sound")
    first, second = music(1), music(2)
    files = {
        "first.flac": first,
        "second.flac": second,
        "mp3.mp3": first,
        "cut.ogg": 0.3 * first[round(7.37 * SR) : round(33.1 * SR)],
        "short.flac": first[: 10 * SR],
    }
    found = {}
    for name, y in files.items():
        audio.write(folder / name, y, SR)
        found[name.split(".")[0]] = fingerprint(folder / name)
    return found


def test_a_copy_through_an_encoder_is_the_same_audio(heard):
    assert agreement(heard["first"], heard["mp3"]) > SAME


def test_a_softer_part_that_starts_elsewhere_is_the_same_audio(heard):
    assert agreement(heard["first"], heard["cut"]) > SAME
    assert agreement(heard["cut"], heard["first"]) > SAME


def test_other_music_over_the_same_drone_is_not(heard):
    assert agreement(heard["first"], heard["second"]) < 0.6


def test_a_few_seconds_are_too_little_to_say(heard):
    assert agreement(heard["first"], heard["short"]) == 0.0


def test_pairs_are_found_and_put_together(heard):
    pairs = same_audio(heard)
    assert set(pairs) == {("cut", "first"), ("cut", "mp3"), ("first", "mp3")}
    assert together(pairs) == [frozenset({"first", "mp3", "cut"})]
    assert together([("a", "b"), ("c", "d"), ("b", "c")]) == [frozenset("abcd")]
    assert same_audio({}) == []


def test_listening_is_kept_until_the_audio_changes(workspace):
    path = workspace.audio_target("file-1", ".flac")
    audio.write(path, music(3, 12.0), SR)
    assert kept_fingerprint("file-1", workspace) is None
    bits = fingerprint_of("file-1", workspace)
    assert np.array_equal(kept_fingerprint("file-1", workspace), bits)
    audio.write(path, music(4, 12.0), SR)
    assert not np.array_equal(fingerprint_of("file-1", workspace), bits)


def test_silence_and_a_click_have_a_fingerprint_too(tmp_path):
    audio.write(tmp_path / "silence.wav", np.zeros(3 * SR, np.float32), SR)
    audio.write(tmp_path / "click.wav", np.ones(10, np.float32), SR)
    assert fingerprint(tmp_path / "silence.wav").shape[1] == 16
    assert len(fingerprint(tmp_path / "click.wav")) == 0


def test_every_pair_is_compared_however_many_there_are():
    draw = np.random.default_rng(0)
    prints = {f"{i:02d}": draw.random((120, 16)) > 0.5 for i in range(20)}
    prints["20"] = prints["03"][10:]
    prints["21"] = prints["15"]
    assert same_audio(prints) == [("03", "20"), ("15", "21")]
    assert same_audio(prints, new={"21", "07"}) == [("15", "21")]


def test_what_was_compared_is_remembered_until_the_audio_changes(workspace):
    config = ExportConfig("x", workers=1)
    ids = ["file-1", "file-2", "file-3"]
    for each, seed in zip(ids, (1, 2, 1), strict=True):
        audio.write(workspace.audio_target(each, ".flac"), music(seed, 25.0), SR)
    assert known_duplicates(ids, workspace) == []
    assert find_duplicates(ids, workspace, config, ids.index)
    assert known_duplicates(ids, workspace) == [frozenset({"file-1", "file-3"})]
    assert known_duplicates(["file-2", "file-3"], workspace) == []
    assert not find_duplicates(ids, workspace, config, ids.index)
    audio.write(workspace.audio("file-3"), music(2, 25.0), SR)
    assert known_duplicates(ids, workspace) == []
    assert find_duplicates(ids, workspace, config, ids.index)
    assert known_duplicates(ids, workspace) == [frozenset({"file-2", "file-3"})]
