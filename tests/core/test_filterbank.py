"""Filter banks: what a row reads, and bins found again from rows."""

import numpy as np
import pytest

from core.filterbank import Spectrum, log_bank, mel_bank
from core.phase import hann

SPECTRUM = Spectrum(sr=24_000, win_length=2124, n_fft=4320)


def power_of_sine(hz: float) -> np.ndarray:
    """One frame of a full-scale sine as power, 1 at its peak: (1, n_bins)."""
    t = (np.arange(SPECTRUM.win_length) - SPECTRUM.win_length / 2) / SPECTRUM.sr
    window = hann(SPECTRUM.win_length)
    spectrum = np.fft.rfft(np.cos(2 * np.pi * hz * t) * window, SPECTRUM.n_fft)
    return (np.abs(spectrum[None]) / (window.sum() / 2)) ** 2


@pytest.fixture(scope="module")
def svara_rows():
    return log_bank(SPECTRUM, n_rows=256, lowest_hz=65.4, rows_per_octave=36)


@pytest.mark.parametrize("row", [20, 60, 100, 150, 200, 240])
def test_a_full_scale_sine_reads_one_in_the_row_it_lies_on(svara_rows, row):
    bins = power_of_sine(svara_rows.hz[row])[:, : svara_rows.n_bins].astype(np.float32)
    reading = svara_rows.apply(bins)[:, 0]
    assert reading.argmax() == row
    assert reading[row] == pytest.approx(1, rel=0.03)  # 0.13 dB: a row lies between two bins


def test_a_third_of_a_semitone_is_one_row(svara_rows):
    assert np.diff(1200 * np.log2(svara_rows.hz)) == pytest.approx(100 / 3)


def test_rows_beyond_the_nyquist_frequency_stay_empty_and_silent():
    bank = log_bank(SPECTRUM, n_rows=256, lowest_hz=200.0, rows_per_octave=36)
    beyond = bank.hz > SPECTRUM.sr / 2
    assert beyond.sum() > 30
    assert not bank.apply(np.ones((1, bank.n_bins), np.float32))[beyond].any()
    found = bank.invert(np.ones((256, 1), np.float32))
    assert np.isfinite(found).all()


@pytest.mark.parametrize(
    "bank",
    [
        log_bank(SPECTRUM, n_rows=256, lowest_hz=65.4, rows_per_octave=36),
        mel_bank(Spectrum(24_000, 2400, 9600), n_rows=512, hz_range=(0.0, 10_000.0)),
    ],
    ids=["svara", "mel"],
)
def test_the_bins_found_give_the_rows_they_were_found_from(bank):
    rng = np.random.default_rng(3)
    bins = (rng.random((4, bank.n_bins)) ** 4).astype(np.float32)
    rows = bank.apply(bins)
    found = bank.invert(rows)
    assert found.shape == bins.shape
    assert found.min() >= 0
    error = np.linalg.norm(bank.apply(found) - rows) / np.linalg.norm(rows)
    assert error < 0.05  # -26 dB, where a grey level is about 1 dB


def test_a_sine_between_two_rows_is_found_between_their_bins(svara_rows):
    hz = svara_rows.hz[130] * 2 ** (0.5 / 36)  # half-way: 1.1 kHz, where rows are 21 Hz apart
    bins = power_of_sine(hz)[:, : svara_rows.n_bins].astype(np.float32)
    found = svara_rows.invert(svara_rows.apply(bins))[0]
    centre = (found * svara_rows.bin_hz).sum() / found.sum()
    assert abs(1200 * np.log2(centre / hz)) < 5  # a row is 33 cents


def test_nothing_is_found_in_silence(svara_rows):
    assert not svara_rows.invert(np.zeros((256, 3), np.float32)).any()
