"""Spectrogram images on disk: a PNG that says how it was drawn, so that it can be sounded.

Riffusion's parameters are EXIF tags (numbers of its own choosing). Ours, and the tonic of either
preset, are JSON in a PNG text chunk, which Riffusion's programs skip.
"""

import json
import logging
import math
import struct
import warnings
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from core.codec import Codec
from core.errors import ImageError
from core.presets import codec_from, from_rgb, riffusion
from core.riffusion_codec import RiffusionCodec
from core.workspace import replacing

log = logging.getLogger(__name__)

TEXT_KEY = "carnatic-codec"
MAX_PIXELS = 150_000_000  # 3.2 hours of svara rows, 48 minutes of Riffusion's
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
)  # on bad files

# Riffusion's tags and what each says when it is missing
SAMPLE_RATE, STEREO, TRIPLE_RES_MONO = 11000, 11005, 11007
STEP_MS, WINDOW_MS, PADDED_MS = 11010, 11020, 11030
N_ROWS, MIN_HZ, MAX_HZ = 11040, 11050, 11060
POWER, MAX_VALUE = 11070, 11080
CUSTOMARY = {
    SAMPLE_RATE: ("sampling rate", 44_100),
    STEREO: ("stereo", 0),
    STEP_MS: ("step in ms", 10),
    WINDOW_MS: ("window in ms", 100),
    PADDED_MS: ("padded window in ms", 400),
    N_ROWS: ("number of rows", 512),
    MIN_HZ: ("lowest frequency", 0),
    MAX_HZ: ("highest frequency", 10_000),
    POWER: ("power of the grey scale", 0.25),
}


def write_image(path: Path, image: np.ndarray, codec: Codec) -> None:
    """Save an image with all that is needed to sound it again."""
    path = Path(path)
    check_target(path, image.shape[1], image.shape[0])
    options = {}
    if isinstance(codec, RiffusionCodec):
        options["exif"] = _exif(codec)
    with replacing(path) as part:
        _picture(image, codec).save(part, pnginfo=_text(codec), **options)


def check_target(path: Path, width: int, height: int) -> None:
    """Refuse a name or a size that cannot be written, before any work is done."""
    if path.suffix.lower() != ".png":
        raise ImageError(
            f"{path.name} would lose detail or its parameters. Spectrograms are saved as .png."
        )
    _check_size(path, width, height)


