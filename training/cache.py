"""Stage 6, the cache: pictures encoded by the VAE and captions by the text encoder, once.

Encoding takes most of a step where it is done again and again (measured: 57-73 %). The cache lies
beside the dataset, named by the weights that made it and the pictures' table, and is read through
the operating system's memory map.
"""

import hashlib
import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import DatasetError
from core.workspace import replacing
from training.checkpoint import writing
from training.data import Dataset, Example

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL, StableDiffusionPipeline

log = logging.getLogger(__name__)

FOLDER = ".cache"
PICTURES_AT_ONCE = (1, 64)  # on a processor, which more only cost memory; on a GPU
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

    path = latents_path(pipeline.vae, dataset, examples)
    if not path.exists():
        log.info("Encoding %d pictures", len(examples))
        mean, std = encode(pipeline.vae, examples)
        try:
            with writing(), replacing(path) as part:
                save_file({"mean": mean, "std": std}, part)
        except OSError as error:  # a read-only dataset, or no room: go on without
            log.warning("The latents could not be kept beside the dataset (%s).", error)
            return Encoded(examples, mean, std)
    kept = load_file(path)
    return Encoded(examples, kept["mean"], kept["std"])


def read_picture(path: Path) -> np.ndarray:
    """The colours of a picture, [shape=(rows, columns, 3), uint8]."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError) as error:
        raise DatasetError(
            f"{path} cannot be read ({error}). Export the dataset again, or delete its row."
        ) from error


def encode(vae: "AutoencoderKL", examples: Sequence[Example]):
    """The mean and the deviation of each picture's latents, (n, channels, rows, columns)."""
    import torch
    from tqdm import tqdm

    if not examples:
        return torch.zeros(0), torch.zeros(0)
    n = PICTURES_AT_ONCE[vae.device.type == "cuda"]
    parts = [examples[start : start + n] for start in range(0, len(examples), n)]
    means, deviations = [], []
    with torch.inference_mode(), ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor() as readers:

        def read(part: Sequence[Example]) -> "torch.Tensor":
            pictures = readers.map(read_picture, (each.path for each in part))
            return torch.from_numpy(np.stack(list(pictures)))

        coming = ahead.submit(read, parts[0])
        for following in tqdm([*parts[1:], None], desc="latents", unit="batch", mininterval=5):
            colours = coming.result()
            coming = following and ahead.submit(read, following)
            shown = colours.to(vae.device).permute(0, 3, 1, 2).to(vae.dtype) / 127.5 - 1
            posterior = vae.encode(shown).latent_dist
            scale = vae.config.scaling_factor
            means.append((posterior.mean * scale).float().cpu())
            deviations.append((posterior.std * scale).half().cpu())
    return torch.cat(means).contiguous(), torch.cat(deviations).contiguous()


def latents_path(vae: "AutoencoderKL", dataset: Dataset, examples: Sequence[Example]) -> Path:
    """Where the latents of these examples are kept, whether they are there or not."""
    digest = _digest(vae)
    files = dataset.manifest.get("files", {})
    for each in examples:
        relative = str(each.path.relative_to(dataset.folder))
        digest.update(f"{relative} {files.get(relative)}".encode())
    return dataset.folder / FOLDER / f"latents-{digest.hexdigest()[:16]}.safetensors"


def _digest(model):
    """Of what tells a model from any other: its settings and the sums of its weights."""
    said = model.config if isinstance(model.config, dict) else model.config.to_dict()
    digest = hashlib.sha256(json.dumps(dict(said), sort_keys=True, default=str).encode())
    for name, weights in sorted(model.state_dict().items()):
        digest.update(f"{name} {weights.double().sum().item()!r}".encode())
    return digest


class Words:
    """The captions as the model reads them; the empty one too, for caption dropout.

    With a frozen text encoder each caption is read once and its states kept, in memory and beside
    the dataset; with one that is learned only its tokens are.
    """

    def __init__(
        self,
        pipeline: "StableDiffusionPipeline",
        captions: set[str],
        learned: bool,
        folder: Path | None = None,
    ):
        self._place = {text: i for i, text in enumerate(sorted({*captions, ""}))}
        tokens = pipeline.tokenizer(
            list(self._place),
            padding="max_length",
            max_length=pipeline.tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        # States (n, n_tokens, dim), or token ids (n, n_tokens).
        self.kept = tokens if learned else states(pipeline.text_encoder, tokens, folder)

    def place(self, text: str) -> int:
        """Where in `kept` a caption is."""
        return self._place[text]


def states(encoder, tokens: "torch.Tensor", folder: Path | None) -> "torch.Tensor":
    """What the text encoder makes of tokens, (n, n_tokens, dim), from the cache or made now."""
    from safetensors.torch import load_file, save_file

    if folder is None:
        return _read(encoder, tokens)
    digest = _digest(encoder)
    digest.update(tokens.numpy().tobytes())
    path = folder / FOLDER / f"words-{digest.hexdigest()[:16]}.safetensors"
    if not path.exists():
        read = _read(encoder, tokens)
        try:
            with writing(), replacing(path) as part:
                save_file({"states": read}, part)
        except OSError as error:
            log.warning("The captions' states could not be kept beside the dataset (%s).", error)
            return read
    return load_file(path)["states"]


def _read(encoder, tokens: "torch.Tensor") -> "torch.Tensor":
    import torch

    with torch.inference_mode():
        read = [
            encoder(some.to(encoder.device)).last_hidden_state.float().cpu()
            for some in tokens.split(CAPTIONS_AT_ONCE)
        ]
    return torch.cat(read).clone()
