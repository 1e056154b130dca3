"""What a browser needs of a recording: a copy it can seek in, and its waveform's outline.

Both come from one decoding pass of the original, so sound and picture agree. The copy is Opus in
WebM, whose time stamps a browser follows exactly (in a VBR mp3 it may be 84 s off after two hours);
the encoder's delay is told in the file and taken off by the player.

Conventions: the outline has `PEAKS_PER_SECOND` bytes a second, each the loudest sample of its bin,
255 being the loudest of the whole recording.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np

from core.decoder import AudioInfo, Reader, Resampler, downmix, no_sound, opened
from core.workspace import replacing

PEAKS_PER_SECOND = 200

OPUS_SR = 48_000  # the rate Opus works at
_BIT_RATE = {1: 64_000, 2: 96_000}
_COMPLEXITY = "0"  # of 0..10: 10 takes twice the time to be 0.1 dB nearer (log-spectral, 96 kb/s)
_AHEAD = 8  # seconds decoded that wait for the encoder


def prepare(
    path: Path,
    playback: Path,
    peaks: Path,
    progress: Callable[[float, str], object] | None = None,
) -> AudioInfo:
    """Decode a file once, and write its playback copy and its peaks.

    Parameters
    ----------
    progress : callable
        Told the share done (0..1) and what is being done.

    Returns
    -------
    info : AudioInfo
        With the true duration of the decoded audio.

    Raises
    ------
    AudioError
        If the file cannot be decoded to its end; then neither file is written.
    """
    path = Path(path)
    with opened(path) as reader, replacing(playback) as copy, replacing(peaks) as outline:
        heights: list[np.ndarray] = []
        n_samples = 0
        expected_s = reader.duration_s if progress else 0.0
        with _OpusWriter(copy, reader) as writer:
            for second in _seconds(reader):
                writer.write(second)
                heights.append(_outline(second, reader.sr))
                n_samples += second.shape[1]
                if progress:
                    share = min(1.0, n_samples / reader.sr / expected_s)
                    progress(share, f"reading {path.name}")
        if not n_samples:
            raise no_sound(path)
        outline.write_bytes(_scaled(np.concatenate(heights)).tobytes())
        return AudioInfo(reader.sr, reader.n_channels, n_samples / reader.sr, reader.format)


class _OpusWriter:
    """Writes a WebM file in a thread of its own, while the next second is being decoded."""

    def __init__(self, path: Path, reader: Reader):
        self._path = path
        self._n_channels = min(reader.n_channels, 2)
        self._weights = None  # mono and stereo stay as they are
        if reader.n_channels > 2:
            self._weights = downmix(reader.n_channels, self._n_channels)
        self._resampler = Resampler(reader.sr, OPUS_SR, self._n_channels)
        self._n_written = 0
        self._pending: deque[Future] = deque()

    def __enter__(self) -> "_OpusWriter":
        import av

        self._container = av.open(str(self._path), "w", format="webm")
        self._stream = self._container.add_stream(
            "libopus", rate=OPUS_SR, layout=("mono", "stereo")[self._n_channels - 1]
        )
        self._stream.bit_rate = _BIT_RATE[self._n_channels]
        self._stream.options = {"compression_level": _COMPLEXITY}
        self._thread = ThreadPoolExecutor(1, "opus")
        return self

    def write(self, block: np.ndarray) -> None:
        """Take one block [shape=(n_channels, n)]; waits if too many are queued already."""
        self._pending.append(self._thread.submit(self._encode, block))
        if len(self._pending) > _AHEAD:
            self._pending.popleft().result()

    def __exit__(self, kind, error, trace) -> None:
        try:
            if kind is None:
                self._pending.append(self._thread.submit(self._finish))
                while self._pending:
                    self._pending.popleft().result()
        finally:
            self._thread.shutdown(cancel_futures=True)
            self._container.close()

    def _encode(self, block: np.ndarray) -> None:
        mix = block if self._weights is None else self._weights @ block
        self._mux(self._resampler.push(mix))

    def _finish(self) -> None:
        self._mux(self._resampler.rest())
        self._container.mux(self._stream.encode(None))

    def _mux(self, y: np.ndarray) -> None:
        import av

        if not len(y):
            return
        frame = av.AudioFrame.from_ndarray(y.reshape(1, -1), "flt", self._stream.layout.name)
        frame.sample_rate = OPUS_SR
        frame.pts = self._n_written
        frame.time_base = Fraction(1, OPUS_SR)
        self._n_written += len(y)
        self._container.mux(self._stream.encode(frame))


def _seconds(reader: Reader) -> Iterator[np.ndarray]:
    """The sound second by second: bins of the outline never straddle two of them."""
    waiting = np.empty((reader.n_channels, 0), np.float32)
    for block in reader.blocks():
        waiting = np.concatenate([waiting, block], axis=1)
        while waiting.shape[1] >= reader.sr:
            yield waiting[:, : reader.sr]
            waiting = waiting[:, reader.sr :]
    if waiting.shape[1]:
        yield waiting


def _outline(second: np.ndarray, sr: int) -> np.ndarray:
    edges = np.arange(PEAKS_PER_SECOND) * sr // PEAKS_PER_SECOND
    loudest = np.abs(second).max(axis=0)
    return np.maximum.reduceat(loudest, edges[edges < len(loudest)])


def _scaled(heights: np.ndarray) -> np.ndarray:
    return np.round(255 * heights / max(heights.max(), 1e-9)).astype(np.uint8)
