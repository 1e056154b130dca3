"""Images per second of our training step beside diffusers' own script's, on the same data.

    python benchmarks/training.py [--steps 5] [--batch-size 8]

`reference` restates the loop of diffusers' examples/text_to_image/train_text_to_image.py: decode,
resize and normalise each picture, encode it and its caption, add noise, step. Ours takes latents
and text states from the cache. Both train a UNet of 6 million weights on 64 x 64 latents of
512 x 512 pictures behind a quarter-width Stable Diffusion VAE; all weights are random.
"""

import logging
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from PIL import Image

from core.spectrogram import svara
from training.config import FinetuneConfig
from training.data import Dataset, Example
from training.model import DEMO_SIZE, build_pipeline, save_model
from training.session import open_session, take_step
from training.wish import Vocabulary

log = logging.getLogger(__name__)

SIDE = 512
N_PICTURES = 16
SIZE = replace(
    DEMO_SIZE, vae_channels=(32, 64, 128, 128), latent_channels=4, rows=SIDE, columns=SIDE
)


@dataclass(frozen=True)
class Figure:
    """What was measured of one loop."""

    name: str
    images_per_s: float
    outside_share: float  # of the time spent outside forward, backward and optimizer


def make_dataset(folder: Path) -> Path:
    """An exported folder of random pictures."""
    import json

    rng = np.random.default_rng(0)
    (folder / "train").mkdir(parents=True)
    rows = []
    for i in range(N_PICTURES):
        name = f"{i}.png"
        Image.fromarray(rng.integers(0, 255, (SIDE, SIDE)).astype(np.uint8)).save(
            folder / "train" / name
        )
        rows.append(json.dumps({"file_name": name, "text": f"Kriti in raga Mohanam {i}"}))
    (folder / "train/metadata.jsonl").write_text("\n".join(rows))
    codec = replace(svara(146.8), n_rows=SIDE, width=SIDE).parameters()
    codec.pop("tonic_hz")
    (folder / "manifest.json").write_text(json.dumps({"codec": codec, "config": {}}))
    return folder


def unet():
    """As Stable Diffusion's, with attention where it is cheap: not among 4096 tokens."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=SIDE // 8,
        block_out_channels=(32, 64, 128, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * 2, "DownBlock2D"),
        up_block_types=("UpBlock2D", *("CrossAttnUpBlock2D",) * 2, "UpBlock2D"),
        cross_attention_dim=SIZE.text_width,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def timed(name: str, step: Callable[[int], float], n_steps: int, batch_size: int) -> Figure:
    """Measure `step(i)`, which returns its seconds in the model; the first is a warm-up."""
    step(0)
    began = time.perf_counter()
    inside = sum(step(1 + i) for i in range(n_steps))
    spent = time.perf_counter() - began
    return Figure(name, n_steps * batch_size / spent, 1 - inside / spent)


def reference(pipeline, examples: tuple[Example, ...], batch_size: int) -> Callable[[int], float]:
    """diffusers' loop, restated."""
    from diffusers import DDPMScheduler
    from torch.nn import functional

    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    unet, vae = pipeline.unet.train(), pipeline.vae
    optimizer = torch.optim.AdamW(unet.parameters(), lr=1e-4)

    def step(number: int) -> float:
        chosen = [examples[(number * batch_size + i) % len(examples)] for i in range(batch_size)]
        pictures = torch.stack([_picture(each.path) for each in chosen])
        tokens = pipeline.tokenizer(
            [each.captions[0] for each in chosen],
            padding="max_length",
            truncation=True,
            return_tensors="pt",
        ).input_ids
        with torch.no_grad():
            latents = vae.encode(pictures).latent_dist.sample() * vae.config.scaling_factor
            words = pipeline.text_encoder(tokens).last_hidden_state
        began = time.perf_counter()
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, schedule.config.num_train_timesteps, (batch_size,))
        noisy = schedule.add_noise(latents, noise, timesteps)
        predicted = unet(noisy, timesteps, words).sample
        target = schedule.get_velocity(latents, noise, timesteps)
        functional.mse_loss(predicted.float(), target.float()).backward()
        torch.nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        return time.perf_counter() - began

    return step


def _picture(path: Path) -> torch.Tensor:
    with Image.open(path) as image:
        resized = image.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.asarray(resized, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1)


def ours(session) -> Callable[[int], float]:
    """The engine's step; what it does outside the model is drawing its batch."""

    def step(number: int) -> float:
        began = time.perf_counter()
        session.course.batch(number, 0)  # once more, only to know what it costs
        drawing = time.perf_counter() - began
        began = time.perf_counter()
        take_step(session)
        return time.perf_counter() - began - drawing

    return step


def main(steps: int = 5, batch_size: int = 8, threads: int = 2) -> None:
    """Measure both loops and log a table.

    Args:
        steps: optimizer steps of each, after one to warm up.
        batch_size: pictures in a step.
        threads: of the processor.
    """
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        pipeline = build_pipeline(SIZE)
        pipeline.register_modules(unet=unet())
        save_model(pipeline, place / "base", svara(146.8), Vocabulary())
        config = FinetuneConfig(
            dataset=make_dataset(place / "data"), base=str(place / "base"), batch_size=batch_size
        )
        session = open_session(config)
        dataset: Dataset = session.dataset
        theirs = reference(session.pipeline, dataset.train, batch_size)
        rows = [
            timed("ours", ours(session), steps, batch_size),
            timed("diffusers", theirs, steps, batch_size),
        ]
    for row in rows:
        log.info(
            "%-10s %6.2f images/s, %4.1f %% of the time outside the model",
            row.name,
            row.images_per_s,
            100 * row.outside_share,
        )
    log.info("ours / diffusers: %.2f", rows[0].images_per_s / rows[1].images_per_s)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    log.info("peak memory of both together: %.0f MiB", peak)


if __name__ == "__main__":
    from core.command import run

    run(main)
