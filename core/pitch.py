"""Pitch: the melody's f0, the tonic it is heard against, and cents between the two.

    blocks of audio --f0--> PitchTrack --cents_above(tonic)--> where each svara lies

Conventions: a frame every `FRAME_S` s; unvoiced is 0 in Hz and NaN in cents.
f0 is by swift-f0 (a 14,386-parameter network, 46.9-2093.8 Hz). The tonic is read off a multi-pitch
histogram, as the drone's Sa and Pa sound through everything (Salamon, Gulati & Serra 2012).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from core.errors import AudioError

SR = 16_000  # Hz; what swift-f0 hears
FRAME_S = 256 / SR
VOICED = 0.5  # swift-f0's confidence is calibrated to this

# The multi-pitch salience of Salamon & Gomez (2012), as the tonic papers use it.
BIN_CENTS = 10
SALIENCE_LOW_HZ = 55.0
N_BINS = 600  # five octaves
N_HARMONICS = 12
HARMONIC_DECAY = 0.8
PEAKS_PER_FRAME = 5
TONIC_RANGE_HZ = (100.0, 280.0)  # Saraga: 113-266 Hz

# What a Sa sees of the histogram around itself: its own drone string, the lower octave's, Pa or Ma.
TONIC_TEMPLATE = {0: 1.0, -1200: 0.5, -500: 0.5, 700: 0.3, 1200: 0.5, 200: 0.1, 900: 0.1}


@dataclass(frozen=True)
class PitchTrack:
    """The melody's pitch, frame by frame.

    Attributes
    ----------
    times_s : np.ndarray [shape=(n_frames,)]
    hz : np.ndarray [shape=(n_frames,)]
        0 where unvoiced.
    confidence : np.ndarray [shape=(n_frames,), 0..1]
    """

    times_s: np.ndarray
    hz: np.ndarray
    confidence: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """Which frames have a pitch, [shape=(n_frames,), bool]."""
        return self.hz > 0

    def cents(self, tonic_hz: float) -> np.ndarray:
        """Cents above the tonic, [shape=(n_frames,)]; NaN where unvoiced."""
        return cents_above(self.hz, tonic_hz)

    def between(self, start_s: float, end_s: float) -> "PitchTrack":
        """The frames of one segment, their times unchanged."""
        inside = (self.times_s >= start_s) & (self.times_s < end_s)
        return PitchTrack(self.times_s[inside], self.hz[inside], self.confidence[inside])


@dataclass(frozen=True)
class Tonic:
    """A Sa in Hz, and how sure it is (0..1: its margin over the best rival)."""

    hz: float
    confidence: float


def cents_above(hz: np.ndarray, tonic_hz: float) -> np.ndarray:
    """Interval above the tonic in cents; NaN where `hz` is 0.

    >>> cents_above(np.array([220.0, 330.0, 0.0]), 220.0).round()
    array([  0., 702.,  nan])
    """
    hz = np.asarray(hz, dtype=float)
    voiced = hz > 0
    return np.where(voiced, 1200 * np.log2(np.where(voiced, hz, 1.0) / tonic_hz), np.nan)


def f0(y: np.ndarray, sr: int) -> PitchTrack:
    """Track the leading melody.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,), float, -1..1]
    sr : int
        Hz.

    Raises
    ------
    AudioError
        If `y` is empty or not finite.
    """
    return f0_of_blocks([y], sr)


def f0_of_blocks(blocks: Iterable[np.ndarray], sr: int) -> PitchTrack:
    """Track the leading melody of streamed audio, in memory that does not grow with its samples."""
    stream = _detector().stream()
    parts = []
    for block in blocks:
        if not np.isfinite(block).all():
            raise AudioError(
                "The sound holds NaN or infinite samples. Export it again, as 16 bits."
            )
        if len(block):
            parts.append(stream.push(block, sr))
    if not parts:
        raise AudioError("There is no sound to track. Choose a longer segment.")
    parts.append(stream.flush())
    confidence = np.concatenate([part.confidence for part in parts])
    hz = np.concatenate([part.pitch_hz for part in parts])
    times_s = np.arange(len(hz)) * FRAME_S
    return PitchTrack(times_s, np.where(confidence >= VOICED, hz, 0.0), confidence)


def tonic(y: np.ndarray, sr: int) -> Tonic:
    """Estimate the Sa, octave included, from the drone under the music.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,), float, -1..1]
        Half a minute or more; a concert's first minutes are best, the drone is alone there.
    """
    return tonic_of_histogram(pitch_histogram(y, sr))


def pitch_histogram(y: np.ndarray, sr: int) -> np.ndarray:
    """Count the salient pitches of every frame.

    Returns
    -------
    histogram : np.ndarray [shape=(N_BINS,)]
        Share of frames in which a bin (`BIN_CENTS` apart, from `SALIENCE_LOW_HZ`) is among the
        `PEAKS_PER_FRAME` most salient.
    """
    import soxr
    from scipy.ndimage import gaussian_filter1d

    y = soxr.resample(np.asarray(y, dtype=np.float32), sr, SR)
    histogram = np.zeros(N_BINS)
    n_frames = 0
    for salience in _saliences(y):
        peaks = (
            np.flatnonzero((salience[1:-1] > salience[:-2]) & (salience[1:-1] >= salience[2:])) + 1
        )
        best = peaks[np.argsort(salience[peaks])[-PEAKS_PER_FRAME:]]
        histogram[best] += salience[best] > 0
        n_frames += 1
    return gaussian_filter1d(histogram / max(n_frames, 1), 15 / BIN_CENTS)


def tonic_of_histogram(histogram: np.ndarray) -> Tonic:
    """The candidate whose surroundings look most like those of a Sa."""
    scores = sum(weight * _shifted(histogram, cents) for cents, weight in TONIC_TEMPLATE.items())
    low, high = (_bin(hz) for hz in TONIC_RANGE_HZ)
    candidates = scores[low : high + 1]
    if not candidates.max() > 0:
        raise AudioError("No drone or melody was found. Give the tonic by hand.")
    best = int(candidates.argmax())
    away = np.abs(np.arange(len(candidates)) - best) * BIN_CENTS > 60
    rival = candidates[away].max() if away.any() else 0.0
    confidence = float(np.clip(1 - rival / candidates[best], 0, 1))
    hz = SALIENCE_LOW_HZ * 2 ** ((low + best + _vertex(candidates, best)) * BIN_CENTS / 1200)
    return Tonic(float(hz), confidence)


def _saliences(y: np.ndarray, n_fft: int = 4096, hop_length: int = 2048) -> Iterable[np.ndarray]:
    from scipy.fft import rfft

    window = np.hanning(n_fft).astype(np.float32)
    harmonics = np.arange(1, N_HARMONICS + 1)
    weights = HARMONIC_DECAY ** (harmonics - 1)
    for start in range(0, max(len(y) - n_fft, 0) + 1, hop_length):
        frame = y[start : start + n_fft]
        if len(frame) < n_fft:
            frame = np.pad(frame, (0, n_fft - len(frame)))
        magnitude = np.abs(rfft(frame * window, 2 * n_fft))
        peaks = (
            np.flatnonzero((magnitude[1:-1] > magnitude[:-2]) & (magnitude[1:-1] >= magnitude[2:]))
            + 1
        )
        peaks = peaks[magnitude[peaks] > max(magnitude.max() * 0.01, 1e-4)]  # within 40 dB
        log = np.log(magnitude[np.stack([peaks - 1, peaks, peaks + 1])] + 1e-9)
        offset = 0.5 * (log[0] - log[2]) / (log[0] - 2 * log[1] + log[2] - 1e-12)
        hz = (peaks + offset) * SR / (2 * n_fft)
        bins = 1200 * np.log2(np.maximum(hz, 1)[:, None] / harmonics / SALIENCE_LOW_HZ) / BIN_CENTS
        inside = (bins >= 0) & (bins < N_BINS - 1)
        strength = (magnitude[peaks, None] * weights)[inside]
        yield np.bincount(np.round(bins[inside]).astype(int), strength, N_BINS)


def _shifted(histogram: np.ndarray, cents: int) -> np.ndarray:
    """The histogram as seen `cents` higher; outside is empty."""
    by = cents // BIN_CENTS
    seen = np.zeros_like(histogram)
    if by >= 0:
        seen[: N_BINS - by] = histogram[by:]
    else:
        seen[-by:] = histogram[:by]
    return seen


def _bin(hz: float) -> int:
    return round(1200 * np.log2(hz / SALIENCE_LOW_HZ) / BIN_CENTS)


def _vertex(values: np.ndarray, at: int) -> float:
    """Where between the bins the parabola through a peak has its top."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, top, right = values[at - 1 : at + 2]
    curve = left - 2 * top + right
    return float(0.5 * (left - right) / curve) if curve else 0.0


@cache
def _detector():
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)
