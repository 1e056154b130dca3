"""What every way of drawing sound shares: framing, streaming, and the way back.

Rows are kept lowest first while computing and turned over in the image, whose top row is the
highest frequency. A column is one hop.
"""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import ClassVar

import numpy as np

from core.errors import ImageError
from core.filterbank import FilterBank, Spectrum
from core.framing import SR_RANGE, Framing, checked, resampled
from core.padded_transform import PaddedTransform
from core.phase import THOROUGH, Reconstruction, Stft, signal_blocks
from core.records import TONIC_RANGE_HZ

REFERENCE_TONIC_HZ = 146.83  # D, where most male singers put Sa
FRAMES_AT_ONCE = 32  # transformed together: they fit the processor's cache

Progress = Callable[[float], object]  # called with the share done, 0..1


@dataclass(frozen=True)
class Sounding:
    """The transform that an image is sounded through: a frame for each of its columns."""

    stft: Stft
    sr: int
    first_centre: int  # the sample that the first column is centred on

    def trimmed(self, blocks: Iterable[np.ndarray], n_columns: int) -> Iterator[np.ndarray]:
        """Cut what lies before the first and after the last sample of the image's sound."""
        skip = self.stft.win_length // 2 - self.first_centre
        left = (n_columns - 1) * self.stft.hop_length + 2 * self.first_centre
        for block in blocks:
            part = block[skip:][: max(0, left)]
            skip = max(0, skip - len(block))
            left -= len(part)
            yield part


