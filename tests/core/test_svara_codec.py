"""The svara preset: tuning in cents, loudness in decibels, one picture in every tonic."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import AudioError, ImageError
from core.spectrogram import svara

SR = 24_000
CODEC = svara(146.83)
FULL_SCALE_SINE = 246  # 3 dB, nine levels, below white
SA_ROW = 255 - 42  # from the top


def tones(hz: float, seconds: float = 1.0, n_harmonics: int = 1, level: float = 0.3) -> np.ndarray:
    t = np.arange(round(seconds * SR)) / SR
    harmonics = [k for k in range(1, n_harmonics + 1) if k * hz < 9000]
    return sum(level / k * np.sin(2 * np.pi * k * hz * t + k) for k in harmonics).astype("f4")


def measured_hz(y: np.ndarray, near_hz: float) -> float:
    """The frequency of the strongest partial within a semitone of `near_hz`."""
    y = y[SR // 5 : -SR // 5].astype(float)
    spectrum = np.abs(np.fft.rfft(y * np.blackman(len(y)), 8 * len(y)))
    bin_hz = SR / (8 * len(y))
    low, high = (int(near_hz * 2 ** (sign / 12) / bin_hz) for sign in (-1, 1))
    k = low + spectrum[low:high].argmax()
    before, at, after = np.log(spectrum[k - 1 : k + 2])
    return (k + 0.5 * (before - after) / (before - 2 * at + after)) * bin_hz


def level_db(y: np.ndarray) -> float:
    """Root mean square without the ends, whose windows are half empty."""
    y = y[SR // 5 : -SR // 5].astype(float)
    return 10 * np.log10(np.mean(y**2))


def melody(tonic_hz: float) -> np.ndarray:
    """Sa Ri Pa, a shaken Ni, Sa, with overtones, over a drone."""
    t = np.arange(3 * SR) / SR
    cents = np.interp(
        t, [0, 0.5, 0.6, 1.0, 1.1, 1.6, 1.8, 3], [0, 0, 200, 200, 700, 700, 1100, 1200]
    )
    cents += 60 * np.sin(2 * np.pi * 5.5 * t) * (t > 1.8)
    angle = 2 * np.pi * np.cumsum(tonic_hz * 2 ** (cents / 1200)) / SR
    lead = sum(0.2 / k * np.sin(k * angle) for k in range(1, 12))
    drone = sum(0.05 / k * np.sin(np.pi * tonic_hz * k * t + k * k) for k in range(1, 7))
    return (lead + drone).astype(np.float32)


def test_every_svara_has_a_row_in_every_tonic():
    for tonic_hz in (113.0, 146.83, 266.0):
        cents = svara(tonic_hz).row_cents
        assert cents[SA_ROW] == pytest.approx(0)
        assert cents[SA_ROW - 3 * 7] == pytest.approx(700)
        for svara_cents in range(-1200, 6100, 100):
            assert np.abs(cents - svara_cents).min() < 1e-6
    assert CODEC.row_hz[0] == pytest.approx(146.83 * 2 ** (71 / 12))
    assert CODEC.row_hz[-1] < 146.83 / 2


def test_a_model_image_is_ten_seconds():
    assert CODEC.clip_s == 10.24
    assert CODEC.encode(np.zeros(round(10.24 * SR))).shape == (256, 512)
    assert len(CODEC.decode(np.zeros((256, 512), np.uint8))) == round(10.24 * SR)


def test_a_full_scale_sa_draws_its_row_at_full_scale():
    image = CODEC.encode(tones(146.83, level=1.0))
    assert image[:, 25].argmax() == SA_ROW
    assert image[SA_ROW, 25] == pytest.approx(FULL_SCALE_SINE, abs=1)


def test_halving_the_gain_darkens_by_six_decibels():
    loud = CODEC.encode(tones(220.0, level=0.4)).astype(int)
    soft = CODEC.encode(tones(220.0, level=0.2)).astype(int)
    both = soft > 0
    assert set(np.unique((loud - soft)[both])) <= {17, 18, 19}  # 6.02 dB, three levels each


def test_silence_is_black_and_black_is_silent():
    image = CODEC.encode(np.zeros(SR))
    assert not image.any()
    assert not CODEC.decode(image).any()


@pytest.mark.parametrize(("level_dbfs", "tolerance"), [(-20, 0.5), (-60, 1), (-76, 5)])
def test_soft_tones_stay_as_soft(level_dbfs, tolerance):
    """Near the floor, at -82 dB, the foot of what a window makes of a tone is cut off."""
    y = tones(293.66, level=10 ** (level_dbfs / 20))
    assert level_db(CODEC.decode(CODEC.encode(y))) == pytest.approx(level_db(y), abs=tolerance)


def test_what_lies_below_the_floor_is_not_drawn():
    assert CODEC.encode(tones(293.66, level=10 ** (-81 / 20))).max() in (2, 3, 4)
    assert not CODEC.encode(tones(293.66, level=10 ** (-83 / 20))).any()


@given(
    hz=st.floats(100, 900),
    n_harmonics=st.sampled_from([1, 8]),
    tonic_hz=st.sampled_from([110.0, 130.0, 146.83, 175.0, 196.0]),
    level=st.sampled_from([0.02, 0.3]),
)
@example(hz=100.0, n_harmonics=1, tonic_hz=196.0, level=0.3)
@example(hz=900.0, n_harmonics=8, tonic_hz=110.0, level=0.3)
@settings(max_examples=12)
def test_a_tone_comes_back_in_tune_and_as_loud(hz, n_harmonics, tonic_hz, level):
    codec = svara(tonic_hz)
    y = tones(hz, n_harmonics=n_harmonics, level=level)
    back = codec.decode(codec.encode(y))
    assert abs(1200 * np.log2(measured_hz(back, hz) / hz)) <= 10  # half of what a shruti is
    assert level_db(back) == pytest.approx(level_db(y), abs=1)


@pytest.mark.parametrize("level", [1.0, 0.1, 0.005])
def test_noise_comes_back_as_loud(level):
    rng = np.random.default_rng(1)
    noise = np.convolve(rng.standard_normal(2 * SR), np.hanning(15), "same")  # below 3 kHz
    y = (level * noise / np.abs(noise).max()).astype(np.float32)
    back = CODEC.decode(CODEC.encode(y))
    spectra = [np.abs(np.fft.rfft(x[: len(back)])) for x in (y, back)]
    drawn = slice(2 * 70, 2 * 8700)  # Hz: the rows' range
    difference = 20 * np.log10(
        np.linalg.norm(spectra[1][drawn]) / np.linalg.norm(spectra[0][drawn])
    )
    assert abs(difference) < 1


def test_a_clipped_tone_does_not_saturate():
    square = np.sign(tones(220.0, 1.0)) * np.float32(1)
    image = CODEC.encode(square)
    assert 246 < image.max() < 255  # its fundamental is 2.1 dB above a full-scale sine
    assert level_db(CODEC.decode(image)) == pytest.approx(0, abs=1)


def test_the_same_melody_is_the_same_picture_in_every_tonic():
    pictures = [svara(hz).encode(melody(hz)).astype(int) for hz in (130.0, 196.0)]
    difference = np.abs(pictures[0] - pictures[1])
    sounding = np.maximum(*pictures) > 120  # within 45 dB of full scale
    assert difference[sounding].mean() < 4  # levels: 1.3 dB, from the window's other length
    assert np.percentile(difference[sounding], 95) < 18
    melody_rows = slice(SA_ROW - 45, SA_ROW + 2)
    peaks = [picture[melody_rows].argmax(axis=0) for picture in pictures]
    assert np.abs(peaks[0] - peaks[1]).mean() < 0.3  # rows: 10 cents
    unaligned = np.abs(pictures[0] - svara(130.0).encode(melody(196.0)))
    assert unaligned[sounding].mean() > 40


@pytest.mark.parametrize("ratio", [0.75, 196 / 130, 1.9])
def test_another_tonic_transposes_and_keeps_the_speed(ratio):
    y = np.concatenate([tones(195.0, 1.0, 4), np.zeros(SR // 2, np.float32), tones(260.0, 1.0, 4)])
    codec = svara(130.0)
    image = codec.encode(y)
    back = codec.decode(image, tonic_hz=130.0 * ratio)
    assert len(back) == image.shape[1] * codec.hop_length
    for start, hz in ((0, 195.0 * ratio), (1.5, 260.0 * ratio)):
        part = back[round(start * SR) : round((start + 1) * SR)]
        assert abs(1200 * np.log2(measured_hz(part, hz) / hz)) <= 5
    pause = back[round(1.1 * SR) : round(1.4 * SR)]
    assert np.abs(pause).max() < 0.01


@pytest.mark.parametrize("sr", [8_000, 44_100, 192_000])
def test_sound_of_any_rate_draws_the_same_picture(sr):
    t = np.arange(sr) / sr
    image = CODEC.encode((0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32), sr=sr)
    wanted = CODEC.encode(tones(440.0))
    assert abs(image.shape[1] - wanted.shape[1]) <= 1
    middle = slice(10, 40)
    loud = wanted[:, middle] > 150
    assert np.abs(image[:, middle].astype(int) - wanted[:, middle])[loud].max() <= 1


def test_one_sample_is_one_column():
    assert CODEC.encode(np.array([0.5])).shape == (256, 1)
    assert len(CODEC.decode(np.full((256, 1), 100, np.uint8))) == CODEC.hop_length


@pytest.mark.parametrize("y", [np.zeros((2, SR)), np.zeros((6, SR)), np.array([0.0, np.nan])])
def test_what_is_no_mono_sound_is_refused(y):
    with pytest.raises(AudioError):
        CODEC.encode(y)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((255, 40), np.uint8),
        np.zeros((512, 40), np.uint8),
        np.zeros((256, 40, 3), np.uint8),
        np.zeros((256, 40), np.uint16),
        np.zeros((256, 0), np.uint8),
    ],
)
def test_what_is_no_image_of_its_own_is_refused(image):
    with pytest.raises(ImageError, match=r"256|8-bit"):
        CODEC.decode(image)


@pytest.mark.parametrize("tonic_hz", [0.0, -146.0, 5000.0, float("nan")])
def test_an_impossible_tonic_is_refused(tonic_hz):
    with pytest.raises(ImageError, match="tonic_hz"):
        svara(tonic_hz)
    with pytest.raises(ImageError, match="tonic_hz"):
        CODEC.decode(np.zeros((256, 2), np.uint8), tonic_hz=tonic_hz)


def test_any_image_sounds_as_finite_numbers():
    """A model draws what no window ever drew."""
    rng = np.random.default_rng(0)
    for image in (rng.integers(0, 256, (256, 30), np.uint8), np.full((256, 30), 255, np.uint8)):
        for tonic_hz in (60.0, 266.0, 500.0):
            y = CODEC.decode(image, tonic_hz=tonic_hz)
            assert np.isfinite(y).all()
            assert y.any()
