"""Stage 6, listening: sample clips of the model as it is, at checkpoints.

samples/step-000250-0.flac, .png and .json: the sound, its picture, and what was asked for.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.codec import REFERENCE_TONIC_HZ, Codec
from core.spectrogram import from_rgb, write_image
from core.workspace import replacing
from training.data import Example

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

log = logging.getLogger(__name__)

N_PROMPTS = 4
STEPS = 20
GUIDANCE = 4.0
SEED = 0  # the same noise at every checkpoint, so that what changes is the model


@dataclass(frozen=True)
class Listener:
    """What the samples are asked for and how they become sound."""

    prompts: tuple[str, ...]
    codec: Codec
    size: tuple[int, int]  # rows, columns

    def render(self, pipeline: "StableDiffusionPipeline", folder: Path, step: int) -> None:
        """Write a clip for each prompt."""
        from core import audio

        codec = self.codec.with_tonic(self.codec.tonic_hz or REFERENCE_TONIC_HZ)
        for n, prompt in enumerate(self.prompts):
            image = draw(pipeline, prompt, self.size)
            path = folder / f"step-{step:06d}-{n}.flac"
            write_image(path.with_suffix(".png"), image, codec)
            about = {"prompt": prompt, "step": step, "seed": SEED, "guidance_scale": GUIDANCE}
            with replacing(path.with_suffix(".json")) as part:
                part.write_text(json.dumps(about), "utf-8")
            audio.write(path, codec.decode(image), codec.sr, {"title": prompt})
            log.info("Sample of step %d: %s", step, prompt)


def draw(pipeline: "StableDiffusionPipeline", prompt: str, size: tuple[int, int]) -> np.ndarray:
    """A picture of `prompt` by the pipeline as it is, [shape=(rows, columns), uint8]."""
    import torch

    rows, columns = size
    pipeline.set_progress_bar_config(disable=True)
    with torch.inference_mode():
        drawn = pipeline(
            prompt,
            height=rows,
            width=columns,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=torch.Generator("cpu").manual_seed(SEED),
            output_type="np",
        ).images[0]
    return from_rgb(np.round(255 * drawn).astype(np.uint8))


def chosen_prompts(examples: Sequence[Example], n: int = N_PROMPTS) -> tuple[str, ...]:
    """A caption of each of `n` sections, each of another raga where there are some."""
    chosen: dict[str, Example] = {}
    ragas: set[str] = set()
    for example in examples:
        if example.section not in chosen and (example.raga not in ragas or not example.raga):
            chosen[example.section] = example
            ragas.add(example.raga)
    for example in examples:
        chosen.setdefault(example.section, example)
    return tuple(example.captions[0] for example in chosen.values())[:n]
