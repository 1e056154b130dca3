"""Stage 7: a loaded model draws a picture from words, from nothing or from another picture.

Pictures are cut into windows of the model's own width on the way in and out, as they are while
being denoised, because a model knows no other (its VAE's statistics shift with the width too).
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import ModelError, StudioError
from core.spectrogram import Codec, from_rgb, to_rgb
from training.denoise import Course, Windows, course_timesteps, denoise
from training.loading import fingerprint, load_pipeline
from training.tala_guide import TalaGuide
from training.wish import Wish

if TYPE_CHECKING:
    import torch
    from diffusers import StableDiffusionPipeline

    from training.raga_head import RagaHead

MORPH_OVERLAP = 0.75  # so that words change in small steps
CONTEXT = 0.5  # of a window: how much of a clip is heard to continue it


@dataclass(frozen=True)
class Model:
    """A pipeline in memory, and what tells it from any other."""

    pipeline: "StableDiffusionPipeline"
    codec: Codec
    hash: str
    head: "RagaHead | None" = None  # hears the raga in what is being drawn

    @classmethod
    def load(cls, folder: Path, codec: Codec, device: str | None) -> "Model":
        """Load a folder onto `device`: a GPU where there is one, if not said."""
        import torch

        from training.raga_head import RagaHead

        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        pipeline = load_pipeline(folder, torch.device(device))
        return cls(pipeline, codec, fingerprint(folder), RagaHead.beside(folder, pipeline))

    @property
    def factor(self) -> int:
        """Columns of the picture in one column of latents."""
        return self.pipeline.vae_scale_factor

    @property
    def width(self) -> int:
        """Columns of latents in one picture of the model's own width."""
        return self.codec.width // self.factor

    def draw(
        self, wish: Wish, n_columns: int, course: Course, source: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw a picture of at least `n_columns`; of a loop, of the nearest length that closes.

        Parameters
        ----------
        source : np.ndarray [shape=(n_rows, n_source_columns), uint8], optional
            A picture to vary, or to continue: the new one then begins with its end.
        """
        windows = self.windows(wish, n_columns)
        noise = self.noise(windows, wish.config.seed)
        text_states = self.text_states(wish, windows)
        course = self.aimed([wish], windows, course)
        if source is None:
            latents, course = self.led([wish], noise, windows, course)
        elif wish.config.use == "vary":
            latents, course = self.varied(source, noise, windows, course, wish.config.strength)
        else:
            latents, course = self.continued(source, noise, windows, course)
        latents = denoise(self.pipeline, latents, text_states, windows, course)
        return self.pictures(latents, windows)[0]

    def draw_many(self, wishes: Sequence[Wish], n_columns: int, course: Course) -> list[np.ndarray]:
        """Draw pictures of one length from nothing, all at once, as a GPU is best used.

        A picture differs from what `draw` makes of its wish by how the sums are rounded.
        """
        import torch

        windows = self.windows(wishes[0], n_columns)
        noise = torch.cat([self.noise(windows, wish.config.seed) for wish in wishes])
        texts = torch.cat(
            [
                self.text_states(wish, windows).expand(len(windows.columns), -1, -1, -1)
                for wish in wishes
            ]
        )
        latents, course = self.led(wishes, noise, windows, self.aimed(wishes, windows, course))
        latents = denoise(self.pipeline, latents, texts, windows, course)
        return list(self.pictures(latents, windows, course.windows_at_once))

    def windows(self, wish: Wish, n_columns: int) -> Windows:
        """The model's own width laid over at least `n_columns` of picture."""
        overlap = {"overlap": MORPH_OVERLAP} if wish.morph_to else {}
        if wish.config.loop:
            return Windows(round(n_columns / self.factor), self.width, loop=True, **overlap)
        windows = Windows(
            max(self.width, math.ceil(n_columns / self.factor)), self.width, **overlap
        )
        if wish.morph_to and len(windows.columns) == 1:
            raise StudioError(
                f"This model draws {self.codec.clip_s:.3g} s at once and cannot go from one raga "
                "to another within them. Choose more seconds."
            )
        return windows

    def noise(self, windows: Windows, seed: int) -> "torch.Tensor":
        """What the seed stands for on any device, [shape=(1, channels, rows, total)]."""
        import torch

        rows = self.codec.n_rows // self.factor
        shape = (1, self.pipeline.unet.config.in_channels, rows, windows.total)
        chance = torch.Generator("cpu").manual_seed(seed)
        return torch.randn(shape, generator=chance).to(self.pipeline.device)

    def text_states(self, wish: Wish, windows: Windows) -> "torch.Tensor":
        """Not wanted and wanted words, of all windows or of each, [shape=(n, 2, n_tokens, dim)]."""
        import torch

        first = self._read(wish.prompt, wish.config.negative_prompt)
        if not wish.morph_to:
            return first
        last = self._read(wish.morph_to, wish.config.negative_prompt)
        return torch.cat([torch.lerp(first, last, float(place)) for place in windows.places])

    def _read(self, prompt: str, negative_prompt: str) -> "torch.Tensor":
        import torch

        wanted, unwanted = self.pipeline.encode_prompt(
            prompt,
            self.pipeline.device,
            num_images_per_prompt=1,
            do_classifier_free_guidance=True,
            negative_prompt=negative_prompt,
        )
        return torch.stack([unwanted, wanted], dim=1)

    def aimed(self, wishes: Sequence[Wish], windows: Windows, course: Course) -> Course:
        """Let the model's raga head, if it has one, pull to the ragas that are asked for."""
        from training.raga_guide import RagaGuide

        return replace(course, aim=RagaGuide.of(self.pipeline, self.head, wishes, windows))

    def led(self, wishes: Sequence[Wish], noise, windows, course: Course):
        """Begin with noise, led by strokes of the talas that are asked for."""
        guide = TalaGuide.of(self, wishes, noise, windows)
        keep = guide.keep if guide else None
        return noise * self.pipeline.scheduler.init_noise_sigma, replace(course, keep=keep)

    def varied(self, source, noise, windows, course: Course, strength: float):
        """Begin with the source, made noisy: the more strength, the noisier."""
        course = replace(course, strength=strength)
        known = self.latents(fitted(source, windows.total * self.factor), windows)
        first = course_timesteps(self.pipeline.scheduler, course)[:1]
        return self.pipeline.scheduler.add_noise(known, noise, first), course

    def continued(self, source, noise, windows, course: Course):
        """Begin with noise, and hold the first columns to the source's end at every step."""
        n_known = min(round(self.width * CONTEXT), source.shape[1] // self.factor)
        if n_known == 0:
            raise StudioError("The clip to continue is too short. Choose one of a second or more.")
        end = source[:, source.shape[1] - n_known * self.factor :]
        known = self.latents(fitted(end, windows.total * self.factor), windows)[..., :n_known]
        scheduler = self.pipeline.scheduler

        def keep(latents, timestep):
            noisy = known
            if timestep is not None:
                noisy = scheduler.add_noise(known, noise[..., :n_known], timestep[None])
            latents = latents.clone()
            latents[..., :n_known] = noisy
            return latents

        return noise * scheduler.init_noise_sigma, replace(course, keep=keep)

    def n_context_columns(self, source: np.ndarray) -> int:
        """How many columns at the start of a continuation are the source's own."""
        return min(round(self.width * CONTEXT), source.shape[1] // self.factor) * self.factor

    def latents(self, image: np.ndarray, windows: Windows) -> "torch.Tensor":
        """Encode a picture window by window, [shape=(1, channels, rows, windows.total)]."""
        import torch

        vae = self.pipeline.vae
        levels = torch.from_numpy(to_rgb(image)).to(self.pipeline.device).permute(2, 0, 1)[None]
        cut = windows.cut(levels.to(vae.dtype) / 127.5 - 1, self.factor)
        latents = torch.cat([vae.encode(each[None]).latent_dist.mode() for each in cut])
        return windows.blend(latents.float() * vae.config.scaling_factor)

    def pictures(
        self, latents: "torch.Tensor", windows: Windows, windows_at_once: int = 1
    ) -> np.ndarray:
        """Decode latents window by window, [shape=(n_pictures, n_rows, n_columns), uint8]."""
        import torch

        vae = self.pipeline.vae
        cut = windows.cut(latents.to(vae.dtype) / vae.config.scaling_factor).split(windows_at_once)
        parts = torch.cat([vae.decode(some, return_dict=False)[0] for some in cut])
        whole = windows.blend(parts.float(), self.factor)
        levels = ((whole / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)
        return np.stack([from_rgb(each) for each in levels.movedim(1, 3).cpu().numpy()])


def fitted(image: np.ndarray, n_columns: int) -> np.ndarray:
    """A picture of exactly `n_columns`: cut off, or gone on with itself there and back."""
    missing = n_columns - image.shape[1]
    if missing <= 0:
        return image[:, :n_columns]
    return np.pad(image, ((0, 0), (0, missing)), mode="symmetric")


@contextmanager
def the_same_each_time(threads: int) -> Iterator[None]:
    """Only algorithms that give the same sums each time, as far as there are any; no gradients."""
    import torch

    threads_before = torch.get_num_threads()
    before = torch.are_deterministic_algorithms_enabled()
    only_warned = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.set_num_threads(threads)
    try:
        with torch.no_grad():  # and no inference mode: the raga guide follows a gradient
            yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=only_warned)
        torch.set_num_threads(threads_before)


@contextmanager
def told_if_too_large() -> Iterator[None]:
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise ModelError(
            "The machine has not enough memory for this clip. Choose fewer seconds or a smaller "
            "model, or end other programs."
        ) from error
