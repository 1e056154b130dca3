"""Stage 5, the work: clips of one recording cut from its audio, drawn and written.

A shard is the clips that begin in one quarter of an hour of a recording. Its audio is decoded once,
in blocks, from the quarter's beginning: so memory does not grow with the recording's length, and a
clip's bytes do not depend on which others are cut with it. A shard's rows are written last: where
they are, its pictures are whole, and an export that was killed goes on after it.
"""

import errno
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from core.errors import AudioError, DatasetError
from core.workspace import replacing

STRETCH_S = 900.0  # formats that cannot seek (mp3) are decoded from their start for each
BLOCK_S = 30.0
LATE_S = 0.1  # a decoder may end this much before the length its file claims; silence fills it


@dataclass(frozen=True)
class Cut:
    """One clip to write: its file below the dataset's folder and where its sound begins."""

    file_name: str
    start_s: float


@dataclass(frozen=True)
class Shard:
    """Everything one worker needs; small and picklable."""

    recording_id: str
    audio: Path
    codec: "object"  # core.spectrogram.Codec
    cuts: tuple[Cut, ...]  # by start
    folder: Path
    floor_db: float | None

    @property
    def rows_file(self) -> Path:
        """Where the shard's rows go, written when everything else is."""
        return self.folder / ".rows" / f"{Path(self.cuts[0].file_name).stem}.json"


def stretches(cuts: Iterable[Cut]) -> list[tuple[Cut, ...]]:
    """The clips of one recording in order, a shard's worth each."""
    ordered = sorted(cuts, key=lambda cut: (cut.start_s, cut.file_name))
    return [tuple(group) for _, group in groupby(ordered, key=_stretch)]


def _stretch(cut: Cut) -> int:
    return int(cut.start_s // STRETCH_S)


def work(shard: Shard, on_clip: Callable[[], None] | None = None) -> list[dict]:
    """Write a shard's pictures; return a row for each: file_name, loudness_db, sha256.

    A clip quieter than the shard's floor has a row without sha256 and no picture. `on_clip` is
    called after each clip and may raise to stop.
    """
    if shard.rows_file.exists():
        return json.loads(shard.rows_file.read_text(encoding="utf-8"))
    rows = []
    try:
        for cut, y in clips_of(shard):
            rows.append(_draw(shard, cut, y))
            if on_clip:
                on_clip()
        with replacing(shard.rows_file) as part:
            part.write_text(json.dumps(rows), encoding="utf-8")
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DatasetError(
            f"The disk is full: {shard.folder.parent} has no room for {len(shard.cuts)} pictures "
            f"of {shard.recording_id!r}. Free some space and export again."
        ) from error
    return rows


def clips_of(shard: Shard) -> Iterator[tuple[Cut, np.ndarray]]:
    """Each cut with its audio, shape (n_samples,), in one pass over the recording."""
    from core import audio  # its decoders take time to load

    codec = shard.codec
    n_samples = round(codec.clip_s * codec.sr)
    starts = [round(cut.start_s * codec.sr) for cut in shard.cuts]
    at = round(_stretch(shard.cuts[0]) * STRETCH_S * codec.sr)
    blocks = iter(audio.stream(shard.audio, sr=codec.sr, start_s=at / codec.sr, block_s=BLOCK_S))
    heard = np.zeros(0, np.float32)  # samples from `at` on
    for cut, start in zip(shard.cuts, starts, strict=True):
        skipped = min(start - at, len(heard))
        heard, at = heard[skipped:], at + skipped
        parts, n_heard = [heard], len(heard)
        while at + n_heard < start + n_samples and (block := next(blocks, None)) is not None:
            parts.append(block)
            n_heard += len(block)
            if at + n_heard <= start:  # nothing of these blocks is needed
                parts, at, n_heard = [], at + n_heard, 0
        heard = np.concatenate(parts) if parts else np.zeros(0, np.float32)
        yield cut, _exactly(heard[start - at :], n_samples, shard, cut)


def _exactly(y: np.ndarray, n_samples: int, shard: Shard, cut: Cut) -> np.ndarray:
    lacking = n_samples - min(len(y), n_samples)
    if lacking > LATE_S * shard.codec.sr:
        ends_s = cut.start_s + len(y) / shard.codec.sr
        raise AudioError(
            f"The audio of {shard.recording_id!r} ends at {ends_s:.1f} s, within a clip that "
            f"starts at {cut.start_s:.1f} s. A segment reaches further than the sound: mend it, "
            "or import the recording again."
        )
    return np.pad(y[:n_samples], (0, lacking))


def _draw(shard: Shard, cut: Cut, y: np.ndarray) -> dict:
    from core import audio
    from core.spectrogram import write_image

    loudness_db = 10 * float(np.log10(np.mean(np.square(y, dtype=np.float64)) + 1e-12))
    row = {"file_name": cut.file_name, "loudness_db": round(loudness_db, 2)}
    if shard.floor_db is not None and loudness_db < shard.floor_db:
        return row
    path = shard.folder / cut.file_name
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        image, codec = shard.codec.draw(y)
        write_image(path, image[:, : codec.width], codec)
    else:
        audio.write(path, y, shard.codec.sr)
    return row | {"sha256": hash_of(path)}


def hash_of(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
