"""Opening a sound file: which reader can be trusted with it, and what is wrong with it if none.

libsndfile reads plain formats (wav, flac, aiff ...) and seeks in them exactly; everything else goes
through FFmpeg's libraries (`core.ffmpeg`). mp3 always does: libsndfile takes the first header's
word for the length, and silently stops after the first part of a concatenated file.

Conventions: a block is [shape=(n_channels, n_samples), float32, -1..1]; positions count samples
from the start of the decoded audio, at the file's own rate.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from core.errors import AudioError

BLOCK = 1 << 16  # samples; 1.5 s at 44.1 kHz

CUT_SHORT_S = 1.0  # headers round their durations; a copy that broke off lacks more

# First bytes of what libsndfile reads -> the name FFmpeg gives the same format.
_PLAIN = {
    b"RIFF": "wav",
    b"RIFX": "wav",
    b"RF64": "wav",
    b"riff": "w64",
    b"fLaC": "flac",
    b"FORM": "aiff",
    b"caff": "caf",
    b".snd": "au",
}
# What a suffix promises. One that is not listed promises nothing.
_PROMISED = {
    "wav": (".wav", ".wave"),
    "flac": (".flac",),
    "mp3": (".mp3",),
    "ogg": (".ogg", ".oga", ".opus"),
    "matroska": (".webm", ".mkv", ".mka"),
    "mov": (".m4a", ".m4b", ".mp4", ".mov", ".3gp"),
    "asf": (".wma", ".asf", ".wmv"),
    "aiff": (".aif", ".aiff", ".aifc"),
    "aac": (".aac",),
    "caf": (".caf",),
    "au": (".au", ".snd"),
    "w64": (".w64",),
}
FORMAT_OF_SUFFIX = {suffix: name for name, suffixes in _PROMISED.items() for suffix in suffixes}
AUDIO_SUFFIXES = frozenset(FORMAT_OF_SUFFIX)

_UNKNOWN_LENGTH = 0x7FFF0000  # and above: what a program writes that streams a file of any length
_SIZE_IN_HEADER = re.compile(r": (\d+) \(should be (\d+)\)")  # as libsndfile notes it


@dataclass(frozen=True)
class AudioInfo:
    """What a sound file holds."""

    sr: int
    n_channels: int
    duration_s: float
    format: str  # as FFmpeg names it: "wav", "mp3", "matroska" (WebM), "mov" (m4a) ...


class Reader(Protocol):
    """An open sound file."""

    format: str
    sr: int
    n_channels: int
    duration_s: float  # as near as the header tells; the end of `blocks` is the truth

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """The sound from sample `start` to the end."""

    def close(self) -> None:
        """Let go of the file."""


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """The file's reader.

    Raises
    ------
    AudioError
        If it is missing, empty, no audio, or not what its name says.
    """
    path = Path(path)
    magic = _first_bytes(path)
    reader = _plain_reader(path, magic) if magic in _PLAIN else None
    if reader is None:
        from core.ffmpeg import FfmpegReader  # here, because it loads FFmpeg's libraries

        reader = FfmpegReader(path)
    try:
        _refuse_mislabelled(path, reader.format)
        yield reader
    finally:
        reader.close()


def _first_bytes(path: Path) -> bytes:
    if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would never end
        raise AudioError(f"{path.name!r} is a pipe or a device. Give the path of an audio file.")
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise AudioError(
            f"{str(path)!r} cannot be read: {error.strerror}. Give the path of an audio file."
        ) from error
    if not magic:
        raise AudioError(f"{path.name!r} is empty. Copy or download it again.")
    return magic


def _refuse_mislabelled(path: Path, found: str) -> None:
    promised = FORMAT_OF_SUFFIX.get(path.suffix.lower(), found)
    if promised != found:
        raise AudioError(
            f"{path.name!r} is named like {promised} but holds {found}. "
            f"Rename it to end in {suffix_of(found)} and try again."
        )


def suffix_of(format: str) -> str:
    """How a file of this format is usually named.

    >>> suffix_of("matroska")
    '.webm'
    """
    return _PROMISED[format][0] if format in _PROMISED else f".{format}"


def cut_short(path: Path, found_s: float, promised_s: float) -> AudioError:
    """That a file ends before its header says so."""
    return AudioError(
        f"{path.name!r} is cut short: it holds {found_s:.1f} s of the {promised_s:.1f} s it "
        "announces. Copy or download it again."
    )


def no_sound(path: Path) -> AudioError:
    """That a file holds no samples."""
    return AudioError(f"{path.name!r} holds no sound. Choose another file, or record it again.")


def _plain_reader(path: Path, magic: bytes) -> "SoundfileReader | None":
    import soundfile

    try:
        file = soundfile.SoundFile(os.fsencode(path))
    except soundfile.LibsndfileError:
        return None  # such as mp3 inside a wav
    if not 0 < file.frames < 1 << 40:  # a header that does not know its length
        file.close()
        return None
    return SoundfileReader(path, file, _PLAIN[magic])


class SoundfileReader:
    """A file that libsndfile reads."""

    def __init__(self, path: Path, file, format: str):
        self._path = path
        self._file = file
        self.format = format
        self.sr = file.samplerate
        self.n_channels = file.channels
        self.duration_s = file.frames / file.samplerate
        self._refuse_cut_short()

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """The sound from sample `start` to the end."""
        import soundfile

        try:
            self._file.seek(min(start, self._file.frames))
            while len(block := self._file.read(BLOCK, dtype="float32", always_2d=True)):
                yield finite(block.T)
        except soundfile.LibsndfileError as error:
            at_s = self._file.tell() / self.sr
            raise AudioError(
                f"{self._path.name!r} is damaged or cut short at {at_s:.1f} s ({error}). "
                "Copy or download it again."
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _refuse_cut_short(self) -> None:
        for announced, held in _SIZE_IN_HEADER.findall(self._file.extra_info):
            announced, held = int(announced), int(held)
            found_s = self.duration_s
            promised_s = found_s * announced / max(held, 1)
            if announced < _UNKNOWN_LENGTH and promised_s > found_s + CUT_SHORT_S:
                raise cut_short(self._path, found_s, promised_s)


def finite(block: np.ndarray) -> np.ndarray:
    """`block` with silence for what is no number (a float file can hold that)."""
    with np.errstate(invalid="ignore"):
        total = block.sum()
    if np.isfinite(total):
        return block
    return np.nan_to_num(block, nan=0.0, posinf=0.0, neginf=0.0)


def downmix(n_channels: int, n_wanted: int) -> np.ndarray:
    """What each channel gives to a mix that never exceeds the loudest of its sources.

    Surround channels come in the order of the wav format: left, right, centre, low, left back,
    right back, left side, right side. The low effects channel is left out.

    Returns
    -------
    weights : np.ndarray [shape=(n_wanted, n_channels), float32]
    """
    if n_channels == n_wanted:
        return np.eye(n_channels, dtype=np.float32)
    if n_channels in (6, 8):
        behind = np.sqrt(0.5)
        left = [1, 0, behind, 0, behind, 0, behind, 0][:n_channels]
        right = [0, 1, behind, 0, 0, behind, 0, behind][:n_channels]
        weights = np.array([left, right])
    else:
        weights = np.ones((2, n_channels))
    if n_wanted == 1:
        weights = weights.sum(0, keepdims=True)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


class Resampler:
    """Changes the rate of sound that comes in blocks, as if it came in one piece."""

    def __init__(self, sr: int, wanted_sr: int, n_channels: int = 1):
        import soxr

        self._n_channels = n_channels
        self._stream = soxr.ResampleStream(sr, wanted_sr, n_channels, dtype="float32")

    def push(self, block: np.ndarray) -> np.ndarray:
        """What can be told now, [shape=(n, n_channels)], of a block [shape=(n_channels, n)]."""
        return self._stream.resample_chunk(np.ascontiguousarray(block.T))

    def rest(self) -> np.ndarray:
        """What the last block left in the filter."""
        nothing = np.empty((0, self._n_channels), np.float32)
        return self._stream.resample_chunk(nothing, last=True)
