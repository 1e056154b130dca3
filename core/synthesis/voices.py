"""A pitch contour made audible: a periodic wave read at the sounded pitch, then coloured.

Source and filter: the wave comes from band-limited tables (one for each third of an octave, so
nothing folds back at half the sampling rate), the colour from short-time filters, ten milliseconds
each, whose logarithms are mixed between two stored rows: vowels for a voice, bow pressures for a
violin. The filters are minimum-phase (Oppenheim & Schafer, the folded cepstrum) and rows mixed in
the log domain stay so.
"""

from dataclasses import dataclass

import numpy as np
import scipy.fft

from core.synthesis.melody import RATE, Contour

FRAME_RATE = 100  # filters a second
_N_FFT = 1024
_MIXES = 24  # steps from one filter row to another; a step is a decibel or less
_TABLE = 4096
_BANDS_PER_OCTAVE = 3
_LOWEST_HZ = 55.0
_N_BANDS = 18


@dataclass(frozen=True)
class Colour:
    """What to hear at each frame: a mix of two filter rows.

    rows : np.ndarray [shape=(n_rows, _N_FFT // 2 + 1), complex64], logarithms of filters
    a, b : np.ndarray [shape=(n_frames,), int], the rows
    mix : np.ndarray [shape=(n_frames,), 0..1], 0 all `a`
    """

    rows: np.ndarray
    a: np.ndarray
    b: np.ndarray
    mix: np.ndarray


def wave_tables(sr: int, tilt: float, rng: np.random.Generator) -> np.ndarray:
    """One period with ever fewer harmonics: (_N_BANDS, _TABLE) float32.

    `tilt` is the fall of the harmonics: amplitude k ** -tilt (1 is a saw, a bowed string).
    """
    n_harmonics = int(0.45 * sr / _LOWEST_HZ)
    k = np.arange(1, n_harmonics + 1)
    spectrum = k**-tilt * np.exp(1j * rng.uniform(0, 0.5 * np.pi, n_harmonics))
    tables = np.zeros((_N_BANDS, _TABLE), np.float32)
    for band in range(_N_BANDS):
        top_hz = _LOWEST_HZ * 2 ** ((band + 1) / _BANDS_PER_OCTAVE)
        n = min(n_harmonics, max(1, int(0.47 * sr / top_hz)))
        bins = np.zeros(_TABLE // 2 + 1, complex)
        bins[1 : n + 1] = spectrum[:n]
        tables[band] = np.fft.irfft(bins, _TABLE) * _TABLE / 4
    return tables


def source(tables: np.ndarray, hz: np.ndarray, gain: np.ndarray, sr: int) -> np.ndarray:
    """Read the wave at pitch `hz` and loudness `gain`, both given `RATE` times a second."""
    steps = sr // RATE
    phase = np.cumsum(_between(hz / sr, steps))
    phase -= np.floor(phase)
    band = np.log2(np.maximum(hz, 1) / _LOWEST_HZ) * _BANDS_PER_OCTAVE
    band = np.clip(np.floor(band).astype(np.int32), 0, _N_BANDS - 1)
    index = np.repeat(band * _TABLE, steps)
    index += (phase * _TABLE).astype(np.int32)
    return tables.ravel()[index] * _between(gain.astype(np.float32), steps)


def _between(points: np.ndarray, steps: int) -> np.ndarray:
    """Straight lines from each point to the next, `steps` samples each."""
    after = np.append(points[1:], points[-1])
    rise = np.arange(steps, dtype=points.dtype) / points.dtype.type(steps)
    return (points[:, None] + (after - points)[:, None] * rise).ravel()


def minimum_phase(magnitude: np.ndarray) -> np.ndarray:
    """The logarithm of the minimum-phase filter of these magnitudes, (..., _N_FFT // 2 + 1)."""
    cepstrum = np.fft.irfft(np.log(np.maximum(magnitude, 1e-4)), _N_FFT)
    cepstrum[..., 1 : _N_FFT // 2] *= 2
    cepstrum[..., _N_FFT // 2 + 1 :] = 0
    return np.fft.rfft(cepstrum, _N_FFT).astype(np.complex64)


def coloured(x: np.ndarray, colour: Colour, sr: int) -> np.ndarray:
    """Filter `x` frame by frame and add the overlapping frames."""
    hop = sr // FRAME_RATE
    n_frames = min(len(colour.a), len(x) // hop + 1)
    window = np.hanning(2 * hop + 1)[:-1].astype(np.float32)
    padded = np.zeros((n_frames + 2) * hop, np.float32)
    padded[hop : hop + len(x)] = x[: n_frames * hop + hop]
    filters, which = _distinct(colour, n_frames)
    y = np.zeros((n_frames + 1) * hop + _N_FFT, np.float32)
    for start in range(0, n_frames, 500):  # five seconds at a time stay in the cache
        part = slice(start, min(start + 500, n_frames))
        frames = _framed(padded, part, hop)
        if not frames.any():
            continue
        spectra = scipy.fft.rfft(frames * window, _N_FFT, axis=1)
        spectra *= filters[which[part]]
        _overlap(y[start * hop :], scipy.fft.irfft(spectra, _N_FFT, axis=1), hop)
    return y[hop : hop + len(x)]


def _distinct(colour: Colour, n_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Every filter that occurs, once, and which of them each frame takes."""
    n_rows = len(colour.rows)
    level = np.round(colour.mix[:n_frames] * _MIXES).astype(np.int64)
    key = (colour.a[:n_frames] * n_rows + colour.b[:n_frames]) * (_MIXES + 1) + level
    found, which = np.unique(key, return_inverse=True)
    rows, level = np.divmod(found, _MIXES + 1)
    a, b = np.divmod(rows, n_rows)
    mix = (level / _MIXES).astype(np.float32)[:, None]
    return np.exp(colour.rows[a] * (1 - mix) + colour.rows[b] * mix), which


def _framed(padded: np.ndarray, part: slice, hop: int) -> np.ndarray:
    rows = np.lib.stride_tricks.sliding_window_view(padded, 2 * hop)[::hop]
    return rows[part]


def _overlap(y: np.ndarray, frames: np.ndarray, hop: int) -> None:
    """Add each row `hop` samples after the one before."""
    n = len(frames)
    pieces = -(-frames.shape[1] // hop)
    frames = np.pad(frames, ((0, 0), (0, pieces * hop - frames.shape[1])))
    cut = frames.reshape(n, pieces, hop)
    total = np.zeros((n + pieces, hop), np.float32)
    for piece in range(pieces):
        total[piece : piece + n] += cut[:, piece]
    flat = total.ravel()[: len(y)]
    y[: len(flat)] += flat


def resonances(hz: np.ndarray, peaks: list[tuple[float, float, float]]) -> np.ndarray:
    """Magnitudes of parallel resonances (centre Hz, width Hz, strength) over frequencies `hz`."""
    total = np.zeros_like(hz)
    for centre, width, strength in peaks:
        total += strength / np.sqrt(1 + ((hz - centre) / (width / 2)) ** 2)
    return total


def filter_hz(sr: int) -> np.ndarray:
    """The frequencies of a filter row."""
    return np.fft.rfftfreq(_N_FFT, 1 / sr)


def frames_of(contour: Contour) -> np.ndarray:
    """The contour's gain at the filters' frames."""
    return contour.gain[:: RATE // FRAME_RATE]
