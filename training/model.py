"""Stage 6, the model: a small Stable Diffusion for svara pictures, and any model's folder.

    picture (3, 256, 512)  --VAE, 16x-->  latents (16, 16, 32)  --UNet + words-->  latents

A folder holds a diffusers pipeline and a `codec.json`: how pictures become sound (without a tonic,
which the listener chooses) and which ragas, talas and sections it was taught in which words.
"""

import copy
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.codec import Codec
from core.workspace import replacing
from training.loading import CODEC, INDEX
from training.wish import Vocabulary
from training.words import caption_words, learn_tokenizer

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

NOISELESS = 5.0  # subtracted from the log variance of new latents
MAX_FILE = "9MB"  # a Space takes no file of 10 MiB or more without large-file storage


@dataclass(frozen=True)
class Size:
    """How large each part of a pipeline is."""

    vae_channels: tuple[int, ...] = (16, 32, 64, 96, 128)  # one level each: 16 times down
    latent_channels: int = 16
    norm_groups: int = 4  # of eight: with fewer channels in each, loudness would be lost
    unet_channels: tuple[int, ...] = (80, 144, 208)
    text_width: int = 128
    text_layers: int = 2
    rows: int = 256
    columns: int = 512


DEMO_SIZE = Size()
TINY = Size(
    vae_channels=(8, 8, 8, 8, 8),
    latent_channels=4,
    unet_channels=(16, 32),
    text_width=32,
    text_layers=1,
)


def build_pipeline(size: Size = DEMO_SIZE, seed: int = 0) -> "StableDiffusionPipeline":
    """A pipeline with random weights that knows the captions' words; nothing is downloaded."""
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    tokenizer = learn_tokenizer(caption_words())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        parts = {
            "vae": build_vae(size),
            "unet": build_unet(size),
            "text_encoder": build_text_encoder(size, tokenizer),
        }
    scheduler = DPMSolverMultistepScheduler(
        beta_start=0.00085,  # Stable Diffusion's schedule
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        steps_offset=1,
        timestep_spacing="trailing",  # begins at the noisiest step, also with few steps
        rescale_betas_zero_snr=True,  # and that is pure noise, as a sampler begins with (Lin 2024)
    )
    return StableDiffusionPipeline(
        **parts,
        tokenizer=tokenizer,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def build_vae(size: Size) -> "AutoencoderKL":
    """Pictures to latents of a sixteenth of their height and width, and back."""
    import torch
    from diffusers import AutoencoderKL

    n_levels = len(size.vae_channels)
    vae = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * n_levels,
        up_block_types=("UpDecoderBlock2D",) * n_levels,
        block_out_channels=size.vae_channels,
        layers_per_block=1,
        latent_channels=size.latent_channels,
        norm_num_groups=size.norm_groups,
        sample_size=(size.rows, size.columns),
        mid_block_add_attention=False,
    )
    with torch.no_grad():  # begin almost without noise: noise of deviation 1 hides what to learn
        vae.quant_conv.bias[size.latent_channels :] -= NOISELESS
    return vae


def build_unet(size: Size) -> "UNet2DConditionModel":
    """Latents and words to what is noise in the latents; attention at every level but the top."""
    from diffusers import UNet2DConditionModel

    n_below = len(size.unet_channels) - 1
    factor = 2 ** (len(size.vae_channels) - 1)
    return UNet2DConditionModel(
        sample_size=(size.rows // factor, size.columns // factor),
        in_channels=size.latent_channels,
        out_channels=size.latent_channels,
        block_out_channels=size.unet_channels,
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * (n_below + 1),
        up_block_types=("CrossAttnUpBlock2D",) * (n_below + 1),
        cross_attention_dim=size.text_width,
        attention_head_dim=4,  # heads, by diffusers' own misnomer
        norm_num_groups=16,
    )


def build_text_encoder(size: Size, tokenizer: "CLIPTokenizer") -> "CLIPTextModel":
    """Words to states the UNet attends to."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.text_width,
            intermediate_size=4 * size.text_width,
            projection_dim=size.text_width,
            num_hidden_layers=size.text_layers,
            num_attention_heads=4,
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            initializer_factor=10.0,  # words far enough apart to be told from the first step
        )
    )


def save_model(
    pipeline: "StableDiffusionPipeline",
    folder: Path,
    codec: Codec,
    known: Vocabulary,
    is_aligned: bool = True,
) -> None:
    """Write a model folder in half precision; whole or not at all. The pipeline is not changed.

    `known` is what the model was taught; `is_aligned` whether its rows count from the tonic.
    """
    import torch

    half = copy.deepcopy(pipeline)
    for part in (half.vae, half.unet, half.text_encoder):
        torch.nn.Module.half(part.cpu())  # diffusers' own warns that a CPU cannot run it
    said = {"codec": {**codec.parameters(), "tonic_hz": None}, "is_aligned": is_aligned}
    with replacing(folder) as part:
        half.save_pretrained(part, safe_serialization=True, max_shard_size=MAX_FILE)
        _load_in_single(part / "text_encoder/config.json")
        _forget_whence(part)
        text = json.dumps(said | asdict(known), indent=1, ensure_ascii=False)
        (part / CODEC).write_text(text, "utf-8")


def _load_in_single(config: Path) -> None:
    """Let transformers load it in single precision, as diffusers does: a CPU needs one for all."""
    said = json.loads(config.read_text("utf-8"))
    config.write_text(json.dumps(said | {"dtype": "float32"}, indent=2), "utf-8")


def _forget_whence(model: Path) -> None:
    """Take out where the parts were loaded from: a folder of this machine, in what is handed on."""
    for path in (model / INDEX, *model.glob("*/config.json")):
        said = json.loads(path.read_text("utf-8"))
        said.pop("_name_or_path", None)
        path.write_text(json.dumps(said, indent=2) + "\n", "utf-8")


def keep_lora(pipeline: "StableDiffusionPipeline", folder: Path) -> None:
    """Write the LoRA as diffusers loads it, its scale included, and merge it into the model."""
    from diffusers import StableDiffusionPipeline
    from diffusers.training_utils import _collate_lora_metadata
    from diffusers.utils import convert_state_dict_to_diffusers
    from peft.utils import get_peft_model_state_dict

    parts = {"unet": pipeline.unet, "text_encoder": pipeline.text_encoder}
    adapted = {name: part for name, part in parts.items() if hasattr(part, "peft_config")}
    layers = {
        f"{name}_lora_layers": convert_state_dict_to_diffusers(get_peft_model_state_dict(part))
        for name, part in adapted.items()
    }
    with replacing(folder) as part:
        about = _collate_lora_metadata(adapted)  # alpha: without it a loader takes the rank
        StableDiffusionPipeline.save_lora_weights(part, **layers, **about)
    pipeline.fuse_lora(components=list(adapted))
    pipeline.unload_lora_weights()
