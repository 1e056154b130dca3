"""Stage 7, the tala guide: a mridangam that keeps the tala leads the drawing while it is noisy.

    tala, tempo, seed --strokes--> sound --codec--> picture --VAE--> latents
    at each noisy step: the drum's rows of the drawing are put back to these, as noisy as the step

A model draws strokes where a section has them, but no cycle of them returns by words alone. Here a
sarvalaghu, the plain pattern of the tala, is played over and over, and where its strokes sound the
drawing is held to them (RePaint, Lugmayr et al. 2022, eq. 8, by a soft mask). The rows of the
melody are the model's own at every step; so is everything in the last steps, which make one sound
of both. It works beside any model. Torch is loaded where latents are needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.codec import REFERENCE_TONIC_HZ, Codec
from core.synthesis.mridangam import Mridangam
from core.synthesis.rhythm import Groove, Metre, later, metre
from core.theory import tala
from training.wish import GenerateConfig, Wish

if TYPE_CHECKING:
    import torch

    from training.denoise import Windows
    from training.drawing import Model

MELODY_CENTS = (-350.0, 3900.0)  # above the tonic: a melody and its first partials
RMS = 0.08  # of the strokes, -22 dB: beside a voice, not above it
CHANCE = 7  # beside the seed, so that the strokes are not drawn from the noise's numbers


@dataclass(frozen=True)
class TalaGuide:
    """What holds pictures to their talas; those that keep none are let alone.

    known : torch.Tensor [shape=(n_pictures, channels, rows, columns)], latents of the strokes
    weight : torch.Tensor [shape=(n_pictures, 1, rows, columns), 0..1], how far to hold to them
    noise : torch.Tensor [shape as known], that of the start
    until : the timestep from which on the drawing is free
    scheduler : the diffusers scheduler that says how noisy a timestep is
    """

    known: "torch.Tensor"
    weight: "torch.Tensor"
    noise: "torch.Tensor"
    until: float
    scheduler: object

    @classmethod
    def of(
        cls, model: "Model", wishes: Sequence[Wish], noise: "torch.Tensor", windows: "Windows"
    ) -> "TalaGuide | None":
        """The guide of pictures about to be drawn from `noise`; None if none of them keeps a tala.

        How long it leads (`GenerateConfig.tala_guide`) is the first such wish's for all.
        """
        import torch

        led = [wish for wish in wishes if wish.is_led]
        if not led:
            return None
        known, weight = torch.zeros_like(noise), torch.zeros_like(noise[:, :1])
        rows = torch.from_numpy(held_rows(model.codec, model.factor)).to(noise)
        for i, wish in enumerate(wishes):
            if not wish.is_led:
                continue
            image = strokes_drawn(wish.config, model.codec, windows.total * model.factor)
            known[i] = model.latents(image, windows)[0]
            weight[i, 0] = rows[:, None] * torch.from_numpy(loudness(image, model.factor)).to(noise)
        scheduler = model.pipeline.scheduler
        until = (1 - led[0].config.tala_guide) * scheduler.config.num_train_timesteps
        return cls(known, weight, noise, until, scheduler)

    def keep(self, latents: "torch.Tensor", timestep: "torch.Tensor | None") -> "torch.Tensor":
        """Latents before the step at `timestep`, held to the strokes if it is a noisy one."""
        if timestep is None or timestep < self.until:
            return latents
        noisy = self.scheduler.add_noise(self.known, self.noise, timestep[None])
        return latents + self.weight * (noisy - latents)


def strokes_drawn(config: GenerateConfig, codec: Codec, n_columns: int) -> np.ndarray:
    """The picture of a mridangam in a wish's tala, [shape=(n_rows, n_columns), uint8]."""
    n_samples = n_columns * codec.hop_length
    rng = np.random.default_rng([config.seed, CHANCE])
    kept = _metre(config, n_samples / codec.sr, rng)
    cycle = Groove.chosen(kept, rng).avartana(rng, busy=0.0, fill=False)
    n_cycles = int(np.ceil(n_samples / codec.sr / kept.avartana_s))
    drum = Mridangam.tuned(codec.tonic_hz or REFERENCE_TONIC_HZ, codec.sr, rng)
    strokes = [each for n in range(n_cycles) for each in later(cycle, n * kept.avartana_s)]
    y = drum.play(strokes, n_samples, rng)
    y *= RMS / max(float(np.sqrt(np.mean(y**2))), 1e-9)
    return codec.encode(y)[:, :n_columns]


def _metre(config: GenerateConfig, seconds: float, rng: np.random.Generator) -> Metre:
    """The tala at the tempo asked for; in a loop at the nearest that fills it with whole cycles."""
    found = metre(tala(config.tala), rng, config.tempo)
    if not config.loop:
        return found
    n_cycles = max(1, round(seconds / found.avartana_s))
    return Metre(found.tala, found.pulses, seconds / n_cycles / found.avartana)


def held_rows(codec: Codec, factor: int) -> np.ndarray:
    """1 for rows of latents in which no melody sounds, else 0, [shape=(n_rows // factor,)]."""
    cents = codec.row_cents.reshape(-1, factor).mean(axis=1)
    low, high = MELODY_CENTS
    return ((cents < low) | (cents > high)).astype(np.float32)


def loudness(image: np.ndarray, factor: int) -> np.ndarray:
    """How loud a picture is where each latent lies, 0..1 of the loudest."""
    rows, columns = (n // factor for n in image.shape)
    levels = image.reshape(rows, factor, columns, factor).mean(axis=(1, 3), dtype=np.float32)
    return np.sqrt(levels / max(float(levels.max()), 1.0))
