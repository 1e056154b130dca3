"""Stage 8, the VAE: learn to draw svara pictures from a sixteenth of their height and width.

Trained on crops, each as high as the picture: what a row means depends on its height (it is a
pitch), what a column means does not. The loss is L1 on grey levels and on their differences along
time and pitch, without which thin partials blur, and a KL term just strong enough to keep latents
near unit variance (Rombach et al. 2022, section 3.1, use the same small weight).
"""

import json
import logging
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import RunError
from core.workspace import replacing

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL

log = logging.getLogger(__name__)

CROP = 128  # columns: 2.6 s, several notes
KL_WEIGHT = 1e-6
EDGE_WEIGHT = 0.5
WARMUP = 100
REPORT_EVERY = 50
SAVE_EVERY = 200


@dataclass(frozen=True)
class VaeCourse:
    """How long and how the VAE learns; it ends with its last step or its last minute."""

    max_steps: int = 1500
    minutes: float = math.inf
    batch_size: int = 8
    learning_rate: float = 2e-3
    seed: int = 0


def train_vae(
    vae: "AutoencoderKL", pictures: np.ndarray, course: VaeCourse, folder: Path
) -> list[dict]:
    """Train `vae` in place; goes on from what `folder` keeps. Returns its log.

    Parameters
    ----------
    pictures : np.ndarray [shape=(n, rows, columns), uint8]
    """
    import torch

    optimizer = torch.optim.AdamW(
        vae.parameters(), lr=course.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3
    )
    step, rows, spent_s = _resumed(vae, optimizer, folder)
    began = time.monotonic() - spent_s
    vae.train()
    while step < course.max_steps and not (rows and rows[-1].get("last")):
        share = max(step / course.max_steps, (time.monotonic() - began) / 60 / course.minutes)
        for group in optimizer.param_groups:
            group["lr"] = course.learning_rate * _rate(step, share)
        figures = _step(vae, optimizer, crops(pictures, course, step), course.seed + step)
        step += 1
        seconds = time.monotonic() - began
        last = step == course.max_steps or seconds > 60 * course.minutes
        if step % REPORT_EVERY == 0 or last:
            rows.append({"step": step, "seconds": round(seconds, 1), **figures, "last": last})
            log.info("VAE step %d: L1 %.4f, KL %.1f", step, figures["l1"], figures["kl"])
        if step % SAVE_EVERY == 0 or last:
            _save(vae, optimizer, {"step": step, "seconds": seconds, "rows": rows}, folder)
    return rows


def _rate(step: int, share: float) -> float:
    """Warm-up, then a cosine down to a fiftieth at the end of the course."""
    falling = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return min(1.0, (step + 1) / WARMUP) * falling


def _step(vae, optimizer, batch: "torch.Tensor", seed: int) -> dict[str, float]:
    import torch

    posterior = vae.encode(batch).latent_dist
    drawn = vae.decode(posterior.sample(torch.Generator().manual_seed(seed))).sample
    l1 = (drawn - batch).abs().mean()
    edges = sum((drawn.diff(dim=d) - batch.diff(dim=d)).abs().mean() for d in (2, 3))
    kl = posterior.kl().mean()
    loss = l1 + EDGE_WEIGHT * edges + KL_WEIGHT * kl
    if not torch.isfinite(loss):
        raise RunError("The VAE's loss is not a number. Lower its learning rate and start anew.")
    loss.backward()
    torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {"l1": l1.item(), "edges": edges.item(), "kl": kl.item()}


def crops(pictures: np.ndarray, course: VaeCourse, step: int) -> "torch.Tensor":
    """The batch of a step, [shape=(batch_size, 3, rows, CROP), float, -1..1]."""
    import torch

    rng = np.random.default_rng([course.seed, step])
    n, _, columns = pictures.shape
    chosen = rng.integers(n, size=course.batch_size)
    starts = rng.integers(columns - CROP + 1, size=course.batch_size)
    cut = [pictures[i, :, at : at + CROP] for i, at in zip(chosen, starts, strict=True)]
    return torch.cat([as_input(each) for each in cut])


def as_input(picture: np.ndarray) -> "torch.Tensor":
    """A picture (rows, columns) as a VAE reads it, [shape=(1, 3, rows, columns), -1..1]."""
    import torch

    levels = torch.from_numpy(np.array(picture, dtype=np.float32))
    return (levels / 127.5 - 1).expand(1, 3, *levels.shape)


def grey(paths: list[Path]) -> np.ndarray:
    """Pictures in memory, [shape=(n, rows, columns), uint8]: 130 kB each."""
    from PIL import Image

    return np.stack([np.asarray(Image.open(path).convert("L")) for path in paths])


def unit_variance(vae: "AutoencoderKL", pictures: np.ndarray) -> float:
    """Set the VAE's scaling factor so that latents of `pictures` have variance 1; return it."""
    import torch

    with torch.inference_mode():
        latents = [vae.encode(as_input(each)).latent_dist.mode() for each in pictures]
    factor = 1 / torch.cat(latents).std().item()
    vae.register_to_config(scaling_factor=factor)
    return factor


def reconstruction_error(vae: "AutoencoderKL", pictures: np.ndarray) -> float:
    """Mean distance of pictures from what the VAE makes of them, in grey levels of 255."""
    import torch

    with torch.inference_mode():
        errors = []
        for picture in pictures:
            drawn = vae.decode(vae.encode(as_input(picture)).latent_dist.mode()).sample
            levels = (drawn[0].mean(dim=0).clamp(-1, 1).numpy() + 1) * 127.5
            errors.append(np.abs(levels - picture).mean())
    return float(np.mean(errors))


def _save(vae, optimizer, said: dict, folder: Path) -> None:
    from safetensors.torch import save_file

    from training.checkpoint import optimizer_tensors

    with replacing(folder) as part:
        part.mkdir()
        save_file(vae.state_dict(), part / "vae.safetensors")
        tensors, steps = optimizer_tensors(optimizer)
        save_file(tensors, part / "optimizer.safetensors")
        (part / "log.json").write_text(json.dumps(said | {"optimizer_steps": steps}), "utf-8")


def _resumed(vae, optimizer, folder: Path) -> tuple[int, list[dict], float]:
    from safetensors.torch import load_file

    from training.checkpoint import restore_optimizer

    if not (folder / "log.json").exists():
        return 0, [], 0.0
    vae.load_state_dict(load_file(folder / "vae.safetensors"))
    said = json.loads((folder / "log.json").read_text("utf-8"))
    restore_optimizer(
        optimizer, load_file(folder / "optimizer.safetensors"), said["optimizer_steps"]
    )
    return said["step"], said["rows"], said["seconds"]
