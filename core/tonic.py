"""The tonic: which of the pitches that sound throughout is Sa, and in which octave.

    blocks of audio --listen--> PitchTrack + Evidence --tonics--> candidates, best first

A drone's strings sound Sa, Pa (or Ma) and the Sa below through everything, and a melody rests on Sa
and moves within two octaves about it. So every pitch that is often heard is a candidate, in each
octave a performer may choose; what a candidate sees around itself is weighed by a softmax
regression (after Salamon, Gulati & Serra 2012, who used a decision tree on peak distances).
The weights in assets/tonic.json are learned by `python benchmarks/tonic.py --fit`, half of them
from melodies without any drone.

Histograms have `N_BINS` bins, `BIN_CENTS` apart from `LOWEST_HZ`.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from core.errors import AudioError
from core.pitch import SR, PitchTrack, f0_of_blocks
from core.workspace import ASSETS

WEIGHTS = ASSETS / "tonic.json"
TONIC_RANGE_HZ = (100.0, 280.0)  # Saraga: 113-266 Hz
BIN_CENTS = 10
LOWEST_HZ = 27.5
N_BINS = 840  # seven octaves
OCTAVE = 1200 // BIN_CENTS

N_FFT = 4096
HOP_LENGTH = 2048
N_PARTIALS = 48  # the strongest of a frame
PARTIALS_HZ = (40.0, 4500.0)
PARTIAL_FLOOR = 0.003  # of the frame's strongest: a drone is 50 dB below a singer at times

# The multi-pitch salience of Salamon & Gomez (2012), as the tonic papers use it.
SALIENCE_HZ = (55.0, 1760.0)
SALIENCE_FLOOR = 0.01
N_HARMONICS = 12
HARMONIC_DECAY = 0.8
SALIENCES_PER_FRAME = 5

N_PITCH_CLASSES = 14  # candidates, each in every octave of the range
POOL_BINS = 3  # a neighbour counts where it lies within 30 cents

# What a candidate sees, in cents from itself: three histograms note by note, the melody's compass.
SEEN = {
    "partials": np.arange(-2400, 2401, 100),
    "saliences": np.arange(-1700, 1901, 100),
    "rests": np.arange(-1200, 2401, 100),
}
COMPASS = np.arange(-2100, 3601, 300)
USUAL_HZ = 165.0


@dataclass(frozen=True)
class Tonic:
    """A Sa in Hz, and the probability (0..1) that it is the right one, octave included."""

    hz: float
    confidence: float


@dataclass(frozen=True)
class Evidence:
    """What a piece of music says about its tonic: four histograms, each [shape=(N_BINS,)].

    Attributes
    ----------
    partials : share of frames with a partial there
    saliences : share of frames in which a pitch there is among the most salient
    rests : share of the melody's resting time
    melody : share of the melody's time
    """

    partials: np.ndarray
    saliences: np.ndarray
    rests: np.ndarray
    melody: np.ndarray

    @classmethod
    def of(cls, partials: np.ndarray, track: PitchTrack) -> "Evidence":
        """Count them.

        Parameters
        ----------
        partials : np.ndarray [shape=(n_frames, N_PARTIALS, 2)]
            Hz and magnitude, 0 where there are fewer.
        """
        hz, magnitude = partials[..., 0], partials[..., 1]
        loudest = magnitude.max(axis=1, keepdims=True, initial=0)
        heard = (hz > 30) & (magnitude > np.maximum(loudest * PARTIAL_FLOOR, 1e-4))
        n_frames = max(len(partials), 1)
        return cls(
            partials=_histogram(hz[heard], n_frames),
            saliences=_smooth(_salience_counts(partials) / n_frames),
            rests=_histogram(track.hz[track.resting], max(track.resting.sum(), 1)),
            melody=_histogram(track.hz[track.voiced], max(track.voiced.sum(), 1)),
        )


def tonic(y: np.ndarray, sr: int) -> Tonic:
    """Estimate the Sa, octave included.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,), float, -1..1]
        Half a minute or more; a concert's first minutes are best, the drone is alone there.

    Raises
    ------
    AudioError
        If nothing in it has a pitch.
    """
    return tonics(listen([y], sr)[1])[0]


def listen(blocks: Iterable[np.ndarray], sr: int) -> tuple[PitchTrack, Evidence]:
    """Hear melody and drone in one pass over streamed audio."""
    partials: list[np.ndarray] = []
    track = f0_of_blocks(_overheard(_resampled(blocks, sr), partials), SR)
    return track, Evidence.of(np.concatenate(partials), track)


def tonics(evidence: Evidence) -> list[Tonic]:
    """Every candidate, the most probable first; their confidences add up to 1."""
    bins = candidates(evidence)
    if not len(bins):
        raise AudioError("No drone or melody was found. Give the tonic by hand.")
    scores = sight(evidence, bins) @ _weights()
    odds = np.exp(scores - scores.max())
    chances = odds / odds.sum()
    around = evidence.saliences + evidence.rests
    best_first = np.argsort(-chances)
    hz = [LOWEST_HZ * 2 ** ((b + _vertex(around, b)) / OCTAVE) for b in bins[best_first]]
    return [Tonic(float(f), float(c)) for f, c in zip(hz, chances[best_first], strict=True)]


def candidates(evidence: Evidence) -> np.ndarray:
    """Bins of the pitches that could be Sa, [shape=(n_candidates,)]."""
    once = sum(
        weight * np.sqrt(histogram).reshape(-1, OCTAVE).sum(axis=0)
        for histogram, weight in (
            (evidence.partials, 0.3),
            (evidence.saliences, 1.0),
            (evidence.rests, 1.0),
        )
    )
    once = _smooth(once, mode="wrap")
    peaks = np.flatnonzero((once > np.roll(once, 1)) & (once >= np.roll(once, -1)) & (once > 1e-6))
    peaks = peaks[np.argsort(-once[peaks])][:N_PITCH_CLASSES]
    bins = (peaks[:, None] + np.arange(0, N_BINS, OCTAVE)).ravel()
    low, high = bin_of(np.array(TONIC_RANGE_HZ))
    return bins[(bins >= low) & (bins <= high)]


def sight(evidence: Evidence, bins: np.ndarray) -> np.ndarray:
    """What each candidate sees around itself, [shape=(n_candidates, n_features)]."""
    register = (bins - bin_of(np.array(USUAL_HZ)))[:, None] / OCTAVE
    return np.concatenate(
        [
            *(np.sqrt(_pooled(getattr(evidence, name), bins, at)) for name, at in SEEN.items()),
            _compass(evidence.melody, bins),
            register,
            register**2,
        ],
        axis=1,
    )


def bin_of(hz: np.ndarray) -> np.ndarray:
    """Where a frequency falls, in bins, not rounded."""
    return OCTAVE * np.log2(hz / LOWEST_HZ)


def partials_of(frames: np.ndarray) -> np.ndarray:
    """The strongest spectral peaks.

    Parameters
    ----------
    frames : np.ndarray [shape=(n_frames, N_FFT)]
        At `SR`.

    Returns
    -------
    partials : np.ndarray [shape=(n_frames, N_PARTIALS, 2), float32]
        Hz (between the FFT's bins by a parabola through the logarithms) and magnitude.
    """
    from scipy.fft import rfft

    n_fft = 2 * N_FFT  # zeros after each frame: finer bins
    magnitude = np.abs(rfft(frames * np.hanning(N_FFT).astype(np.float32), n_fft))
    hz_per_bin = SR / n_fft
    low, high = (int(hz / hz_per_bin) for hz in PARTIALS_HZ)
    near = magnitude[:, low : high + 1]
    is_peak = (near > magnitude[:, low - 1 : high]) & (near >= magnitude[:, low + 1 : high + 2])
    strength = np.where(is_peak, near, 0)
    chosen = np.argpartition(strength, -N_PARTIALS, axis=1)[:, -N_PARTIALS:]
    strength = np.take_along_axis(strength, chosen, axis=1)
    at = chosen + low
    left, top, right = (
        np.log(np.take_along_axis(magnitude, at + step, axis=1) + 1e-9) for step in (-1, 0, 1)
    )
    offset = 0.5 * (left - right) / (left - 2 * top + right - 1e-12)
    hz = np.where(strength > 0, (at + offset) * hz_per_bin, 0)
    return np.stack([hz, strength], axis=-1).astype(np.float32)


def _resampled(blocks: Iterable[np.ndarray], sr: int) -> Iterator[np.ndarray]:
    if sr == SR:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(sr, SR, 1, dtype="float32")
    for block in blocks:
        yield stream.resample_chunk(np.asarray(block, dtype=np.float32))
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _overheard(
    blocks: Iterable[np.ndarray], partials: list[np.ndarray], n_together: int = 64
) -> Iterator[np.ndarray]:
    """Pass the blocks on, and keep the partials of every frame that they complete."""
    rest = np.zeros(0, np.float32)
    for block in blocks:
        yield block
        rest = np.concatenate([rest, np.asarray(block, dtype=np.float32)])
        while len(rest) >= N_FFT:
            frames = np.lib.stride_tricks.sliding_window_view(rest, N_FFT)[::HOP_LENGTH]
            frames = frames[:n_together]
            partials.append(partials_of(frames))
            rest = rest[len(frames) * HOP_LENGTH :]
    if not partials:
        partials.append(partials_of(np.pad(rest, (0, N_FFT - len(rest)))[None]))


def _salience_counts(partials: np.ndarray, n_together: int = 256) -> np.ndarray:
    """In how many frames each bin is among the most salient pitches, [shape=(N_BINS,)]."""
    counts = np.zeros(N_BINS)
    for start in range(0, len(partials), n_together):
        salience = _salience(partials[start : start + n_together])
        inner = salience[:, 1:-1]
        is_peak = (inner > salience[:, :-2]) & (inner >= salience[:, 2:])
        strength = np.where(is_peak, inner, 0)
        best = np.argpartition(strength, -SALIENCES_PER_FRAME, axis=1)[:, -SALIENCES_PER_FRAME:]
        sounding = np.take_along_axis(strength, best, axis=1) > 0
        counts += np.bincount(best[sounding] + 1, minlength=N_BINS)
    return counts


def _salience(partials: np.ndarray) -> np.ndarray:
    """Sum each partial into every pitch it may be a harmonic of, [shape=(n_frames, N_BINS)]."""
    hz, magnitude = partials[..., 0], partials[..., 1]
    loudest = magnitude.max(axis=1, keepdims=True, initial=0)
    heard = (hz > 30) & (magnitude > np.maximum(loudest * SALIENCE_FLOOR, 1e-4))
    frame = np.nonzero(heard)[0][:, None]
    harmonics = np.arange(1, N_HARMONICS + 1)
    bins = np.round(bin_of(hz[heard][:, None] / harmonics)).astype(int)
    strength = magnitude[heard][:, None] * HARMONIC_DECAY ** (harmonics - 1)
    low, high = bin_of(np.array(SALIENCE_HZ))
    inside = (bins >= low) & (bins < high)
    place = (frame * N_BINS + bins)[inside]
    return np.bincount(place, strength[inside], len(hz) * N_BINS).reshape(len(hz), N_BINS)


def _histogram(hz: np.ndarray, total: float) -> np.ndarray:
    bins = np.clip(np.round(bin_of(hz)).astype(int), 0, N_BINS - 1)
    return _smooth(np.bincount(bins, minlength=N_BINS) / total)


def _smooth(histogram: np.ndarray, mode: str = "constant") -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(histogram, 15 / BIN_CENTS, mode=mode)


def _pooled(histogram: np.ndarray, bins: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    from scipy.ndimage import maximum_filter1d

    highest = maximum_filter1d(histogram, 2 * POOL_BINS + 1)
    at = bins[:, None] + offsets // BIN_CENTS
    return np.where((at >= 0) & (at < N_BINS), highest[np.clip(at, 0, N_BINS - 1)], 0)


def _compass(melody: np.ndarray, bins: np.ndarray) -> np.ndarray:
    below = np.concatenate([[0], np.cumsum(melody)])
    return np.diff(below[np.clip(bins[:, None] + COMPASS // BIN_CENTS, 0, N_BINS)], axis=1)


def _vertex(values: np.ndarray, at: int) -> float:
    """Where between the bins the parabola through a peak has its top."""
    if not 0 < at < len(values) - 1:
        return 0.0
    left, top, right = values[at - 1 : at + 2]
    curve = left - 2 * top + right
    return float(np.clip(0.5 * (left - right) / curve, -0.5, 0.5)) if curve < 0 else 0.0


@cache
def _weights() -> np.ndarray:
    return np.array(json.loads(WEIGHTS.read_text(encoding="utf-8"))["weights"])
