"""Our training loop beside diffusers' own script's, on the same model, data, batch and precision.

    python benchmarks/training.py [--steps 5] [--batch-size 8] [--precision bf16]
    python benchmarks/training.py --gpu [--steps 20] [--batch-size 8] [--compile]

`reference` restates the loop of diffusers' examples/text_to_image/train_text_to_image.py: a
DataLoader decodes and normalises each picture, the step encodes it and its caption in the precision
it computes in, adds noise, learns, and reads its loss. Ours takes latents and text states from the
cache. What is ours is the whole loop with its journal on disk, and how much of it is neither
forward, backward nor optimizer is seen beside a bare loop of these on one batch.

Weights are random. On a processor a UNet of 6 million weights learns 64 x 64 latents of 512 x 512
pictures behind a quarter-width VAE, each loop in a process of its own, for the sake of its memory.
On a GPU it is Stable Diffusion 1.5's UNet, VAE and text encoder by their published configuration,
then the demo model's size. Needs torch, diffusers, transformers, accelerate and what they bring.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from PIL import Image

from core.spectrogram import svara
from training.config import FinetuneConfig
from training.data import read_dataset
from training.finetune import train
from training.journal import Journal
from training.model import DEMO_SIZE, build_pipeline
from training.session import Session, arithmetic, begin_session, hush

SIDE = 512
N_PICTURES = 16  # at least; never fewer than a batch holds
QUARTER = replace(
    DEMO_SIZE, vae_channels=(32, 64, 128, 128), latent_channels=4, rows=SIDE, columns=SIDE
)
WARM_UP = 3  # steps
RATE = 1e-5


@dataclass(frozen=True)
class Course:
    """What is measured, and how long."""

    model: str  # quarter, sd15, demo
    steps: int
    batch_size: int
    precision: str
    workers: int  # of diffusers' DataLoader
    threads: int
    compile: bool
    channels_last: bool


@dataclass(frozen=True)
class Figure:
    """What was measured of one loop."""

    name: str
    images_per_s: float
    peak_mib: float
    note: str = ""


# Models and data


def pipeline_of(course: Course):
    """Random weights, on the device that is there."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if course.model == "demo":
        return build_pipeline(DEMO_SIZE).to(device)
    pipeline = build_pipeline(QUARTER)
    with torch.device(device):
        if course.model == "sd15":
            parts = {"unet": sd15_unet(), "vae": sd15_vae(), "text_encoder": sd15_text_encoder()}
            pipeline.register_modules(**parts)
        else:
            pipeline.register_modules(unet=quarter_unet())
    return pipeline.to(device)


def quarter_unet():
    """As Stable Diffusion's, with attention where it is cheap: not among 4096 tokens."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=SIDE // 8,
        block_out_channels=(32, 64, 128, 128),
        layers_per_block=1,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * 2, "DownBlock2D"),
        up_block_types=("UpBlock2D", *("CrossAttnUpBlock2D",) * 2, "UpBlock2D"),
        cross_attention_dim=QUARTER.text_width,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def sd15_unet():
    """stable-diffusion-v1-5's unet/config.json; what it leaves out is diffusers' default."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)


def sd15_vae():
    """stable-diffusion-v1-5's vae/config.json."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=4,
        sample_size=512,
    )


def sd15_text_encoder():
    """CLIP ViT-L/14's text model, as stable-diffusion-v1-5's text_encoder/config.json."""
    from transformers import CLIPTextConfig, CLIPTextModel

    config = CLIPTextConfig(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        projection_dim=768,
        hidden_act="quick_gelu",
    )
    return CLIPTextModel(config)


def n_pictures(course: Course) -> int:
    """How many pictures there are to learn."""
    return N_PICTURES if course.model == "demo" else max(N_PICTURES, course.batch_size)


def make_dataset(folder: Path, course: Course) -> Path:
    """An exported folder of random pictures."""
    size = DEMO_SIZE if course.model == "demo" else QUARTER
    rows, columns = size.rows, size.columns
    rng = np.random.default_rng(0)
    (folder / "train").mkdir(parents=True)
    lines = []
    for i in range(n_pictures(course)):
        levels = rng.integers(0, 255, (rows, columns)).astype(np.uint8)
        Image.fromarray(levels).save(folder / "train" / f"{i}.png")
        lines.append(json.dumps({"file_name": f"{i}.png", "text": f"Kriti in raga Mohanam {i}"}))
    (folder / "train/metadata.jsonl").write_text("\n".join(lines))
    codec = replace(svara(146.8), n_rows=rows, width=columns).parameters()
    codec.pop("tonic_hz")
    (folder / "manifest.json").write_text(json.dumps({"codec": codec, "config": {}}))
    return folder


# Loops


def ours(course: Course, place: Path) -> list[Figure]:
    """The engine's loop as a run takes it, then its bare steps."""
    torch.set_num_threads(course.threads)
    session, encoding_s = _session(course, place)
    journal = Journal(place / "run", course.steps)
    journal.run.mkdir()
    began = time.perf_counter()
    _run_to(session, journal, WARM_UP)
    warm_up_s = time.perf_counter() - began
    _reset_peak()
    speed = (
        course.steps
        * course.batch_size
        / _clocked(lambda: _run_to(session, journal, WARM_UP + course.steps))
    )
    peak = _peak_mib()
    bare = course.steps * course.batch_size / _clocked(lambda: _bare(session, course.steps))
    outside = f"{100 * max(0.0, 1 - speed / bare):.1f} % of its time is outside the model"
    once = f"encoded once at {1000 * encoding_s / n_pictures(course):.0f} ms a picture"
    return [
        Figure("ours", speed, peak, f"{outside}; {once}; {warm_up_s:.0f} s to warm up"),
        Figure("bare steps", bare, peak, "one batch; forward, backward and optimizer alone"),
    ]


