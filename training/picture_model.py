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
    kept = torch.from_numpy(pictures).to(vae.device)
    vae.train()
    while step < course.max_steps and not (rows and rows[-1].get("last")):
        share = max(step / course.max_steps, (time.monotonic() - began) / 60 / course.minutes)
        for group in optimizer.param_groups:
            group["lr"] = course.learning_rate * _rate(step, share)
        figures = _step(vae, optimizer, crops(kept, course, step), course.seed + step)
        step += 1
        seconds = time.monotonic() - began
        last = step == course.max_steps or seconds > 60 * course.minutes
        if step % REPORT_EVERY == 0 or last:
            rows.append(_row(step, seconds, figures, last))
        if step % SAVE_EVERY == 0 or last:
            _save(vae, optimizer, {"step": step, "seconds": seconds, "rows": rows}, folder)
    return rows


def _rate(step: int, share: float) -> float:
    """Warm-up, then a cosine down to a fiftieth at the end of the course."""
    falling = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
    return min(1.0, (step + 1) / WARMUP) * falling


def _step(vae, optimizer, batch: "torch.Tensor", seed: int) -> dict[str, "torch.Tensor"]:
    import torch

    chance = torch.Generator(batch.device).manual_seed(seed)
    half = torch.autocast(batch.device.type, torch.bfloat16, enabled=batch.is_cuda)
    with half:
        posterior = vae.encode(batch).latent_dist
        drawn = vae.decode(posterior.sample(chance)).sample
    drawn = drawn.float()
    l1 = (drawn - batch).abs().mean()
    edges = sum((drawn.diff(dim=d) - batch.diff(dim=d)).abs().mean() for d in (2, 3))
    kl = posterior.kl().mean()
    loss = l1 + EDGE_WEIGHT * edges + KL_WEIGHT * kl
    loss.backward()
    torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {"l1": l1.detach(), "edges": edges.detach(), "kl": kl.detach()}


def _row(step: int, seconds: float, figures: dict[str, "torch.Tensor"], last: bool) -> dict:
    """A line of the log; a GPU is waited for only here."""
    said = {name: figure.item() for name, figure in figures.items()}
    if not all(map(math.isfinite, said.values())):
        raise RunError("The VAE's loss is not a number. Lower its learning rate and start anew.")
    log.info("VAE step %d: L1 %.4f, KL %.1f", step, said["l1"], said["kl"])
    return {"step": step, "seconds": round(seconds, 1), **said, "last": last}


def crops(pictures: "torch.Tensor", course: VaeCourse, step: int) -> "torch.Tensor":
    """The batch of a step, [shape=(batch_size, 3, rows, CROP), float, -1..1]."""
    import torch

    rng = np.random.default_rng([course.seed, step])
    n, rows, columns = pictures.shape
    chosen = torch.from_numpy(rng.integers(n, size=course.batch_size))
    starts = torch.from_numpy(rng.integers(columns - CROP + 1, size=course.batch_size))
    places = (
        chosen[:, None, None],
        torch.arange(rows)[:, None],
        starts[:, None, None] + torch.arange(CROP),
    )
    cut = pictures[tuple(each.to(pictures.device) for each in places)]
    return _levels(cut)


def as_input(picture: np.ndarray) -> "torch.Tensor":
    """A picture (rows, columns) as a VAE reads it, [shape=(1, 3, rows, columns), -1..1]."""
    import torch

    return _levels(torch.from_numpy(np.array(picture))[None])


def _levels(grey_levels: "torch.Tensor") -> "torch.Tensor":
    """Grey levels (n, rows, columns) as a VAE reads them, (n, 3, rows, columns)."""
    return (grey_levels.float() / 127.5 - 1)[:, None].expand(-1, 3, -1, -1)


def grey(paths: list[Path]) -> np.ndarray:
    """Pictures in memory, [shape=(n, rows, columns), uint8]: 130 kB each."""
    from concurrent.futures import ThreadPoolExecutor

    from PIL import Image

    with ThreadPoolExecutor() as readers:
        return np.stack(
            list(readers.map(lambda path: np.asarray(Image.open(path).convert("L")), paths))
        )


def normalise_latents(vae: "AutoencoderKL", pictures: np.ndarray) -> None:
    """Give each channel of the latents of `pictures` mean 0 and variance 1.

    The layers next to the latents take it up, so that the pictures stay the same. What a sampler
    begins with has no mean either: a channel that had one would begin with the wrong loudness.
    """
    import torch

    n = vae.config.latent_channels
    with torch.no_grad():
        found = torch.cat([_latents(vae, each) for each in pictures])
        mean, std = found.mean(dim=(0, 2, 3)), found.std(dim=(0, 2, 3))
        into, out_of = vae.quant_conv, vae.post_quant_conv
        out_of.bias += (out_of.weight[:, :, 0, 0] * mean).sum(dim=1)
        out_of.weight *= std[None, :, None, None]
        into.bias[:n] = (into.bias[:n] - mean) / std
        into.weight[:n] /= std[:, None, None, None]
        into.bias[n:] -= 2 * std.log()  # the log variance
    vae.register_to_config(scaling_factor=1.0)


def _latents(vae: "AutoencoderKL", picture: np.ndarray) -> "torch.Tensor":
    return vae.encode(as_input(picture).to(vae.device)).latent_dist.mode()


def reconstruction_error(vae: "AutoencoderKL", pictures: np.ndarray) -> float:
    """Mean distance of pictures from what the VAE makes of them, in grey levels of 255."""
    import torch

    with torch.inference_mode():
        errors = []
        for picture in pictures:
            drawn = vae.decode(_latents(vae, picture)).sample
            levels = (drawn[0].mean(dim=0).clamp(-1, 1).cpu().numpy() + 1) * 127.5
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
