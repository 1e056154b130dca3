"""What is heard each second: one row of plain numbers, named and grouped.

    Frames --by_second--> rows (n_seconds, 58)    what happens within each second
    onset strength --pulse--> rows (n_seconds, 5) how regular and how fast the beat is

A group is what a listener would call one thing ("percussion", "melody", "timbre"); the benchmark
leaves each out in turn.
"""

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from core.segmentation.frames import FRAMES_PER_S, N_CEPSTRA, Frames

_PULSE_WINDOW_S = 8.0
_SLOWEST_HZ, _FASTEST_HZ = 0.8, 10.0  # pulses a second
_BEAT_LAGS_S = (0.12, 0.75)
_ONSET_OVER = 1.6  # times the onset strength around it
_NEAR_SEMITONE = 50.0  # cents
_QUIET_DB = 12.0  # under the loudest frame of the second

PERCUSSION = (
    *(f"struck {band}" for band in ("low", "head", "middle", "high")), "struck",
    "share low", "share head", "decay", "gaps",
)  # fmt: skip
ONSETS = (
    *(f"rise {band}" for band in ("low", "head", "middle", "high")),
    "onset", "onset peak", "onset contrast", "onsets",
)  # fmt: skip
MELODY = (
    "voiced", "confidence", "pitch", "range", "glide", "steady", "shake", "leaps", "tone",
    "same pitch",
)  # fmt: skip
NOISE = ("flatness", "entropy", "spread", "level")
TIMBRE = (
    "tilt", "centroid", "high", *(f"body {i}" for i in range(4)), "tilt change", "body change",
    *(f"cepstrum {i + 1}" for i in range(N_CEPSTRA)),
    *(f"cepstrum change {i + 1}" for i in range(N_CEPSTRA)),
)  # fmt: skip
PULSE = ("pulse", "pulse rate", "beat", "beat lag", "pulse kept")

NAMES = (*PERCUSSION, *ONSETS, *MELODY, *NOISE, *TIMBRE)


def n_seconds(n_frames: int) -> int:
    """Rows for so many frames; a last half second counts, and there is always one."""
    return max(1, round(n_frames / FRAMES_PER_S))


def by_second(frames: Frames) -> np.ndarray:
    """One row of `NAMES` for each second, (n_seconds, len(NAMES)) float32."""
    at = _places(len(frames))
    columns = [*_percussion(frames, at), *_onsets(frames, at), *_melody(frames, at)]
    columns += [*_noise(frames, at), *_timbre(frames, at)]
    return np.nan_to_num(np.column_stack(columns)).astype(np.float32)


def _places(n_frames: int) -> np.ndarray:
    """The frames of each second, (n_seconds, 62)."""
    starts = (np.arange(n_seconds(n_frames)) * FRAMES_PER_S).astype(int)
    return np.minimum(starts[:, None] + np.arange(int(FRAMES_PER_S)), n_frames - 1)


def _loud(frames: Frames, at: np.ndarray) -> np.ndarray:
    """Weights of the frames within each second by their loudness, (n_seconds, 62)."""
    weight = np.sqrt(frames.power[at])
    return weight / (weight.sum(axis=1, keepdims=True) + 1e-12)


def _percussion(frames: Frames, at: np.ndarray) -> list[np.ndarray]:
    weight = _loud(frames, at)[..., None]
    struck = (frames.struck[at] * weight).sum(axis=1)
    shares = (frames.shares[at][..., :2] * weight).sum(axis=1)
    level = 10 * np.log10(frames.power[at] + 1e-12)
    quiet = level < level.max(axis=1, keepdims=True) - _QUIET_DB
    fall = np.maximum(0, -np.diff(level, axis=1)).mean(axis=1)
    return [*struck.T, *shares.T, fall, quiet.mean(axis=1)]


def _onsets(frames: Frames, at: np.ndarray) -> list[np.ndarray]:
    strength = frames.onset
    around = uniform_filter1d(strength, round(FRAMES_PER_S), mode="nearest")
    is_peak = (strength == maximum_filter1d(strength, 5)) & (strength > _ONSET_OVER * around + 0.3)
    inside = strength[at]
    mean, top = inside.mean(axis=1), inside.max(axis=1)
    return [
        *frames.rise[at].mean(axis=1).T,
        mean,
        top,
        top / (mean + 0.1),
        is_peak[at].sum(axis=1),
    ]


def _melody(frames: Frames, at: np.ndarray) -> list[np.ndarray]:
    cents = melody_cents(frames.hz)
    inside, voiced = cents[at], frames.hz[at] > 0
    few = voiced.sum(axis=1) < 6  # a tenth of a second
    filled = np.where(few[:, None], 0.0, inside)
    low, middle, high = np.nanpercentile(filled, (10, 50, 90), axis=1)
    steps = np.abs(np.diff(filled, axis=1))
    glides = steps < 100
    steady = np.nanmean(np.where(np.isnan(steps), np.nan, steps < 8), axis=1)
    centred = filled - middle[:, None]
    same = np.abs(centred) < _NEAR_SEMITONE
    turns = np.diff(np.signbit(np.nan_to_num(np.diff(filled, axis=1))), axis=1)
    weight = _loud(frames, at)
    columns = [
        voiced.mean(axis=1),
        (frames.confidence[at] * weight).sum(axis=1),
        middle,
        high - low,
        np.nanmean(np.where(glides, steps, np.nan), axis=1),
        steady,
        turns.mean(axis=1),
        (steps > 100).mean(axis=1),
        (frames.tone[at] * weight).sum(axis=1),
        same.mean(axis=1),
    ]
    pitched = (2, 3, 4, 5, 6, 7, 9)
    return [np.where(few & (i in pitched), 0.0, c) for i, c in enumerate(columns)]


