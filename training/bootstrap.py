"""Stage 8, the demo model: from sample concerts to assets/model/, from scratch, by this engine.

    lessons (core.synthesis) -> VAE -> scaled latents -> UNet and text encoder -> model folder

Every stage keeps what it has done under --work, so the command goes on where it was cut off or
where its minutes ended; run it again with more steps to train further.
"""

import dataclasses
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path

from core.spectrogram import codec_from
from core.workspace import DEMO_MODEL, replacing
from training.checkpoint import checkpoints
from training.config import FinetuneConfig
from training.data import read_dataset, spread
from training.finetune import finetune
from training.lessons import Lessons, make_lessons
from training.model import DEMO_SIZE, TINY, build_pipeline, save_model
from training.picture_model import (
    VaeCourse,
    grey,
    reconstruction_error,
    train_vae,
    unit_variance,
)
from training.report import write_report
from training.run_folder import CHECKPOINTS, METRICS, MODEL
from training.wish import Vocabulary

log = logging.getLogger(__name__)

VAE_PICTURES = 1200  # in memory: 160 MB
SCALED_BY = 48  # pictures: enough for one number
MEASURED_ON = 12


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
    vae_steps: int = 1200
    """Steps of the VAE, eight crops each."""
    vae_minutes: float = 20.0
    """It ends when these are over, whatever its steps."""
    steps: int = 3000
    """Steps of the UNet and the text encoder."""
    batch_size: int = 16
    """Pictures in each of them."""
    learning_rate: float = 6e-4
    """At its highest."""
    seed: int = 0
    """Another seed, another model."""
    threads: int = 0
    """Of the processor; 0 takes all."""
    tiny: bool = False
    """A model for tests: quick, and deaf."""


def bootstrap(config: BootstrapConfig) -> Path:
    """Make the demo model, or go on making it; returns its folder."""
    import torch

    if config.threads:
        torch.set_num_threads(config.threads)
    work = config.work.resolve()
    lessons = Lessons(config.ragas, config.concerts, config.minutes)
    dataset = make_lessons(lessons, work / "lessons")
    base = _base(config, dataset, work)
    run = work / "run"
    finetune(
        FinetuneConfig(
            dataset=dataset,
            base=str(base),
            output=run,
            resume=bool(checkpoints(run / CHECKPOINTS)),
            max_steps=config.steps,
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            lr_schedule="constant_with_warmup",
            warmup_steps=100,
            train_text_encoder=True,
            ema_decay=0.995,
            caption_dropout=0.1,
            seed=config.seed,
            save_every=100,
            sample_every=500,
            validate_every=100,
        )
    )
    _ship(config, run, base)
    return config.out


def _base(config: BootstrapConfig, dataset: Path, work: Path) -> Path:
    """The pipeline with a trained VAE and all else still random."""
    base = work / "base"
    if (base / "model_index.json").exists():
        return base
    found = read_dataset(dataset)
    pictures = grey([each.path for each in spread(found.train, VAE_PICTURES)])
    pipeline = build_pipeline(TINY if config.tiny else DEMO_SIZE, config.seed)
    course = VaeCourse(config.vae_steps, config.vae_minutes, seed=config.seed)
    rows = train_vae(pipeline.vae, pictures, course, work / "vae")
    pipeline.vae.eval()
    factor = unit_variance(pipeline.vae, pictures[:: max(1, len(pictures) // SCALED_BY)])
    log.info("Latents are scaled by %.4f", factor)
    held_out = grey([each.path for each in spread(found.held_out or found.train, MEASURED_ON)])
    levels = reconstruction_error(pipeline.vae, held_out)
    log.info("The VAE draws held-out pictures within %.2f grey levels on average", levels)
    with replacing(work / "vae.json") as part:
        part.write_text(_json(rows, factor, levels), "utf-8")
    codec = codec_from({"tonic_hz": None, **found.manifest["codec"]})
    save_model(pipeline, base, codec, Vocabulary())
    return base


def _json(rows: list[dict], factor: float, levels: float) -> str:
    import json

    return json.dumps({"scaling_factor": factor, "grey_levels": levels, "log": rows}, indent=1)


def _ship(config: BootstrapConfig, run: Path, base: Path) -> None:
    """Copy the model, its log and a report of how it was made."""
    with replacing(config.out) as part:
        shutil.copytree(run / MODEL, part)
        shutil.copy(run / METRICS, part / "training_log.jsonl")
        shutil.copy(base.parent / "vae.json", part / "vae_log.json")
        write_report(part, dataclasses.asdict(config), run)


def main(config: BootstrapConfig) -> None:
    """Make the demo model from sample concerts, or go on making it.

    Args:
        config: how long and how.
    """
    log.info("The demo model is in %s", bootstrap(config))


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(main))