def read_image(path: Path, codec: Codec | None = None) -> tuple[np.ndarray, Codec]:
    """Load an image and the codec it was drawn with; `codec` overrules what the image says."""
    path = Path(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit here is ours
        try:
            with Image.open(path, formats=("PNG", "JPEG")) as picture:
                _check_size(path, *picture.size)
                codec = codec or _codec(path, picture)
                return _pixels(path, picture, codec), codec
        except Image.DecompressionBombError as error:
            raise _too_big(path, str(error)) from error
        except ImageError:
            raise
        except BROKEN as error:
            raise ImageError(
                f"{path.name} cannot be read as a PNG or JPEG image ({error}). "
                "Give a spectrogram image that is whole."
            ) from error


def _picture(image: np.ndarray, codec: Codec) -> Image.Image:
    codec.check(image)
    if image.ndim == 3:
        return Image.fromarray(image)
    height, width = image.shape
    pixels = np.ascontiguousarray(image)
    grey = Image.frombuffer("L", (width, height), pixels, "raw", "L", 0, 1)  # shares the memory
    return grey.convert("RGB") if isinstance(codec, RiffusionCodec) else grey


def _text(codec: Codec) -> PngInfo | None:
    if isinstance(codec, RiffusionCodec) and codec.tonic_hz is None:
        return None  # nothing that Riffusion's own tags do not say
    text = PngInfo()
    text.add_text(TEXT_KEY, json.dumps(codec.parameters()))
    return text


def _exif(codec: RiffusionCodec) -> Image.Exif:
    exif = Image.Exif()
    exif[SAMPLE_RATE], exif[STEREO], exif[N_ROWS] = codec.sr, int(codec.stereo), codec.n_rows
    lengths = {STEP_MS: codec.hop_length, WINDOW_MS: codec.win_length, PADDED_MS: codec.n_fft}
    for tag, length in lengths.items():
        exif[tag] = round(1000 * length / codec.sr)
    exif[MIN_HZ], exif[MAX_HZ] = round(codec.min_hz), round(codec.max_hz)
    exif[POWER] = float(codec.power)
    if codec.max_value is not None:
        exif[MAX_VALUE] = float(codec.max_value)
    return exif


def _codec(path: Path, picture: Image.Image) -> Codec:
    """The codec an image says it was drawn with, our own words before Riffusion's tags."""
    if picture.format == "JPEG":
        log.warning("%s is a JPEG: what saving lost is heard. Keep spectrograms as PNG.", path)
    text = picture.info.get(TEXT_KEY)
    if text is None:
        return _riffusion_codec(path, _tags(path, picture))
    try:
        return codec_from(json.loads(text))
    except (TypeError, ValueError) as error:
        raise ImageError(
            f"{path.name} says how it was drawn, but wrongly: {error} Draw it again."
        ) from error


def _tags(path: Path, picture: Image.Image) -> dict[int, float]:
    """Riffusion's tags as far as they are there and are numbers."""
    try:
        exif = dict(picture.getexif())
    except BROKEN as error:
        log.warning("%s: its EXIF block is broken (%s) and not used.", path, error)
        return {}
    tags = {}
    for tag in (*CUSTOMARY, TRIPLE_RES_MONO, MAX_VALUE):
        try:
            number = float(exif.get(tag))
        except (TypeError, ValueError, ZeroDivisionError):
            continue
        if math.isfinite(number):
            tags[tag] = number
    return tags


def _riffusion_codec(path: Path, tags: dict[int, float]) -> Codec:
    missing = [f"{name} {value}" for tag, (name, value) in CUSTOMARY.items() if tag not in tags]
    if missing:
        log.warning("%s does not say its %s: Riffusion's own are taken.", path, ", ".join(missing))
    if MAX_VALUE not in tags:
        log.warning("%s does not say how loud it is: a customary level is taken.", path)
    if tags.get(TRIPLE_RES_MONO):
        raise ImageError(f"{path.name} packs three rows into each pixel, which is not supported.")
    tag = {tag: tags.get(tag, value) for tag, (_, value) in CUSTOMARY.items()}
    sr = int(tag[SAMPLE_RATE])
    return replace(
        riffusion(stereo=bool(tag[STEREO])),
        sr=sr,
        hop_length=int(tag[STEP_MS] / 1000 * sr),
        win_length=int(tag[WINDOW_MS] / 1000 * sr),
        n_fft=int(tag[PADDED_MS] / 1000 * sr),
        n_rows=int(tag[N_ROWS]),
        min_hz=tag[MIN_HZ],
        max_hz=tag[MAX_HZ],
        power=tag[POWER],
        max_value=tags.get(MAX_VALUE),
    )


def _pixels(path: Path, picture: Image.Image, codec: Codec) -> np.ndarray:
    if picture.mode not in ("L", "LA", "P", "RGB", "RGBA"):
        raise ImageError(
            f"{path.name} has pixels of kind {picture.mode}. Spectrograms are 8-bit grey or RGB; "
            "save it as such, without scaling its levels."
        )
    pixels = np.asarray(picture if picture.mode in ("L", "RGB") else picture.convert("RGB"))
    if pixels.ndim == 3 and not getattr(codec, "stereo", False):
        # Riffusion reads red; a model draws three greys that are almost, but not quite, one.
        pixels = pixels[..., 0] if isinstance(codec, RiffusionCodec) else from_rgb(pixels)
    codec.check(pixels)
    return pixels


def _check_size(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _too_big(path, f"{width} x {height} pixels")


def _too_big(path: Path, found: str) -> ImageError:
    return ImageError(
        f"{path.name} is too big: {found}. At most {MAX_PIXELS:,} pixels are read or written; "
        "cut long recordings into parts."
    )