def _session(course: Course, place: Path) -> tuple[Session, float]:
    hush()
    folder = place / "data"
    config = FinetuneConfig(
        make_dataset(folder, course),
        base=str(place),
        max_steps=10**9,
        batch_size=course.batch_size,
        learning_rate=RATE,
        mixed_precision=course.precision,
        ema_decay=0.0,  # as diffusers' script without --use_ema
        snr_gamma=None,
        validate_every=0,
        save_every=0,
        sample_every=0,
        compile=course.compile,
        channels_last=course.channels_last,
        tf32=True,
    )
    accelerator, pipeline = arithmetic(config), pipeline_of(course)
    dataset = read_dataset(folder)
    (place / "model_index.json").write_text("{}")
    began = time.perf_counter()
    session = begin_session(config, dataset, place, pipeline, accelerator)
    return session, time.perf_counter() - began


def _run_to(session: Session, journal: Journal, step: int) -> None:
    session.config = replace(session.config, max_steps=step)
    session.course.config = session.config
    train(session, journal)


def _bare(session: Session, n_steps: int) -> None:
    """Forward, backward, clipping and optimizer on one batch that lies ready."""
    accelerator, trained = session.accelerator, session.trained
    batch = session.course.batch(session.progress.step - 1, 0)
    for _ in range(n_steps):
        with accelerator.autocast():
            loss = session.objective(session.denoiser, batch)
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(trained.parameters.values(), 1.0)
        trained.optimizer.step()
        trained.optimizer.zero_grad(set_to_none=True)
    loss.item()


def reference(course: Course, place: Path) -> list[Figure]:
    """diffusers' loop, restated."""
    from accelerate import Accelerator
    from diffusers import DDPMScheduler
    from diffusers.optimization import get_scheduler

    torch.set_num_threads(course.threads)
    torch.backends.cuda.matmul.allow_tf32 = True  # --allow_tf32
    accelerator = Accelerator(mixed_precision=course.precision)
    pipeline = pipeline_of(course)
    precise = {"bf16": torch.bfloat16, "fp16": torch.float16}
    weights = precise.get(course.precision, torch.float32)
    vae, encoder = pipeline.vae.to(dtype=weights), pipeline.text_encoder.to(dtype=weights)
    vae.requires_grad_(False)
    encoder.requires_grad_(False)
    schedule = DDPMScheduler.from_config(pipeline.scheduler.config)
    unet = pipeline.unet.train()
    optimizer = torch.optim.AdamW(unet.parameters(), lr=RATE, weight_decay=1e-2, eps=1e-8)
    lr_schedule = get_scheduler("constant", optimizer)
    loader = torch.utils.data.DataLoader(
        Pictures(make_dataset(place / "data", course), pipeline.tokenizer),
        shuffle=True,
        batch_size=course.batch_size,
        num_workers=course.workers,
        drop_last=True,
        persistent_workers=course.workers > 0,
    )
    unet, optimizer, loader, lr_schedule = accelerator.prepare(unet, optimizer, loader, lr_schedule)

    def step(batch: dict[str, torch.Tensor]) -> None:
        with accelerator.accumulate(unet):
            latents = vae.encode(batch["pixel_values"].to(weights)).latent_dist.sample()
            latents = latents * vae.config.scaling_factor
            noise = torch.randn_like(latents)
            n, last = len(latents), schedule.config.num_train_timesteps
            timesteps = torch.randint(0, last, (n,), device=latents.device).long()
            noisy = schedule.add_noise(latents, noise, timesteps)
            words = encoder(batch["input_ids"], return_dict=False)[0]
            target = schedule.get_velocity(latents, noise, timesteps)
            predicted = unet(noisy, timesteps, words, return_dict=False)[0]
            loss = torch.nn.functional.mse_loss(predicted.float(), target.float())
            accelerator.gather(loss.repeat(n)).mean().item()
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(unet.parameters(), 1.0)
            optimizer.step()
            lr_schedule.step()
            optimizer.zero_grad()
        loss.detach().item()  # for the progress bar

    batches = _endless(loader)
    for _ in range(WARM_UP):
        step(next(batches))
    _reset_peak()
    spent = _clocked(lambda: [step(next(batches)) for _ in range(course.steps)])
    note = f"{course.workers} workers decode" if course.workers else "as it is by default"
    return [Figure("diffusers", course.steps * course.batch_size / spent, _peak_mib(), note)]


