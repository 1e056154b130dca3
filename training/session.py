"""Stage 6, setting up: everything one fine-tuning run holds, built from its settings."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import DatasetError
from core.spectrogram import codec_from
from training.cache import Words, encoded
from training.checkpoint import Progress, Trained
from training.config import FinetuneConfig, Precision
from training.course import Course, held_out_batches
from training.data import Batch, Dataset, read_dataset, spread
from training.diffusion import Objective
from training.learner import prepare
from training.listening import Listener, asks_for, grid
from training.loading import load_pipeline, locate, taught
from training.wish import Vocabulary

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from diffusers import StableDiffusionPipeline

    from training.losses import RagaLosses

log = logging.getLogger(__name__)

MAX_HELD_OUT = 64  # pictures: enough to see a trend, at a few seconds a measurement


@dataclass
class Session:
    """One run in memory."""

    config: FinetuneConfig
    base: Path
    dataset: Dataset
    accelerator: "Accelerator"
    pipeline: "StableDiffusionPipeline"
    denoiser: Any  # what the accelerator made of it
    objective: Objective
    course: Course
    held_out: list[Batch]
    listener: Listener
    trained: Trained
    progress: Progress
    raga: "RagaLosses | None" = None  # what else holds it to the raga

    @property
    def n_pictures(self) -> int:
        """Pictures in one optimizer step of all processes."""
        config = self.config
        return config.batch_size * config.gradient_accumulation * self.accelerator.num_processes

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The model as it will be kept: with its averaged weights, and not learning."""
        import torch

        ema, parameters = self.trained.ema, list(self.trained.parameters.values())
        self.denoiser.eval()
        if ema is not None:
            ema.store(parameters)
            ema.copy_to(parameters)
        try:
            with torch.no_grad():
                yield
        finally:
            if ema is not None:
                ema.restore(parameters)
            self.denoiser.train()

    def held_out_loss(self) -> float:
        """The loss on what was held out, at fixed timesteps and noise."""
        objective, device = self.objective, self.accelerator.device
        with self.averaged(), self.accelerator.autocast():
            losses = [
                objective(self.denoiser, batch.to(device)) * len(batch.latents)
                for batch in self.held_out
            ]
        return sum(losses).item() / sum(len(batch.latents) for batch in self.held_out)

    @contextmanager
    def listening(self) -> Iterator["StableDiffusionPipeline"]:
        """The whole pipeline where it computes; what training needs not is put away again."""
        with self.averaged():
            try:
                yield self.pipeline.to(self.accelerator.device)
            finally:
                _put_away(self.pipeline, self.config)

    @property
    def is_aligned(self) -> bool:
        """Whether the pictures' rows count from the tonic."""
        said = self.dataset.manifest.get("config", {})
        return said.get("preset") != "riffusion" or bool(said.get("align_tonic", True))

    def vocabulary(self) -> Vocabulary:
        """What it knows now: what it was taught before, if in the same pictures, and this."""
        before = taught(self.base)
        same = before.codec.with_tonic(None) == self.listener.codec.with_tonic(None)
        names = {
            f"{what}s": sorted(
                {getattr(each, what) for each in self.dataset.train if getattr(each, what)}
                | (set(getattr(before.vocabulary, f"{what}s")) if same else set())
            )
            for what in ("raga", "tala", "section")
        }
        template = self.dataset.manifest.get("config", {}).get("template", "rich")
        return Vocabulary(**{key: tuple(each) for key, each in names.items()}, template=template)


def open_session(config: FinetuneConfig, dataset: Dataset | None = None) -> Session:
    """Load the model and the data, encode what is not yet encoded, and make the optimizer.

    `dataset` is the one that is named in the settings, where it has been read already.
    """
    dataset = _told(dataset or read_dataset(Path(config.dataset)))
    base = locate(config.base)  # a wrong name is told before anything heavy is loaded
    import torch

    hush()
    accelerator = arithmetic(config)
    pipeline = load_pipeline(base, torch.device("cpu")).to(accelerator.device)
    return begin_session(config, dataset, base, pipeline, accelerator)


def begin_session(
    config: FinetuneConfig,
    dataset: Dataset,
    base: Path,
    pipeline: "StableDiffusionPipeline",
    accelerator: "Accelerator",
) -> Session:
    """A session with a pipeline that is loaded already."""
    _check_fit(pipeline, dataset)
    with accelerator.main_process_first():  # the others read what it has encoded
        train = encoded(pipeline, dataset, dataset.train)
        held = encoded(pipeline, dataset, spread(dataset.held_out, MAX_HELD_OUT))
        words = Words(pipeline, _captions(dataset), config.train_text_encoder, dataset.folder)
    _put_away(pipeline, config)
    objective = Objective(pipeline, config)
    pipeline.scheduler.register_to_config(prediction_type=objective.prediction)
    raga = _raga_losses(config, objective, pipeline, dataset)
    denoiser, trained = prepare(config, pipeline, accelerator, raga and raga.head)
    course = _course(config, train, words, accelerator, objective.n_timesteps)
    return Session(
        config,
        base,
        dataset,
        accelerator,
        pipeline,
        denoiser,
        objective,
        course,
        held_out_batches(held, words, config.batch_size),
        _listener(config, dataset),
        trained,
        Progress(),
        raga,
    )


