"""The codec as a whole: long sound, several images, and the commands."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from core import spectrogram
from core.command import run
from core.errors import ImageError
from core.spectrogram import codec_from, from_rgb, read_image, riffusion, svara, to_rgb

SR = 24_000
COMMANDS = {
    "encode": spectrogram.encode_file,
    "decode": spectrogram.decode_file,
    "info": spectrogram.describe_file,
}


def command(*words) -> None:
    run(COMMANDS, [str(word) for word in words], positional=True)


def glide(seconds: float, sr: int = SR) -> np.ndarray:
    t = np.arange(round(seconds * sr)) / sr
    angle = 2 * np.pi * (200 * t + 40 * t**2)
    return (0.3 * np.sin(angle) + 0.1 * np.sin(2 * angle)).astype(np.float32)


@pytest.fixture
def sound(tmp_path):
    """A stereo file at another rate than either preset's."""
    path = tmp_path / "a sound.wav"
    y = glide(1.5, 32_000)
    soundfile.write(path, np.stack((y, y), axis=1), 32_000)
    return path


@given(cuts=st.lists(st.integers(0, 30_000), max_size=5), sr=st.sampled_from([24_000, 16_000]))
@settings(max_examples=15)
def test_a_stream_draws_the_image_of_the_whole(cuts, sr):
    y = glide(30_000 / 24_000)
    codec = svara(150.0)
    pieces = list(codec.encode_stream(np.split(y, sorted(cuts)), sr))
    assert np.array_equal(np.concatenate(pieces, axis=1), codec.encode(y, sr))


def test_a_wide_image_sounds_without_seams():
    codec = svara(150.0)
    y = glide(12.0)  # more than two blocks
    image = codec.encode(y)
    back = codec.decode(image)
    again = codec.encode(back).astype(int)
    loud = image > 100
    error = np.abs(again - image).sum(axis=0, where=loud) / loud.sum(axis=0)
    seams = [column for edge in (256, 512) for column in range(edge - 4, edge + 4)]
    assert error[seams].max() < 2 * np.percentile(error[10:-10], 99)


def test_images_side_by_side_sound_as_one_by_one():
    codec = svara(150.0)
    images = [codec.encode(glide(seconds)) for seconds in (0.4, 0.8, 0.6)]
    together = codec.decode_batch(images, seed=3, tonic_hz=140.0)
    for image, y in zip(images, together, strict=True):
        assert np.array_equal(y, codec.decode(image, seed=3, tonic_hz=140.0))


def test_progress_goes_from_nothing_to_all():
    shares = []
    svara(150.0).decode(np.zeros((256, 700), np.uint8), progress=shares.append)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert len(shares) > 3
    assert shares == sorted(shares)


@pytest.mark.parametrize(
    "codec", [svara(150.0), svara(), riffusion(), riffusion(130.0, stereo=True)]
)
def test_a_codec_is_made_again_from_what_json_keeps(codec):
    kept = json.loads(json.dumps(codec.parameters()))
    assert codec_from(kept) == codec


def test_a_model_keeps_its_codec_without_a_tonic():
    parameters = {"tonic_hz": None, **svara().parameters()}
    codec = codec_from(parameters).with_tonic(196.0)
    assert codec == svara(196.0)
    assert len(codec.decode(np.zeros((256, 4), np.uint8))) == 4 * 480


def test_grey_in_three_colours_and_back():
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(from_rgb(to_rgb(grey)), grey)


