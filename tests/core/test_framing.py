"""Frames of a sound that arrives in blocks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import AudioError
from core.framing import Framing, checked, resampled

FRAMING = Framing(win_length=64, hop_length=16, first_centre=8)


def framed(framing: Framing, blocks) -> np.ndarray:
    return np.concatenate([frames.copy() for frames in framing.frames(blocks)])


@given(
    n_samples=st.integers(1, 700),
    cuts=st.lists(st.integers(0, 700), max_size=6),
    framing=st.sampled_from([Framing(64, 16, 0), Framing(64, 16, 8), Framing(64, 48, 24)]),
)
@settings(max_examples=60)
def test_blocks_of_any_size_give_the_frames_of_the_whole(n_samples, cuts, framing):
    y = np.arange(1, n_samples + 1, dtype=np.float32)
    whole = framed(framing, [y])
    assert len(whole) == framing.n_frames(n_samples)
    blocks = np.split(y, sorted(min(cut, n_samples) for cut in cuts))
    pieces = framed(framing, blocks)
    assert np.array_equal(pieces, whole)


def test_frames_are_centred_a_hop_apart():
    y = np.arange(1000, dtype=np.float32)
    assert list(framed(FRAMING, [y])[:, 32][:4]) == [8, 24, 40, 56]


def test_both_ends_are_mirrored():
    y = np.arange(1000, dtype=np.float32)
    frames = framed(FRAMING, [y])
    assert list(frames[0][22:27]) == [2, 1, 0, 1, 2]
    centre = FRAMING.first_centre + (len(frames) - 1) * FRAMING.hop_length
    last = 999 - (centre - 32)  # where the last sample lies in the last frame
    assert list(frames[-1][last - 2 : last + 3]) == [997, 998, 999, 998, 997]


def test_one_sample_is_one_frame_of_it():
    assert np.array_equal(framed(FRAMING, [np.ones(1, np.float32)]), np.ones((1, 64)))


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (np.array([0.0, 0.5, np.nan]), r"Sample 102 is nan"),
        (np.array([np.inf]), r"Sample 100 is inf"),
        (np.zeros((2, 50)), r"mono.*shape \(2, 50\)"),
        (np.zeros((6, 50)), r"mono.*shape \(6, 50\)"),
        (np.zeros(50, np.int16), r"floating-point.*int16"),
    ],
)
def test_what_is_no_mono_sound_is_refused_with_its_place(block, message):
    with pytest.raises(AudioError, match=message):
        list(checked([np.zeros(100), block]))


def test_no_sound_at_all_is_refused():
    with pytest.raises(AudioError, match="0 samples"):
        list(FRAMING.frames([np.zeros(0, np.float32)]))


@pytest.mark.parametrize("sr", [0, -44100, 10**9])
def test_an_impossible_sampling_rate_is_refused(sr):
    with pytest.raises(AudioError, match="sampling rate"):
        list(resampled([np.zeros(10, np.float32)], sr, 24_000))


@pytest.mark.parametrize("sr", [8_000, 44_100, 192_000])
def test_resampling_in_blocks_leaves_no_seam(sr):
    y = np.sin(2 * np.pi * 440 * np.arange(sr // 2) / sr).astype(np.float32)
    pieces = np.concatenate(list(resampled(np.array_split(y, 7), sr, 24_000)))
    expected = np.sin(2 * np.pi * 440 * np.arange(len(pieces)) / 24_000)
    assert len(pieces) == pytest.approx(12_000, abs=2)
    assert np.abs(pieces - expected)[500:-500].max() < 1e-3
