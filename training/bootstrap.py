"""Stage 8, the demo model: from sample concerts to assets/model/, from scratch, by this engine.

    lessons (core.synthesis) -> VAE -> normalised latents -> UNet and text encoder
        -> the same, held to the raga (training.losses) -> model folder

Every stage keeps what it has done under --work, so the command goes on where it was cut off or
where its minutes ended; run it again with more steps to train further.
"""

import dataclasses
import json
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.spectrogram import codec_from
from core.workspace import DEMO_MODEL, replacing
from training.checkpoint import checkpoints
from training.config import FinetuneConfig, RagaLoss
from training.data import read_dataset, spread
from training.finetune import finetune
from training.lessons import Lessons, make_lessons
from training.model import DEMO_SIZE, TINY, build_pipeline, save_model
from training.picture_model import (
    VaeCourse,
    grey,
    normalise_latents,
    reconstruction_error,
    train_vae,
)
from training.report import write_report
from training.run_folder import CHECKPOINTS, METRICS, MODEL, SAMPLES
from training.wish import Vocabulary

log = logging.getLogger(__name__)

VAE_PICTURES = 3000  # in memory: 400 MB
NORMALISED_BY = 96  # pictures: enough for a mean and a deviation of each channel
MEASURED_ON = 24
RAGA_RATE = 0.6  # of the learning rate, where the raga losses polish what was learned
LOGS = ("training_log.jsonl", "raga_log.jsonl")


@dataclass(frozen=True)
class BootstrapConfig:
    """How the demo model is made."""

    out: Path = DEMO_MODEL
    """Where the finished model goes."""
    work: Path = Path("workspace/bootstrap")
    """Where concerts, pictures and checkpoints are kept between calls."""
    ragas: int = 24
    """How many ragas to teach."""
    concerts: int = 3
    """Sample concerts of each raga."""
    minutes: float = 4.0
    """Length of each concert."""
    vae_concerts: int = 3
    """Of these, the first so many teach the VAE: it may begin before the others are rendered."""
    vae_steps: int = 1200
    """Steps of the VAE."""
    vae_batch_size: int = 8
    """Crops in each of them."""
    vae_minutes: float = 20.0
    """It ends when these are over, whatever its steps."""
    steps: int = 3000
    """Steps of the UNet and the text encoder; 0 makes the VAE only."""
    batch_size: int = 16
    """Pictures in each of them."""
    learning_rate: float = 6e-4
    """At its highest; it falls to nothing by the last step."""
    ema_decay: float = 0.998
    """The model that is kept is an average over about 1 / (1 - this) steps."""
    raga_loss: RagaLoss = "joint"
    """What holds the model to the raga in the last steps: see `FinetuneConfig`."""
    raga_steps: int = 0
    """How many further steps it is held to the raga; 0 leaves that out."""
    recognizer_steps: int = 1500
    """Steps of the recogniser, where the raga loss listens with one."""
    seed: int = 0
    """Another seed, another model."""
    channels_last: bool = False
    """See `FinetuneConfig`: faster on some GPUs."""
    threads: int = 0
    """Of the processor; 0 takes all."""
    tiny: bool = False
    """A model for tests: quick, and deaf."""


def bootstrap(config: BootstrapConfig) -> Path:
    """Make the demo model, or go on making it; returns its folder (with no steps, its base's)."""
    import torch

    if config.threads:
        torch.set_num_threads(config.threads)
    work = config.work.resolve()
    base = _base(config, work)
    if not config.steps:
        return base
    dataset = _lessons(config, work, config.concerts)
    runs = [_course(config, dataset, base, work / "run", config.steps)]
    if config.raga_steps:
        recognizer = _recognizer(config, dataset, runs[0] / MODEL, work)
        raga = {"raga_loss": config.raga_loss, "raga_recognizer": recognizer}
        model = runs[0] / MODEL
        runs.append(_course(config, dataset, model, work / "raga-run", config.raga_steps, **raga))
    _ship(config, runs, base)
    return config.out


