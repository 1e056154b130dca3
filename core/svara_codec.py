"""The svara preset: each svara is a row, in every tonic."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from core.codec import Codec, Sounding, even_fast_length
from core.filterbank import FilterBank, Spectrum, log_bank
from core.framing import Framing
from core.phase import Stft


@dataclass(frozen=True)
class SvaraCodec(Codec):
    """Rows a third of a semitone apart, counted from the tonic; grey a third of a decibel a level.

    The lowest row is 1400 cents below the tonic, which holds the lower Sa with what is heard around
    it; the tonic is 42 rows up, and each semitone three rows. The window is 13 periods of Sa, so a
    tone is equally broad on the picture in every tonic. 255 is 3 dB above a full-scale sine, where
    a clipped one still fits; 1 is 84.7 dB below that; 0 is silence.
    """

    preset: ClassVar[str] = "svara"

    rows_per_octave: int = 36
    lowest_cents: float = -1400.0
    window_periods: float = 13.0
    top_db: float = 3.0
    levels_per_db: float = 3.0

    def __post_init__(self):
        super().__post_init__()
        self._within("rows_per_octave", 1, 1200)
        self._within("lowest_cents", -4800, 4800)
        self._within("window_periods", 4, 64)
        self._within("top_db", -40, 40)
        self._within("levels_per_db", 0.5, 100)

    @cached_property
    def _framing(self) -> Framing:
        half = round(self.window_periods / self._sa_hz * self.sr / 2)
        return Framing(2 * half, self.hop_length, self.hop_length // 2)

    @cached_property
    def _sounding(self) -> Sounding:
        framing = self._framing
        stft = Stft(framing.win_length, self.hop_length, even_fast_length(framing.win_length))
        return Sounding(stft, self.sr, framing.first_centre)

    @cached_property
    def _spectrum(self) -> Spectrum:
        # Twice what sounding needs: between bins this close the power is all but a straight line.
        return Spectrum(self.sr, self._framing.win_length, 2 * self._sounding.stft.n_fft)

    @property
    def _bank(self) -> FilterBank:
        lowest_hz = self._sa_hz * 2 ** (self.lowest_cents / 1200)
        return log_bank(self._spectrum, self.n_rows, lowest_hz, self.rows_per_octave)

    @property
    def _full_scale(self) -> float:
        return self._framing.win_length / 4  # magnitude of a sine at its bin: half a Hann's sum

    def _bins(self, magnitudes: np.ndarray) -> np.ndarray:
        power = np.square(magnitudes, out=magnitudes)
        return np.multiply(power, self._full_scale**-2, out=power)

    def _levelled(self, loudest: float) -> Codec:
        del loudest  # grey levels here are relative to full scale, whatever the sound
        return self

    def _image(self, rows: np.ndarray) -> np.ndarray:
        db = 10 * np.log10(np.maximum(rows[::-1], 1e-12))
        level = np.rint(255 + self.levels_per_db * (db - self.top_db))
        return np.clip(level, 0, 255).astype(np.uint8)

    def _rows(self, image: np.ndarray) -> np.ndarray:
        db = self.top_db - (255 - np.arange(256)) / self.levels_per_db
        power = np.where(np.arange(256) > 0, 10 ** (db / 10), 0)
        return power.astype(np.float32)[image[::-1]]

    def _magnitude(self, rows: np.ndarray) -> np.ndarray:
        power = self._bank.invert(rows)[:, ::2]
        magnitude = np.zeros((len(power), self._sounding.stft.n_fft // 2 + 1), np.float32)
        magnitude[:, : power.shape[1]] = np.sqrt(power) * self._full_scale
        return magnitude