def _course(config, train, words, accelerator: "Accelerator", n_timesteps: int) -> Course:
    n, number, device = accelerator.num_processes, accelerator.process_index, accelerator.device
    return Course(config, train, words, n_timesteps, n, number, device)


def _told(dataset: Dataset) -> Dataset:
    for name, reason in dataset.rejected:
        log.warning("Left out: %s: %s", name, reason)
    return dataset


def _raga_losses(config: FinetuneConfig, objective: Objective, pipeline, dataset: Dataset):
    if config.raga_loss == "none":
        return None
    from training.losses import raga_losses

    return raga_losses(config, objective, pipeline, dataset)


def arithmetic(config: FinetuneConfig) -> "Accelerator":
    """The machine, and in what it computes."""
    import torch
    from accelerate import Accelerator

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = config.tf32
    # Every batch has the same shape, but of how many pictures a raga loss decodes is chance, and
    # cuDNN would try its ways anew for each number: seconds a step.
    torch.backends.cudnn.benchmark = not config.decodes
    if config.compile:  # what cannot be compiled runs as it is, and the log says so
        torch._dynamo.config.suppress_errors = True
    return Accelerator(mixed_precision=precision(config.mixed_precision))


def hush() -> None:
    """Keep what is no concern of the user's out of the log: a run's log is read by people."""
    import diffusers
    import transformers

    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()


def _put_away(pipeline: "StableDiffusionPipeline", config: FinetuneConfig) -> None:
    """Take what only encodes and decodes off the device: its memory is for training."""
    if not config.decodes:
        pipeline.vae.to("cpu")
    if not config.train_text_encoder:
        pipeline.text_encoder.to("cpu")


def _listener(config: FinetuneConfig, dataset: Dataset) -> Listener:
    codec = codec_from({"tonic_hz": None, **dataset.manifest["codec"]})
    asks = asks_for(config.prompts, dataset.train) if config.prompts else grid(dataset.train)
    return Listener(asks, codec, dataset.size)


def precision(wanted: Precision) -> str:
    """What to compute in; `auto` is bf16 where the machine has instructions for it."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    # Without them bf16 convolutions were measured 15 times slower than single precision.
    has = (torch.cpu._is_avx512_bf16_supported, torch.cpu._is_amx_tile_supported)
    return "bf16" if any(each() for each in has) else "no"


def _check_fit(pipeline: "StableDiffusionPipeline", dataset: Dataset) -> None:
    factor = pipeline.vae_scale_factor * 2 ** (len(pipeline.unet.config.block_out_channels) - 1)
    if any(side % factor for side in dataset.size):
        rows, columns = dataset.size
        raise DatasetError(
            f"The pictures are {rows} x {columns}; this model takes multiples of {factor}. "
            "Export with the clip length that suits it; pictures are never resized."
        )


def _captions(dataset: Dataset) -> set[str]:
    return {text for split in dataset.splits.values() for each in split for text in each.captions}


@dataclass
class Taken:
    """The figures of one optimizer step; those of the model may still be on their way."""

    lr: float
    loss: "torch.Tensor"  # of this process; a scalar
    grad_norm: "torch.Tensor"
    heard: "dict[str, torch.Tensor | float]"  # the raga losses, of this process


def take_step(session: Session) -> Taken:
    """Take one optimizer step. Nothing here waits for a GPU to have done it."""
    import contextlib

    import torch

    config, accelerator, trained = session.config, session.accelerator, session.trained
    step, n_parts = session.progress.step, session.config.gradient_accumulation
    torch.manual_seed(config.seed + step)  # for dropout: a resumed run drops the same
    losses = []
    for part in range(n_parts):
        batch = session.course.batch(step, part)
        last = part == n_parts - 1
        apart = contextlib.nullcontext() if last else accelerator.no_sync(session.denoiser)
        with apart:
            with accelerator.autocast():
                guess = session.objective.guess(session.denoiser, batch)
                loss = session.objective.error(batch, guess) / n_parts
                more = session.raga(batch, guess, step) / n_parts if session.raga else 0.0
            accelerator.backward(loss + more)
        losses.append(loss.detach())
    grad_norm = accelerator.clip_grad_norm_(trained.parameters.values(), config.max_grad_norm)
    trained.optimizer.step()
    lr = trained.lr_schedule.get_last_lr()[0]
    trained.lr_schedule.step()
    trained.optimizer.zero_grad(set_to_none=True)
    if trained.ema is not None:
        trained.ema.step(trained.parameters.values())
    session.progress.step += 1
    return Taken(lr, sum(losses), grad_norm, dict(session.raga.heard) if session.raga else {})
