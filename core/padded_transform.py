"""Squared magnitudes of windowed frames, at finer steps of frequency than the window resolves.

Such a transform pads each frame with zeros, to four times its length in Riffusion's case. Three
quarters of the work would be on zeros, so it is split by bin number modulo 4 (the first step of a
decimation in frequency): even bins are a transform of half the length; bins 4 k + 1, and as the
sound is real also 4 k + 3, are one of a quarter of the length, of frames turned by a quarter bin.
"""

from functools import cached_property

import numpy as np

from core.filterbank import Spectrum
from core.phase import hann


class PaddedTransform:
    """The lowest `n_bins` bins of a `Spectrum`, for up to `n_frames` frames at once."""

    def __init__(self, spectrum: Spectrum, n_bins: int, n_frames: int):
        self.n_fft, self.n_bins = spectrum.n_fft, n_bins
        self.window = hann(spectrum.win_length)
        self.is_split = spectrum.n_fft % 4 == 0 and spectrum.n_fft // 4 >= spectrum.win_length
        n_padded = spectrum.n_fft // 2 if self.is_split else spectrum.n_fft
        self.padded = np.zeros((n_frames, n_padded), np.float32)  # beyond the window it stays zero
        self.squares = np.empty((n_frames, n_bins), np.float32)

    def squared(self, frames: np.ndarray) -> np.ndarray:
        """Window and transform (k, win_length) to (k, n_bins), which the next call overwrites."""
        from scipy.fft import fft, rfft  # 0.3 s to load

        squares = self.squares[: len(frames)]
        padded = self.padded[: len(frames)]
        np.multiply(frames, self.window, out=padded[:, : len(self.window)])
        spectrum = rfft(padded, axis=1)
        if not self.is_split:
            return _square(spectrum, squares)
        _square(spectrum, squares[:, ::2])
        turned = self.turned[: len(frames)]
        np.multiply(frames, self.turn, out=turned[:, : len(self.window)])
        spectrum = fft(turned, axis=1)
        _square(spectrum, squares[:, 1::4])
        last = squares[:, 3::4]  # conjugates of bins below 0, which lie at the end
        _square(spectrum[:, -last.shape[1] :], last[:, ::-1])
        return squares

    @cached_property
    def turn(self) -> np.ndarray:
        """The window, turned by a quarter of the coarse transform's bin."""
        angle = -2 * np.pi * np.arange(len(self.window)) / self.n_fft
        return (self.window * np.exp(1j * angle)).astype(np.complex64)

    @cached_property
    def turned(self) -> np.ndarray:
        """Room for turned frames, zero beyond the window."""
        return np.zeros((len(self.padded), self.n_fft // 4), np.complex64)


def _square(spectrum: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Squared magnitudes of the first complex64 numbers, which are overwritten, into `squares`."""
    parts = spectrum[:, : squares.shape[1]].view(np.float32)
    parts *= parts
    return np.add(parts[:, 0::2], parts[:, 1::2], out=squares)
