"""The codecs by name, from and to the plain values that files keep."""

import numpy as np

from core.codec import Codec
from core.errors import ImageError
from core.riffusion_codec import RiffusionCodec
from core.svara_codec import SvaraCodec

CODECS: dict[str, type[Codec]] = {codec.preset: codec for codec in (SvaraCodec, RiffusionCodec)}
PRESETS = tuple(CODECS)


def svara(tonic_hz: float | None = None) -> Codec:
    """Rows counted from the tonic: about 10 s in 256 x 512. See `SvaraCodec`."""
    return SvaraCodec(tonic_hz=tonic_hz)


def riffusion(tonic_hz: float | None = None, stereo: bool = False) -> Codec:
    """Riffusion's own pictures: 5.12 s in 512 x 512. See `RiffusionCodec`."""
    return RiffusionCodec(tonic_hz=tonic_hz, stereo=stereo)


def codec_from(parameters: dict[str, object]) -> Codec:
    """The codec that `Codec.parameters` describes; what is left out has the preset's value.

    >>> codec_from({"preset": "svara", "tonic_hz": 146.83}) == svara(146.83)
    True
    """
    from pydantic import TypeAdapter, ValidationError  # 0.2 s, for files only

    parameters = dict(parameters)
    preset = parameters.pop("preset", None)
    if preset not in CODECS:
        raise ImageError(f"Found codec {preset!r}. Known are {' and '.join(PRESETS)}.")
    try:
        return TypeAdapter(CODECS[preset]).validate_python(parameters)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ImageError(
            f"These are no parameters of the {preset} codec: {wrong}. If they come from a newer "
            "version of the studio, update this one."
        ) from error


def to_rgb(image: np.ndarray) -> np.ndarray:
    """Repeat a grey image in three colours, as models take it: (n_rows, n_columns, 3)."""
    return image if image.ndim == 3 else np.repeat(image[:, :, None], 3, axis=2)


def from_rgb(rgb: np.ndarray) -> np.ndarray:
    """The grey image nearest to what a model drew in three colours: their mean, rounded."""
    return rgb if rgb.ndim == 2 else np.rint(rgb.mean(axis=2)).astype(np.uint8)
