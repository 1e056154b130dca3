"""The riffusion preset: the pictures that Riffusion's models were trained on."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from core.codec import REFERENCE_TONIC_HZ, Codec, Sounding, even_fast_length
from core.errors import AudioError, ImageError
from core.filterbank import FilterBank, Spectrum, mel_bank
from core.framing import Framing
from core.phase import Stft

INT16 = 32768  # Riffusion measures sound in 16-bit steps
CUSTOMARY_MAX_VALUE = 30e6  # what Riffusion's own decoder takes every image's loudest point to be


@dataclass(frozen=True)
class RiffusionCodec(Codec):
    """Riffusion's picture: mel rows, dark is loud, each scaled to its own loudest point.

    `max_value` is that point, in 16-bit steps: `None` before a sound is drawn and where a picture
    does not say. Such a picture sounds at Riffusion's customary level, or softer where that clips.
    With `tonic_hz` everything is drawn as if the tonic were D; `None` leaves it where it is.
    A stereo picture is (n_rows, n_columns, 3): left in green, right in blue.
    """

    preset: ClassVar[str] = "riffusion"

    sr: int = 44_100
    hop_length: int = 441
    n_rows: int = 512
    stereo: bool = False
    win_length: int = 4410
    n_fft: int = 17_640
    min_hz: float = 0.0
    max_hz: float = 10_000.0
    power: float = 0.25
    max_value: float | None = None

    def __post_init__(self):
        super().__post_init__()
        self._within("win_length", 2 * self.hop_length, 4 * self.sr)
        self._within("n_fft", self.win_length, 8 * self.sr)
        self._within("max_hz", self.sr / 100, self.sr / 2)
        self._within("min_hz", 0, 0.9 * self.max_hz)
        self._within("power", 0.01, 4)
        if self.max_value is not None:
            self._within("max_value", 0, 1e15)

    def draw(self, y: np.ndarray, sr: int | None = None) -> tuple[np.ndarray, Codec]:
        """Encode, and return beside the image the codec that gives back its loudness too.

        For a stereo codec `y` may be (2, n_samples); mono sound is drawn on both sides.
        """
        if not self.stereo:
            return super().draw(y, sr)
        sides = [
            np.concatenate(list(self._row_blocks([side], sr)), axis=1) for side in two_sides(y)
        ]
        codec = self._levelled(float(max(side.max() for side in sides)))
        left, right = (codec._image(side) for side in sides)
        return np.stack((np.zeros_like(left), left, right), axis=-1), codec

    def decode(self, image: np.ndarray, **options) -> np.ndarray:
        """Sound an image as `Codec.decode` does: (n_samples,), or (2, n_samples) if stereo."""
        if self.stereo:
            self.check(image)
            mono = replace(self, stereo=False)
            return np.stack([mono.decode(image[..., side], **options) for side in (1, 2)])
        y = super().decode(image, **options)
        return y if self.max_value is not None else y / max(1.0, float(np.abs(y).max()))

    def check(self, image: np.ndarray) -> None:
        """Refuse an image that is not one of this codec's."""
        if self.stereo and image.ndim == 3 and image.shape[2] == 3:
            image = image[..., 1]
        elif self.stereo:
            raise ImageError(
                f"Found an image of shape {image.shape}. A stereo image has three colours: "
                "left in green and right in blue."
            )
        super().check(image)

    @property
    def _ratio(self) -> float:
        return self._sa_hz / REFERENCE_TONIC_HZ

    @cached_property
    def _spectrum(self) -> Spectrum:
        if self.tonic_hz is None:
            return Spectrum(self.sr, self.win_length, self.n_fft)
        # A window of as many periods of Sa in every tonic: a tone is equally broad on the picture.
        win_length = 2 * round(self.win_length / self._ratio / 2)
        return Spectrum(self.sr, win_length, self._padding * even_fast_length(win_length))

    @property
    def _framing(self) -> Framing:
        return Framing(self._spectrum.win_length, self.hop_length, 0)

    @property
    def _bank(self) -> FilterBank:
        return self._mel_bank(self._spectrum)

    def _mel_bank(self, spectrum: Spectrum) -> FilterBank:
        return mel_bank(spectrum, self.n_rows, (self.min_hz, self.max_hz), self._ratio)

    @cached_property
    def _sounding(self) -> Sounding:
        """At a rate just high enough for the highest row."""
        highest_hz = self.max_hz * self._ratio
        sr = next((sr for sr in (24_000, 32_000) if self._fits(sr, highest_hz)), self.sr)
        win_length = 2 * round(self._spectrum.win_length * sr / self.sr / 2)
        stft = Stft(win_length, self.hop_length * sr // self.sr, even_fast_length(win_length))
        return Sounding(stft, sr, 0)

    def _fits(self, sr: int, highest_hz: float) -> bool:
        return sr < self.sr and highest_hz < 0.45 * sr and self.hop_length * sr % self.sr == 0

    @property
    def _padding(self) -> int:
        return max(1, round(self.n_fft / self.win_length))

    def _bins(self, magnitudes: np.ndarray) -> np.ndarray:
        return magnitudes if self.tonic_hz is None else magnitudes * self._fewer

    @property
    def _fewer(self) -> np.float32:
        """How many bins a row has for each that it has in this tonic."""
        return np.float32(self.n_fft / self._spectrum.n_fft)

    def _levelled(self, loudest: float) -> Codec:
        return self if self.max_value is not None else replace(self, max_value=loudest * INT16)

    def _image(self, rows: np.ndarray) -> np.ndarray:
        if self.max_value is None:
            raise ImageError(
                "Riffusion's images are scaled to the loudest point of the whole sound. "
                "Pass over it with `measured` before drawing it piece by piece."
            )
        share = rows[::-1] * np.float32(INT16) / np.float32(self.max_value or 1)
        share = np.clip(share, 0, 1)
        root = np.sqrt(np.sqrt(share)) if self.power == 0.25 else share**self.power
        return (255 - root * 255).astype(np.uint8)

    def _rows(self, image: np.ndarray) -> np.ndarray:
        # The image was cut down to whole levels: the middle of each level is the best guess.
        share = np.clip((254.5 - np.arange(256)) / 255, 0, 1)
        share[0] = 1
        loudest = CUSTOMARY_MAX_VALUE if self.max_value is None else self.max_value
        amplitude = share ** (1 / self.power) * loudest / INT16
        return amplitude.astype(np.float32)[image[::-1]]

    def _magnitude(self, rows: np.ndarray) -> np.ndarray:
        sounding, stft, padding = self._sounding, self._sounding.stft, self._padding
        drawn, sounded = (
            self._spectrum,
            Spectrum(sounding.sr, stft.win_length, padding * stft.n_fft),
        )
        finer = drawn.bin_hz[1] / sounded.bin_hz[1] / self._fewer  # more bins to a row
        louder = sounded.win_length / drawn.win_length  # what a longer window reads
        bins = self._mel_bank(sounded).invert(rows * np.float32(finer))[:, ::padding]
        magnitude = np.zeros((len(bins), stft.n_fft // 2 + 1), np.float32)
        magnitude[:, : bins.shape[1]] = bins * np.float32(louder)
        return magnitude


def two_sides(y: np.ndarray) -> Iterator[np.ndarray]:
    """The left and right channel of (2, n_samples), or mono sound twice."""
    y = np.asarray(y)
    if y.ndim == 1:
        y = np.stack((y, y))
    if y.ndim != 2 or len(y) != 2:
        raise AudioError(
            f"Expected stereo sound of shape (2, n_samples), got {y.shape}. "
            "Mix it down to two channels, or draw it in mono."
        )
    return iter(y)
