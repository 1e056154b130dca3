"""Pictures of sound as the page shows them."""

from typing import TYPE_CHECKING

import numpy as np

from studio.editor.strip import palette

if TYPE_CHECKING:
    from core.spectrogram import Codec


def coloured(image: np.ndarray, codec: "Codec") -> np.ndarray:
    """A codec's image in the colours of the editor's strip.

    Returns
    -------
    picture : np.ndarray [shape=(n_rows, n_frames, 3), uint8]
        Red, green, blue; low frequencies at the bottom.
    """
    grey = image if image.ndim == 2 else image[..., 0]
    loud = 255 - grey if codec.preset == "riffusion" else grey
    return np.array(palette(), np.uint8).reshape(-1, 3)[loud]
