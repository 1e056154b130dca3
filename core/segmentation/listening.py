"""Listen to a whole recording once, in a stream, and keep what was heard.

    path --listen--> Heard (n_seconds rows)    cached as features/<recording id>.segmentation.npz

Blocks of 12 s are measured by two threads (the transforms and the network release the
interpreter), each with a second of its neighbours, so that it does not matter where one ends.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from core.errors import AudioError
from core.segmentation import repetition, seconds
from core.segmentation.frames import HOP, SR, hear
from core.workspace import Workspace, replacing

KIND = "segmentation"
VERSION = 1  # of the measures; features kept by another are heard anew
LONGEST_S = 12 * 3600.0
NAMES = (*seconds.NAMES, *seconds.PULSE, *repetition.NAMES)

_BLOCK = 12 * SR  # 750 frames, 125 points of repetition, 12 rows, all whole
_MARGIN = 64 * HOP  # 1.02 s on either side
_THREADS = 2
_SILENT_DB = -80.0

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Heard:
    """A recording second by second.

    rows : np.ndarray [shape=(n_seconds, len(NAMES)), float32]
    onset : np.ndarray [shape=(n_frames,), float32], onset strength, 62.5 a second
    duration_s : float
    """

    rows: np.ndarray
    onset: np.ndarray
    duration_s: float

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: str) -> np.ndarray:
        """One measure by its name, (n_seconds,)."""
        return self.rows[:, NAMES.index(name)]

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to hear in all of it."""
        return bool(self.column("level").max() < _SILENT_DB)


def heard(recording_id: str, workspace: Workspace, progress: Progress | None = None) -> Heard:
    """What was heard of a recording of the library; listens to it if nobody has yet."""
    kept = workspace.features(recording_id, KIND)
    found = read(kept)
    if found is None:
        found = listen(workspace.audio(recording_id), progress)
        write(found, kept)
    return found


def read(path: Path) -> Heard | None:
    """What was kept, if it is whole and of this version."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            if int(kept["version"]) != VERSION:
                return None
            return Heard(kept["rows"], kept["onset"].astype(np.float32), float(kept["duration_s"]))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def write(found: Heard, path: Path) -> None:
    """Keep what was heard; all of it or nothing."""
    with replacing(path) as part:
        np.savez(
            part,
            version=VERSION,
            rows=found.rows,
            onset=found.onset.astype(np.float16),
            duration_s=found.duration_s,
        )


def listen(path: Path, progress: Progress | None = None) -> Heard:
    """Listen to a file.

    `progress` is told the share done and what is at work; what it raises ends the listening.

    Raises
    ------
    AudioError
        If the file cannot be decoded, is empty or lasts longer than half a day.
    """
    from core import audio

    length_s = audio.info(path).duration_s
    if length_s > LONGEST_S:
        raise AudioError(
            f"{Path(path).name!r} lasts {length_s / 3600:.1f} hours. Sections are suggested for up "
            f"to {LONGEST_S / 3600:.0f}; cut it into concerts first."
        )
    return _listened(audio.stream(path, sr=SR, block_s=_BLOCK / SR), length_s, progress)


def listen_to(y: np.ndarray, sr: int) -> Heard:
    """Listen to sound in memory, (n_samples,) float at `sr` Hz."""
    import soxr

    y = soxr.resample(y.astype(np.float32), sr, SR) if sr != SR else y
    blocks = (y[start : start + _BLOCK] for start in range(0, len(y), _BLOCK))
    return _listened(blocks, len(y) / SR, None)


def _listened(blocks: Iterable[np.ndarray], length_s: float, progress: Progress | None) -> Heard:
    rows, onsets, cents, mouths = [], [], [], []
    n_samples = 0
    for done, n_new in _measured(_with_margins(blocks)):
        n_samples += n_new
        for kept, new in zip((rows, onsets, cents, mouths), done, strict=True):
            kept.append(new)
        if progress:
            progress(min(1.0, n_samples / SR / max(length_s, 1e-3)), "Listening")
    if not rows:
        raise AudioError("There is no sound to listen to. Choose another file.")
    onset = np.concatenate(onsets)
    base = np.concatenate(rows)
    beat = seconds.pulse(onset, len(base))
    again = repetition.repetition(np.concatenate(cents), np.concatenate(mouths), len(base))
    return Heard(np.hstack([base, beat, again]), onset, n_samples / SR)


def _with_margins(blocks: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, int, int]]:
    """Each block with its neighbours' margins: sound, samples of the left margin, own samples."""
    before, current = np.zeros(0, np.float32), None
    for block in blocks:
        if not np.isfinite(block).all():
            raise AudioError("The sound holds NaN or infinite samples. Export it as 16 bits.")
        if current is not None:
            yield np.concatenate([before, current, block[:_MARGIN]]), len(before), len(current)
            before = current[-_MARGIN:] if len(current) >= _MARGIN else before[:0]
        current = block
    if current is not None and len(current):
        yield np.concatenate([before, current]), len(before), len(current)


def _measured(pieces: Iterable[tuple[np.ndarray, int, int]]):
    """`_measure` of each piece, in order, two at work at a time and one waiting."""
    waiting: deque[Future] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for piece in pieces:
                waiting.append(pool.submit(_measure, piece))
                if len(waiting) > _THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _measure(piece: tuple[np.ndarray, int, int]):
    y, n_before, n_own = piece
    first = n_before // HOP
    n_frames = max(1, round(n_own / HOP))
    if n_own < HOP:  # a few samples after the last whole block: the melody has no frame of them
        y = np.pad(y, (0, 2 * HOP - n_own))
    frames = hear(y)[first : first + n_frames]
    cents, mouth = repetition.points(frames)
    return (seconds.by_second(frames), frames.onset, cents, mouth), n_own
