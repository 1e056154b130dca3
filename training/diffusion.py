"""Stage 6, the objective: find the noise in noisy latents, or their velocity.

Notation of Ho et al. (2020) and Salimans & Ho (2022): x_t = alpha x_0 + sigma eps, SNR =
alpha^2 / sigma^2, v = alpha eps - sigma x_0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from training.cache import Encoded, Words
from training.config import FinetuneConfig
from training.data import Batch, Order

if TYPE_CHECKING:
    import torch
    from diffusers import StableDiffusionPipeline

HELD_OUT_TIMESTEPS = (50, 200, 400, 600, 800, 950)
MAX_HELD_OUT = 64  # pictures: enough to see a trend, at a few seconds a measurement


@dataclass(frozen=True)
class Guess:
    """Noisy latents and what the model says is in them."""

    noisy: "torch.Tensor"
    predicted: "torch.Tensor"


class Objective:
    """The loss of a batch under one noise schedule and one way of weighing timesteps."""

    def __init__(self, pipeline: "StableDiffusionPipeline", config: FinetuneConfig):
        from diffusers import DDPMScheduler

        self.schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
        self.prediction = config.prediction or self.schedule.config.prediction_type
        self.n_timesteps = self.schedule.config.num_train_timesteps
        self.snr_gamma = config.snr_gamma
        kept = self.schedule.alphas_cumprod
        self._snr = kept / (1 - kept)

    def __call__(self, denoiser, batch: Batch) -> "torch.Tensor":
        """The mean weighted squared error; a scalar."""
        return self.error(batch, self.guess(denoiser, batch))

    def guess(self, denoiser, batch: Batch) -> "Guess":
        """What the model makes of the batch."""
        noise = batch.noise + batch.perturbation
        noisy = self.schedule.add_noise(batch.latents, noise, batch.timesteps)
        return Guess(noisy, denoiser(noisy, batch.timesteps, batch.words))

    def error(self, batch: Batch, guess: "Guess") -> "torch.Tensor":
        """The mean weighted squared error of a guess; a scalar."""
        import torch.nn.functional as F

        # Reduced in single precision: sums in half precision drift.
        found, wanted = guess.predicted.float(), self.target(batch).float()
        error = F.mse_loss(found, wanted, reduction="none")
        return (error.mean(dim=(1, 2, 3)) * self.weights(batch.timesteps)).mean()

    def target(self, batch: Batch) -> "torch.Tensor":
        """What the model is to find."""
        if self.prediction == "v_prediction":
            return self.schedule.get_velocity(batch.latents, batch.noise, batch.timesteps)
        return batch.noise

    def snr(self, timesteps: "torch.Tensor") -> "torch.Tensor":
        """Signal to noise in power, [shape=(n,)]."""
        return self._snr.to(timesteps.device)[timesteps]

    def weights(self, timesteps: "torch.Tensor") -> "torch.Tensor":
        """Min-SNR weights (Hang et al. 2023, eq. 6 and appendix for v), [shape=(n,)]."""
        import torch

        snr = self.snr(timesteps)
        if self.snr_gamma is None:
            return torch.ones_like(snr)
        capped = snr.clamp(max=self.snr_gamma)
        return capped / (snr + 1) if self.prediction == "v_prediction" else capped / snr


def clean_latents(schedule, prediction: str, guess: Guess, timesteps) -> "torch.Tensor":
    """The latents that a guess implies: x_0 of the notation above, in one step."""
    kept = schedule.alphas_cumprod.to(timesteps.device)[timesteps].view(-1, 1, 1, 1)
    alpha, sigma = kept.sqrt(), (1 - kept).sqrt()
    if prediction == "v_prediction":
        return alpha * guess.noisy - sigma * guess.predicted
    return (guess.noisy - sigma * guess.predicted) / alpha


def build_denoiser(unet, text_encoder=None, raga_head=None):
    """One module that holds all that is trained, so that several processes can share it.

    A raga head hears the UNet by a hook of its own; it is here for its weights.
    """
    import torch

    class Denoiser(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unet, self.text_encoder, self.raga_head = unet, text_encoder, raga_head

        def forward(self, noisy, timesteps, words):
            if self.text_encoder is not None:
                words = self.text_encoder(words).last_hidden_state
            return self.unet(noisy, timesteps, encoder_hidden_states=words).sample

    return Denoiser()


@dataclass(frozen=True)
class Course:
    """Draws each batch of a run; the same step gives the same batch, whoever asks."""

    config: FinetuneConfig
    encoded: Encoded
    words: Words
    n_timesteps: int
    n_processes: int = 1

    @cached_property
    def order(self) -> Order:
        """Which pictures come when."""
        return Order(self.encoded.examples, self.config.balance, self.config.seed)

    def batch(self, step: int, part: int, process: int = 0) -> Batch:
        """Part `part` (of gradient accumulation) of step `step`, as `process` sees it.

        Drawn for all processes and then cut, so that the number of processes changes nothing.
        """
        import torch

        config = self.config
        n = config.batch_size * self.n_processes
        place = (step * config.gradient_accumulation + part) * n
        chosen = self.order.indices(place, n)
        rng = np.random.default_rng([config.seed, 2, place])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        texts = [self._caption(index, rng) for index in chosen]
        timesteps = torch.from_numpy(rng.integers(self.n_timesteps, size=n))
        mine = slice(process * config.batch_size, (process + 1) * config.batch_size)
        mean, std = self.encoded.mean[chosen], self.encoded.std[chosen].float()
        latents = mean + std * _normal(mean.shape, generator)
        noise = _normal(mean.shape, generator)
        perturbation = torch.zeros_like(noise)
        if config.noise_offset:
            noise += config.noise_offset * _normal((*mean.shape[:2], 1, 1), generator)
        if config.input_perturbation:
            perturbation = config.input_perturbation * _normal(mean.shape, generator)
        return Batch(
            latents[mine],
            self.words.of(texts[mine]),
            timesteps[mine],
            noise[mine],
            perturbation[mine],
            torch.from_numpy(chosen)[mine],
            torch.tensor([bool(text) for text in texts])[mine],
        )

    def _caption(self, index: int, rng: np.random.Generator) -> str:
        captions = self.encoded.examples[index].captions
        chosen = captions[rng.integers(len(captions))]
        return "" if rng.random() < self.config.caption_dropout else chosen


def held_out_batches(encoded: Encoded, words: Words, batch_size: int) -> Sequence[Batch]:
    """The same pictures, timesteps and noise at every measurement: only the model moves it."""
    import torch

    generator = torch.Generator().manual_seed(0)
    noise = _normal(encoded.mean.shape, generator)
    texts = [each.captions[0] for each in encoded.examples]
    ladder = torch.tensor(HELD_OUT_TIMESTEPS).repeat(len(encoded))
    timesteps = ladder[: len(encoded)]
    cuts = [slice(i, i + batch_size) for i in range(0, len(encoded), batch_size)]
    return [
        Batch(
            encoded.mean[cut],
            words.of(texts[cut]),
            timesteps[cut],
            noise[cut],
            torch.zeros_like(noise[cut]),
            torch.arange(len(encoded))[cut],
            torch.ones(len(encoded), dtype=torch.bool)[cut],
        )
        for cut in cuts
    ]


def _normal(shape, generator) -> "torch.Tensor":
    import torch

    return torch.randn(shape, generator=generator)
