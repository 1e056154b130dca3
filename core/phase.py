"""Phase for a magnitude spectrogram: what a picture does not say and sound needs.

A spectrogram here is (n_frames, n_bins); frame i is centred on sample `i * hop_length`. The first
guess integrates the phase's gradient, which the magnitudes give away, from the loudest bins
downwards (phase-gradient heap integration: Prusa, Balazs & Sondergaard 2017); the fast Griffin-Lim
algorithm (Perraudin, Balazs & Sondergaard 2013, alg. 2) then makes it consistent.

Long spectrograms are done block by block. A block starts from the finished frames before it, which
it may not change, and looks a few frames ahead, so nothing marks where two blocks meet.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MOMENTUM = np.float32(0.99)  # Perraudin et al. 2013, section 4: faster and still converging
BLOCK_FRAMES = 256  # 5 s at 20 ms: about 15 MB, so that the processor's cache holds what it can
FAINT = 1e-3  # of the full window weight: less is the far edge of the first and the last window


@dataclass(frozen=True)
class Stft:
    """A short-time Fourier transform with a Hann window in the middle of `n_fft` samples."""

    win_length: int
    hop_length: int
    n_fft: int

    @property
    def n_overlap(self) -> int:
        """Hops that a frame is long: how many frames begin while it lasts."""
        return -(-self.win_length // self.hop_length)

    @cached_property
    def window(self) -> np.ndarray:
        """Periodic Hann, (win_length,) float32."""
        return hann(self.win_length)

    def analyse(self, y: np.ndarray, n_frames: int) -> np.ndarray:
        """Transform `y`, whose first frame starts at its first sample: (n_frames, n_bins)."""
        from scipy.fft import rfft  # 0.3 s to load

        windowed = np.zeros((n_frames, self.n_fft), np.float32)
        frames = np.lib.stride_tricks.sliding_window_view(y, self.win_length)
        start = self._start
        np.multiply(
            frames[:: self.hop_length][:n_frames],
            self.window,
            out=windowed[:, start : start + self.win_length],
        )
        return rfft(windowed, axis=1)

    def frames(self, coefficients: np.ndarray) -> np.ndarray:
        """Windowed samples of each frame, (n_frames, win_length)."""
        from scipy.fft import irfft

        start = self._start
        samples = irfft(coefficients, self.n_fft, axis=1)
        return samples[:, start : start + self.win_length] * self.window

    def overlap_add(self, frames: np.ndarray) -> np.ndarray:
        """Sum frames where they overlap: ((n_frames - 1) * hop_length + padded length,)."""
        n_frames, hop, n_hops = len(frames), self.hop_length, self.n_overlap
        y = np.zeros((n_frames + n_hops - 1) * hop, np.float32)
        for i in range(n_hops):
            part = frames[:, i * hop : (i + 1) * hop]
            y[i * hop : (i + n_frames) * hop].reshape(n_frames, hop)[:, : part.shape[1]] += part
        return y

    def weight(self, n_frames: int) -> np.ndarray:
        """What overlapping windows multiply a signal by; divide by it to undo them."""
        squares = np.broadcast_to(self.window**2, (n_frames, self.win_length))
        return self.overlap_add(squares)

    @property
    def _start(self) -> int:
        return (self.n_fft - self.win_length) // 2


@dataclass(frozen=True)
class Reconstruction:
    """How hard to look for the phase, and from which seed."""

    n_iterations: int = 8  # after a phase-gradient start more is hardly heard: under 1 dB
    seed: int = 0
    gradient_start: bool = True  # False starts from random phase, to see what the gradient gives


THOROUGH = Reconstruction()


def hann(win_length: int) -> np.ndarray:
    """Periodic Hann window, (win_length,) float32."""
    angle = 2 * np.pi * np.arange(win_length) / win_length
    return (0.5 - 0.5 * np.cos(angle)).astype(np.float32)


def signal_blocks(
    magnitude: Callable[[int, int], np.ndarray],
    n_frames: int,
    stft: Stft,
    effort: Reconstruction,
) -> Iterator[np.ndarray]:
    """Yield the signal of a spectrogram that `magnitude(start, stop)` gives on demand.

    Together the blocks hold `(n_frames - 1) * hop_length + win_length` samples or a little more:
    sample `win_length // 2` is the centre of frame 0.
    """
    n_context = 2 + stft.n_overlap  # a little more than one frame touches
    known = np.empty((0, stft.n_fft // 2 + 1), np.complex64)
    tail = np.zeros(0, np.float32)
    for start in range(0, n_frames, BLOCK_FRAMES):
        stop = min(start + BLOCK_FRAMES, n_frames)
        ahead = min(stop + n_context, n_frames)
        coefficients = estimate(magnitude(start - len(known), ahead), stft, effort, known)
        coefficients = coefficients[len(known) :][: stop - start]
        known = coefficients[-n_context:]
        y = stft.overlap_add(stft.frames(coefficients))
        y[: len(tail)] += tail
        whole = len(y) if stop == n_frames else (stop - start) * stft.hop_length
        tail = y[whole:]
        yield y[:whole] / _weight(stft, start, stop)[:whole]


def estimate(
    magnitude: np.ndarray, stft: Stft, effort: Reconstruction, known: np.ndarray
) -> np.ndarray:
    """Give `magnitude` (n_frames, n_bins) a phase; the first frames are `known` already."""
    from core.phase_kernels import advance  # numba takes a second to load

    target = np.ascontiguousarray(magnitude, np.float32)
    n_frames = len(target)
    target[: len(known)] = np.abs(known)
    signs = np.where(np.arange(target.shape[1]) % 2, -1, 1).astype(np.float32)
    phase = first_phase(target, stft, effort, np.angle(known * signs))
    # Frames are transformed from their start; the signs move the origin of phase to their middle.
    coefficients = (target * np.exp(1j * phase) * signs).astype(np.complex64)
    weight = stft.weight(n_frames)
    weight = np.maximum(weight, FAINT * weight.max())
    previous = None
    for _ in range(effort.n_iterations):
        y = stft.overlap_add(stft.frames(coefficients)) / weight
        consistent = stft.analyse(y, n_frames)
        if previous is None:
            previous = consistent.copy()
        advance(
            consistent.ravel(), previous.ravel(), target.ravel(), MOMENTUM, coefficients.ravel()
        )
        coefficients[: len(known)] = known
    return coefficients


def first_phase(
    magnitude: np.ndarray, stft: Stft, effort: Reconstruction, known_phase: np.ndarray
) -> np.ndarray:
    """Integrate the phase's gradient from the loudest bins down; soft bins get random phase."""
    from core.phase_kernels import integrate

    rng = np.random.default_rng(effort.seed)
    phase = rng.uniform(0, 2 * np.pi, magnitude.shape).astype(np.float32)
    phase[: len(known_phase)] = known_phase
    if not effort.gradient_start:
        return phase
    log_magnitude = np.log(np.maximum(magnitude, 1e-12, dtype=np.float32))
    integrate(
        log_magnitude, phase, len(known_phase), (stft.win_length, stft.hop_length, stft.n_fft)
    )
    return phase


def compile_ahead() -> None:
    """Compile the inner loops and keep them on disk, so that no user waits for it: at set-up."""
    stft = Stft(win_length=64, hop_length=16, n_fft=64)
    nothing_known = np.empty((0, 33), np.complex64)
    estimate(np.ones((4, 33), np.float32), stft, Reconstruction(n_iterations=1), nothing_known)


def _weight(stft: Stft, start: int, stop: int) -> np.ndarray:
    """The whole signal's window weight over the samples that this block begins."""
    before = min(start, stft.n_overlap)
    weight = stft.weight(before + stop - start)[before * stft.hop_length :]
    return np.maximum(weight, FAINT * weight.max())
