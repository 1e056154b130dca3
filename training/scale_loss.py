"""Stage 6, the scale loss: how much of a picture's steady melody lies on svaras the raga lacks.

Free of any network, differentiable, in the picture's own compressed domain. What is penalised:

- a ridge: a row that stands out over the rows a semitone to either side, in grey levels (decibels),
  since a partial is far broader than a row;
- within the compass of a melody, `LOWEST` to `HIGHEST` cents about Sa;
- that rests on its row for `REST_S`, since gamakas pass over foreign rows by nature;
- that no allowed note explains: a ridge is forgiven where, a harmonic's interval below it, a row of
  an allowed svara stands out in the same column (the drone's fifth harmonic is a Ga).

The loss of a picture is the share of its resting ridges that lie within 35 cents of foreign svaras,
so drawing everything softer does not help. Torch is loaded with this module.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core import theory
from core.codec import Codec
from core.errors import DatasetError
from core.raga import TOLERANCE_CENTS

LOWEST, HIGHEST = -700.0, 1900.0
REST_S = 0.1
CLEAR_DB = (1.0, 4.0)  # a ridge counts fully that stands out so much, or half as much as a sine
HARMONICS = (2, 3, 4, 5, 6)
LOUDER_DB = 9.0  # than its fundamental a harmonic may be


class ForeignRidges:
    """The share of resting ridges on svaras that a raga lacks, for the pictures of one codec."""

    def __init__(self, codec: Codec, ragas: Sequence[str]):
        if codec.preset != "svara":
            raise DatasetError(
                f"The scale loss needs rows that are svaras; these pictures are {codec.preset}'s. "
                "Export with the svara preset, or choose another raga_loss."
            )
        per_octave = codec.rows_per_octave
        cents = codec.lowest_cents + np.arange(codec.n_rows) * 1200 / per_octave
        cents = cents[cents <= HIGHEST]
        key = np.round(cents / 100).astype(int)
        near = np.abs(cents - 100 * key) <= TOLERANCE_CENTS
        own = np.array([np.isin(100 * (key % 12), theory.raga(name).cents) for name in ragas])
        self.semitone = max(1, round(per_octave / 12))
        self.reach = round(REST_S * codec.sr / codec.hop_length) // 2  # columns to either side
        clear_db = np.clip(_drop_db(cents, codec.window_periods) / 2, *CLEAR_DB)
        self.clear = torch.from_numpy(clear_db * codec.levels_per_db)[:, None]
        self.below = [round(per_octave * np.log2(k)) for k in HARMONICS]
        self.louder = LOUDER_DB * codec.levels_per_db
        self.allowed = torch.from_numpy(own & near)  # (n_ragas, n_heard_rows), the lowest first
        self.foreign = torch.from_numpy(~own & near & (cents >= LOWEST))

    def __call__(self, pictures: Tensor, places: Tensor) -> Tensor:
        """The share of each picture, [shape=(n,), 0..1].

        Parameters
        ----------
        pictures : Tensor [shape=(n, 1 or 3, rows, columns), -1..1]
        places : Tensor [shape=(n,), int]
            The raga of each, as counted in `ragas`.
        """
        levels = (pictures.mean(dim=1).flip(1) + 1) * 127.5  # the lowest row first
        stands = self._ridges(levels)
        allowed, foreign = (
            mask.to(places.device)[places, :, None].to(stands)
            for mask in (self.allowed, self.foreign)
        )
        unexplained = 1 - self._explained(levels.detach(), stands.detach() * allowed)
        resting = self._resting(stands)
        on_foreign = (resting * foreign * unexplained).sum(dim=(1, 2))
        on_allowed = (resting * allowed).sum(dim=(1, 2))
        return on_foreign / (on_foreign + on_allowed + 1.0)

    def _ridges(self, levels: Tensor) -> Tensor:
        """How clearly each heard row stands out, 0..1, [shape=(n, n_heard_rows, columns)]."""
        step, n_heard = self.semitone, self.allowed.shape[1]
        padded = F.pad(levels, (0, 0, step, step))
        around = torch.maximum(padded[:, : -2 * step], padded[:, 2 * step :])
        return (F.relu(levels - around)[:, :n_heard] / self.clear.to(levels)).clamp(max=1)

    def _resting(self, stands: Tensor) -> Tensor:
        """What stands out for the whole of a rest around each column."""
        padded = F.pad(stands, (self.reach, self.reach), mode="replicate")
        return -F.max_pool1d(-padded, 2 * self.reach + 1, stride=1)

    def _explained(self, levels: Tensor, allowed: Tensor) -> Tensor:
        """Where a harmonic of an allowed note may lie, 0..1; a row to either side of it too."""
        n_heard = allowed.shape[1]
        found = torch.zeros_like(allowed)
        for rows in self.below:
            fundamental = F.pad(levels, (0, 0, rows, 0))[:, :n_heard]
            raised = F.pad(allowed, (0, 0, rows, 0))[:, :n_heard]
            possible = levels[:, :n_heard] <= fundamental + self.louder
            found = torch.maximum(found, raised * possible)
        return F.max_pool2d(found[:, None], (3, 1), stride=1, padding=(1, 0))[:, 0]


def _drop_db(cents: np.ndarray, window_periods: float) -> np.ndarray:
    """How far a sine at each pitch falls within a semitone, by a Hann window's main lobe."""
    bins = window_periods * 2 ** (cents / 1200) * (2 ** (1 / 12) - 1)
    bins = np.minimum(bins, 1.9)  # the lobe ends at 2
    return -20 * np.log10(np.abs(np.sinc(bins) / (1 - bins**2 + 1e-12)))
