"""Pitch: the melody's f0, where it rests, and cents above the tonic.

    blocks of audio --f0--> PitchTrack --cents_above(tonic)--> where each svara lies

Conventions: a frame every `FRAME_S` s; unvoiced is 0 in Hz and NaN in cents.
f0 is by swift-f0 (a 14,386-parameter network, 46.9-2093.8 Hz).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np

from core.errors import AudioError

SR = 16_000  # Hz; what swift-f0 hears
FRAME_S = 256 / SR
VOICED = 0.5  # swift-f0's confidence is calibrated to this

RESTING_FRAMES = 5  # 80 ms: a shorter rest is part of a gamaka
RESTING_CENTS = 40.0  # a rest wanders no further than this


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

    @property
    def resting(self) -> np.ndarray:
        """Which frames belong to a steady pitch, [shape=(n_frames,), bool]."""
        cents = self.cents(1.0)
        if len(cents) < RESTING_FRAMES:
            return np.zeros(len(cents), dtype=bool)
        windows = np.lib.stride_tricks.sliding_window_view(cents, RESTING_FRAMES)
        steady = windows.max(axis=1) - windows.min(axis=1) <= RESTING_CENTS  # NaN compares false
        resting = np.zeros(len(cents), dtype=bool)
        for shift in range(RESTING_FRAMES):
            resting[shift : shift + len(steady)] |= steady
        return resting

    def cents(self, tonic_hz: float) -> np.ndarray:
        """Cents above the tonic, [shape=(n_frames,)]; NaN where unvoiced."""
        return cents_above(self.hz, tonic_hz)

    def between(self, start_s: float, end_s: float) -> "PitchTrack":
        """The frames of one segment, their times unchanged."""
        inside = (self.times_s >= start_s) & (self.times_s < end_s)
        return PitchTrack(self.times_s[inside], self.hz[inside], self.confidence[inside])


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


@cache
def _detector():
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)
