"""What is heard every 16 ms: spectrum, what of it is struck and what is held, onsets, melody.

    y (16 kHz, mono) --hear--> Frames     one block, with a second of its neighbours on either side

Every measure is relative (a share, a ratio, a rise in decibels), so that the level of a recording
does not matter. Percussive and harmonic parts are told apart by medians along frequency and along
time (Fitzgerald 2010). Onsets are rises of the log spectrum against its local maximum a moment
before (Boeck & Widmer 2013), which a gamaka does not set off.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import scipy.fft
from scipy.ndimage import maximum_filter1d, median_filter, uniform_filter1d

SR = 16_000
HOP = 256
FRAMES_PER_S = SR / HOP  # 62.5
N_FFT = 1024
N_MELS = 40
N_CEPSTRA = 13
N_HARMONICS = 12

_BIN_HZ = SR / N_FFT
_HELD = 17  # frames (0.27 s) and bins (265 Hz) of the two medians
_TOP_BIN = 320  # 5 kHz: above it hardly anything is held
_RANGE_DB = 50.0  # what lies deeper under the loudest of the last second is not heard
_EDGES_HZ = (0.0, 110.0, 500.0, 1500.0, 8000.0)  # left head, right head, melody, consonants


@dataclass(frozen=True)
class Frames:
    """Streams of one stretch of sound; each array has one row a frame.

    power : mean square; shares : energy below 110 Hz, to 500, to 1500, above (n, 4)
    struck : percussive energy as share of each of those bands and of all (n, 5)
    rise : onset strength of each of those bands, dB (n, 4); onset : of all, dB
    centroid, spread : Hz; flatness, entropy : 0..1; high : share above 4 kHz
    hz, confidence : the melody by swift-f0, 0 Hz where unvoiced
    tone : share of energy on the melody's harmonics; tilt : dB an octave along them;
    body : share of their energy in 300-900, 900-1800, 1800-3500 Hz, and above (n, 4)
    cepstra : of the held part (n, 13)
    """

    power: np.ndarray
    shares: np.ndarray
    struck: np.ndarray
    rise: np.ndarray
    onset: np.ndarray
    centroid: np.ndarray
    spread: np.ndarray
    flatness: np.ndarray
    entropy: np.ndarray
    high: np.ndarray
    hz: np.ndarray
    confidence: np.ndarray
    tone: np.ndarray
    tilt: np.ndarray
    body: np.ndarray
    cepstra: np.ndarray

    def __len__(self) -> int:
        return len(self.power)

    def __getitem__(self, part: slice) -> "Frames":
        return Frames(*(getattr(self, each.name)[part] for each in fields(self)))


def hear(y: np.ndarray) -> Frames:
    """Measure every frame of a stretch of sound.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,), float32, -1..1]
        At 16 kHz; frame i is centred on sample 256 * i.
    """
    from core.pitch import f0

    magnitude = spectra(y)
    track = f0(y, SR)
    n = min(len(magnitude), len(track.hz))
    magnitude, hz = magnitude[:n], track.hz[:n].astype(np.float32)
    held, struck = separated(magnitude)
    energy = np.square(magnitude)
    rise, onset = rises(magnitude)
    total = energy.sum(axis=1) + 1e-12
    tone, tilt, body = harmonics(magnitude, hz, total)
    return Frames(
        power=total / N_FFT**2,
        shares=_banded(energy) / total[:, None],
        struck=_shares_struck(held, struck, energy),
        rise=rise,
        onset=onset,
        **_shape(energy, total),
        hz=hz,
        confidence=track.confidence[:n].astype(np.float32),
        tone=tone,
        tilt=tilt,
        body=body,
        cepstra=cepstra(held, magnitude),
    )


def spectra(y: np.ndarray) -> np.ndarray:
    """Magnitudes of Hann-windowed frames, (n_frames, N_FFT // 2 + 1) float32."""
    n = -(-len(y) // HOP)
    padded = np.pad(y.astype(np.float32), (N_FFT // 2, N_FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[: n * HOP : HOP]
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    return np.abs(scipy.fft.rfft(frames * window, axis=1))


def separated(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The held and the struck part up to 5 kHz, (n_frames, 320) each (Fitzgerald 2010)."""
    low = np.ascontiguousarray(magnitude[:, :_TOP_BIN])
    held = _median_along(np.ascontiguousarray(low.T)).T
    struck = _median_along(low)
    return held, struck


def _median_along(rows: np.ndarray) -> np.ndarray:
    """The running median along the last axis; rows are joined by what they end with."""
    pad = _HELD // 2
    joined = np.pad(rows, ((0, 0), (pad, pad)), mode="edge")
    return median_filter(joined.ravel(), _HELD).reshape(joined.shape)[:, pad:-pad]


def _shares_struck(held: np.ndarray, struck: np.ndarray, energy: np.ndarray) -> np.ndarray:
    """By Wiener masks: energy that is struck, as a share, in each band and in all."""
    struck, held = np.square(struck), np.square(held)
    masked = energy[:, :_TOP_BIN] * (struck / (struck + held + 1e-12))
    part = _banded(masked)
    whole = _banded(energy[:, :_TOP_BIN]) + 1e-12
    all_bands = masked.sum(axis=1) / (energy[:, :_TOP_BIN].sum(axis=1) + 1e-12)
    return np.column_stack([part / whole, all_bands]).astype(np.float32)


def _banded(energy: np.ndarray) -> np.ndarray:
    edges = [min(round(hz / _BIN_HZ), energy.shape[1] - 1) for hz in _EDGES_HZ[:-1]]
    return np.add.reduceat(energy, edges, axis=1)


def rises(magnitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much louder each band has become within 32 ms: (n, 4) and, over all, (n,), in dB."""
    bands = 10 * np.log10(np.square(magnitude) @ _mels().T + 1e-12)
    loudest = maximum_filter1d(bands.max(axis=1), round(FRAMES_PER_S))
    bands = np.maximum(bands, loudest[:, None] - _RANGE_DB)
    before = maximum_filter1d(bands, 3, axis=1)
    rise = np.zeros_like(bands)
    rise[2:] = np.maximum(0, bands[2:] - before[:-2])
    low = _lows(magnitude, loudest)
    centres = _mel_centres()
    middle = rise[:, (centres > 500) & (centres <= 1500)].mean(axis=1)
    high = rise[:, centres > 1500].mean(axis=1)
    four = np.column_stack([low, middle, high])
    return four.astype(np.float32), rise.mean(axis=1).astype(np.float32)


def _lows(magnitude: np.ndarray, loudest: np.ndarray) -> np.ndarray:
    """The rises of the mridangam's two heads, from plain bins: mels are too coarse there."""
    energy = _banded(np.square(magnitude))[:, :2]
    level = np.maximum(10 * np.log10(energy + 1e-12), loudest[:, None] - _RANGE_DB)
    rise = np.zeros_like(level)
    rise[2:] = np.maximum(0, level[2:] - level[:-2])
    return rise


def _shape(energy: np.ndarray, total: np.ndarray) -> dict[str, np.ndarray]:
    hz = np.arange(energy.shape[1], dtype=np.float32) * _BIN_HZ
    centroid = energy @ hz / total
    spread = np.sqrt(np.maximum(energy @ np.square(hz) / total - centroid**2, 0))
    mels = energy @ _mels().T + 1e-12
    share = mels / mels.sum(axis=1, keepdims=True)
    flatness = np.exp(np.log(mels).mean(axis=1)) / mels.mean(axis=1)
    entropy = -(share * np.log(share)).sum(axis=1) / np.log(N_MELS)
    high = energy[:, round(4000 / _BIN_HZ) :].sum(axis=1) / total
    found = {
        "centroid": centroid, "spread": spread, "flatness": flatness,
        "entropy": entropy, "high": high,
    }  # fmt: skip
    return {name: values.astype(np.float32) for name, values in found.items()}


def harmonics(
    magnitude: np.ndarray, hz: np.ndarray, total: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energy on the melody's harmonics: share of all, tilt in dB an octave, shares of 4 bands.

    All are 0 where there is no melody.
    """
    k = np.arange(1, N_HARMONICS + 1)
    at = hz[:, None] * k / _BIN_HZ
    inside = (at < magnitude.shape[1] - 2) & (hz[:, None] > 0)
    place = np.where(inside, np.round(at), 1).astype(np.int32)
    rows = np.arange(len(hz))[:, None]
    peaks = np.maximum(magnitude[rows, place], magnitude[rows, place + 1])
    peaks = np.maximum(peaks, magnitude[rows, place - 1]) * inside
    energy = np.square(peaks)
    sounding = energy.sum(axis=1) + 1e-12
    octaves = np.log2(k) - np.log2(k).mean()
    level = 10 * np.log10(energy / sounding[:, None] + 1e-5)
    tilt = (level * octaves).sum(axis=1) / np.square(octaves).sum() * (hz > 0)
    edges = np.array([300, 900, 1800, 3500, SR])
    band = np.searchsorted(edges, hz[:, None] * k) - 1
    body = np.stack([(energy * (band == i)).sum(axis=1) / sounding for i in range(4)], axis=1)
    tone = np.minimum(1, 2 * sounding / total) * (hz > 0)  # a Hann peak holds half in its top bin
    return tone.astype(np.float32), tilt.astype(np.float32), body.astype(np.float32)


def cepstra(held: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Mel cepstra 1..13 of the held part below 5 kHz and of everything above it."""
    energy = np.square(magnitude)
    energy[:, :_TOP_BIN] = np.square(held)
    level = 10 * np.log10(energy @ _mels().T + 1e-12)
    level = np.maximum(level, level.max(axis=1, keepdims=True) - _RANGE_DB)
    return scipy.fft.dct(level, norm="ortho", axis=1)[:, 1 : N_CEPSTRA + 1].astype(np.float32)


@cache
def _mel_centres() -> np.ndarray:
    top = 2595 * np.log10(1 + 0.5 * SR / 700)
    return 700 * (10 ** (np.linspace(0, top, N_MELS + 2) / 2595) - 1)[1:-1]


@cache
def _mels() -> np.ndarray:
    """Triangular bands of equal height, (N_MELS, N_FFT // 2 + 1) float32."""
    centres = np.concatenate([[0.0], _mel_centres(), [SR / 2]])
    hz = np.arange(N_FFT // 2 + 1) * _BIN_HZ
    up = (hz - centres[:-2, None]) / np.diff(centres)[:-1, None]
    down = (centres[2:, None] - hz) / np.diff(centres)[1:, None]
    return np.maximum(0, np.minimum(up, down)).astype(np.float32)


def smoothed(values: np.ndarray, seconds: float) -> np.ndarray:
    """The running mean over so many seconds of frames."""
    return uniform_filter1d(values, max(1, round(seconds * FRAMES_PER_S)), axis=0, mode="nearest")
