"""Stage 6, what a recogniser must bear: pictures blurred, noisy, softer or louder, cut, redrawn.

Pictures are (n, 1, rows, columns), -1..1 as a VAE reads them. Torch is loaded with this module.
"""

import logging

import torch
import torch.nn.functional as F
from torch import Tensor

log = logging.getLogger(__name__)

SHORTEST = 0.45  # of a picture's columns
LOUDER = 0.25  # of -1..1: 10 dB on svara pictures
NOISE = 0.15
MOST_BLUR = (0.8, 2.5)  # deviation in rows, in columns
DISTORTED = 0.6  # of the pictures, by each of blur and noise
NOISIEST = 450  # timestep of a denoised estimate that is still to be read
AT_ONCE = 16


def as_input(pictures: Tensor) -> Tensor:
    """Grey levels 0..255 as -1..1."""
    return pictures.float() / 127.5 - 1


def distorted(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Each picture cut in time, and by chance louder or softer, blurred, and noisy."""
    pictures = _cut(pictures, generator)
    n = len(pictures)
    louder = LOUDER * (2 * _chance(n, generator) - 1)
    shifted = (pictures + louder.to(pictures.device)).clamp(-1, 1)
    pictures = torch.where(pictures > -1, shifted, pictures)  # silence stays silent
    pictures = _blurred(pictures, generator)
    noise = NOISE * _chance(n, generator) * (_chance(n, generator) < DISTORTED)
    drawn = torch.randn(pictures.shape, generator=generator)
    return (pictures + (noise * drawn).to(pictures.device)).clamp(-1, 1)


def _chance(n: int, generator: torch.Generator) -> Tensor:
    return torch.rand(n, 1, 1, 1, generator=generator)


def _cut(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """As many columns of each, from another place in each."""
    columns = pictures.shape[3]
    share = SHORTEST + (1 - SHORTEST) * torch.rand(1, generator=generator).item()
    width = max(1, round(columns * share))
    starts = torch.randint(columns - width + 1, (len(pictures), 1), generator=generator)
    chosen = (starts + torch.arange(width)).to(pictures.device)
    return torch.gather(pictures, 3, chosen[:, None, None].expand(-1, 1, pictures.shape[2], -1))


def _blurred(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Some of them blurred along pitch and time, each by a Gaussian of its own."""
    n = len(pictures)
    blurs = _chance(n, generator) < DISTORTED
    together = pictures[:, 0][None]  # as channels, so that each has its own kernel
    for most, dim in zip(MOST_BLUR, (2, 3), strict=True):
        reach = int(2 * most) + 1
        at = torch.arange(-reach, reach + 1).view([-1 if d == dim else 1 for d in range(4)])
        deviation = 0.05 + most * _chance(n, generator) * blurs
        kernel = torch.exp(-0.5 * (at / deviation) ** 2)
        kernel = (kernel / kernel.sum(dim=dim, keepdim=True)).to(pictures)
        pad = (reach, reach, 0, 0) if dim == 3 else (0, 0, reach, reach)
        together = F.conv2d(F.pad(together, pad, mode="replicate"), kernel, groups=n)
    return together[0][:, None]


@torch.inference_mode()
def redrawn(model: str, pictures: Tensor, device: torch.device, seed: int) -> Tensor:
    """The pictures as a model redraws them: half through its VAE alone, half denoised too.

    The denoised half is what a raga loss shows: one step's estimate of the picture from noisy
    latents, at timesteps up to `NOISIEST`, without words that would give the raga away.

    Parameters
    ----------
    pictures : Tensor [shape=(n, 1, rows, columns), uint8]
    """
    from training.diffusion import Guess, clean_latents
    from training.loading import load_pipeline, locate

    pipeline = load_pipeline(locate(model), torch.device("cpu")).to(device)
    schedule, scale = _schedule(pipeline), pipeline.vae.config.scaling_factor
    generator = torch.Generator().manual_seed(seed)
    words = pipeline.encode_prompt("", device, 1, False)[0]
    found = []
    log.info("%d pictures are redrawn by %s", len(pictures), model)
    for some in pictures.split(AT_ONCE):
        shown = as_input(some.to(device)).expand(-1, 3, -1, -1)
        latents = pipeline.vae.encode(shown).latent_dist.mode() * scale
        timesteps = torch.randint(1, NOISIEST, (len(some),), generator=generator).to(device)
        noise = torch.randn(latents.shape, generator=generator).to(device)
        noisy = schedule.add_noise(latents, noise, timesteps)
        states = words.expand(len(some), -1, -1)
        predicted = pipeline.unet(noisy, timesteps, encoder_hidden_states=states).sample
        kind = pipeline.scheduler.config.prediction_type
        denoised = clean_latents(schedule, kind, Guess(noisy, predicted), timesteps)
        plain = torch.rand(len(some), 1, 1, 1, generator=generator).to(device) < 0.5
        again = pipeline.vae.decode(torch.where(plain, latents, denoised) / scale).sample
        levels = (again.mean(dim=1, keepdim=True).clamp(-1, 1) + 1) * 127.5
        found.append(levels.round().to(torch.uint8).cpu())
    return torch.cat(found)


def _schedule(pipeline):
    from diffusers import DDPMScheduler

    return DDPMScheduler.from_config(pipeline.scheduler.config)
