"""Stage 7: the pictures that a clip can begin from: another clip's, or a recording's."""

from pathlib import Path

import numpy as np

from core import audio
from core.spectrogram import Codec, read_image
from core.workspace import Workspace
from training.clips import clip
from training.wish import MAX_SECONDS


def picture_of_clip(workspace: Workspace, clip_id: str, codec: Codec) -> np.ndarray:
    """The picture of a saved clip, drawn anew if it was made for another codec."""
    saved = clip(workspace, clip_id)
    image, drawn_by = read_image(saved.picture)
    if _kind(drawn_by) == _kind(codec):
        return image
    at_its_tonic = codec if codec.tonic_hz is None else codec.with_tonic(saved.config.tonic_hz)
    return picture_of_file(saved.audio, at_its_tonic)


def picture_of_file(path: Path, codec: Codec) -> np.ndarray:
    """Draw the first minute of a recording; its Sa is taken to be the codec's tonic."""
    y, _ = audio.load(path, sr=codec.sr, end_s=min(MAX_SECONDS, audio.info(path).duration_s))
    return codec.encode(y)


def _kind(codec: Codec) -> tuple:
    return codec.preset, codec.sr, codec.hop_length, codec.n_rows
