"""Stage 6, the course: which pictures, words, timesteps and noise each step of a run meets.

All chance of step `n` is drawn from the seed and `n`, for the whole batch of all processes, and
then cut: a run that is resumed, or spread over several processes, meets the same. What the
processor does for a batch (numbers out of a hat, and the gathering of what the device has no room
for) is done ahead in a thread; noise is drawn where it is used. Without that, a small model on a
fast GPU waits for its batches longer than it computes.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from training.cache import Encoded, Words
from training.config import FinetuneConfig
from training.data import Batch, Order

if TYPE_CHECKING:
    import torch

HELD_OUT_TIMESTEPS = (50, 200, 400, 600, 800, 950)
DEVICE_SHARE = 0.25  # of the free memory that latents and words may keep
BATCHES_AHEAD = 3


@dataclass(frozen=True)
class Draw:
    """What chance chose for one part of a step: places of pictures and captions, timesteps."""

    pictures: "torch.Tensor"  # (n,) of `Course.encoded`
    captions: "torch.Tensor"  # (n,) of `Course.words`
    timesteps: "torch.Tensor"  # (n,)
    seed: int  # of the noise


@dataclass(frozen=True)
class Staged:
    """A draw on its way to the device, with what has to be brought along."""

    mine: Draw
    mean: "torch.Tensor | None" = None  # None: already there
    std: "torch.Tensor | None" = None
    words: "torch.Tensor | None" = None


@dataclass
class Course:
    """Draws each batch of a run; the same step gives the same batch, whoever asks."""

    config: FinetuneConfig
    encoded: Encoded
    words: Words
    n_timesteps: int
    n_processes: int = 1
    process: int = 0
    device: "torch.device | str" = "cpu"
    _ahead: "Ahead | None" = field(default=None, repr=False)

    @cached_property
    def order(self) -> Order:
        """Which pictures come when."""
        return Order(self.encoded.examples, self.config.balance, self.config.seed)

    @cached_property
    def captions(self) -> tuple[np.ndarray, np.ndarray]:
        """The places of each picture's captions, [shape=(n, most)], and how many it has."""
        told = [each.captions for each in self.encoded.examples]
        counts = np.array([len(each) for each in told])
        places = np.zeros((len(told), counts.max(initial=1)), dtype=np.int64)
        for row, each in zip(places, told, strict=True):
            row[: len(each)] = [self.words.place(text) for text in each]
        return places, counts

    @property
    def is_cuda(self) -> bool:
        """Whether what is brought to the device has a way of its own to go."""
        return str(self.device).startswith("cuda")

    @cached_property
    def resident(self) -> "dict[str, torch.Tensor]":
        """Latents and words on the device, if it has room for them; empty otherwise."""
        kept = {"mean": self.encoded.mean, "std": self.encoded.std, "words": self.words.kept}
        if self.is_cuda:
            import torch

            free, _ = torch.cuda.mem_get_info(self.device)
            if sum(each.nbytes for each in kept.values()) > DEVICE_SHARE * free:
                return {}
        return {name: each.to(self.device) for name, each in kept.items()}

    def draw(self, step: int, part: int) -> Draw:
        """Part `part` (of gradient accumulation) of step `step`, for all processes together."""
        import torch

        n = self.config.batch_size * self.n_processes
        place = (step * self.config.gradient_accumulation + part) * n
        pictures = self.order.indices(place, n)
        rng = np.random.default_rng([self.config.seed, 2, place])
        places, counts = self.captions
        captions = places[pictures, (rng.random(n) * counts[pictures]).astype(np.int64)]
        unsaid = rng.random(n) < self.config.caption_dropout
        captions = np.where(unsaid, self.words.place(""), captions)
        timesteps = rng.integers(self.n_timesteps, size=n)
        drawn = (torch.from_numpy(each) for each in (pictures, captions, timesteps))
        return Draw(*drawn, seed=int(rng.integers(2**62)))

    def stage(self, step: int, part: int) -> Staged:
        """What the processor has to do for this process's batch."""
        import torch

        drawn = self.draw(step, part)
        n = self.config.batch_size
        mine = slice(self.process * n, (self.process + 1) * n)
        ready = torch.Tensor.pin_memory if self.is_cuda else torch.Tensor.contiguous
        cut = Draw(
            ready(drawn.pictures[mine]),
            ready(drawn.captions[mine]),
            ready(drawn.timesteps[mine]),
            drawn.seed,
        )
        if self.resident:
            return Staged(cut)
        return Staged(
            cut,
            ready(self.encoded.mean[cut.pictures]),
            ready(self.encoded.std[cut.pictures]),
            ready(self.words.kept[cut.captions]),
        )

    def batch(self, step: int, part: int) -> Batch:
        """What this process sees in part `part` of step `step`, on the device."""
        if self._ahead is None:
            self._ahead = Ahead(self)
        return self._finished(self._ahead.take(step, part))

    def _finished(self, staged: Staged) -> Batch:
        config = self.config
        pictures, captions, timesteps = (
            each.to(self.device, non_blocking=True)
            for each in (staged.mine.pictures, staged.mine.captions, staged.mine.timesteps)
        )
        if staged.mean is None:
            mean, std = self.resident["mean"][pictures], self.resident["std"][pictures]
            words = self.resident["words"][captions]
        else:
            mean, std, words = (
                each.to(self.device, non_blocking=True)
                for each in (staged.mean, staged.std, staged.words)
            )
        normal = Normal(staged.mine.seed, self)
        latents = mean + std.float() * normal(mean.shape)
        noise = normal(mean.shape)
        perturbation = None
        if config.noise_offset:
            noise += config.noise_offset * normal((*mean.shape[:2], 1, 1))
        if config.input_perturbation:
            perturbation = config.input_perturbation * normal(mean.shape)
        captioned = captions != self.words.place("")
        return Batch(latents, words, timesteps, noise, perturbation, pictures, captioned)