def _course(
    config: BootstrapConfig, dataset: Path, base: Path, run: Path, steps: int, **raga
) -> Path:
    """Train the UNet and the text encoder; returns the run's folder."""
    finetune(
        FinetuneConfig(
            dataset=dataset,
            base=str(base),
            output=run,
            resume=bool(checkpoints(run / CHECKPOINTS)),
            max_steps=steps,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate * (RAGA_RATE if raga else 1),
            lr_schedule="cosine",
            warmup_steps=100,
            train_text_encoder=True,
            ema_decay=config.ema_decay,
            snr_gamma=None,  # the raga is decided where the noise is high; gamma all but skips that
            caption_dropout=0.1,
            channels_last=config.channels_last,
            seed=config.seed,
            save_every=500,
            sample_every=0,
            validate_every=250,
            **raga,
        )
    )
    return run


def _recognizer(config: BootstrapConfig, dataset: Path, model: Path, work: Path) -> Path | None:
    """The recogniser that the raga loss listens with, if it does; taught here if there is none."""
    if config.raga_loss not in ("recognizer", "both"):
        return None
    from training.recognizer import RecognizerConfig, train

    path = work / "recognizer.safetensors"
    if not path.exists():
        steps = config.recognizer_steps
        log.info(train(RecognizerConfig(dataset, path, str(model), steps=steps, seed=config.seed)))
    return path


def _lessons(config: BootstrapConfig, work: Path, concerts: int) -> Path:
    """The dataset of the first so many concerts of each raga."""
    all_of_them = concerts >= config.concerts
    place = work / ("lessons" if all_of_them else "first-lessons")
    return make_lessons(Lessons(config.ragas, concerts, config.minutes), place)


def _base(config: BootstrapConfig, work: Path) -> Path:
    """The pipeline with a trained VAE and all else still random."""
    import torch

    base = work / "base"
    if (base / "model_index.json").exists():
        return base
    found = read_dataset(_lessons(config, work, min(config.vae_concerts, config.concerts)))
    pictures = grey([each.path for each in spread(found.train, VAE_PICTURES)])
    pipeline = build_pipeline(TINY if config.tiny else DEMO_SIZE, config.seed)
    vae = pipeline.vae.to("cuda" if torch.cuda.is_available() else "cpu")
    course = VaeCourse(
        config.vae_steps, config.vae_minutes, config.vae_batch_size, seed=config.seed
    )
    rows = train_vae(vae, pictures, course, work / "vae")
    vae.eval()
    normalise_latents(vae, pictures[:: max(1, len(pictures) // NORMALISED_BY)])
    held_out = grey([each.path for each in spread(found.held_out or found.train, MEASURED_ON)])
    levels = reconstruction_error(vae, held_out)
    log.info("The VAE draws held-out pictures within %.2f grey levels on average", levels)
    with replacing(work / "vae.json") as part:
        part.write_text(json.dumps({"grey_levels": levels, "log": rows}, indent=1), "utf-8")
    codec = codec_from({"tonic_hz": None, **found.manifest["codec"]})
    save_model(pipeline, base, codec, Vocabulary())
    return base


def _ship(config: BootstrapConfig, runs: list[Path], base: Path) -> None:
    """Copy the model, its logs and a report of how it was made."""
    with replacing(config.out) as part:
        shutil.copytree(runs[-1] / MODEL, part, ignore=shutil.ignore_patterns(SAMPLES))
        for run, name in zip(runs, LOGS, strict=False):
            shutil.copy(run / METRICS, part / name)
        shutil.copy(base.parent / "vae.json", part / "vae_log.json")
        write_report(part, dataclasses.asdict(config), runs)


def main(config: BootstrapConfig) -> None:
    """Make the demo model from sample concerts, or go on making it.

    Args:
        config: how long and how.
    """
    log.info("It is in %s", bootstrap(config))


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
