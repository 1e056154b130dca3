"""The spectrogram codec: sound to the picture a model learns, and back.

    y (n_samples,) float  --encode-->  image (n_rows, n_columns) uint8  --decode-->  y

Two presets. `svara` counts its rows from the tonic, three to a semitone, so that each svara is a
row in every concert, and its grey is decibels below full scale. `riffusion` draws Riffusion's
pictures, which its models speak. Both can be drawn relative to the tonic by scaling the filters'
centre frequencies and nothing else: the same melody in another tonic is the same picture, and a
picture can be sounded in any tonic at its own speed.

`encode` drops the phase and `decode` estimates it (`core.phase`), so the codec is lossy.
"""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np

from core import audio
from core.codec import REFERENCE_TONIC_HZ, Codec
from core.command import progress_bar, run
from core.presets import PRESETS, codec_from, from_rgb, riffusion, svara, to_rgb
from core.spectrogram_file import check_target, read_image, write_image

__all__ = [
    "PRESETS",
    "REFERENCE_TONIC_HZ",
    "Codec",
    "codec_from",
    "from_rgb",
    "read_image",
    "riffusion",
    "svara",
    "to_rgb",
    "write_image",
]

log = logging.getLogger(__name__)

TONIC_HEARD_S = 180.0  # from the start, where the drone is most alone

Preset = Literal["svara", "riffusion"]


def encode_file(
    sound: Path, picture: Path, *, preset: Preset = "svara", tonic_hz: float | None = None
) -> None:
    """Draw a recording of any length as a PNG.

    Parameters
    ----------
    sound : Path
        Audio of any format.
    picture : Path
        The .png to write.
    preset : str
        How to draw it.
    tonic_hz : float
        Sa in Hz. The svara preset listens for it if it is not said; Riffusion's own pictures have
        none.
    """
    codec = codec_from({"preset": preset, "tonic_hz": tonic_hz})
    if preset == "svara" and tonic_hz is None:
        codec = codec.with_tonic(_heard_tonic_hz(sound))
    n_columns = codec.n_columns(round(audio.info(sound).duration_s * codec.sr))
    check_target(picture, n_columns, codec.n_rows)  # now, and not after an hour
    codec = codec.measured(audio.stream(sound, sr=codec.sr))
    pieces = codec.encode_stream(audio.stream(sound, sr=codec.sr))
    write_image(picture, _joined(pieces, codec.n_rows, n_columns), codec)


def decode_file(
    picture: Path,
    sound: Path,
    *,
    tonic_hz: float | None = None,
    preset: Preset | None = None,
    seed: int = 0,
) -> None:
    """Sound a spectrogram image.

    Parameters
    ----------
    picture : Path
        A PNG that `encode`, the studio or Riffusion wrote.
    sound : Path
        The .wav, .flac, .ogg or .mp3 to write.
    tonic_hz : float
        Sound it in this tonic instead of its own.
    preset : str
        How it was drawn, if it does not say.
    seed : int
        Of what the picture does not tell, the phase of its softest parts.
    """
    image, codec = read_image(picture, codec_from({"preset": preset}) if preset else None)
    with progress_bar(1.0, "", "decoding") as bar:
        y = codec.decode(
            image,
            tonic_hz=tonic_hz,
            seed=seed,
            progress=lambda share: bar.update(share - bar.n),
        )
    audio.write(sound, y.T, codec.sr)


def describe_file(picture: Path) -> str:
    """Say how an image was drawn, as JSON."""
    image, codec = read_image(picture)
    seconds = round(image.shape[1] * codec.hop_length / codec.sr, 3)
    return json.dumps({"seconds": seconds, **codec.parameters()}, indent=2)


def _heard_tonic_hz(sound: Path) -> float:
    from core.tonic import SR, tonic

    heard = tonic(*audio.load(sound, sr=SR, end_s=TONIC_HEARD_S))
    log.info("Sa is heard at %.1f Hz; if it is not there, say --tonic-hz.", heard.hz)
    return heard.hz


def _joined(pieces: Iterable[np.ndarray], n_rows: int, n_columns: int) -> np.ndarray:
    """One image from its pieces, in the memory of one; `n_columns` is a guess."""
    image, n_drawn = np.zeros((n_rows, n_columns), np.uint8), 0
    with progress_bar(n_columns, "columns", "encoding") as bar:
        for piece in pieces:
            stop = n_drawn + piece.shape[1]
            if stop > image.shape[1]:
                image = np.pad(image, ((0, 0), (0, stop)))
            image[:, n_drawn:stop] = piece
            n_drawn = stop
            bar.update(piece.shape[1])
    flat = image.reshape(-1)
    for row in range(n_rows):  # close the gaps in place: a second copy of 3 hours is 140 MB
        flat[row * n_drawn : (row + 1) * n_drawn] = image[row, :n_drawn]
    return flat[: n_rows * n_drawn].reshape(n_rows, n_drawn)


if __name__ == "__main__":
    run({"encode": encode_file, "decode": decode_file, "info": describe_file}, positional=True)
