"""Sound as windowed frames, from an array or from blocks that arrive one by one.

Both ends are mirrored, so the first and the last frame are as full as the others. Memory stays
that of one block, however long the recording.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from core.errors import AudioError

SR_RANGE = (1000, 768_000)


@dataclass(frozen=True)
class Framing:
    """Frame i holds `win_length` samples around sample `first_centre + i * hop_length`."""

    win_length: int
    hop_length: int
    first_centre: int

    def n_frames(self, n_samples: int) -> int:
        """Frames whose centre lies in the sound, or at its very end."""
        return max(1, 1 + (n_samples - self.first_centre) // self.hop_length)

    def frames(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Yield views (k, win_length) of the frames of a sound given in blocks of any size."""
        blocks = iter(blocks)
        lead = self.win_length // 2 - self.first_centre
        pending = _first(blocks, lead + 1)
        ending, n_samples, n_yielded = pending, len(pending), 0
        pending = np.pad(pending, (lead, 0), mode="reflect")
        for block in blocks:
            whole = self._whole(pending)
            yield whole
            n_yielded += len(whole)
            pending = np.concatenate((pending[len(whole) * self.hop_length :], block))
            ending = np.concatenate((ending, block))[-2 * self.win_length :]  # to mirror it
            n_samples += len(block)
        left = self.n_frames(n_samples) - n_yielded
        missing = max(0, (left - 1) * self.hop_length + self.win_length - len(pending))
        mirrored = np.pad(ending, (0, missing), mode="reflect")[len(ending) :]
        yield self._whole(np.concatenate((pending, mirrored)))[:left]

    def _whole(self, pending: np.ndarray) -> np.ndarray:
        if len(pending) < self.win_length:
            return np.empty((0, self.win_length), np.float32)
        views = np.lib.stride_tricks.sliding_window_view(pending, self.win_length)
        return views[:: self.hop_length]


def checked(blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Pass blocks on as float32 if they are mono sound of finite numbers."""
    position = 0
    for block in blocks:
        block = np.asarray(block)
        if block.ndim != 1 or not np.issubdtype(block.dtype, np.floating):
            raise AudioError(
                f"Expected mono sound as floating-point samples in -1..1, got shape {block.shape} "
                f"of {block.dtype}. Load it with `core.audio.load`, which mixes channels down."
            )
        finite = np.isfinite(block)
        if not finite.all():
            raise AudioError(
                f"Sample {position + int(np.argmin(finite))} is {block[np.argmin(finite)]}. "
                "Sound must be finite numbers; repair or export the file again."
            )
        position += len(block)
        yield block.astype(np.float32, copy=False)


def resampled(blocks: Iterable[np.ndarray], sr: int, target_sr: int) -> Iterator[np.ndarray]:
    """Change the sampling rate of blocks as they pass, without a seam between them."""
    low, high = SR_RANGE
    if not low <= sr <= high:
        raise AudioError(f"A sampling rate of {sr} Hz is none. Give one from {low} to {high} Hz.")
    if sr == target_sr:
        yield from blocks
        return
    import soxr

    resampler = soxr.ResampleStream(sr, target_sr, 1, dtype="float32")
    for block in blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _first(blocks: Iterator[np.ndarray], n_samples: int) -> np.ndarray:
    """Join the first blocks until they hold `n_samples`, or there are no more."""
    joined = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate((joined, block)) if len(joined) else block
        if len(joined) >= n_samples:
            break
    if not len(joined):
        raise AudioError("There is no sound: 0 samples. Choose a file or a segment that has some.")
    return joined
