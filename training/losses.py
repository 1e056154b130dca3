"""Stage 6, losses that hold the model to the raga: by a recogniser, by a head, by the scale.

    guess --one step--> latents --frozen VAE--> picture --recogniser--> cross-entropy
                                                picture --svara rows--> share of foreign svaras
    UNet's middle features + timestep --head, learned with the model--> cross-entropy

Recogniser and scale see the picture that a guess implies, only below a timestep limit, where there
is one to see; each picture counts min(SNR, 5) / 5, and the losses are ramped up (the recipe of
ControlNet++, Li et al. 2024). The raga is chosen above that limit, so the head hears the latents
themselves, at every timestep. A caption says the raga, and the head could read it off the words:
pictures without words therefore count for half of its loss.

Gradients reach the model only; recogniser and VAE are frozen. Torch is loaded with this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import DatasetError, ModelError
from core.spectrogram import codec_from
from training.config import FinetuneConfig
from training.data import Batch, Dataset, Example
from training.diffusion import Guess, Objective, clean_latents
from training.raga_head import FILE, RagaHead
from training.raga_network import SHIPPED, Recognizer
from training.recognizer import UNSUNG, sung
from training.scale_loss import ForeignRidges

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusionPipeline

MOST_SNR = 5.0
CUT = 0.5  # of a picture's columns are decoded: gradients through a VAE are dear


@dataclass
class RagaLosses:
    """What is added to the diffusion loss.

    Attributes
    ----------
    examples : sequence of Example
        What `Batch.chosen` counts.
    ragas : tuple of str
        The classes of the recogniser, the head and the scales.
    heard : dict
        The last batch's losses one by one, unweighted: nats, and the share of foreign ridges.
    """

    config: FinetuneConfig
    objective: Objective
    vae: "AutoencoderKL"
    examples: Sequence[Example]
    ragas: tuple[str, ...]
    recognizer: Recognizer | None = None
    head: RagaHead | None = None
    scale: ForeignRidges | None = None
    heard: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self):
        place = {raga: i for i, raga in enumerate(self.ragas)}
        places = [place.get(e.raga, -1) if e.section not in UNSUNG else -1 for e in self.examples]
        self._places = torch.tensor(places, dtype=torch.long)

    def __call__(self, batch: Batch, guess: Guess, step: int) -> Tensor:
        """The weighted sum of the losses that are switched on; a scalar."""
        self.heard = {}
        ragas = self._places.to(batch.timesteps.device)[batch.chosen]
        total = torch.zeros((), device=guess.predicted.device)
        if self.head is not None:
            total = total + self.config.joint_weight * self._of_head(batch, ragas)
        if self.recognizer is not None or self.scale is not None:
            total = total + self._of_pictures(batch, guess, ragas, step)
        return total * min(1.0, (step + 1) / max(1, self.config.raga_ramp_steps))

    def _of_head(self, batch: Batch, ragas: Tensor) -> Tensor:
        logits = _at_least_single(self.head.hear(batch.timesteps))
        each = F.cross_entropy(logits, ragas.clamp(min=0), reduction="none")
        total = 0 * logits.sum()  # so that the head has a gradient whatever the batch
        for name, which in (("raga_joint", ~batch.captioned), ("raga_worded", batch.captioned)):
            some = ((ragas >= 0) & which).to(each.dtype)  # weights: to pick them would wait for all
            mean = (each * some).sum() / some.sum().clamp(min=1)
            self.heard[name] = mean.detach()
            total = total + mean / 2
        return total

    def _of_pictures(self, batch: Batch, guess: Guess, ragas: Tensor, step: int) -> Tensor:
        shown = (ragas >= 0) & (batch.timesteps < self.config.raga_max_timestep)
        if not shown.any():
            return 0 * guess.predicted.sum()
        timesteps, places = batch.timesteps[shown], ragas[shown]
        few = Guess(guess.noisy[shown], guess.predicted[shown])
        pictures = _at_least_single(self.decoded(few, timesteps, step))
        snr = self.objective.snr(timesteps).clamp(max=MOST_SNR)
        weights = snr / MOST_SNR / len(batch.timesteps)  # little where the guess is vague
        total = torch.zeros((), device=pictures.device)
        if self.recognizer is not None:
            logits = _at_least_single(self.recognizer.logits(pictures))
            each = F.cross_entropy(logits, places, reduction="none")
            self.heard["raga_recognizer"] = each.mean().detach()
            total = total + self.config.recognizer_weight * (weights * each).sum()
        if self.scale is not None:
            each = self.scale(pictures, places)
            self.heard["raga_scale"] = each.mean().detach()
            total = total + self.config.scale_weight * (weights * each).sum()
        return total

    def decoded(self, guess: Guess, timesteps: Tensor, step: int) -> Tensor:
        """A stretch of the pictures that a guess implies, [shape=(n, 3, rows, columns), -1..1].

        Which stretch is drawn from the step's number, so a resumed run sees the same.
        """
        latents = clean_latents(
            self.objective.schedule, self.objective.prediction, guess, timesteps
        )
        columns = latents.shape[3]
        width = max(1, round(CUT * columns))
        chance = torch.Generator().manual_seed(step)
        start = int(torch.randint(columns - width + 1, (), generator=chance))
        latents = latents[..., start : start + width] / self.vae.config.scaling_factor
        return self.vae.decode(latents).sample

    def save(self, model: Path) -> None:
        """Keep the head beside the model, where it can guide a drawing."""
        if self.head is not None:
            self.head.save(model / FILE)


def raga_losses(
    config: FinetuneConfig,
    objective: Objective,
    pipeline: "StableDiffusionPipeline",
    dataset: Dataset,
) -> RagaLosses:
    """The losses that a run's settings ask for.

    Raises
    ------
    ModelError
        If the recogniser is missing or reads pictures of another kind.
    DatasetError
        If no picture is in a raga that can be heard, or rows are no svaras where they must be.
    """
    wanted, examples = config.raga_loss, dataset.train
    codec = codec_from({"tonic_hz": None, **dataset.manifest["codec"]})
    ragas = tuple(sorted({each.raga for each in sung(examples)}))
    recognizer = head = scale = None
    if wanted in ("recognizer", "both"):
        recognizer = _recognizer(config.raga_recognizer or SHIPPED, codec, pipeline.device)
        ragas = recognizer.ragas
    if not any(each.raga in ragas for each in sung(examples)):
        raise DatasetError(
            f"raga_loss is {wanted}, but no picture of this dataset is in a raga that could be "
            "heard. Name the ragas of its segments, or choose raga_loss none."
        )
    if wanted in ("joint", "both"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            head = RagaHead.on(pipeline.unet, ragas)
    if wanted == "scale":
        scale = ForeignRidges(codec, ragas)
    if config.gradient_checkpointing:
        pipeline.vae.enable_gradient_checkpointing()
    return RagaLosses(config, objective, pipeline.vae, examples, ragas, recognizer, head, scale)


def _recognizer(path: Path, codec, device) -> Recognizer:
    recognizer = Recognizer.load(path, device)
    if recognizer.reads(codec):
        return recognizer
    raise ModelError(
        f"{path} was trained on pictures of another kind than this dataset's. Train one on it: "
        "python -m training.recognizer train --dataset DIR --out FILE."
    )


def _at_least_single(values: Tensor) -> Tensor:
    """Not in half precision: sums drift there."""
    return values.to(torch.promote_types(values.dtype, torch.float32))
