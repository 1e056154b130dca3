"""Riffusion's own way from sound to picture and back, restated with torch as what to beat.

From its published parameters (a window of 4410 in 17,640 samples every 441, 512 mel rows up to
10 kHz, magnitudes) and torchaudio's published algorithms: `MelScale`, `InverseMelScale` by least
squares, and `GriffinLim` with momentum 0.99, which is its fast variant.
"""

from functools import cached_property

import numpy as np
import torch

SR, N_FFT, HOP_LENGTH, WIN_LENGTH = 44_100, 17_640, 441, 4410
N_MELS, MAX_HZ = 512, 10_000
INT16 = 32768


class RiffusionChain:
    """Its transforms, on one thread."""

    def __init__(self):
        torch.set_num_threads(1)
        self.window = torch.hann_window(WIN_LENGTH)

    @cached_property
    def filters(self) -> torch.Tensor:
        """Mel filters as torchaudio makes them, (n_bins, n_mels)."""
        bin_hz = torch.linspace(0, SR // 2, N_FFT // 2 + 1)
        mels = torch.linspace(0, 2595 * np.log10(1 + MAX_HZ / 700), N_MELS + 2)
        corners = 700 * (10 ** (mels / 2595) - 1)
        widths = corners[1:] - corners[:-1]
        slopes = corners[None] - bin_hz[:, None]
        falling_and_rising = -slopes[:, :-2] / widths[:-1], slopes[:, 2:] / widths[1:]
        return torch.minimum(*falling_and_rising).clamp(min=0)

    def mel(self, y: np.ndarray) -> torch.Tensor:
        """Mel magnitudes in 16-bit steps, (n_mels, n_frames)."""
        spectrum = self._stft(torch.from_numpy(y) * INT16)
        return torch.matmul(spectrum.abs().T, self.filters).T

    def image(self, y: np.ndarray) -> tuple[np.ndarray, float]:
        """The picture, and its loudest point."""
        mel = self.mel(y).numpy()
        loudest = float(mel.max())
        return (255 - np.power(mel / loudest, 0.25) * 255).astype(np.uint8)[::-1], loudest

    def sound(self, image: np.ndarray, loudest: float) -> np.ndarray:
        """Least squares back to bins, then 32 rounds of fast Griffin-Lim from random phase."""
        mel = torch.from_numpy(((255 - image[::-1].astype(np.float32)) / 255) ** 4 * loudest)
        bins = torch.linalg.lstsq(self.filters.T, mel, driver="gelsd").solution.relu()
        phase = torch.rand(bins.shape, dtype=torch.cfloat, generator=torch.manual_seed(0))
        momentum = 0.99 / 1.99  # as torchaudio scales it
        previous = torch.zeros(())
        for _ in range(32):
            consistent = self._stft(self._istft(bins * phase))
            phase = consistent - momentum * previous
            phase = phase / (phase.abs() + 1e-16)
            previous = consistent
        return (self._istft(bins * phase) / INT16).numpy()

    def _stft(self, y: torch.Tensor) -> torch.Tensor:
        return torch.stft(
            y, N_FFT, HOP_LENGTH, WIN_LENGTH, self.window, center=True, return_complex=True
        )

    def _istft(self, spectrum: torch.Tensor) -> torch.Tensor:
        return torch.istft(spectrum, N_FFT, HOP_LENGTH, WIN_LENGTH, self.window)