class Pictures(torch.utils.data.Dataset):
    """What the script's transforms make of an image folder; resizing 512 to 512 does nothing."""

    def __init__(self, folder: Path, tokenizer):
        self._examples, self._tokenizer = read_dataset(folder).train, tokenizer

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        example = self._examples[place]
        with Image.open(example.path) as image:
            pixels = np.array(image.convert("RGB")).transpose(2, 0, 1)
        tokens = self._tokenizer(
            example.captions[0],
            max_length=self._tokenizer.model_max_length,
            padding="max_length",
            truncation=True,
            return_tensors="pt",
        )
        scaled = torch.from_numpy(pixels).float().div(255).sub(0.5).div(0.5)
        return {"pixel_values": scaled, "input_ids": tokens.input_ids[0]}


def _endless(loader):
    while True:
        yield from loader


# Clock and memory


def _clocked(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _reset_peak() -> None:
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()


def _peak_mib() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(loop: Callable[[Course, Path], list[Figure]], course: Course) -> list[Figure]:
    """Measure a loop; without a GPU in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if torch.cuda.is_available():
            found = loop(course, Path(folder))
            torch.cuda.empty_cache()
            return found
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
            return alone.submit(loop, course, Path(folder)).result()


def compare(course: Course) -> None:
    """Measure both loops and print a table."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(f"{course.model}, batch {course.batch_size}, {course.precision}, {device}", flush=True)
    rows = measured(ours, course)
    if course.model != "demo":  # whose pictures take the script seconds a step to decode
        rows += measured(reference, course)
    for row in rows:
        speed = f"{row.images_per_s:9.2f} images/s  {row.peak_mib:7.0f} MiB at most"
        print(f"  {row.name:10} {speed}  {row.note}", flush=True)
    mine, theirs = rows[0], rows[-1]
    if course.model != "demo":
        print(
            f"  ours / diffusers: {mine.images_per_s / theirs.images_per_s:.2f} in speed, "
            f"{mine.peak_mib / theirs.peak_mib:.2f} in memory",
            flush=True,
        )


def main() -> None:
    """Read the command line, which needs no more than a GPU machine has."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("--gpu", action="store_true", help="Stable Diffusion 1.5's size")
    asked.add_argument("--model", choices=("quarter", "sd15", "demo"), help="that one alone")
    asked.add_argument("--steps", type=int, help="measured of each loop (5; on a GPU 20)")
    asked.add_argument("--batch-size", type=int, default=8)
    asked.add_argument("--demo-batch-size", type=int, default=512)
    asked.add_argument("--precision", choices=("no", "bf16", "fp16"), default="bf16")
    asked.add_argument("--workers", type=int, default=0, help="of diffusers' DataLoader")
    asked.add_argument("--threads", type=int, default=2, help="of the processor")
    asked.add_argument("--compile", action="store_true", help="ours with torch.compile")
    asked.add_argument("--channels-last", action="store_true", help="ours")
    said = asked.parse_args()
    if said.gpu and not torch.cuda.is_available():
        asked.error("no GPU here")
    models = (said.model,) if said.model else ("sd15", "demo") if said.gpu else ("quarter",)
    for model in models:
        compare(
            Course(
                model,
                said.steps or (20 if said.gpu else 5),
                said.demo_batch_size if model == "demo" else said.batch_size,
                said.precision,
                said.workers,
                said.threads,
                said.compile,
                said.channels_last,
            )
        )


if __name__ == "__main__":
    main()