class Normal:
    """Draws normal numbers for all processes' batch, and gives this process its own."""

    def __init__(self, seed: int, course: Course):
        import torch

        self._generator = torch.Generator(course.device).manual_seed(seed)
        self._n_processes, self._process = course.n_processes, course.process

    def __call__(self, shape: Sequence[int]) -> "torch.Tensor":
        import torch

        n, *rest = shape
        generator = self._generator
        drawn = torch.randn(
            (n * self._n_processes, *rest), generator=generator, device=generator.device
        )
        return drawn[self._process * n : (self._process + 1) * n]


class Ahead:
    """Stages the batches to come while the model works on the present one."""

    def __init__(self, course: Course):
        self._course = course
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        self._coming: dict[tuple[int, int], Future[Staged]] = {}

    def take(self, step: int, part: int) -> Staged:
        """The batch of part `part` of step `step`; those after it are begun."""
        n_parts = self._course.config.gradient_accumulation
        first = step * n_parts + part
        wanted = [divmod(number, n_parts) for number in range(first, first + BATCHES_AHEAD + 1)]
        wanted = [each for each in wanted if each[0] < self._course.config.max_steps] or [
            (step, part)
        ]
        self._coming = {
            each: self._coming.get(each) or self._pool.submit(self._course.stage, *each)
            for each in wanted
        }
        return self._coming.pop((step, part)).result()


def held_out_batches(encoded: Encoded, words: Words, batch_size: int) -> Sequence[Batch]:
    """The same pictures, timesteps and noise at every measurement: only the model moves it."""
    import torch

    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(encoded.mean.shape, generator=generator)
    captions = torch.tensor(
        [words.place(each.captions[0]) for each in encoded.examples], dtype=torch.int64
    )
    ladder = torch.tensor(HELD_OUT_TIMESTEPS).repeat(len(encoded))
    timesteps = ladder[: len(encoded)]
    pictures = torch.arange(len(encoded))
    cuts = [slice(i, i + batch_size) for i in range(0, len(encoded), batch_size)]
    return [
        Batch(
            encoded.mean[cut],
            words.kept[captions[cut]],
            timesteps[cut],
            noise[cut],
            None,
            pictures[cut],
            torch.ones(len(noise[cut]), dtype=torch.bool),
        )
        for cut in cuts
    ]
