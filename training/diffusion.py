"""Stage 6, the objective: find the noise in noisy latents, or their velocity.

Notation of Ho et al. (2020) and Salimans & Ho (2022): x_t = alpha x_0 + sigma eps, SNR =
alpha^2 / sigma^2, v = alpha eps - sigma x_0.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.config import FinetuneConfig
from training.data import Batch

if TYPE_CHECKING:
    import torch
    from diffusers import StableDiffusionPipeline


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
        self._tables: dict[torch.device, dict[str, torch.Tensor]] = {}

    def __call__(self, denoiser, batch: Batch) -> "torch.Tensor":
        """The mean weighted squared error; a scalar."""
        return self.error(batch, self.guess(denoiser, batch))

    def guess(self, denoiser, batch: Batch) -> "Guess":
        """What the model makes of the batch."""
        alpha, sigma = self.mixture(batch.timesteps)
        noise = batch.noise if batch.perturbation is None else batch.noise + batch.perturbation
        noisy = alpha * batch.latents + sigma * noise
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
            alpha, sigma = self.mixture(batch.timesteps)
            return alpha * batch.noise - sigma * batch.latents
        return batch.noise

    def mixture(self, timesteps: "torch.Tensor") -> tuple["torch.Tensor", "torch.Tensor"]:
        """alpha and sigma, each [shape=(n, 1, 1, 1)]."""
        return tuple(self._at(name, timesteps).view(-1, 1, 1, 1) for name in ("alpha", "sigma"))

    def snr(self, timesteps: "torch.Tensor") -> "torch.Tensor":
        """Signal to noise in power, [shape=(n,)]."""
        return self._at("snr", timesteps)

    def weights(self, timesteps: "torch.Tensor") -> "torch.Tensor":
        """Min-SNR weights (Hang et al. 2023, eq. 6 and appendix for v), [shape=(n,)]."""
        return self._at("weight", timesteps)

    def _at(self, name: str, timesteps: "torch.Tensor") -> "torch.Tensor":
        """Of a table that lies on the device: to bring it there each time would make all wait."""
        tables = self._tables.get(timesteps.device)
        if tables is None:
            made = {name: each.to(timesteps.device) for name, each in self._made().items()}
            tables = self._tables.setdefault(timesteps.device, made)
        return tables[name][timesteps]

    def _made(self) -> "dict[str, torch.Tensor]":
        import torch

        kept = self.schedule.alphas_cumprod
        snr, gamma = kept / (1 - kept), self.snr_gamma
        if gamma is None:
            weight = torch.ones_like(snr)
        elif self.prediction == "v_prediction":
            weight = snr.clamp(max=gamma) / (snr + 1)
        else:
            weight = (gamma / snr).clamp(max=1)  # also where the noise is pure: SNR 0
        return {"alpha": kept.sqrt(), "sigma": (1 - kept).sqrt(), "snr": snr, "weight": weight}


def clean_latents(schedule, prediction: str, guess: Guess, timesteps) -> "torch.Tensor":
    """The latents that a guess implies: x_0 of the notation above, in one step."""
    kept = schedule.alphas_cumprod.to(timesteps.device)[timesteps].view(-1, 1, 1, 1)
    alpha, sigma = kept.sqrt(), (1 - kept).sqrt()
    if prediction == "v_prediction":
        return alpha * guess.noisy - sigma * guess.predicted
    return (guess.noisy - sigma * guess.predicted) / alpha


def build_denoiser(unet, text_encoder=None, raga_head=None, compiled: bool = False):
    """One module that holds all that is trained, so that several processes can share it.

    A raga head hears the UNet by a hook of its own; it is here for its weights. With `compiled`
    the UNet is run through torch.compile while it learns; what is measured in between has other
    shapes, each of which would be compiled anew, and takes the UNet as it is.
    """
    import torch

    # The head's hook on the UNet would be lost in a compiled one.
    quick = torch.compile(unet.forward, dynamic=False) if compiled and raga_head is None else unet

    class Denoiser(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.unet, self.text_encoder, self.raga_head = unet, text_encoder, raga_head

        def forward(self, noisy, timesteps, words):
            if self.text_encoder is not None:
                words = self.text_encoder(words).last_hidden_state
            draw = quick if self.training else self.unet
            return draw(noisy, timesteps, encoder_hidden_states=words).sample

    return Denoiser()
