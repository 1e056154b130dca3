"""Magnitudes of windowed frames, at finer steps of frequency than the window resolves.

Such a transform pads each frame with zeros, to four times its length in Riffusion's case. Three
quarters of the work would be on zeros, so it is split by bin number modulo 4 (the first step of a
decimation in frequency): even bins are a transform of half the length; bins 4 k + 1, and as the
sound is real also 4 k + 3, are one of a quarter of the length, of frames turned by a quarter bin.
Even bins are transformed as half as many complex numbers and put right for the bins that are asked
for alone: scipy's own real transform takes longer (Press et al., Numerical Recipes, 12.3).
"""

from functools import cached_property

import numpy as np

from core.filterbank import Spectrum
from core.phase import hann


class PaddedTransform:
    """The lowest `n_bins` bins of a `Spectrum`, for up to `n_frames` frames at once."""

    def __init__(self, spectrum: Spectrum, n_bins: int, n_frames: int):
        self.n_fft, self.n_bins, self.n_frames = spectrum.n_fft, n_bins, n_frames
        self.window = hann(spectrum.win_length)
        self.is_split = spectrum.n_fft % 4 == 0 and spectrum.n_fft // 4 >= spectrum.win_length
        self.is_split &= n_bins <= spectrum.n_fft // 2
        self.found = np.empty((n_frames, n_bins), np.float32)

    def magnitudes(self, frames: np.ndarray) -> np.ndarray:
        """Window and transform (k, win_length) to (k, n_bins), which the next call overwrites."""
        found = self.found[: len(frames)]
        if not self.is_split:
            from scipy.fft import rfft  # 0.3 s to load

            spectrum = rfft(frames * self.window, self.n_fft, axis=1)
            return np.abs(spectrum[:, : self.n_bins], out=found)
        self._even(frames, found[:, ::2])
        self._odd(frames, found)
        return found

    def _even(self, frames: np.ndarray, found: np.ndarray) -> None:
        """Bins 0, 2, 4 ..., (k, n) into `found`."""
        from scipy.fft import fft

        length, n = self.n_fft // 4, found.shape[1]
        padded = self.room[: len(frames)].view(np.float32)
        np.multiply(frames, self.halved, out=padded[:, : len(self.window)])
        padded[:, len(self.window) :] = 0
        both = fft(padded.view(np.complex64), axis=1, overwrite_x=True)
        mirrored = self.mirrored[: len(frames)]
        np.conj(both[:, :1], out=mirrored[:, :1])
        np.conj(both[:, length - 1 : length - n : -1], out=mirrored[:, 1:])
        odd_samples = np.subtract(both[:, :n], mirrored, out=self.between[: len(frames)])
        odd_samples *= self.twiddle
        mirrored += both[:, :n]
        mirrored += odd_samples
        np.abs(mirrored, out=found)

    def _odd(self, frames: np.ndarray, found: np.ndarray) -> None:
        """Bins 1, 3, 5 ... into their columns of `found`."""
        from scipy.fft import fft

        turned = self.room[: len(frames)]
        np.multiply(frames, self.turn, out=turned[:, : len(self.window)])
        turned[:, len(self.window) :] = 0
        spectrum = fft(turned, axis=1, overwrite_x=True)
        first, last = found[:, 1::4], found[:, 3::4]
        np.abs(spectrum[:, : first.shape[1]], out=first)
        # Conjugates of bins below 0, which lie at the end.
        np.abs(spectrum[:, spectrum.shape[1] - last.shape[1] :], out=last[:, ::-1])

    @cached_property
    def room(self) -> np.ndarray:
        """Frames, and then what they are transformed to."""
        return np.empty((self.n_frames, self.n_fft // 4), np.complex64)

    @cached_property
    def mirrored(self) -> np.ndarray:
        """Conjugates of the bins below 0, as many as there are even bins."""
        return np.empty((self.n_frames, -(-self.n_bins // 2)), np.complex64)

    @cached_property
    def between(self) -> np.ndarray:
        """Room for as many."""
        return np.empty_like(self.mirrored)

    @cached_property
    def halved(self) -> np.ndarray:
        """Half the window: what is put right below is a sum of two."""
        return self.window / 2

    @cached_property
    def twiddle(self) -> np.ndarray:
        """By what the transform of the odd samples is turned against that of the even ones."""
        angle = -4 * np.pi * np.arange(-(-self.n_bins // 2)) / self.n_fft
        return (-1j * np.exp(1j * angle)).astype(np.complex64)

    @cached_property
    def turn(self) -> np.ndarray:
        """The window, turned by a quarter of the coarse transform's bin."""
        angle = -2 * np.pi * np.arange(len(self.window)) / self.n_fft
        return (self.window * np.exp(1j * angle)).astype(np.complex64)