def melody_cents(hz: np.ndarray) -> np.ndarray:
    """Cents above 110 Hz; NaN where unvoiced."""
    return np.where(hz > 0, 1200 * np.log2(np.maximum(hz, 1.0) / 110.0), np.nan)


def _noise(frames: Frames, at: np.ndarray) -> list[np.ndarray]:
    weight = _loud(frames, at)
    means = [(each[at] * weight).sum(axis=1) for each in (frames.flatness, frames.entropy)]
    spread = np.log2((frames.spread[at] * weight).sum(axis=1) + 1)
    return [*means, spread, 10 * np.log10(frames.power[at].mean(axis=1) + 1e-10)]


def _timbre(frames: Frames, at: np.ndarray) -> list[np.ndarray]:
    weight = _loud(frames, at)
    voiced = frames.hz[at] > 0
    on_melody = weight * voiced
    on_melody /= on_melody.sum(axis=1, keepdims=True) + 1e-9
    tilt, body = frames.tilt[at], frames.body[at]
    step = 6  # 0.1 s: a syllable's movement, not a frame's noise
    both = (voiced[:, step:] & voiced[:, :-step]) / (
        (voiced[:, step:] & voiced[:, :-step]).sum(axis=1, keepdims=True) + 1e-9
    )
    cepstra = frames.cepstra[at]
    change = np.abs(cepstra[:, step:] - cepstra[:, :-step]).mean(axis=1)
    return [
        (tilt * on_melody).sum(axis=1),
        np.log2((frames.centroid[at] * weight).sum(axis=1) + 20),
        np.sqrt((frames.high[at] * weight).sum(axis=1)),
        *(body * on_melody[..., None]).sum(axis=1).T,
        (np.abs(tilt[:, step:] - tilt[:, :-step]) * both).sum(axis=1),
        (np.abs(body[:, step:] - body[:, :-step]).sum(axis=2) * both).sum(axis=1),
        *(cepstra * weight[..., None]).sum(axis=1).T,
        *change.T,
    ]


def pulse(onset: np.ndarray, n_rows: int) -> np.ndarray:
    """The beat around each second by the tempogram of 8 s (Grosche & Mueller 2011, eq. 2).

    Parameters
    ----------
    onset : np.ndarray [shape=(n_frames,)]
        Onset strength of the whole recording.

    Returns
    -------
    rows : np.ndarray [shape=(n_rows, 5), float32]
        Salience of the strongest pulse, its rate (log2 Hz), the highest autocorrelation at the
        lag of a beat, that lag (log2 s), and how much the rate stays as it was over 10 s.
    """
    n = round(_PULSE_WINDOW_S * FRAMES_PER_S)
    local = onset - uniform_filter1d(onset, round(2 * FRAMES_PER_S), mode="nearest")
    padded = np.pad(local, n // 2)
    n_fft = 2 * n
    hz = np.fft.rfftfreq(n_fft, 1 / FRAMES_PER_S)
    inside = (hz >= _SLOWEST_HZ) & (hz <= _FASTEST_HZ)
    first, last = (round(s * FRAMES_PER_S) for s in _BEAT_LAGS_S)
    window = np.hanning(n).astype(np.float32)
    rows = np.zeros((n_rows, len(PULSE)), np.float32)
    for start in range(0, n_rows, 600):  # ten minutes at a time
        centres = (np.arange(start, min(start + 600, n_rows)) + 0.5) * FRAMES_PER_S
        at = np.minimum(centres.astype(int), len(onset) - 1)[:, None] + np.arange(n)
        spectrum = np.fft.rfft(padded[at] * window, n_fft, axis=1)
        power = np.square(np.abs(spectrum))
        echo = np.fft.irfft(power, axis=1)
        tempogram = np.sqrt(power[:, inside])
        best = tempogram.argmax(axis=1)
        lag = echo[:, first:last].argmax(axis=1)
        part = rows[start : start + len(at)]
        part[:, 0] = tempogram.max(axis=1) / (tempogram.mean(axis=1) + 1e-6)
        part[:, 1] = np.log2(hz[inside][best])
        part[:, 2] = echo[:, first:last].max(axis=1) / (echo[:, 0] + 1e-6)
        part[:, 3] = np.log2((lag + first) / FRAMES_PER_S)
    rows[:, 4] = _kept(rows[:, 1])
    return rows


def _kept(rate: np.ndarray) -> np.ndarray:
    """Share of the 10 s around in which the rate is the same, or twice or half, within 6 %."""
    kept = np.zeros(len(rate), np.float32)
    shifts = [s for s in range(-5, 6) if s and abs(s) < len(rate)]
    for shift in shifts:
        other = np.roll(rate, shift)
        apart = np.abs(rate - other)
        kept += np.minimum(np.abs(apart - np.round(apart)), 1) < 0.085
    return kept / max(1, len(shifts))
