"""The two inner loops of `core.phase`, compiled. Import them where they run: numba takes a second.

Phase-gradient heap integration (Prusa, Balazs & Sondergaard 2017, algorithm 1) guesses a phase.
For a Gaussian window exp(-pi t^2 / gamma) the phase of a short-time Fourier transform follows from
its log magnitude s: with the origin of phase in the middle of each frame it turns

    from frame n to n + 1 by  2 pi hop k / n_fft + (hop n_fft / gamma) ds/dk
    from bin k to k + 1 by    -(gamma / (hop n_fft)) ds/dn

A Hann window is closest to the Gaussian with gamma = 0.25645 win_length^2 (same paper, table 1).

Bins are visited from loud to soft. The queue is one of buckets, 1/20 dB or so apart, instead of a
binary heap: the order inside a bucket does not matter and nothing has to be sorted.
"""

import numba
import numpy as np

from core.filterbank import HANN_GAMMA


def _compiled(function):
    """Compile on first use and remember it on disk, where there is somewhere to write."""
    options = {"nogil": True, "fastmath": {"contract", "reassoc", "arcp", "nsz"}}  # NaN stays NaN
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # a read-only installation without a home folder
        return numba.njit(**options)(function)


RANGE = 9.2  # nepers (80 dB) below the loudest bin; below that the phase stays as it came
N_BUCKETS = 2048
TURN = 2 * np.pi
TINY = np.float32(1e-12)


def integrate(
    log_magnitude: np.ndarray, phase: np.ndarray, n_known: int, geometry: tuple[int, int, int]
) -> None:
    """Fill `phase` (n_frames, n_bins) in place, going out from the first `n_known` frames.

    `geometry` is (win_length, hop_length, n_fft) of the transform.
    """
    win_length, hop_length, n_fft = geometry
    per_hop = hop_length * n_fft / (HANN_GAMMA * win_length**2)
    _integrate(log_magnitude, phase, n_known, per_hop, 2 * np.pi * hop_length / n_fft)


@_compiled
def advance(consistent, previous, target, momentum, coefficients):
    """One step of fast Griffin-Lim on flat arrays: `coefficients` and `previous` are overwritten.

    Go on past what is consistent in the direction last gone, then back to the target magnitudes.
    """
    for i in range(consistent.size):
        here = consistent[i]
        step = here + momentum * (here - previous[i])
        previous[i] = here
        size = np.sqrt(step.real * step.real + step.imag * step.imag)
        coefficients[i] = step * (target[i] / max(size, TINY))


@_compiled
def _push(heads, following, bucket, cell):
    following[cell] = heads[bucket]
    heads[bucket] = cell


@_compiled
def _per_hop(s, n, k, per_hop, bin_step):
    last = s.shape[1] - 1
    return bin_step * k + 0.5 * per_hop * (s[n, min(k + 1, last)] - s[n, max(k - 1, 0)])


@_compiled
def _per_bin(s, n, k, per_hop):
    last = s.shape[0] - 1
    return -0.5 / per_hop * (s[min(n + 1, last), k] - s[max(n - 1, 0), k])


@_compiled
def _sorted(s, floor, n_known, done, queues):
    """Put every bin above the floor into its bucket; return the loudest with a known phase."""
    n_frames, n_bins = s.shape
    queue, queued_after, seeds, seeds_after = queues
    scale = (N_BUCKETS - 1) / RANGE
    loudest = -1
    for n in range(n_frames):
        for k in range(n_bins):
            done[n, k] = s[n, k] < floor or n < n_known
            if s[n, k] < floor:
                continue
            place = int((s[n, k] - floor) * scale)
            if n < n_known:
                _push(queue, queued_after, place, n * n_bins + k)
                loudest = max(loudest, place)
            else:
                _push(seeds, seeds_after, place, n * n_bins + k)
    return loudest


@_compiled
def _popped(heads, following, bucket):
    """The first cell of the loudest bucket from `bucket` down, and that bucket; -1 if none."""
    while bucket >= 0 and heads[bucket] < 0:
        bucket -= 1
    if bucket < 0:
        return -1, -1
    cell = heads[bucket]
    heads[bucket] = following[cell]
    return cell, bucket


@_compiled
def _integrate(s, phase, n_known, per_hop, bin_step):
    n_frames, n_bins = s.shape
    floor = s.max() - RANGE
    scale = (N_BUCKETS - 1) / RANGE
    done = np.zeros((n_frames, n_bins), np.bool_)
    queue, seeds = np.full(N_BUCKETS, -1, np.int32), np.full(N_BUCKETS, -1, np.int32)
    queued_after = np.empty(n_frames * n_bins, np.int32)
    seeds_after = np.empty(n_frames * n_bins, np.int32)
    bucket = _sorted(s, floor, n_known, done, (queue, queued_after, seeds, seeds_after))
    seed_bucket = N_BUCKETS - 1
    while True:
        cell, bucket = _popped(queue, queued_after, bucket)
        if cell < 0:
            cell, seed_bucket = _popped(seeds, seeds_after, seed_bucket)
            if cell < 0:
                break
            if done[cell // n_bins, cell % n_bins]:
                continue
            done[cell // n_bins, cell % n_bins] = True
            phase[cell // n_bins, cell % n_bins] = 0
        n, k = cell // n_bins, cell % n_bins
        here_hop = _per_hop(s, n, k, per_hop, bin_step)
        here_bin = _per_bin(s, n, k, per_hop)
        for dn, dk in ((1, 0), (-1, 0), (0, 1), (0, -1)):
            i, j = n + dn, k + dk
            if i < 0 or j < 0 or i >= n_frames or j >= n_bins or done[i, j]:
                continue
            if dn != 0:
                slope = dn * (here_hop + _per_hop(s, i, j, per_hop, bin_step))
            else:
                slope = dk * (here_bin + _per_bin(s, i, j, per_hop))
            phase[i, j] = (phase[n, k] + 0.5 * slope) % TURN  # kept small: it is 32 bits wide
            done[i, j] = True
            place = int((s[i, j] - floor) * scale)
            _push(queue, queued_after, place, i * n_bins + j)
            bucket = max(bucket, place)
