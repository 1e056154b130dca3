"""Stage 7: from a drawn picture to a sound that begins and ends well."""

import math
from collections.abc import Callable

import numpy as np

from core.spectrogram import Codec

FADE_S = 0.01  # at either end: a cut through a sounding note would click
CEILING = 0.97  # of full scale; louder clips are turned down as a whole
JOIN_S = 0.25  # a loop's end is faded into what leads up to its beginning


def finished(y: np.ndarray, sr: int) -> np.ndarray:
    """`y` no louder than full scale and faded at both ends, so that it neither clips nor clicks."""
    y = within_ceiling(y)
    n = min(round(FADE_S * sr), len(y) // 2)
    fade = np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    y[:n] *= fade
    y[len(y) - n :] *= fade[::-1]
    return y


def looped(
    codec: Codec, image: np.ndarray, seed: int, progress: Callable[[float], None]
) -> np.ndarray:
    """Sound a picture whose end meets its beginning, so that it can be played round and round.

    A piece of the end is sounded before the beginning too. It leads into it without a step, so the
    end of the loop is faded over to that piece.
    """
    n_lead = min(math.ceil(2 * JOIN_S * codec.sr / codec.hop_length), image.shape[1])
    columns = np.arange(-n_lead, image.shape[1] + n_lead) % image.shape[1]
    y = codec.decode(image[:, columns], seed=seed, progress=progress)
    start, length = n_lead * codec.hop_length, image.shape[1] * codec.hop_length
    n = start // 2
    loop = y[start : start + length].copy()
    rising = np.sin(np.linspace(0, np.pi / 2, n, dtype=np.float32)) ** 2
    loop[-n:] = loop[-n:] * (1 - rising) + y[start - n : start] * rising
    return within_ceiling(loop)


def within_ceiling(y: np.ndarray) -> np.ndarray:
    """A copy of `y` turned down, if need be, until its peak is just below full scale."""
    peak = float(np.abs(y).max(initial=0.0))
    return (y * min(1.0, CEILING / peak) if peak else y.copy()).astype(np.float32)
