"""Stage 8: the raga head pulls a drawing to its raga, in the early steps, where ragas are chosen.

    eps' = eps - strength * sigma * gradient of log p(raga | x_t, t)

(Dhariwal & Nichol 2021, algorithm 2.)
The head hears the UNet without words, so it says what is in the latents and not what was asked for.
Torch is loaded with this module.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from training.raga_head import RagaHead

if TYPE_CHECKING:
    from diffusers import StableDiffusionPipeline

    from training.denoise import Windows
    from training.wish import Wish

EARLY = 0.4  # of the timesteps from the top are guided
LEAST_ALPHA = 0.1  # below it a picture is all noise, and there is nothing to hear
MOST = 0.3  # of the noise's own length, by which a step is moved


@dataclass(frozen=True)
class RagaGuide:
    """Pulls windows to ragas; None and what the head does not know are let alone.

    ragas, strengths : of each window
    """

    pipeline: "StableDiffusionPipeline"
    head: RagaHead
    ragas: Sequence[str | None]
    strengths: Sequence[float]

    @classmethod
    def of(
        cls, pipeline, head: RagaHead | None, wishes: "Sequence[Wish]", windows: "Windows"
    ) -> "RagaGuide | None":
        """The guide of pictures of some wishes; None if nothing is to be pulled."""
        ragas = [wish.aim(place) for wish in wishes for place in windows.places]
        strengths = [wish.config.raga_guidance for wish in wishes for _ in windows.places]
        known = head.ragas if head else ()
        if not any(s and raga in known for raga, s in zip(ragas, strengths, strict=True)):
            return None
        return cls(pipeline, head, ragas, strengths)

    def __call__(self, noisy: Tensor, timestep: Tensor, no_words: Tensor, some: slice) -> Tensor:
        """What is to be added to the prediction of `some` windows (`Course.aim`)."""
        scheduler = self.pipeline.scheduler
        n_timesteps = scheduler.config.num_train_timesteps
        kept = scheduler.alphas_cumprod[int(timestep)].item()
        alpha, sigma = kept**0.5, (1 - kept) ** 0.5
        if timestep < (1 - EARLY) * n_timesteps or alpha < LEAST_ALPHA:
            return torch.zeros_like(noisy)
        strengths = torch.tensor(self.strengths[some], device=noisy.device)[:, None, None, None]
        moved = -strengths * sigma * self.gradient(noisy, timestep, no_words, some)
        length = moved.flatten(1).norm(dim=1).clamp(min=1e-12)
        limit = MOST * noisy[0].numel() ** 0.5
        moved = moved * (limit / length).clamp(max=1)[:, None, None, None]
        is_velocity = scheduler.config.prediction_type == "v_prediction"
        return moved / alpha if is_velocity else moved  # v = (eps - sigma x_t) / alpha

    def gradient(self, noisy: Tensor, timestep: Tensor, no_words: Tensor, some: slice) -> Tensor:
        """Of log p(raga | noisy), by the noisy latents, [shape as noisy]."""
        known = {raga: i for i, raga in enumerate(self.head.ragas)}
        ragas = [known.get(raga, -1) for raga in self.ragas[some]]
        places = torch.tensor(ragas, device=noisy.device)
        unet, timesteps = self.pipeline.unet, timestep.expand(len(noisy)).to(noisy.device)
        with torch.enable_grad():
            seen = noisy.detach().requires_grad_()
            unet(seen.to(unet.dtype), timesteps, no_words)
            logits = self.head.hear(timesteps)
            chosen = logits.log_softmax(dim=1).gather(1, places.clamp(min=0)[:, None])[:, 0]
            (gradient,) = torch.autograd.grad((chosen * (places >= 0)).sum(), seen)
        return gradient
