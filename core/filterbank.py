"""From the bins of a Fourier transform to the rows of a picture, and back.

A filter bank is a sparse non-negative matrix W (n_rows, n_bins), lowest frequency first: a row is a
weighted sum of bins, `rows = W @ bins`. Going back there are fewer rows than bins above 1 kHz and
more below, so `invert` looks for non-negative bins whose rows come out right.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

TINY = 1e-14  # -140 dB as power: below anything an image can say
TINIEST = 1e-35  # a divisor that 32 bits still hold well
EXPONENTS = (-80.0, 80.0)  # what 32 bits hold after exp
HANN_GAMMA = 0.25645  # exp(-pi t^2 / (gamma length^2)) is nearest to Hann (Prusa et al. 2017)
SHARPEST = 3.0  # more helps a solo violin but turns the hiss of cymbals into whistling


@dataclass(frozen=True)
class Spectrum:
    """A Fourier transform of `n_fft` samples, of which a Hann window lets `win_length` through."""

    sr: int
    win_length: int
    n_fft: int

    @property
    def bin_hz(self) -> np.ndarray:
        """Frequency of each bin, (n_fft // 2 + 1,)."""
        return np.arange(self.n_fft // 2 + 1) * (self.sr / self.n_fft)

    @property
    def lobe_variance(self) -> float:
        """Of a sine's power over frequency, Hz squared; that of the Gaussian nearest to Hann."""
        return (self.sr / self.win_length) ** 2 / (4 * np.pi * HANN_GAMMA)

    def response(self, distance_hz: np.ndarray) -> np.ndarray:
        """Power that a sine gives a bin this far from it, 1 at the bin itself."""
        x = distance_hz * self.win_length / self.sr
        with np.errstate(divide="ignore", invalid="ignore"):
            response = np.sinc(x) / (1 - x**2)
        return np.where(np.isclose(np.abs(x), 1), 0.5, response) ** 2


@dataclass(frozen=True, eq=False)
class FilterBank:
    """Triangular filters around `hz`, the centre frequencies of the rows, lowest first.

    It knows the bins up to the highest that any row hears, `n_bins` of them.
    """

    hz: np.ndarray  # (n_rows,)
    matrix: object  # scipy.sparse.csr_array (n_rows, n_bins), float32
    bin_hz: np.ndarray  # (n_bins,)
    lobe_variance: float  # Hz squared: how broad the window makes a sine, as power
    blur: float  # over bins, as a share of the lobe's standard deviation

    @property
    def n_bins(self) -> int:
        """How many bins, from 0 Hz up, the rows are made of."""
        return len(self.bin_hz)

    def apply(self, bins: np.ndarray) -> np.ndarray:
        """Sum bins into rows: (n_frames, n_bins) to (n_rows, n_frames)."""
        return self.matrix @ np.ascontiguousarray(bins.T)

    def invert(self, rows: np.ndarray, n_updates: int = 5) -> np.ndarray:
        """Find bins that give these rows: (n_rows, n_frames) to (n_frames, n_bins).

        Starts from a curve through the rows, then repeats the multiplicative update for the
        Kullback-Leibler divergence (Lee & Seung 2001, eq. 5), which weighs soft and loud rows alike
        and never leaves the non-negative numbers.
        """
        smoothing, matrix, shares = self._smoothed
        log_levels = np.log(np.maximum(rows / self._row_sums, TINY))
        bins = np.exp(np.clip(self._curve @ log_levels, *EXPONENTS))
        for _ in range(n_updates):
            bins *= shares @ (rows / np.maximum(matrix @ bins, TINIEST))
        return np.ascontiguousarray((smoothing @ bins).T)

    @cached_property
    def _row_sums(self) -> np.ndarray:
        sums = self.matrix.sum(axis=1)
        return np.where(sums > 0, sums, 1).reshape(-1, 1)

    @cached_property
    def _smoothed(self):
        """A blur over bins, the rows of blurred bins, and which bins make up for what a row lacks.

        Bins are looked for that give the rows after a blur: no sine is narrower than the window's
        lobe, and what is, is the unevenness of narrow filters over few bins.
        """
        from scipy.sparse import diags_array

        deviation = self.blur * self.lobe_variance**0.5 / self.bin_hz[1]  # in bins
        reach = int(np.ceil(2.5 * deviation))
        offsets = np.arange(-reach, reach + 1)
        kernel = np.exp(-0.5 * (offsets / max(deviation, TINY)) ** 2)
        bands = [np.full(self.n_bins - abs(o), k) for o, k in zip(offsets, kernel, strict=True)]
        shape = (self.n_bins, self.n_bins)
        smoothing = diags_array(bands, offsets=offsets, shape=shape).tocsr() / kernel.sum()
        smoothing = smoothing.astype(np.float32)
        matrix = (self.matrix @ smoothing).tocsr()
        bin_sums = np.maximum(matrix.sum(axis=0), TINY).reshape(-1, 1)
        return smoothing, matrix, matrix.T.multiply(1 / bin_sums).tocsr()

    @cached_property
    def _curve(self):
        """Log levels of bins from those of rows, (n_bins, n_rows) sparse.

        A cubic (Catmull & Rom 1974) through the rows: near a peak the log of what a window makes of
        a sine is a parabola. Where rows are wider than that peak, it is sharpened to the breadth
        that a sine would have had before the filter widened it, as far as `SHARPEST`.
        """
        from scipy.sparse import csr_array

        n_rows = len(self.hz)
        place = np.interp(self.bin_hz, self.hz, np.arange(n_rows))
        row = np.minimum(place.astype(int), n_rows - 2)
        t = place - row
        weights = 0.5 * np.array(
            [
                -(t**3) + 2 * t**2 - t,
                3 * t**3 - 5 * t**2 + 2,
                -3 * t**3 + 4 * t**2 + t,
                t**3 - t**2,
            ]
        )
        spread = np.interp(self.bin_hz, self.hz, np.gradient(self.hz)) ** 2 / 6  # of a triangle
        weights *= np.minimum(1 + spread / self.lobe_variance, SHARPEST)
        columns = np.clip(row + np.arange(-1, 3)[:, None], 0, n_rows - 1)
        starts = np.arange(0, 4 * len(row) + 1, 4)
        curve = (weights.T.ravel().astype(np.float32), columns.T.ravel(), starts)
        return csr_array(curve, shape=(len(row), n_rows))


@lru_cache(maxsize=8)
def mel_bank(
    spectrum: Spectrum, n_rows: int, hz_range: tuple[float, float], ratio: float = 1.0
) -> FilterBank:
    """Rows evenly spaced in mel (HTK's formula, peaks of 1), as torchaudio and Riffusion have them.

    Works on magnitudes. `ratio` scales every centre frequency, which moves a melody in another
    tonic to the same rows.
    """
    low_mel, high_mel = (2595 * np.log10(1 + hz / 700) for hz in hz_range)
    corners = 700 * (10 ** (np.linspace(low_mel, high_mel, n_rows + 2) / 2595) - 1) * ratio
    bin_hz = spectrum.bin_hz
    rising = (bin_hz - corners[:-2, None]) / np.diff(corners)[:-1, None]
    falling = (corners[2:, None] - bin_hz) / np.diff(corners)[1:, None]
    return _bank(corners[1:-1], np.clip(np.minimum(rising, falling), 0, None), spectrum, blur=0.5)


@lru_cache(maxsize=8)
def log_bank(spectrum: Spectrum, n_rows: int, lowest_hz: float, rows_per_octave: int) -> FilterBank:
    """Rows evenly spaced in cents that read 1 for a full-scale sine at their own frequency.

    Works on power, scaled so that a full-scale sine peaks at 1. Where rows lie closer than bins, a
    row interpolates between its two bins. A row that reaches beyond the Nyquist frequency stays
    empty.
    """
    hz = lowest_hz * 2 ** (np.arange(n_rows) / rows_per_octave)
    step = 2 ** (1 / rows_per_octave)
    bin_hz = spectrum.bin_hz
    distance = bin_hz - hz[:, None]
    below = np.maximum(hz - hz / step, bin_hz[1])[:, None]
    above = np.maximum(hz * step - hz, bin_hz[1])[:, None]
    weights = np.clip(1 + distance / np.where(distance < 0, below, -above), 0, None)
    weights[hz * step > spectrum.sr / 2] = 0
    reading = (weights * spectrum.response(distance)).sum(axis=1, keepdims=True)
    weights /= np.maximum(reading, TINY)
    return _bank(hz, weights, spectrum, blur=0.0)


def _bank(hz: np.ndarray, weights: np.ndarray, spectrum: Spectrum, blur: float) -> FilterBank:
    from scipy.sparse import csr_array  # 0.2 s, and not everyone who imports this draws pictures

    n_bins = 1 + int(np.flatnonzero(weights.any(axis=0))[-1])
    matrix = csr_array(weights[:, :n_bins].astype(np.float32))
    return FilterBank(hz, matrix, spectrum.bin_hz[:n_bins], spectrum.lobe_variance, blur)
