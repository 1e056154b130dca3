"""Stage 6, the learner: what of a pipeline is trained, by which optimizer, schedule and average."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import RunError
from training.checkpoint import Trained
from training.config import FinetuneConfig
from training.diffusion import build_denoiser

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

WORD_TARGETS = ("q_proj", "k_proj", "v_proj", "out_proj")  # of the text encoder's attention


def prepare(config: FinetuneConfig, pipeline, accelerator: "Accelerator", raga_head=None):
    """What is trained, wrapped for the machine, with its optimizer, schedule and average."""
    import torch
    from diffusers.optimization import get_scheduler
    from diffusers.training_utils import EMAModel

    torch.manual_seed(config.seed)  # a LoRA begins with random weights
    pipeline.vae.requires_grad_(False)
    pipeline.text_encoder.requires_grad_(config.train_text_encoder)
    if config.lora_rank:
        _add_lora(config, pipeline.unet, config.lora_targets)
        if config.train_text_encoder:
            _add_lora(config, pipeline.text_encoder, WORD_TARGETS)
    if config.channels_last:
        pipeline.unet.to(memory_format=torch.channels_last)
    if config.gradient_checkpointing:
        pipeline.unet.enable_gradient_checkpointing()
    learned_encoder = pipeline.text_encoder if config.train_text_encoder else None
    denoiser = build_denoiser(pipeline.unet, learned_encoder, raga_head, config.compile)
    denoiser.train()
    parameters = {name: each for name, each in denoiser.named_parameters() if each.requires_grad}
    optimizer = _optimizer(config, parameters.values(), accelerator.device)
    lr_schedule = get_scheduler(
        config.lr_schedule,
        optimizer,
        num_warmup_steps=config.warmup_steps,
        num_training_steps=config.max_steps,
    )
    ema = EMAModel(parameters.values(), config.ema_decay, foreach=True)
    denoiser, prepared = accelerator.prepare(denoiser, optimizer)
    return denoiser, Trained(parameters, prepared, lr_schedule, ema if config.ema_decay else None)


def _optimizer(config: FinetuneConfig, parameters, device: "torch.device"):
    import torch

    settings = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    if config.optimizer == "adamw":
        return torch.optim.AdamW(parameters, fused=device.type == "cuda", **settings)
    try:
        import bitsandbytes
    except ImportError:
        raise RunError(
            "The 8-bit optimizer is bitsandbytes', which is not installed here. Install it "
            "(pip install bitsandbytes), or choose --optimizer adamw."
        ) from None
    return bitsandbytes.optim.AdamW8bit(parameters, **settings)


def _add_lora(config: FinetuneConfig, model, targets: Sequence[str]) -> None:
    """Freeze the model but for a low-rank addition to some of its layers (Hu et al. 2021)."""
    from peft import LoraConfig

    model.requires_grad_(False)
    try:
        model.add_adapter(
            LoraConfig(
                r=config.lora_rank,
                lora_alpha=config.lora_alpha or config.lora_rank,
                lora_dropout=config.lora_dropout,
                use_dora=config.lora_dora,
                init_lora_weights="gaussian",
                target_modules=list(targets),
            )
        )
    except ValueError as error:  # none of the names is a layer
        raise RunError(
            f"No layer of the model is called {' or '.join(targets)}. Attention is to_q, to_k, "
            "to_v, to_out.0; the layers after it are ff.net.0.proj, ff.net.2."
        ) from error
