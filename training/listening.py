"""Stage 6, listening: sample clips of the model as it is, at checkpoints.

samples/step-000250-0.flac, .png and .json: the sound, its picture, and what was asked for; with the
seconds that the melody rests on each svara, beside the scale of the raga that was asked for.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core import theory
from core.codec import REFERENCE_TONIC_HZ, Codec
from core.errors import StudioError
from core.spectrogram import from_rgb, write_image
from core.workspace import replacing
from training.data import Example

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

log = logging.getLogger(__name__)

N_RAGAS, N_SECTIONS = 2, 2  # of the grid
STEPS = 20
GUIDANCE = 4.0
SEED = 0  # the same noise at every checkpoint, so that what changes is the model


@dataclass(frozen=True)
class Ask:
    """One clip to make: the words, and the raga to judge it by; "" judges it by none."""

    prompt: str
    raga: str = ""
    section: str = ""


@dataclass(frozen=True)
class Listener:
    """What the samples are asked for and how they become sound."""

    asks: tuple[Ask, ...]
    codec: Codec
    size: tuple[int, int]  # rows, columns

    def render(self, pipeline: "StableDiffusionPipeline", folder: Path, step: int) -> None:
        """Write a clip for each ask."""
        from core import audio

        codec = self.codec.with_tonic(self.codec.tonic_hz or REFERENCE_TONIC_HZ)
        for n, ask in enumerate(self.asks):
            image = draw(pipeline, ask.prompt, self.size)
            y = codec.decode(image)
            path = folder / f"step-{step:06d}-{n}.flac"
            write_image(path.with_suffix(".png"), image, codec)
            about = {**asdict(ask), "step": step, "seed": SEED, "guidance_scale": GUIDANCE}
            about |= judged(y, codec.sr, codec.tonic_hz, ask.raga)
            with replacing(path.with_suffix(".json")) as part:
                part.write_text(json.dumps(about), "utf-8")
            audio.write(path, y, codec.sr, {"title": ask.prompt})
            log.info("Sample of step %d: %s (%s)", step, ask.prompt, about.get("judged", "unheard"))


def judged(y: np.ndarray, sr: int, tonic_hz: float, raga: str) -> dict:
    """Where a melody rests: seconds on each of the 12 svarasthanas, and how that fits the raga.

    A clip that cannot be heard keeps its sound: a run does not end over its samples.
    """
    from core.pitch import f0
    from core.raga import adherence, svara_seconds

    try:
        track = f0(y, sr)
        found = {"svaras": [round(float(s), 3) for s in svara_seconds(track, tonic_hz)[:12]]}
        if not raga:
            return found
        known = theory.raga(raga)
    except (StudioError, ImportError) as error:
        log.warning("A sample was not judged: %s", error)
        return {}
    said = str(adherence(track, tonic_hz, known))
    return found | {"scale": [cents // 100 for cents in known.cents], "judged": f"{raga}: {said}"}


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


def grid(examples: Sequence[Example]) -> tuple[Ask, ...]:
    """A fixed grid of the commonest ragas by the commonest sections, in the dataset's own words.

    A pair that nobody sang is left out; where nothing has a raga, each section is asked for.
    """
    ragas = _commonest((each.raga for each in examples), N_RAGAS) or [""]
    sections = _commonest((each.section for each in examples if each.raga), N_SECTIONS)
    sections = sections or _commonest((each.section for each in examples), N_SECTIONS) or [""]
    of = {(each.raga, each.section): each for each in reversed(examples)}
    pairs = [(raga, section) for raga in ragas for section in sections if (raga, section) in of]
    chosen = [Ask(of[pair].captions[0], *pair) for pair in pairs]
    return tuple(chosen) or (Ask(examples[0].captions[0]),)


def asks_for(prompts: Sequence[str], examples: Sequence[Example]) -> tuple[Ask, ...]:
    """What a person asked for; a raga of the dataset that is named is judged."""
    names = sorted({each.raga for each in examples if each.raga}, key=len, reverse=True)
    said = {text: next((r for r in names if r.lower() in text.lower()), "") for text in prompts}
    return tuple(Ask(text, raga) for text, raga in said.items())


def _commonest(names: Iterable[str], n: int) -> list[str]:
    counts = Counter(name for name in names if name)
    return sorted(counts, key=lambda name: (-counts[name], name))[:n]