@dataclass(frozen=True)
class Codec(ABC):
    """A way to draw sound, and back."""

    __pydantic_config__: ClassVar = {"extra": "forbid"}
    preset: ClassVar[str]

    tonic_hz: float | None = None  # the reference tonic until one is said
    sr: int = 24_000
    hop_length: int = 480
    n_rows: int = 256
    width: int = 512  # columns of one model image

    def __post_init__(self):
        if self.tonic_hz is not None:
            self._within("tonic_hz", *TONIC_RANGE_HZ)
        self._within("sr", *SR_RANGE)
        self._within("hop_length", 1, self.sr)
        self._within("n_rows", 16, 4096)
        self._within("width", 1, 65_536)

    def _within(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:  # refuses NaN too
            raise ImageError(
                f"A {self.preset} codec was given {name} {value:g}. "
                f"It must lie between {low:g} and {high:g}."
            )

    @property
    def clip_s(self) -> float:
        """Seconds of sound in one model image."""
        return self.width * self.hop_length / self.sr

    @property
    def row_hz(self) -> np.ndarray:
        """Centre frequency of each image row, (n_rows,), highest first."""
        return self._bank.hz[::-1]

    @property
    def row_cents(self) -> np.ndarray:
        """Cents of each image row above the tonic, (n_rows,), highest first."""
        return 1200 * np.log2(self.row_hz / self._sa_hz)

    @property
    def _sa_hz(self) -> float:
        return self.tonic_hz or REFERENCE_TONIC_HZ

    def n_columns(self, n_samples: int) -> int:
        """Columns of the image of so many samples at `self.sr`."""
        return self._framing.n_frames(n_samples)

    def with_tonic(self, tonic_hz: float | None) -> "Codec":
        """The same codec, counting its rows from another tonic."""
        return replace(self, tonic_hz=tonic_hz)

    def parameters(self) -> dict[str, object]:
        """All that `codec_from` needs to make this codec again; fit for JSON."""
        return {"preset": self.preset, **asdict(self)}

    def encode(self, y: np.ndarray, sr: int | None = None) -> np.ndarray:
        """Draw sound as an image.

        Parameters
        ----------
        y : np.ndarray [shape=(n_samples,), float, -1..1]
        sr : int, optional
            Sampling rate of `y` if it is not `self.sr`.

        Returns
        -------
        image : np.ndarray [shape=(n_rows, n_columns), uint8]

        Raises
        ------
        AudioError
            If `y` is empty, not mono or not finite numbers.
        """
        return self.draw(y, sr)[0]

    def draw(self, y: np.ndarray, sr: int | None = None) -> tuple[np.ndarray, "Codec"]:
        """Encode, and return beside the image the codec that gives back its loudness too."""
        rows = np.concatenate(list(self._row_blocks([y], sr)), axis=1)
        codec = self._levelled(float(rows.max()))
        return codec._image(rows), codec

    def encode_stream(
        self, blocks: Iterable[np.ndarray], sr: int | None = None
    ) -> Iterator[np.ndarray]:
        """Yield the image of a long recording in pieces, left to right, as its sound arrives."""
        for rows in self._row_blocks(blocks, sr):
            yield self._image(rows)

    def decode(
        self,
        image: np.ndarray,
        *,
        tonic_hz: float | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Sound an image of any width.

        Parameters
        ----------
        image : np.ndarray [shape=(n_rows, n_columns), uint8]
        tonic_hz : float, optional
            Sound it in this tonic instead of its own; its speed does not change.

        Returns
        -------
        y : np.ndarray [shape=(n_samples,), float32]

        Raises
        ------
        ImageError
            If the image is not one of this codec's.
        """
        codec = self if tonic_hz is None else self.with_tonic(tonic_hz)
        effort = Reconstruction(seed=seed)
        return np.concatenate(list(codec.decode_stream(image, effort, progress)))

    def decode_batch(
        self, images: Sequence[np.ndarray], *, tonic_hz: float | None = None, seed: int = 0
    ) -> list[np.ndarray]:
        """Sound several images side by side, a thread each; the same sound as one by one."""
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
            return list(threads.map(partial(self.decode, tonic_hz=tonic_hz, seed=seed), images))

    def decode_stream(
        self,
        image: np.ndarray,
        effort: Reconstruction = THOROUGH,
        progress: Progress | None = None,
    ) -> Iterator[np.ndarray]:
        """Yield the sound of an image block by block; nothing marks where two blocks meet."""
        self.check(image)
        sounding, n_columns = self._sounding, image.shape[1]

        def magnitude(start: int, stop: int) -> np.ndarray:
            if progress:
                progress(start / n_columns)
            return self._magnitude(self._rows(image[:, start:stop]))

        blocks = signal_blocks(magnitude, n_columns, sounding.stft, effort)
        yield from resampled(sounding.trimmed(blocks, n_columns), sounding.sr, self.sr)
        if progress:
            progress(1.0)

    def measured(self, blocks: Iterable[np.ndarray], sr: int | None = None) -> "Codec":
        """This codec at the loudness of a whole recording, for `encode_stream` to draw it by."""
        return self._levelled(max(float(rows.max()) for rows in self._row_blocks(blocks, sr)))

    def _row_blocks(self, blocks: Iterable[np.ndarray], sr: int | None) -> Iterator[np.ndarray]:
        """Filter bank output of sound that arrives in blocks, (n_rows, k) each, lowest first."""
        bank = self._bank
        transform = PaddedTransform(self._spectrum, bank.n_bins, FRAMES_AT_ONCE)
        for frames in self._framing.frames(resampled(checked(blocks), sr or self.sr, self.sr)):
            for i in range(0, len(frames), FRAMES_AT_ONCE):
                magnitudes = transform.magnitudes(frames[i : i + FRAMES_AT_ONCE])
                yield bank.apply(self._bins(magnitudes))

    def check(self, image: np.ndarray) -> None:
        """Refuse an image that is not one of this codec's."""
        if image.ndim != 2 or image.dtype != np.uint8 or 0 in image.shape:
            raise ImageError(
                f"Found an image of shape {image.shape} and type {image.dtype}. A {self.preset} "
                "image is (rows, columns) of 8-bit grey levels."
            )
        if len(image) != self.n_rows:
            raise ImageError(
                f"The image is {len(image)} rows high, but a {self.preset} image has "
                f"{self.n_rows}. Use it as it was drawn, not cropped or scaled."
            )

    @property
    @abstractmethod
    def _framing(self) -> Framing: ...

    @property
    @abstractmethod
    def _sounding(self) -> Sounding: ...

    @property
    @abstractmethod
    def _spectrum(self) -> Spectrum: ...

    @property
    @abstractmethod
    def _bank(self) -> FilterBank: ...

    @abstractmethod
    def _bins(self, magnitudes: np.ndarray) -> np.ndarray:
        """What the filter bank sums, from magnitudes (k, n_bins); may overwrite them."""

    @abstractmethod
    def _levelled(self, loudest: float) -> "Codec":
        """This codec, at the level of a sound with this loudest point if it asks for one."""

    @abstractmethod
    def _image(self, rows: np.ndarray) -> np.ndarray:
        """Filter bank output (n_rows, k), lowest first, as an image."""

    @abstractmethod
    def _rows(self, image: np.ndarray) -> np.ndarray:
        """The inverse of `_image`."""

    @abstractmethod
    def _magnitude(self, rows: np.ndarray) -> np.ndarray:
        """Rows (n_rows, k) as magnitudes of `_sounding.stft`, (k, n_bins)."""


def even_fast_length(n: int) -> int:
    """The next even length from `n` up that transforms fast."""
    from scipy.fft import next_fast_len

    length = next_fast_len(n, real=True)
    while length % 2:
        length = next_fast_len(length + 1, real=True)
    return length