@pytest.mark.parametrize("preset", ["svara", "riffusion"])
def test_a_file_is_drawn_and_sounded_by_command(tmp_path, sound, preset):
    picture, back = tmp_path / "a.png", tmp_path / "back.flac"
    command("encode", sound, picture, "--preset", preset, "--tonic-hz", "150")
    command("decode", picture, back)
    image, codec = read_image(picture)
    assert codec.preset == preset
    assert codec.tonic_hz == 150
    y, sr = soundfile.read(back)
    assert sr == codec.sr
    assert len(y) / sr == pytest.approx(1.5, abs=0.03)
    original = glide(1.5)
    middle = slice(sr // 4, -sr // 4)
    assert np.std(y[middle]) == pytest.approx(np.std(original[6000:-6000]), rel=0.06)  # 0.5 dB
    assert image.shape[1] == codec.n_columns(round(1.5 * codec.sr))


def test_a_file_is_sounded_in_another_tonic_by_command(tmp_path, sound):
    command("encode", sound, tmp_path / "a.png", "--tonic-hz", "150")
    command("decode", tmp_path / "a.png", tmp_path / "b.wav", "--tonic-hz", "200", "--seed", "4")
    y, _ = soundfile.read(tmp_path / "b.wav", dtype="float32")
    _, codec = read_image(tmp_path / "a.png")
    image, _ = read_image(tmp_path / "a.png")
    wanted = codec.decode(image, tonic_hz=200.0, seed=4)
    assert np.abs(y - np.clip(wanted, -1, 1)).max() < 1e-4  # 16 bits


def test_a_stereo_image_is_sounded_in_stereo_by_command(tmp_path):
    y = np.stack((glide(0.5, 44_100), 0.2 * glide(0.5, 44_100)))
    image, codec = riffusion(stereo=True).draw(y)
    spectrogram.write_image(tmp_path / "a.png", image, codec)
    command("decode", tmp_path / "a.png", tmp_path / "b.wav")
    back, _ = soundfile.read(tmp_path / "b.wav")
    assert back.shape[1] == 2
    assert np.std(back[:, 0]) == pytest.approx(5 * np.std(back[:, 1]), rel=0.1)


def test_info_says_how_an_image_was_drawn(tmp_path, sound, capsys):
    command("encode", sound, tmp_path / "a.png", "--tonic-hz", "150")
    command("info", tmp_path / "a.png")
    said = json.loads(capsys.readouterr().out)
    assert said["preset"] == "svara"
    assert said["tonic_hz"] == 150
    assert said["seconds"] == 1.5


def test_an_image_that_does_not_say_is_sounded_as_told(tmp_path, sound):
    from PIL import Image

    Image.fromarray(svara(146.83).encode(glide(0.5))).save(tmp_path / "a.png")
    with pytest.raises(SystemExit) as ending:
        command("decode", tmp_path / "a.png", tmp_path / "b.wav")
    assert ending.value.code == 2
    command("decode", tmp_path / "a.png", tmp_path / "b.wav", "--preset", "svara")
    assert (tmp_path / "b.wav").exists()


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["encode", "absent.wav", "a.png"], "absent.wav"),
        (["encode", "SOUND", "a.jpg"], ".png"),
        (["encode", "SOUND", "a.png", "--tonic-hz", "9000"], "tonic_hz 9000"),
        (["encode", "SOUND", "a.png", "--preset", "riffusion", "--tonic-hz", "0"], "tonic_hz 0"),
        (["decode", "absent.png", "b.wav"], "absent.png"),
        (["decode", "SOUND", "b.wav"], "PNG or JPEG"),
        (["info", "SOUND"], "PNG or JPEG"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    tmp_path, sound, capsys, monkeypatch, words, reason
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ending:
        command(*[sound if word == "SOUND" else word for word in words])
    assert ending.value.code == 2
    told = capsys.readouterr().err.strip().splitlines()[-1]
    assert told.startswith("error: ")
    assert reason in told
    assert [path.name for path in tmp_path.iterdir()] == [sound.name]


def test_a_recording_too_long_for_one_picture_is_refused_at_once(tmp_path, sound, monkeypatch):
    monkeypatch.setattr("core.spectrogram_file.MAX_PIXELS", 256 * 50)
    with pytest.raises(ImageError, match="too big"):
        spectrogram.encode_file(sound, tmp_path / "a.png", tonic_hz=150.0)


def test_pieces_are_joined_even_if_there_are_more_than_announced():
    pieces = [np.full((3, n), n, np.uint8) for n in (2, 5, 1, 4)]
    wanted = np.concatenate(pieces, axis=1)
    for announced in (1, 12, 30):
        assert np.array_equal(spectrogram._joined(pieces, 3, announced), wanted)


def test_a_codec_of_another_width_draws_clips_of_another_length():
    codec = replace(svara(150.0), width=256)
    assert codec.clip_s == 5.12
