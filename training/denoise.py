"""Stage 7: from noise to latents of any width, by windows of the model's own width.

    text_states (n_texts, 2, n_tokens, dim)        latents (n_pictures, channels, rows, columns)

A model draws pictures of one width; a longer clip is a wider picture. Each step predicts the noise
of overlapping windows and averages it where they overlap, so all are denoised as one picture and no
seam is left (MultiDiffusion, Bar-Tal et al. 2023, eq. 5, with weights that fall towards a window's
ends). Windows may go round: a loop has no first column. Guidance is Ho & Salimans (2022), eq. 6.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.errors import StudioError

if TYPE_CHECKING:
    import torch
    from diffusers import StableDiffusionPipeline

OVERLAP = 0.25  # of a window; less lets neighbours drift apart
WINDOWS_AT_ONCE = 4  # forward passes of so many windows fit beside a Stable Diffusion in 6 GB


class Cancelled(StudioError):
    """Whoever wanted the clip does not want it any more."""


@dataclass(frozen=True)
class Windows:
    """Where windows of `width` columns lie on a picture of `total` columns."""

    total: int
    width: int
    loop: bool = False
    overlap: float = OVERLAP  # share of a window that its neighbour covers too, at least

    @cached_property
    def columns(self) -> np.ndarray:
        """The columns each window covers, [shape=(n_windows, width), int], evenly spread."""
        stride = self.width * (1 - self.overlap)
        if self.loop:
            n = max(1, int(np.ceil(self.total / stride)))
            starts = np.arange(n) * self.total / n
        else:
            n = 1 + max(0, int(np.ceil((self.total - self.width) / stride)))
            starts = np.linspace(0, max(0, self.total - self.width), n)
        return (np.round(starts).astype(int)[:, None] + np.arange(self.width)) % self.total

    @cached_property
    def weights(self) -> np.ndarray:
        """How much a window has to say of each of its columns, [shape=(width,)], never nothing."""
        ramp = np.arange(1, self.width + 1, dtype=np.float32)
        return np.minimum(np.minimum(ramp, ramp[::-1]) / (self.overlap * self.width), 1.0)

    @property
    def places(self) -> np.ndarray:
        """How far along each window lies, 0 the first and 1 the last, [shape=(n_windows,)]."""
        return np.linspace(0, 1, len(self.columns))

    def cut(self, whole: "torch.Tensor", scale: int = 1) -> "torch.Tensor":
        """Each window's part of each picture, picture by picture.

        Parameters
        ----------
        whole : torch.Tensor [shape=(n_pictures, channels, rows, scale * total)]
        scale : int
            How many columns of a picture one column of the windows stands for.

        Returns
        -------
        parts : torch.Tensor [shape=(n_pictures * n_windows, channels, rows, scale * width)]
        """
        import torch

        columns = torch.from_numpy(self._fine(scale)).to(whole.device)
        return whole[..., columns].movedim(-2, 1).flatten(0, 1)

    def blend(self, parts: "torch.Tensor", scale: int = 1) -> "torch.Tensor":
        """Average parts as `cut` makes them back into pictures."""
        import torch

        _, channels, rows, _ = parts.shape
        of_each = parts.unflatten(0, (-1, len(self.columns)))
        weights = torch.from_numpy(np.repeat(self.weights, scale)).to(parts)
        whole = parts.new_zeros(len(of_each), channels, rows, self.total * scale)
        total = parts.new_zeros(self.total * scale)
        for n, columns in enumerate(self._fine(scale)):
            at = torch.from_numpy(columns).to(parts.device)
            whole.index_add_(-1, at, of_each[:, n] * weights)
            total.index_add_(0, at, weights)
        return whole / total

    def _fine(self, scale: int) -> np.ndarray:
        fine = self.columns[:, :, None] * scale + np.arange(scale)
        return fine.reshape(len(self.columns), -1)


@dataclass(frozen=True)
class Course:
    """How the noise is taken away."""

    steps: int
    guidance_scale: float
    windows_at_once: int = WINDOWS_AT_ONCE
    strength: float = 1.0  # share of the way that is gone; less than 1 starts from a picture
    tell: Callable[[float], None] = lambda share: None  # the share done, 0..1
    cancelled: Callable[[], bool] = lambda: False
    # Puts what is already known in its place: the latents and the next timestep go in.
    keep: "Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor] | None" = None
    # What is to be added to the prediction of some windows: these as they are, the timestep, the
    # states of no words, and which of all windows they are.
    aim: "Callable[[torch.Tensor, torch.Tensor, torch.Tensor, slice], torch.Tensor] | None" = None


def denoise(
    pipeline: "StableDiffusionPipeline",
    latents: "torch.Tensor",
    text_states: "torch.Tensor",
    windows: Windows,
    course: Course,
) -> "torch.Tensor":
    """Denoise `latents` (noise, or a noisy picture if `course.strength` < 1) to the end.

    Parameters
    ----------
    text_states : torch.Tensor [shape=(n_pictures * n_windows or 1, 2, n_tokens, dim)]
        Of each window: what is not wanted, what is wanted.
    """
    scheduler = pipeline.scheduler
    timesteps = course_timesteps(scheduler, course)
    for done, timestep in enumerate(timesteps):
        if course.cancelled():
            raise Cancelled("Stopped before the clip was ready.")
        noisy = scheduler.scale_model_input(latents, timestep)
        noise = _noise(pipeline.unet, noisy, timestep, text_states, windows, course)
        latents = scheduler.step(noise, timestep, latents, return_dict=False)[0]
        if course.keep is not None:
            ahead = timesteps[done + 1] if done + 1 < len(timesteps) else None
            latents = course.keep(latents, ahead)
        course.tell((done + 1) / len(timesteps))
    return latents


def course_timesteps(scheduler, course: Course) -> "torch.Tensor":
    """Set the scheduler's steps and give those that `course` goes, the noisiest first."""
    scheduler.set_timesteps(course.steps)
    gone = min(course.steps, max(1, round(course.steps * course.strength)))
    first = (course.steps - gone) * scheduler.order
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(first)
    return scheduler.timesteps[first:]


def _noise(unet, noisy, timestep, text_states, windows: Windows, course: Course):
    """The predicted noise of the whole pictures, averaged over their windows."""
    import torch

    cut = windows.cut(noisy)
    texts = text_states.expand(len(cut), *text_states.shape[1:])
    predicted = []
    for start in range(0, len(cut), course.windows_at_once):
        some = slice(start, start + course.windows_at_once)
        noise = _guided(unet, cut[some], timestep, texts[some], course.guidance_scale)
        if course.aim is not None:
            noise = noise + course.aim(cut[some], timestep, texts[some, 0], some)
        predicted.append(noise)
    return windows.blend(torch.cat(predicted))


def _guided(unet, pictures, timestep, states, guidance_scale: float):
    import torch

    if guidance_scale == 1:
        return _predict(unet, pictures, timestep, states[:, 1])
    both = _predict(
        unet, torch.cat([pictures, pictures]), timestep, torch.cat([states[:, 0], states[:, 1]])
    )
    without, wanted = both.chunk(2)
    return without + guidance_scale * (wanted - without)


def _predict(unet, pictures, timestep, states):
    predicted = unet(
        pictures.to(unet.dtype), timestep, encoder_hidden_states=states, return_dict=False
    )[0]
    return predicted.float()
