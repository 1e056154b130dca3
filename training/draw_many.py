"""Stage 8: many pictures at once, each of its own words and seed, as an evaluation needs them.

    asks --words--> prompts --one batch after another--> pictures (n, rows, columns), uint8
    with a chooser: several for each, of which the recogniser keeps one

The pictures have the model's own width; noise is drawn on the CPU from each seed, so a picture does
not depend on what else is in its batch (up to rounding). Guidance is Ho & Salimans (2022), eq. 6.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.wish import GenerateConfig, Vocabulary, resolve

if TYPE_CHECKING:
    import torch
    from diffusers import StableDiffusionPipeline

    from training.loading import Taught
    from training.raga_guide import RagaGuide
    from training.raga_network import Recognizer


@dataclass(frozen=True)
class Ask:
    """What one picture is asked for."""

    section: str
    raga: str | None = None
    tala: str | None = None
    seed: int = 0

    def prompt(self, vocabulary: Vocabulary) -> str:
        """In the words the model was taught."""
        wanted = GenerateConfig(raga=self.raga, tala=self.tala, section=self.section)
        return resolve(wanted, vocabulary).prompt


@dataclass(frozen=True)
class Manner:
    """How pictures are drawn."""

    steps: int = 20
    guidance_scale: float = 4.0
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


SEEDS_EACH = 4096  # of one ask: its pictures times their candidates


def draw_asks(
    pipeline: "StableDiffusionPipeline",
    known: "Taught",
    asks: Sequence[Ask],
    n_each: int,
    manner: Manner | None = None,
    chooser: Chooser | None = None,
    tell: Callable[[int], object] = lambda n: None,
    guide: "RagaGuide | None" = None,
) -> np.ndarray:
    """`n_each` pictures for each ask, [shape=(n_asks, n_each, rows, columns), uint8]."""
    n_tried = chooser.n if chooser else 1
    n_all = n_each * n_tried
    prompts = [ask.prompt(known.vocabulary) for ask in asks for _ in range(n_all)]
    seeds = [ask.seed * SEEDS_EACH + i for ask in asks for i in range(n_all)]
    if guide:
        guide = guide.to([ask.raga for ask in asks for _ in range(n_all)])
    size = (known.codec.n_rows, known.codec.width)
    drawn = draw_many(pipeline, prompts, seeds, size, manner, tell, guide)
    drawn = drawn.reshape(len(asks), n_each, n_tried, *size)
    if chooser is None:
        return drawn[:, :, 0]
    return np.stack(
        [
            np.stack([chooser.choose(tried, ask.raga) for tried in of_ask])
            for ask, of_ask in zip(asks, drawn, strict=True)
        ]
    )


def draw_many(
    pipeline: "StableDiffusionPipeline",
    prompts: Sequence[str],
    seeds: Sequence[int],
    size: tuple[int, int],
    manner: Manner | None = None,
    tell: Callable[[int], object] = lambda n: None,
    guide: "RagaGuide | None" = None,
) -> np.ndarray:
    """Draw a picture of `size` (rows, columns) for each prompt and seed.

    `tell` is called with the number of pictures that are new. A `guide` pulls each picture to its
    raga in the early steps.
    """
    import torch

    manner = manner or Manner()
    drawn = [np.zeros((0, *size), np.uint8)]
    with torch.no_grad():
        for start in range(0, len(prompts), manner.at_once):
            some = slice(start, start + manner.at_once)
            noise = _noise(pipeline, seeds[some], size)
            words = _words(pipeline, prompts[some])
            aim = guide.of(some) if guide else None
            latents = _denoised(pipeline, noise, words, manner, aim)
            drawn.append(_pictures(pipeline, latents))
            tell(len(prompts[some]))
    return np.concatenate(drawn)


def _noise(pipeline, seeds: Sequence[int], size: tuple[int, int]) -> "torch.Tensor":
    import torch

    factor, channels = pipeline.vae_scale_factor, pipeline.unet.config.in_channels
    shape = (channels, size[0] // factor, size[1] // factor)
    each = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
    return torch.stack(each).to(pipeline.device)


def _words(pipeline, prompts: Sequence[str]) -> "torch.Tensor":
    """States of no words and of the prompts, [shape=(2, n, n_tokens, dim)]."""
    import torch

    wanted, unwanted = pipeline.encode_prompt(
        list(prompts), pipeline.device, 1, True, [""] * len(prompts)
    )
    return torch.stack([unwanted, wanted])


def _denoised(pipeline, latents, words, manner: Manner, aim) -> "torch.Tensor":
    import torch

    scheduler, unet = type(pipeline.scheduler).from_config(pipeline.scheduler.config), pipeline.unet
    scheduler.set_timesteps(manner.steps)
    latents = latents * scheduler.init_noise_sigma
    for timestep in scheduler.timesteps:
        noisy = scheduler.scale_model_input(latents, timestep)
        seen = noisy.to(unet.dtype)
        both = unet(torch.cat([seen, seen]), timestep, words.flatten(0, 1)).sample.float()
        without, wanted = both.chunk(2)
        predicted = without + manner.guidance_scale * (wanted - without)
        if aim is not None:
            predicted = predicted + aim(noisy, timestep, words[0])
        latents = scheduler.step(predicted, timestep, latents).prev_sample
    return latents


def _pictures(pipeline, latents: "torch.Tensor") -> np.ndarray:
    vae = pipeline.vae
    pictures = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype)).sample
    levels = (pictures.float().mean(dim=1).clamp(-1, 1) + 1) * 127.5
    return levels.round().byte().cpu().numpy()
