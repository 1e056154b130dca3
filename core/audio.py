"""Stage 2, sound: any file a person has, decoded, resampled, streamed and written.

    path  --load-->   y mono float32 (n_samples,)
    path  --stream--> the same in blocks, so that three hours never sit in memory
    path  --prepare-> the copy a browser plays, and the waveform's peaks, in one decoding pass

Conventions: times count from the first decoded sample. Resampling is the same wherever a block
begins: what is loaded from a `start_s` equals that stretch of the whole, to the sample.
"""

import math
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np

from core.decoder import AudioInfo, Reader, Resampler, downmix, opened
from core.errors import AudioError
from core.playback import PEAKS_PER_SECOND, prepare
from core.workspace import replacing

__all__ = ["PEAKS_PER_SECOND", "AudioInfo", "info", "load", "prepare", "stream", "write"]

_SETTLED_S = 0.1  # resampling that begins this much earlier is exact; the filter is far shorter
_WRITES = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
_SUBTYPES = {"WAV": "PCM_16", "FLAC": "PCM_16", "OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}
_TAGS = ("title", "artist", "album", "comment", "date", "genre", "copyright", "license")


def info(path: Path) -> AudioInfo:
    """Look at a file without decoding it.

    The duration is as near as can be known so, within a packet or two; `prepare` tells the
    true one.

    Raises
    ------
    AudioError
        If it is missing, empty, no audio, cut short, or not what its name says.
    """
    with opened(Path(path)) as reader:
        return AudioInfo(reader.sr, reader.n_channels, reader.duration_s, reader.format)


def load(
    path: Path, *, sr: int | None = None, start_s: float = 0.0, end_s: float | None = None
) -> tuple[np.ndarray, int]:
    """Decode a file, or a stretch of it, to mono.

    Parameters
    ----------
    sr : int
        The rate wanted; by default the file's own.
    start_s, end_s : float
        The stretch; an `end_s` after the last sample means the last sample.

    Returns
    -------
    y : np.ndarray [shape=(n_samples,), float32, -1..1]
    sr : int

    Raises
    ------
    AudioError
        If the file cannot be decoded, or does not reach `start_s`.
    """
    if not 0 <= start_s < (math.inf if end_s is None else end_s):
        raise AudioError(
            f"A stretch from {start_s} s to {end_s} s was asked for. "
            "It must start at 0 s or later and end after it starts."
        )
    with opened(Path(path)) as reader:
        rate = sr or reader.sr
        first = round(start_s * rate)
        n_wanted = None if end_s is None else round(end_s * rate) - first
        parts = list(_taken(_mono(reader, rate, first), n_wanted))
        if not parts:
            raise AudioError(
                f"{Path(path).name!r} ends before {start_s:.2f} s: it lasts "
                f"{reader.duration_s:.2f} s. Choose an earlier start."
            )
        return np.concatenate(parts), rate


def stream(
    path: Path, *, sr: int | None = None, start_s: float = 0.0, block_s: float = 30.0
) -> Iterator[np.ndarray]:
    """Decode a file to mono in blocks, from `start_s` on; end to end they are what `load` returns.

    Yields
    ------
    y : np.ndarray [shape=(block_s * sr,), float32, -1..1]
        The last one may be shorter.

    Raises
    ------
    AudioError
        If the file cannot be decoded to its end.
    """
    with opened(Path(path)) as reader:
        rate = sr or reader.sr
        n_block = max(1, round(block_s * rate))
        waiting: list[np.ndarray] = []
        n_waiting = 0
        for part in _mono(reader, rate, round(start_s * rate)):
            waiting.append(part)
            n_waiting += len(part)
            if n_waiting >= n_block:
                y = np.concatenate(waiting)
                whole = len(y) - len(y) % n_block
                yield from y[:whole].reshape(-1, n_block)
                waiting, n_waiting = [y[whole:]], len(y) - whole
        if n_waiting:
            yield np.concatenate(waiting)


def write(path: Path, y: np.ndarray, sr: int, tags: Mapping[str, str] | None = None) -> None:
    """Write sound as wav, flac, ogg or mp3, by the suffix of `path`; all of it or nothing.

    Parameters
    ----------
    y : np.ndarray [shape=(n_samples,) or (n_samples, n_channels), float, -1..1]
        What is louder is clipped.
    tags : Mapping
        Such as title, artist, album, comment; names the format lacks go into the comment.

    Raises
    ------
    AudioError
        If the suffix is another, or there is nothing to write, or it is not finite.
    """
    import soundfile

    path = Path(path)
    format = _WRITES.get(path.suffix.lower())
    if format is None:
        raise AudioError(
            f"{path.name!r} ends in none of {', '.join(_WRITES)}. Choose one of these formats."
        )
    if y.ndim not in (1, 2) or not len(y) or not np.isfinite(y).all():
        raise AudioError(
            f"Sound of shape {y.shape} cannot be written as {path.name!r}: it must hold at least "
            "one sample, and only finite numbers. Make it again."
        )
    n_channels = 1 if y.ndim == 1 else y.shape[1]
    with replacing(path) as part:
        try:
            with soundfile.SoundFile(
                part, "w", sr, n_channels, subtype=_SUBTYPES[format], format=format
            ) as file:
                for name, value in _told(tags or {}).items():
                    setattr(file, name, value)
                for start in range(0, len(y), sr):  # libvorbis overflows its stack on long writes
                    file.write(np.clip(y[start : start + sr], -1, 1))
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{path.name!r} cannot be written at {sr} Hz ({error}). Check the disk, "
                "or choose another format."
            ) from error


def _told(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags that libsndfile can write; the rest as words in the comment."""
    told = {name: value for name, value in tags.items() if name in _TAGS}
    rest = [f"{name}: {value}" for name, value in tags.items() if name not in _TAGS]
    if rest:
        told["comment"] = "; ".join([*filter(None, [told.get("comment")]), *rest])
    return told


def _mono(reader: Reader, sr: int, first: int) -> Iterator[np.ndarray]:
    """The mono mix at rate `sr`, from its sample `first` on."""
    weights = downmix(reader.n_channels, 1)
    if sr == reader.sr:
        for block in reader.blocks(first):
            yield (weights @ block)[0]
        return
    common = math.gcd(sr, reader.sr)
    per_in, per_out = reader.sr // common, sr // common  # these many samples last equally long
    n_periods = max(0, math.floor((first / sr - _SETTLED_S) * common))
    n_dropped = first - n_periods * per_out
    resampler = Resampler(reader.sr, sr)
    blocks = (resampler.push(weights @ block) for block in reader.blocks(n_periods * per_in))
    for y in chain(blocks, (resampler.rest() for _ in range(1))):  # the rest, only at the end
        if len(y) > n_dropped:
            yield y[n_dropped:, 0]
        n_dropped = max(0, n_dropped - len(y))


def _taken(blocks: Iterator[np.ndarray], n_wanted: int | None) -> Iterator[np.ndarray]:
    """No more than the first `n_wanted` samples."""
    for block in blocks:
        if n_wanted is None:
            yield block
            continue
        yield block[:n_wanted]
        n_wanted -= len(block)
        if n_wanted <= 0:
            return
