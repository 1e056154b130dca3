"""Stage 5, the same concert twice: recognise audio that was uploaded again, and keep it together.

After Haitsma & Kalker (2002): the sign of how the energy difference of neighbouring bands changes
in time. Gain, equalisation and encoders hardly touch it, and a drone, which does not change, says
nothing. Two recordings are compared at every offset at once, by correlation.

A fingerprint is [shape=(n_frames, N_BITS), bool], one frame each quarter of a second. It does not
recognise audio that was sped up or transposed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

from core.workspace import Workspace, replacing

SR = 5500
N_FFT, HOP = 1024, 687  # an eighth of a second
PER_WINDOW, PER_FRAME = 8, 2  # energies of a second, each quarter of a second
FRAMES_PER_S = SR / HOP / PER_FRAME
N_BITS = 16
LOW_HZ, HIGH_HZ = 200.0, 2400.0  # where voice and violin are, and every encoder keeps
AT_ONCE = 8  # recordings whose spectra are in memory: 17 MB each for three hours
MIN_OVERLAP_S = 20.0  # with less, chance agreement comes near the real one
SAME = 0.63  # agreeing bits; measured: 0.56 at most by chance, 0.69 at least for transcoded parts


def fingerprint(path: Path) -> np.ndarray:
    """Listen to a whole file, block by block."""
    from core import audio

    bank = _bank()
    window = np.hanning(N_FFT).astype(np.float32)
    energies, rest = [np.zeros((0, N_BITS + 1), np.float32)], np.zeros(0, np.float32)
    for block in audio.stream(path, sr=SR):
        y = np.concatenate([rest, block])
        n_frames = max(0, 1 + (len(y) - N_FFT) // HOP)
        rest = y[n_frames * HOP :]
        if n_frames:
            frames = np.lib.stride_tricks.sliding_window_view(y, N_FFT)[::HOP][:n_frames]
            energies.append(np.abs(np.fft.rfft(frames * window)) ** 2 @ bank.T)
    return _bits(np.concatenate(energies))


def fingerprint_of(recording_id: str, workspace: Workspace) -> np.ndarray:
    """The fingerprint of a recording in the workspace; kept, as listening takes time."""
    kept = kept_fingerprint(recording_id, workspace)
    if kept is not None:
        return kept
    bits = fingerprint(workspace.audio(recording_id))
    with replacing(workspace.features(recording_id, "fingerprint")) as part:
        np.savez_compressed(part, bits=np.packbits(bits, axis=1))
    return bits


def kept_fingerprint(recording_id: str, workspace: Workspace) -> np.ndarray | None:
    """The fingerprint from an earlier listening, if the audio is still the same."""
    path = workspace.features(recording_id, "fingerprint")
    sound = workspace.audio(recording_id)
    if not path.exists() or path.stat().st_mtime_ns < sound.stat().st_mtime_ns:
        return None
    with np.load(path) as kept:
        return np.unpackbits(kept["bits"], axis=1).astype(bool)


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Share of equal bits at the best offset with enough overlap; 0 if either is too short."""
    return _agreement(_spectrum(a, len(a) + len(b)), _spectrum(b, len(a) + len(b)), len(a), len(b))


def same_audio(
    fingerprints: Mapping[str, np.ndarray], new: Set[str] | None = None
) -> list[tuple[str, str]]:
    """The pairs of recording ids that hold the same audio, or a part of it.

    With `new`, only the pairs that one of these is part of.
    """
    ids = sorted(fingerprints)
    longest = 2 * max(map(len, fingerprints.values()), default=0)
    pairs = []
    for some, others in _batches(ids):
        asked = {(a, b) for a in some for b in others if a < b and (new is None or new & {a, b})}
        if not asked:
            continue
        spectra = {each: _spectrum(fingerprints[each], longest) for each in {*some, *others}}
        for a, b in asked:
            n_a, n_b = len(fingerprints[a]), len(fingerprints[b])
            if _agreement(spectra[a], spectra[b], n_a, n_b) >= SAME:
                pairs.append((a, b))
    return sorted(pairs)


def _batches(ids: Sequence[str]) -> Iterator[tuple[Sequence[str], Sequence[str]]]:
    """All pairs of some ids and some others, few enough for memory."""
    starts = range(0, len(ids), AT_ONCE)
    for first, second in combinations_with_replacement(starts, 2):
        yield ids[first : first + AT_ONCE], ids[second : second + AT_ONCE]


def together(pairs: Iterable[tuple[str, str]]) -> list[frozenset[str]]:
    """Sets of recordings that are linked by pairs."""
    sets: list[frozenset[str]] = []
    for pair in pairs:
        linked = [each for each in sets if each & set(pair)]
        sets = [each for each in sets if each not in linked]
        sets.append(frozenset(pair).union(*linked))
    return sets


def _bank() -> np.ndarray:
    """Bands of equal width in pitch, (N_BITS + 1, N_FFT // 2 + 1)."""
    edges = np.geomspace(LOW_HZ, HIGH_HZ, N_BITS + 2)
    hz = np.fft.rfftfreq(N_FFT, 1 / SR)
    return ((hz >= edges[:-1, None]) & (hz < edges[1:, None])).astype(np.float32)


def _bits(energies: np.ndarray) -> np.ndarray:
    if len(energies) <= PER_WINDOW:
        return np.zeros((0, N_BITS), bool)
    sums = np.cumsum(np.pad(energies.astype(np.float64), ((1, 0), (0, 0))), axis=0)
    levels = np.log(sums[PER_WINDOW:] - sums[:-PER_WINDOW] + 1e-9)[::PER_FRAME]
    return np.diff(np.diff(levels, axis=1), axis=0) > 0


def _spectrum(bits: np.ndarray, n_frames: int) -> np.ndarray:
    signs = 2.0 * bits.astype(np.float32) - 1
    return np.fft.rfft(signs, 1 << n_frames.bit_length(), axis=0)


def _agreement(a: np.ndarray, b: np.ndarray, n_a: int, n_b: int) -> float:
    n_fft = 2 * (len(a) - 1)
    products = np.fft.irfft(np.sum(a * b.conj(), axis=1), n_fft)
    lags = np.arange(n_fft)
    lags[lags > n_fft // 2] -= n_fft
    overlap = np.minimum(n_a, n_b + lags) - np.maximum(0, lags)
    enough = overlap >= MIN_OVERLAP_S * FRAMES_PER_S
    if not enough.any():
        return 0.0
    return float(np.max(0.5 + products[enough] / (2 * N_BITS * overlap[enough])))
