"""Spectrogram images on disk: what they say of themselves, and what is no spectrogram."""

import json
import logging
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.errors import ImageError
from core.spectrogram import read_image, riffusion, svara, write_image
from core.spectrogram_file import TEXT_KEY

RNG = np.random.default_rng(0)
SVARA = RNG.integers(0, 256, (256, 40), np.uint8)
MEL = RNG.integers(0, 256, (512, 40), np.uint8)
STEREO = np.stack((np.zeros_like(MEL), MEL, MEL[::-1]), axis=-1)


def saved(folder: Path, image: np.ndarray, **options) -> Path:
    """A picture as another program would save it."""
    path = folder / "foreign.png"
    Image.fromarray(image).save(path, **options)
    return path


def tagged(tags: dict) -> Image.Exif:
    exif = Image.Exif()
    exif.update(tags)
    return exif


@pytest.mark.parametrize(
    ("image", "codec"),
    [
        (SVARA, svara(146.832)),
        (SVARA, replace(svara(200.1), width=256)),
        (MEL, replace(riffusion(), max_value=46801012.0)),
        (MEL, replace(riffusion(130.5), max_value=5.5)),
        (
            np.stack((np.zeros_like(MEL), MEL, MEL[::-1]), -1),
            replace(riffusion(stereo=True), max_value=1e6),
        ),
    ],
    ids=["svara", "narrow", "riffusion", "aligned", "stereo"],
)
def test_an_image_and_its_codec_come_back(tmp_path, image, codec):
    write_image(tmp_path / "a.png", image, codec)
    found, said = read_image(tmp_path / "a.png")
    assert np.array_equal(found, image)
    assert said == codec


def test_riffusion_finds_its_own_tags_and_no_others(tmp_path):
    write_image(tmp_path / "a.png", MEL, replace(riffusion(130.0), max_value=2.5e6))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.mode == "RGB"
        assert dict(picture.getexif()) == {
            11000: 44100,
            11005: 0,
            11010: 10,
            11020: 100,
            11030: 400,
            11040: 512,
            11050: 0,
            11060: 10000,
            11070: 0.25,
            11080: 2.5e6,
        }


def test_other_parameters_are_taken_from_the_tags(tmp_path):
    tags = {11000: 44100, 11005: 0, 11010: 20, 11020: 80, 11030: 200, 11040: 256, 11050: 20}
    exif = tagged({**tags, 11060: 20000, 11070: 0.5, 11080: 1e6})
    _, codec = read_image(saved(tmp_path, SVARA, exif=exif))
    assert (codec.hop_length, codec.win_length, codec.n_fft) == (882, 3528, 8820)
    assert (codec.n_rows, codec.min_hz, codec.max_hz) == (256, 20, 20_000)
    assert (codec.power, codec.max_value) == (0.5, 1e6)
    assert np.isfinite(codec.decode(SVARA)).all()


def test_missing_tags_are_named_and_riffusions_own_taken(tmp_path, caplog):
    path = saved(tmp_path, MEL, exif=tagged({11000: 44100, 11040: 512, 11080: 1e6}))
    with caplog.at_level(logging.WARNING):
        _, codec = read_image(path)
    assert codec == replace(riffusion(), max_value=1e6)
    assert "step in ms 10" in caplog.text
    assert "highest frequency 10000" in caplog.text
    assert "sampling rate" not in caplog.text


@pytest.mark.parametrize(
    "exif",
    [
        None,
        b"Exif\x00\x00not a block at all",
        b"Exif\x00\x00II*\x00\xff\xff\xff\xff",
        tagged({271: "A camera", 306: "2024:01:01 00:00:00"}),
        tagged({11000: "fast", 11070: float("nan"), 11080: "loud"}),
    ],
    ids=["none", "garbage", "truncated", "camera", "words"],
)
def test_foreign_and_broken_exif_is_explained_and_the_image_sounds(tmp_path, caplog, exif):
    with caplog.at_level(logging.WARNING):
        image, codec = read_image(saved(tmp_path, MEL, **({"exif": exif} if exif else {})))
    assert codec == riffusion()
    assert "how loud" in caplog.text
    assert "sampling rate 44100" in caplog.text
    assert np.abs(codec.decode(image)).max() <= 1


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({11000: -44100}, "sr -44100"),
        ({11040: 0}, "n_rows 0"),
        ({11040: 100_000}, "n_rows 100000"),
        ({11010: 0}, "hop_length 0"),
        ({11030: 10}, "n_fft"),
        ({11060: 90_000}, "max_hz"),
        ({11070: 0}, "power"),
        ({11080: -3.0}, "max_value"),
        ({11007: 1}, "three rows"),
    ],
)
def test_impossible_tags_are_refused(tmp_path, tags, message):
    with pytest.raises(ImageError, match=message):
        read_image(saved(tmp_path, MEL, exif=tagged(tags)))


