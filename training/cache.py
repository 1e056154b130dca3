"""Stage 6, the cache: pictures encoded by the VAE and captions by the text encoder, once.

Encoding takes most of a step where it is done again and again (measured: 57-73 %). The cache lies
beside the dataset, named by the weights that made it and the pictures' table, and is read through
the operating system's memory map.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import DatasetError
from core.workspace import replacing
from training.data import Dataset, Example

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, StableDiffusionPipeline

log = logging.getLogger(__name__)

FOLDER = ".cache"
PICTURES_AT_ONCE = 4
CAPTIONS_AT_ONCE = 32


@dataclass
class Encoded:
    """Examples with their latents' means and deviations, (n, channels, rows, columns)."""

    examples: Sequence[Example]
    mean: "torch.Tensor"
    std: "torch.Tensor"

    def __len__(self) -> int:
        return len(self.examples)


def encoded(
    pipeline: "StableDiffusionPipeline", dataset: Dataset, examples: Sequence[Example]
) -> Encoded:
    """The latents of some of a dataset's examples, from the cache or made now."""
    from safetensors.torch import load_file, save_file

    path = _path(pipeline.vae, dataset, examples)
    if not path.exists():
        log.info("Encoding %d pictures", len(examples))
        mean, std = _encode(pipeline.vae, examples)
        try:
            with replacing(path) as part:
                save_file({"mean": mean, "std": std}, part)
        except OSError as error:  # a read-only dataset, or no room: go on without
            log.warning("The latents could not be kept beside the dataset (%s).", error)
            return Encoded(examples, mean, std)
    kept = load_file(path)
    return Encoded(examples, kept["mean"], kept["std"])


def read_picture(path: Path) -> np.ndarray:
    """A picture as a VAE reads it, [shape=(3, rows, columns), float32, -1..1]."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            levels = np.asarray(image.convert("RGB"), dtype=np.float32)
    except (OSError, SyntaxError) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}). Export the dataset again, or delete its row."
        ) from error
    return (levels / 127.5 - 1).transpose(2, 0, 1)


def _encode(vae: "AutoencoderKL", examples: Sequence[Example]):
    import torch
    from tqdm import tqdm

    if not examples:
        return torch.zeros(0), torch.zeros(0)
    means, deviations = [], []
    at_once = range(0, len(examples), PICTURES_AT_ONCE)
    with torch.inference_mode():
        for start in tqdm(at_once, desc="latents", unit="batch", mininterval=5):
            chosen = examples[start : start + PICTURES_AT_ONCE]
            pictures = torch.from_numpy(np.stack([read_picture(each.path) for each in chosen]))
            posterior = vae.encode(pictures.to(vae.device, vae.dtype)).latent_dist
            scale = vae.config.scaling_factor
            means.append((posterior.mean * scale).float().cpu())
            deviations.append((posterior.std * scale).half().cpu())
    return torch.cat(means).contiguous(), torch.cat(deviations).contiguous()


def _path(vae: "AutoencoderKL", dataset: Dataset, examples: Sequence[Example]) -> Path:
    digest = hashlib.sha256(json.dumps(dict(vae.config), sort_keys=True, default=str).encode())
    for name, weights in sorted(vae.state_dict().items()):
        digest.update(f"{name} {weights.double().sum().item()!r}".encode())
    files = dataset.manifest.get("files", {})
    for each in examples:
        relative = str(each.path.relative_to(dataset.folder))
        digest.update(f"{relative} {files.get(relative)}".encode())
    return dataset.folder / FOLDER / f"latents-{digest.hexdigest()[:16]}.safetensors"


class Words:
    """The captions as the model reads them; the empty one too, for caption dropout.

    With a frozen text encoder each caption is read once and its states kept; with one that is
    learned only its tokens are.
    """

    def __init__(self, pipeline: "StableDiffusionPipeline", captions: set[str], learned: bool):
        import torch

        self._place = {text: i for i, text in enumerate(sorted({*captions, ""}))}
        texts = list(self._place)
        tokens = pipeline.tokenizer(
            texts,
            padding="max_length",
            max_length=pipeline.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        if learned:
            self._kept = tokens
            return
        encoder = pipeline.text_encoder
        with torch.inference_mode():
            self._kept = torch.cat(
                [
                    encoder(some.to(encoder.device)).last_hidden_state.cpu()
                    for some in tokens.split(CAPTIONS_AT_ONCE)
                ]
            ).clone()

    def of(self, texts: Sequence[str]) -> "torch.Tensor":
        """States (n, n_tokens, dim), or token ids (n, n_tokens)."""
        return self._kept[[self._place[text] for text in texts]]
