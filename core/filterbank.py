"""From the bins of a Fourier transform to the rows of a picture, and back.

A filter bank is a sparse non-negative matrix W (n_rows, n_bins), lowest frequency first: a row is a
weighted sum of bins, `rows = W @ bins`. Going back there are fewer rows than bins above 1 kHz and
more below, so `invert` looks for non-negative bins whose rows come out right.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

TINY = 1e-14  # -140 dB as power: below anything an image can say


@dataclass(frozen=True, eq=False)
class FilterBank:
    """Triangular filters around `hz`, the centre frequencies of the rows, lowest first.

    It knows the bins up to the highest that any row hears, `n_bins` of them.
    """

    hz: np.ndarray  # (n_rows,)
    matrix: object  # scipy.sparse.csr_array (n_rows, n_bins), float32
    bin_hz: np.ndarray  # (n_bins,)

    @property
    def n_bins(self) -> int:
        """How many bins, from 0 Hz up, the rows are made of."""
        return len(self.bin_hz)

    def apply(self, bins: np.ndarray) -> np.ndarray:
        """Sum bins into rows: (n_frames, n_bins) to (n_rows, n_frames)."""
        return self.matrix @ np.ascontiguousarray(bins.T)

    def invert(self, rows: np.ndarray, n_updates: int = 10) -> np.ndarray:
        """Find bins that give these rows: (n_rows, n_frames) to (n_frames, n_bins).

        Starts from the rows interpolated in decibels, then repeats the multiplicative update for
        the Kullback-Leibler divergence (Lee & Seung 2001, eq. 5), which weighs soft and loud rows
        alike and never leaves the non-negative numbers.
        """
        transposed, row_sums, bin_sums = self._sums
        bins = self._interpolate(rows / row_sums) * (bin_sums > 0)
        share = transposed.multiply(1 / np.maximum(bin_sums, TINY)).tocsr()
        for _ in range(n_updates):
            bins *= share @ (rows / np.maximum(self.matrix @ bins, TINY))
        return np.ascontiguousarray(bins.T)

    @property
    def _sums(self):
        row_sums = np.maximum(self.matrix.sum(axis=1), TINY).reshape(-1, 1)
        bin_sums = self.matrix.sum(axis=0).reshape(-1, 1)
        return self.matrix.T.tocsr(), row_sums, bin_sums

    def _interpolate(self, levels: np.ndarray) -> np.ndarray:
        """Levels of rows read at the bins, straight lines in decibels: (n_bins, n_frames)."""
        place = np.interp(self.bin_hz, self.hz, np.arange(len(self.hz)))
        below = np.minimum(place.astype(int), len(self.hz) - 2)
        above_share = (place - below)[:, None].astype(np.float32)
        log_levels = np.log(np.maximum(levels, TINY))
        return np.exp(log_levels[below] * (1 - above_share) + log_levels[below + 1] * above_share)


@lru_cache(maxsize=8)
def mel_bank(
    sr: int, n_fft: int, n_rows: int, hz_range: tuple[float, float], ratio: float = 1.0
) -> FilterBank:
    """Rows evenly spaced in mel (HTK's formula, peaks of 1), as torchaudio and Riffusion have them.

    `ratio` scales every centre frequency, which moves a melody in another tonic to the same rows.
    """
    low_mel, high_mel = (2595 * np.log10(1 + hz / 700) for hz in hz_range)
    corners = 700 * (10 ** (np.linspace(low_mel, high_mel, n_rows + 2) / 2595) - 1) * ratio
    bin_hz = _bin_hz(sr, n_fft)
    rising = (bin_hz - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bin_hz) / np.diff(corners)[1:, None]
    return _bank(corners[1:-1], np.clip(np.minimum(rising, falling), 0, None), bin_hz)


@lru_cache(maxsize=8)
def log_bank(
    sr: int, n_fft: int, win_length: int, lowest_hz: float, shape: tuple[int, int]
) -> FilterBank:
    """Rows evenly spaced in cents that read 1 for a full-scale sine at their own frequency.

    `shape` is (rows, rows per octave). Works on power scaled so that a full-scale sine peaks at 1.
    Where rows lie closer than bins, a row interpolates between its two bins. A row that reaches
    beyond the Nyquist frequency stays empty.
    """
    n_rows, rows_per_octave = shape
    hz = lowest_hz * 2 ** (np.arange(n_rows) / rows_per_octave)
    step = 2 ** (1 / rows_per_octave)
    bin_hz = _bin_hz(sr, n_fft)
    distance = bin_hz - hz[:, None]
    below = np.maximum(hz - hz / step, bin_hz[1])[:, None]
    above = np.maximum(hz * step - hz, bin_hz[1])[:, None]
    weights = np.clip(1 + distance / np.where(distance < 0, below, -above), 0, None)
    weights[hz * step > sr / 2] = 0
    reading = (weights * _hann_response(distance, sr, win_length)).sum(axis=1, keepdims=True)
    weights /= np.maximum(reading, TINY)
    return _bank(hz, weights, bin_hz)


def _hann_response(distance_hz: np.ndarray, sr: int, win_length: int) -> np.ndarray:
    """Power a Hann window gives a sine this far from the bin, 1 at the bin itself."""
    x = distance_hz * win_length / sr
    with np.errstate(divide="ignore", invalid="ignore"):
        response = np.sinc(x) / (1 - x**2)
    return np.where(np.isclose(np.abs(x), 1), 0.5, response) ** 2


def _bin_hz(sr: int, n_fft: int) -> np.ndarray:
    return np.arange(n_fft // 2 + 1) * (sr / n_fft)


def _bank(hz: np.ndarray, weights: np.ndarray, bin_hz: np.ndarray) -> FilterBank:
    from scipy.sparse import csr_array  # 0.2 s, and not everyone who imports this draws pictures

    n_bins = 1 + int(np.flatnonzero(weights.any(axis=0))[-1])
    matrix = csr_array(weights[:, :n_bins].astype(np.float32))
    return FilterBank(hz, matrix, bin_hz[:n_bins])
