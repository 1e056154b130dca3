"""Stage 6, the learner: what of a pipeline is trained, by which optimizer, schedule and average."""

from typing import TYPE_CHECKING

from training.checkpoint import Trained
from training.config import FinetuneConfig
from training.diffusion import build_denoiser

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

LORA_TARGETS = ("to_q", "to_k", "to_v", "to_out.0")


def prepare(config: FinetuneConfig, pipeline, accelerator: "Accelerator", raga_head=None):
    """What is trained, wrapped for the machine, with its optimizer, schedule and average."""
    import torch
    from diffusers.optimization import get_scheduler
    from diffusers.training_utils import EMAModel

    torch.manual_seed(config.seed)  # a LoRA begins with random weights
    pipeline.vae.requires_grad_(False)
    pipeline.text_encoder.requires_grad_(config.train_text_encoder)
    _add_lora(config, pipeline.unet)
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

    return torch.optim.AdamW(
        parameters,
        lr=config.learning_rate,
        weight_decay=config.weight_decay,
        fused=device.type == "cuda",
    )


def _add_lora(config: FinetuneConfig, unet) -> None:
    unet.requires_grad_(not config.lora_rank)
    if config.lora_rank:
        from peft import LoraConfig

        unet.add_adapter(
            LoraConfig(
                r=config.lora_rank,
                lora_alpha=config.lora_alpha or config.lora_rank,
                lora_dropout=config.lora_dropout,
                init_lora_weights="gaussian",
                target_modules=list(LORA_TARGETS),
            )
        )
