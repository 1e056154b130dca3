"""The riffusion preset: Riffusion's pixels, tags and stereo, and the loudness it loses."""

import numpy as np
import pytest
from PIL import Image

from core.errors import AudioError, ImageError
from core.phase import hann
from core.spectrogram import read_image, riffusion, write_image

SR = 44_100
CODEC = riffusion()


def chord(seconds: float, level: float = 0.2) -> np.ndarray:
    t = np.arange(round(seconds * SR)) / SR
    glide = np.cumsum(330 * 2 ** (np.sin(2 * np.pi * 3 * t) / 12)) / SR
    rng = np.random.default_rng(2)
    y = np.sin(2 * np.pi * glide) + 0.5 * np.sin(4 * np.pi * glide) + np.sin(2 * np.pi * 110 * t)
    return (level * y + 0.001 * rng.standard_normal(len(t))).astype(np.float32)


def restated(y: np.ndarray) -> tuple[np.ndarray, float]:
    """Riffusion's chain from its published parameters, step by step and in double precision."""
    n_fft, hop, win = 17_640, 441, 4410
    window = np.zeros(n_fft)
    window[(n_fft - win) // 2 : (n_fft + win) // 2] = hann(win)
    padded = np.pad(y.astype(float) * 32768, n_fft // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1))
    mels = np.linspace(0, 2595 * np.log10(1 + 10_000 / 700), 514)
    corners = 700 * (10 ** (mels / 2595) - 1)
    bin_hz = np.linspace(0, SR // 2, n_fft // 2 + 1)
    rising = (bin_hz - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - bin_hz) / (corners[2:] - corners[1:-1])[:, None]
    mel = np.maximum(0, np.minimum(rising, falling)) @ magnitude.T
    grey = 255 - 255 * (mel / mel.max()) ** 0.25
    return grey.astype(np.uint8)[::-1], mel.max()


def rms_db(y: np.ndarray) -> float:
    return 10 * np.log10(np.mean(y[SR // 5 : -SR // 5].astype(float) ** 2))


def test_every_pixel_is_riffusions_within_one_level():
    y = chord(1.0)
    image, codec = CODEC.draw(y)
    wanted, loudest = restated(y)
    assert image.shape == wanted.shape == (512, 101)
    difference = np.abs(image.astype(int) - wanted)
    assert difference.max() <= 1  # truncation falls either way in single precision
    assert (difference > 0).mean() < 0.001
    assert codec.max_value == pytest.approx(loudest, rel=1e-5)


@pytest.mark.material
def test_riffusions_own_image_is_made_from_its_sound(material, tmp_path):
    import soundfile

    folder = material / "audio" / "riffusion"
    y, sr = soundfile.read(folder / "tired_traveler_clip_2.wav", dtype="float32")
    wanted, said = read_image(folder / "tired_traveler_clip_2.png")
    image, codec = CODEC.draw(y[:, 0], sr)  # it was drawn from the left channel alone
    assert np.abs(image.astype(int) - wanted).max() <= 1
    assert codec == said
    write_image(tmp_path / "ours.png", image, codec)
    tags = [
        dict(Image.open(path).getexif())
        for path in (tmp_path / "ours.png", folder / "tired_traveler_clip_2.png")
    ]
    assert tags[0] == tags[1]


@pytest.mark.material
def test_riffusions_own_image_sounds_as_its_sound_does(material):
    import soundfile

    folder = material / "audio" / "riffusion"
    y, _ = soundfile.read(folder / "tired_traveler_clip_2.wav", dtype="float32")
    image, codec = read_image(folder / "tired_traveler_clip_2.png")
    back = codec.decode(image)
    assert len(back) == 567 * 441
    assert rms_db(back) == pytest.approx(rms_db(y[:, 0]), abs=0.3)
    drawn_again = codec.encode(back).astype(int)
    assert np.abs(drawn_again - image).mean() < 3  # grey levels


@pytest.mark.parametrize("level", [0.2, 0.002])
def test_loudness_comes_back(level):
    y = chord(1.0, level)
    image, codec = CODEC.draw(y)
    assert rms_db(codec.decode(image)) == pytest.approx(rms_db(y), abs=0.5)


def test_a_picture_of_unknown_loudness_does_not_clip():
    image = CODEC.encode(chord(1.0))
    assert CODEC.max_value is None
    assert 0.1 < np.abs(CODEC.decode(image)).max() <= 1


def test_riffusions_level_without_the_tag_is_its_customary_one():
    image, codec = CODEC.draw(chord(1.0, 0.02))
    said = codec.decode(image)
    customary = CODEC.decode(image)
    assert rms_db(customary) - rms_db(said) == pytest.approx(
        20 * np.log10(30e6 / codec.max_value), abs=0.1
    )


def test_the_same_chord_is_the_same_picture_in_every_tonic():
    t = np.arange(SR) / SR
    pictures = []
    for sa in (130.0, 196.0):
        y = sum(0.1 * np.sin(2 * np.pi * sa * ratio * t) for ratio in (1, 1.5, 2, 4.5))
        image = riffusion(sa).encode(y.astype(np.float32))
        pictures.append(image[:, 20:80].astype(int))
    sounding = np.minimum(*pictures) < 135  # dark is loud: within 25 dB of the loudest
    assert np.abs(pictures[0] - pictures[1])[sounding].max() <= 6
    unaligned = riffusion(130.0).encode(y.astype(np.float32))[:, 20:80].astype(int)
    assert np.abs(pictures[0] - unaligned)[sounding].mean() > 40


@pytest.mark.parametrize("tonic_hz", [110.0, 146.83, 220.0])
def test_another_tonic_transposes_and_keeps_the_speed(tonic_hz):
    t = np.arange(SR) / SR
    image, codec = riffusion(130.0).draw((0.3 * np.sin(2 * np.pi * 260 * t)).astype(np.float32))
    back = codec.decode(image, tonic_hz=tonic_hz)
    assert len(back) == 100 * 441
    middle = back[SR // 5 : -SR // 5]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 8 * len(middle)))
    hz = spectrum.argmax() * SR / (8 * len(middle))
    assert abs(1200 * np.log2(hz / (2 * tonic_hz))) < 5
    assert rms_db(back) == pytest.approx(10 * np.log10(0.3**2 / 2), abs=0.5)


def test_stereo_is_packed_as_riffusion_packs_it():
    left, right = chord(0.5), 0.5 * chord(0.5)[::-1]
    image, codec = riffusion(stereo=True).draw(np.stack((left, right)))
    assert image.shape == (512, 51, 3)
    assert not image[..., 0].any()
    assert np.array_equal(image[..., 1], CODEC.encode(left))
    louder = np.minimum(image[..., 1].min(), image[..., 2].min())
    assert louder == image[..., 1].min() == 0  # both scaled to the loudest point of either
    back = codec.decode(image)
    assert back.shape == (2, 50 * 441)
    assert rms_db(back[0]) - rms_db(back[1]) == pytest.approx(20 * np.log10(2), abs=0.5)


def test_mono_is_drawn_on_both_sides_of_a_stereo_picture():
    image = riffusion(stereo=True).encode(chord(0.3))
    assert np.array_equal(image[..., 1], image[..., 2])


def test_more_than_two_channels_are_refused():
    with pytest.raises(AudioError, match=r"\(2, n_samples\)"):
        riffusion(stereo=True).encode(np.zeros((6, 1000)))
    with pytest.raises(AudioError, match="mono"):
        CODEC.encode(np.zeros((2, 1000)))


def test_a_mono_picture_is_no_stereo_picture():
    with pytest.raises(ImageError, match="three colours"):
        riffusion(stereo=True).decode(np.zeros((512, 10), np.uint8))
    with pytest.raises(ImageError, match=r"\(rows, columns\)"):
        CODEC.decode(np.zeros((512, 10, 3), np.uint8))


def test_silence_is_white_and_white_is_silent():
    image, codec = CODEC.draw(np.zeros(SR // 2))
    assert (image == 255).all()
    assert not codec.decode(image).any()
    assert not CODEC.decode(image).any()


def test_a_stream_is_drawn_at_the_level_of_the_whole():
    y = np.concatenate((chord(0.6, 0.02), chord(0.6, 0.2)))
    blocks = np.array_split(y, 5)
    with pytest.raises(ImageError, match="measured"):
        list(CODEC.encode_stream(blocks))
    pieces = list(CODEC.measured(blocks).encode_stream(blocks))
    assert np.array_equal(np.concatenate(pieces, axis=1), CODEC.encode(y))
