"""Stage 7: the pictures that a clip can begin from: another clip's, or a recording's."""

from pathlib import Path

import numpy as np

from core import audio
from core.spectrogram import Codec, read_image
from core.workspace import Workspace
from training.clips import clip
from training.wish import MAX_SECONDS


def picture_of_clip(workspace: Workspace, clip_id: str, codec: Codec) -> np.ndarray:
    """The picture of a saved clip, drawn anew if it was made for another codec or has none."""
    saved = clip(workspace, clip_id)
    if saved.picture.is_file():
        image, drawn_by = read_image(saved.picture)
        if _kind(drawn_by) == _kind(codec):
            return image
    return picture_of_file(saved.audio, codec, saved.config.tonic_hz)


def picture_of_file(path: Path, codec: Codec, tonic_hz: float | None = None) -> np.ndarray:
    """Draw the first minute of a recording.

    Its Sa is at `tonic_hz`, if it is not the codec's: drawn from there, the picture is that of the
    same music at the codec's tonic. A codec that knows no tonic draws it as it is.
    """
    y, _ = audio.load(path, sr=codec.sr, end_s=min(MAX_SECONDS, audio.info(path).duration_s))
    return (codec.with_tonic(tonic_hz or codec.tonic_hz) if codec.tonic_hz else codec).encode(y)


def heard_tonic_hz(path: Path) -> float:
    """Where Sa is heard in the first minute of a recording."""
    from core.tonic import SR, tonic

    y, sr = audio.load(path, sr=SR, end_s=min(MAX_SECONDS, audio.info(path).duration_s))
    return tonic(y, sr).hz


def _kind(codec: Codec) -> tuple:
    return codec.preset, codec.sr, codec.hop_length, codec.n_rows
