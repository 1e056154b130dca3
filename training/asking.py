"""Stage 8: the pictures that an evaluation asks for, each of its own words and seed.

    asks --words--> wishes --one batch after another--> pictures (n, rows, columns), uint8
    with a chooser: several for each, of which the recogniser keeps one

Pictures have the model's own width and are drawn as Play draws them; a picture does not depend on
what else is in its batch (up to rounding).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.denoise import Course
from training.drawing import Model
from training.wish import GenerateConfig, Vocabulary, Wish, resolve

if TYPE_CHECKING:
    from training.raga_network import Recognizer

SEEDS_EACH = 4096  # of one ask: its pictures times their candidates


@dataclass(frozen=True)
class Ask:
    """What one picture is asked for."""

    section: str
    raga: str | None = None
    tala: str | None = None
    seed: int = 0

    def wish(self, vocabulary: Vocabulary, number: int, raga_guidance: float) -> Wish:
        """The `number`th picture of it, in the words the model was taught."""
        wanted = GenerateConfig(
            raga=self.raga,
            tala=self.tala,
            section=self.section,
            seed=self.seed * SEEDS_EACH + number,
            raga_guidance=raga_guidance,
        )
        return resolve(wanted, vocabulary)


@dataclass(frozen=True)
class Manner:
    """How pictures are drawn."""

    steps: int = 20
    guidance_scale: float = 4.0
    raga_guidance: float = GenerateConfig.raga_guidance
    at_once: int = 8
    """Pictures in a batch; a GPU takes hundreds."""


@dataclass(frozen=True)
class Chooser:
    """Of `n` pictures it keeps the one that a recogniser thinks most in the raga."""

    recognizer: "Recognizer"
    n: int

    def choose(self, pictures: np.ndarray, raga: str | None) -> np.ndarray:
        """One of `pictures` (n, rows, columns); the first where there is no raga to hear."""
        likings = self.recognizer.likings(pictures, raga)
        return pictures[0 if likings is None else int(likings.argmax())]


def draw_asks(
    model: Model,
    vocabulary: Vocabulary,
    asks: Sequence[Ask],
    n_each: int,
    manner: Manner | None = None,
    chooser: Chooser | None = None,
    tell: Callable[[int], object] = lambda n: None,
) -> np.ndarray:
    """`n_each` pictures for each ask, [shape=(n_asks, n_each, rows, columns), uint8].

    `tell` is called with the number of pictures that are new.
    """
    import torch

    manner, n_tried = manner or Manner(), chooser.n if chooser else 1
    wishes = [
        ask.wish(vocabulary, i, manner.raga_guidance)
        for ask in asks
        for i in range(n_each * n_tried)
    ]
    course = Course(manner.steps, manner.guidance_scale, windows_at_once=manner.at_once)
    drawn = []
    for start in range(0, len(wishes), manner.at_once):
        some = wishes[start : start + manner.at_once]
        with torch.no_grad():
            drawn += model.draw_many(some, model.codec.width, course)
        tell(len(some))
    size = (model.codec.n_rows, model.codec.width)
    pictures = np.reshape(drawn, (len(asks), n_each, n_tried, *size))
    if chooser is None:
        return pictures[:, :, 0]
    return np.stack(
        [
            np.stack([chooser.choose(tried, ask.raga) for tried in of_ask])
            for ask, of_ask in zip(asks, pictures, strict=True)
        ]
    )
