"""The spectrogram codec: sound to the picture a model learns, and back.

    y (n_samples,) float  --encode-->  image (n_rows, n_columns) uint8  --decode-->  y

Two presets. `svara` counts its rows from the tonic, three to a semitone, so that each svara is a
row in every concert, and its grey is decibels below full scale. `riffusion` draws Riffusion's
pictures, which its models speak. Both can be drawn relative to the tonic by scaling the filters'
centre frequencies and nothing else: the same melody in another tonic is the same picture, and a
picture can be sounded in any tonic at its own speed.

`encode` drops the phase and `decode` estimates it (`core.phase`), so the codec is lossy.
"""

from core.codec import REFERENCE_TONIC_HZ, Codec
from core.presets import PRESETS, codec_from, from_rgb, riffusion, svara, to_rgb
from core.spectrogram_file import read_image, write_image

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
