"""Magnitudes of padded frames, however the work is split."""

import numpy as np
import pytest

from core.filterbank import Spectrum
from core.padded_transform import PaddedTransform
from core.phase import hann


@pytest.mark.parametrize(
    ("win_length", "n_fft", "is_split"), [(100, 400, True), (90, 400, True), (100, 210, False)]
)
@pytest.mark.parametrize("n_bins", [1, 2, 3, 4, 50, 99, 100])
def test_they_are_those_of_the_plain_transform(win_length, n_fft, is_split, n_bins):
    rng = np.random.default_rng(0)
    frames = rng.standard_normal((5, win_length)).astype(np.float32)
    transform = PaddedTransform(Spectrum(8000, win_length, n_fft), n_bins, n_frames=8)
    assert transform.is_split == is_split
    wanted = np.abs(np.fft.rfft(frames * hann(win_length), n_fft, axis=1))
    for some in (frames, frames[:2]):
        found = transform.magnitudes(some)
        assert found == pytest.approx(wanted[: len(some), :n_bins], rel=1e-4, abs=1e-4)