def test_an_image_of_the_wrong_height_is_refused(tmp_path):
    with pytest.raises(ImageError, match="300 rows high, but a riffusion image has 512"):
        read_image(saved(tmp_path, RNG.integers(0, 256, (300, 20), np.uint8)))
    text = PngInfo()
    text.add_text(TEXT_KEY, json.dumps(svara(150.0).parameters()))
    with pytest.raises(ImageError, match="512 rows high, but a svara image has 256"):
        read_image(saved(tmp_path, MEL, pnginfo=text))


def test_an_image_that_does_not_say_can_be_told(tmp_path):
    image, codec = read_image(saved(tmp_path, SVARA), svara(120.0))
    assert np.array_equal(image, SVARA)
    assert codec == svara(120.0)


def test_a_jpeg_is_read_with_a_word_on_its_losses(tmp_path, caplog):
    smooth = np.linspace(0, 255, 512).astype(np.uint8)[:, None] * np.ones((1, 64), np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    with caplog.at_level(logging.WARNING):
        image, codec = read_image(tmp_path / "a.jpg")
    assert codec == riffusion()
    assert np.abs(image.astype(int) - smooth).max() <= 4
    assert "JPEG" in caplog.text


@pytest.mark.parametrize("mode", ["P", "LA", "RGBA", "RGB"])
def test_other_pixels_with_the_same_eight_bits_are_read_exactly(tmp_path, mode):
    Image.fromarray(MEL).convert(mode).save(tmp_path / "a.png")
    image, _ = read_image(tmp_path / "a.png")
    assert np.array_equal(image, MEL)


@pytest.mark.parametrize("mode", ["I;16", "1"])
def test_pixels_of_other_depth_are_refused(tmp_path, mode):
    picture = (
        Image.fromarray(MEL.astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.new("1", (40, 512))
    )
    picture.save(tmp_path / "a.png")
    with pytest.raises(ImageError, match="8-bit grey or RGB"):
        read_image(tmp_path / "a.png")


def test_three_almost_equal_greys_become_one_for_svara(tmp_path):
    text = PngInfo()
    text.add_text(TEXT_KEY, json.dumps(svara(150.0).parameters()))
    rgb = np.stack((SVARA, np.minimum(SVARA, 254) + 1, SVARA), axis=-1)
    image, _ = read_image(saved(tmp_path, rgb, pnginfo=text))
    assert np.array_equal(image, SVARA)  # a third of a level too bright is rounded


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("{", "says how it was drawn, but wrongly"),
        ("[1, 2]", "wrongly"),
        ('{"preset": "opera"}', "Known are svara and riffusion"),
        ('{"preset": "svara", "tonic_hz": "D"}', "tonic_hz"),
        ('{"preset": "svara", "tonic_hz": 150, "n_rows": 1e9}', "n_rows"),
        ('{"preset": "svara", "tonic_hz": 150, "colour": 3}', "colour"),
        ('{"preset": "svara", "tonic_hz": 150, "hop_length": 0}', "hop_length"),
    ],
)
def test_words_about_itself_that_are_wrong_are_refused(tmp_path, words, message):
    text = PngInfo()
    text.add_text(TEXT_KEY, words)
    with pytest.raises(ImageError, match=message):
        read_image(saved(tmp_path, SVARA, pnginfo=text))


def bomb(path: Path, width: int, height: int) -> Path:
    """A small file that claims to be a huge picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("size", [(400_000, 512), (60_000, 60_000), (2**31 - 1, 256)])
def test_a_decompression_bomb_is_refused_by_its_size(tmp_path, size):
    with pytest.raises(ImageError, match="too big"):
        read_image(bomb(tmp_path / "a.png", *size))


def test_a_text_bomb_is_refused(tmp_path):
    text = PngInfo()
    text.add_text(TEXT_KEY, " " * 50_000_000, zip=True)
    with pytest.raises(ImageError):
        read_image(saved(tmp_path, SVARA, pnginfo=text))


def test_what_is_no_image_is_refused(tmp_path):
    whole = saved(tmp_path, MEL).read_bytes()
    for name, data in {"empty": b"", "text": b"hello", "half": whole[: len(whole) // 2]}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ImageError, match=name):
            read_image(tmp_path / name)
    with pytest.raises(ImageError, match="absent"):
        read_image(tmp_path / "absent.png")
    Image.fromarray(MEL).save(tmp_path / "a.webp", lossless=True)
    with pytest.raises(ImageError, match="PNG or JPEG"):
        read_image(tmp_path / "a.webp")


def test_only_png_is_written_and_only_a_whole_one(tmp_path):
    with pytest.raises(ImageError, match="saved as"):
        write_image(tmp_path / "a.jpg", SVARA, svara(150.0))
    with pytest.raises(ImageError, match="256"):
        write_image(tmp_path / "a.png", MEL, svara(150.0))
    too_wide = np.broadcast_to(np.uint8(0), (256, 600_000))
    with pytest.raises(ImageError, match="too big"):
        write_image(tmp_path / "a.png", too_wide, svara(150.0))
    assert not list(tmp_path.iterdir())
