"""Reading whatever FFmpeg's libraries can decode, without an ffmpeg program.

A damaged packet is heard as silence, so that what follows keeps its time. In mp3, mp4 and WebM the
time stamps count samples well enough to seek by; elsewhere a seek decodes from the start. After a
seek every sample is at its place, and equal to what decoding from the start gives, but for the
noise that an AAC decoder invents where the encoder only noted how loud it was.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import av
import numpy as np

from core.decoder import BLOCK, CUT_SHORT_S, cut_short, finite, no_sound
from core.errors import AudioError

logger = logging.getLogger(__name__)

# Formats that are tried. Playlists are not among them: they name other files and addresses.
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,dts,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,"
    "ogg,rm,tta,w64,wav,wv"
)
_SEEKS_EXACTLY = ("mp3", "mov", "matroska")
_PREROLL_S = 1.0  # decoded and dropped before a seek's target: bit reservoir, filter state
_GAP_S = 0.005  # Matroska rounds its time stamps to milliseconds; more is missing sound
_LONGEST_GAP_S = 600.0  # beyond it the time stamp is wrong, not the sound missing


class FfmpegReader:
    """A file that FFmpeg's libraries read."""

    def __init__(self, path: Path):
        self._path = path
        with self._open() as container:
            self.format = container.format.name.split(",")[0]
            if self.format == "ogg" and not _ends_whole(path):
                raise _unreadable(path, "its last page is missing")
            first = next(self._decoded(container), None)
            if first is None:
                raise no_sound(path)
            self._first = first
            self.sr = first.sample_rate
            self.n_channels = first.layout.nb_channels
            self._samples_per_tick = float(first.time_base) * first.sample_rate
            self._announced_s = _announced_s(path, container)
            self._by_time_stamps = self.format in _SEEKS_EXACTLY and first.pts is not None

    @property
    def duration_s(self) -> float:
        """As near as can be known without decoding: within a packet or two."""
        announced_s = self._announced_s
        if announced_s is not None and self.format != "mp3":
            return announced_s
        with self._open() as container:  # several mp3 files end to end: only counting tells
            stream = container.streams.audio[0]
            ticks = sum(packet.duration or 0 for packet in container.demux(stream))
            counted_s = float(ticks * stream.time_base)
        if announced_s is not None and abs(counted_s - announced_s) < CUT_SHORT_S / 10:
            return announced_s  # without what the encoder put before and after the sound
        return counted_s

    def blocks(self, start: int = 0) -> Iterator[np.ndarray]:
        """The sound from sample `start` to the end."""
        end = start
        for position, y in self._placed(start):
            if position + y.shape[1] > start:
                end = position + y.shape[1]
                yield finite(y[:, max(0, start - position) :])
        if self._announced_s and end / self.sr < self._announced_s - CUT_SHORT_S:
            raise cut_short(self._path, end / self.sr, self._announced_s)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _placed(self, start: int) -> Iterator[tuple[int, np.ndarray]]:
        """Blocks with the sample each begins at, from some way before `start`."""
        with self._open() as container:
            frames, position = self._frames_from(container, start)
            gathered = av.AudioFifo()  # in C: a frame is too small a thing to make an array of
            for frame in frames:
                here = position + gathered.samples
                missing = self._position(frame, here) - here
                has_gap = _GAP_S * self.sr < missing < _LONGEST_GAP_S * self.sr
                if gathered.samples >= BLOCK or (has_gap and gathered.samples):
                    yield position, self._floats(gathered.read())
                    position = here
                if has_gap:
                    yield position, np.zeros((self.n_channels, missing), np.float32)
                    position += missing
                for part in self._alike(frame):
                    part.pts = None  # else the gatherer would refuse a gap
                    gathered.write(part)
            if gathered.samples:
                yield position, self._floats(gathered.read())

    def _frames_from(self, container, start: int) -> tuple[Iterator[av.AudioFrame], int]:
        """The frames from some way before `start`, and the sample at which the first begins."""
        before_s = start / self.sr - _PREROLL_S
        if not self._by_time_stamps or before_s < _PREROLL_S:
            return self._decoded(container), 0
        stream = container.streams.audio[0]
        ticks = round(before_s / stream.time_base) + self._first.pts
        container.seek(ticks, stream=stream, backward=True)
        frames = self._decoded(container)
        next(frames, None)  # decoded without its past, and trimmed as if it were the first
        landed = next(frames, None)
        if landed is None:
            return iter(()), start
        return chain([landed], frames), self._landed(landed)

    def _position(self, frame: av.AudioFrame, otherwise: int) -> int:
        if not self._by_time_stamps or frame.pts is None:
            return otherwise
        return round((frame.pts - self._first.pts) * self._samples_per_tick)

    def _landed(self, frame: av.AudioFrame) -> int:
        """Where a seek arrived: by the time stamp, and to the sample by the packets' even size."""
        position = self._position(frame, 0)
        n_before = round((position - self._first.samples) / frame.samples)
        even = self._first.samples + n_before * frame.samples
        return even if abs(even - position) <= 0.001 * self.sr else position

    def _alike(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """The frame as the first one is, should the stream change midway."""
        first = self._first
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind == (first.format.name, first.layout.name, self.sr):
            return [frame]
        if kind != self._kind:
            self._kind = kind
            self._converter = av.AudioResampler(first.format.name, first.layout.name, self.sr)
        return self._converter.resample(frame)

    def _floats(self, frame: av.AudioFrame) -> np.ndarray:
        if frame.format.name == "fltp":
            return frame.to_ndarray()
        frame.pts = None
        to_floats = av.AudioResampler("fltp", frame.layout.name, frame.sample_rate)
        parts = [*to_floats.resample(frame), *to_floats.resample(None)]
        return np.concatenate([part.to_ndarray() for part in parts], axis=1)

    def _decoded(self, container) -> Iterator[av.AudioFrame]:
        """Every frame of the first audio stream that can be decoded."""
        damaged = decoded = 0
        for packet in container.demux(container.streams.audio[0]):
            try:
                frames = packet.decode()
            except av.FFmpegError as error:
                damaged += 1
                reason = _reason(error)
                continue
            decoded += len(frames)
            yield from frames
        if damaged > decoded:
            raise _unreadable(self._path, reason)
        if damaged:
            logger.warning("%s: %d damaged packets are heard as silence", self._path.name, damaged)

    @contextmanager
    def _open(self) -> Iterator:
        self._kind = None
        try:
            with _container(self._path) as container:
                if not container.streams.audio:
                    raise AudioError(
                        f"{self._path.name!r} has no audio stream. Choose a file with sound in it."
                    )
                yield container
        except av.FFmpegError as error:
            raise _unreadable(self._path, _reason(error)) from error


def tags(path: Path) -> dict[str, str]:
    """What a file says of itself (title, artist, album ...), by lower-case name; {} if nothing."""
    try:
        with _container(path) as container:
            found = dict(container.metadata)
            for stream in container.streams.audio:
                found |= stream.metadata  # Ogg keeps them there
            return {name.lower(): value for name, value in found.items()}
    except av.FFmpegError:
        return {}


def _container(path: Path):
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    name = str(path.absolute())
    odd = name != name.encode(errors="replace").decode()  # bytes that are no UTF-8
    return av.open(path.open("rb") if odd else name, options=options, metadata_errors="replace")


def _announced_s(path: Path, container) -> float | None:
    """The length its header promises, if the format's headers can be believed."""
    if container.format.name in ("aac", "ogg") or (
        container.format.name == "mp3" and not _has_length_tag(path)
    ):
        return None  # then FFmpeg guesses from the bit rate
    stream = container.streams.audio[0]
    if stream.duration is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is None or len(container.streams) > 1:
        return None  # a film may be longer than its sound
    return container.duration / av.time_base


def _has_length_tag(path: Path) -> bool:
    """Whether an mp3 begins with the frame that tells how many follow."""
    with path.open("rb") as file:
        head = file.read(10)
        if head[:3] == b"ID3":  # its size: four bytes of seven bits
            size = sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
            file.seek(10 + size)
        else:
            file.seek(0)
        frame = file.read(4096)
    return any(tag in frame for tag in (b"Xing", b"Info", b"VBRI"))


def _ends_whole(path: Path) -> bool:
    """Whether the last page of an Ogg file is marked as the last."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - (1 << 16)))  # a page is shorter
        tail = file.read()
    page = tail.rfind(b"OggS")
    return page >= 0 and bool(tail[page + 5 : page + 6] >= b"\4")


def _unreadable(path: Path, reason: str) -> AudioError:
    return AudioError(
        f"{path.name!r} cannot be decoded, or only part of it is there ({reason}). "
        "Copy or download it again, or convert it to FLAC or WAV."
    )


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
