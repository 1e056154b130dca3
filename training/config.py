"""Stage 6, the settings: everything a fine-tuning run depends on, in one frozen value."""

import json
import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from core.errors import RunError

Schedule = Literal["constant", "constant_with_warmup", "linear", "cosine"]
Precision = Literal["auto", "no", "bf16", "fp16"]
Prediction = Literal["epsilon", "v_prediction"]
Optimizer = Literal["adamw", "adamw8bit"]
RagaLoss = Literal["none", "scale", "recognizer", "joint", "both"]

SCHEDULES: tuple[Schedule, ...] = get_args(Schedule)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
PREDICTIONS: tuple[Prediction, ...] = get_args(Prediction)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
RAGA_LOSSES: tuple[RagaLoss, ...] = get_args(RagaLoss)

AT_LEAST_ONE = ("max_steps", "batch_size", "gradient_accumulation", "keep_checkpoints")
NOT_NEGATIVE = (
    "warmup_steps",
    "noise_offset",
    "input_perturbation",
    "lora_rank",
    "save_every",
    "sample_every",
    "validate_every",
    "patience",
    "weight_decay",
    "recognizer_weight",
    "joint_weight",
    "scale_weight",
    "raga_max_timestep",
    "raga_ramp_steps",
)
SHARES = ("caption_dropout", "ema_decay", "balance", "lora_dropout")
SAME_WHEN_RESUMED = (
    "base",
    "seed",
    "batch_size",
    "gradient_accumulation",
    "lora_rank",
    "lora_alpha",
    "lora_dora",
    "lora_targets",
    "optimizer",
    "train_text_encoder",
    "balance",
    "raga_loss",
)


@dataclass(frozen=True)
class FinetuneConfig:
    """Every setting of a training run; the same one on the same machine gives the same model."""

    dataset: Path
    """The exported dataset folder to learn from."""
    base: str = "demo"
    """What to start from: demo, a pipeline folder, or a Hugging Face model id."""
    output: Path | None = None
    """The run's folder; one under runs/ of the workspace if not given."""
    resume: bool = False
    """Go on from the last checkpoint in the output folder."""

    max_steps: int = 1000
    """Optimizer steps in all."""
    batch_size: int = 8
    """Pictures in one forward pass of one process."""
    gradient_accumulation: int = 1
    """Forward passes for one optimizer step."""
    seed: int = 0
    """Another seed, another order of pictures and another noise."""

    learning_rate: float = 1e-4
    """The highest rate; 1e-5 suits a full fine-tune of Stable Diffusion 1.5, 1e-4 a LoRA."""
    lr_schedule: Schedule = "constant_with_warmup"
    """How the rate goes on after the warm-up: constant_with_warmup, linear, cosine or constant."""
    warmup_steps: int = 50
    """Steps until the rate is at its highest."""
    weight_decay: float = 0.01
    """AdamW's."""
    optimizer: Optimizer = "adamw"
    """adamw, or adamw8bit: a quarter of the optimizer's memory, if bitsandbytes is installed."""
    max_grad_norm: float = 1.0
    """A longer gradient is shortened to this."""

    prediction: Prediction | None = None
    """What is learned: epsilon or v_prediction; as the base does if not given."""
    snr_gamma: float | None = 5.0
    """Min-SNR weighting (Hang et al. 2023); none weighs every timestep the same."""
    noise_offset: float = 0.0
    """Noise added to a whole channel, so that very soft and very loud pictures can be learned."""
    input_perturbation: float = 0.0
    """Extra noise on what the model sees but not on what it must find (Ning et al. 2023)."""
    caption_dropout: float = 0.1
    """Share of pictures learned without words; guidance needs it."""
    balance: float = 0.5
    """0 takes the pictures as often as they come, 1 every section and raga equally often."""
    ema_decay: float = 0.999
    """The model that is kept is an average over about 1 / (1 - this) steps; 0 keeps the last."""

    raga_loss: RagaLoss = "none"
    """What holds the model to the raga: joint (a head learned with the model, which then guides
    what is played: the one found to help), recognizer (a network hears the picture), both of
    these, scale (no foreign svaras), or none."""
    raga_recognizer: Path | None = None
    """The file that `python -m training.recognizer train` wrote; the shipped one if not given."""
    recognizer_weight: float = 0.05
    """Of the recogniser's loss."""
    joint_weight: float = 0.05
    """Of the head's loss."""
    scale_weight: float = 0.5
    """Of the scale loss."""
    raga_max_timestep: int = 400
    """Recogniser and scale see only pictures less noisy than this timestep."""
    raga_ramp_steps: int = 100
    """Steps over which the raga losses grow to their full weight."""

    train_text_encoder: bool = False
    """Learn the words too."""
    lora_rank: int = 0
    """Train a LoRA of this rank instead of all weights; 0 trains all."""
    lora_alpha: float | None = None
    """The LoRA's scale; its rank if not given."""
    lora_dropout: float = 0.0
    """Share of the LoRA's inputs left out in training."""
    lora_dora: bool = False
    """Learn lengths apart from directions (DoRA, Liu et al. 2024): better at low rank, slower."""
    lora_targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")
    """The UNet's layers that get a LoRA, by the ends of their names."""

    mixed_precision: Precision = "auto"
    """bf16, fp16 or no; auto takes bf16 where the machine is fast at it."""
    tf32: bool = True
    """Let a GPU multiply single-precision numbers with ten-bit mantissas: several times faster."""
    channels_last: bool = False
    """Lay pictures out channel by channel last, as a GPU's half-precision convolutions like it."""
    gradient_checkpointing: bool = False
    """Less memory for more time."""
    compile: bool = False
    """Compile the UNet first (torch.compile): a minute or two, then faster steps on a GPU."""

    validate_every: int = 100
    """Steps between measurements of the held-out loss; 0 never measures it."""
    patience: int = 0
    """End after so many measurements without a better held-out loss; 0 goes to the last step."""
    save_every: int = 250
    """Steps between checkpoints; 0 saves at the end only."""
    keep_checkpoints: int = 2
    """Older ones are deleted."""
    sample_every: int = 250
    """Steps between sample clips; 0 makes none."""
    prompts: tuple[str, ...] = ()
    """What the samples are asked for; a grid of ragas by sections of the dataset if not given."""

    @property
    def decodes(self) -> bool:
        """Whether the raga loss decodes some pictures of each step."""
        return self.raga_loss not in ("none", "joint")

    def __post_init__(self):
        for names, low, high in ((AT_LEAST_ONE, 1, math.inf), (NOT_NEGATIVE, 0, math.inf)):
            for name in names:
                _within(name, getattr(self, name), low, high)
        for name in SHARES:
            _within(name, getattr(self, name), 0, 1)
        _within("learning_rate", self.learning_rate, 1e-9, 1)
        _within("max_grad_norm", self.max_grad_norm, 1e-6, math.inf)
        for name, found, known in (
            ("lr_schedule", self.lr_schedule, SCHEDULES),
            ("mixed_precision", self.mixed_precision, PRECISIONS),
            ("prediction", self.prediction, (*PREDICTIONS, None)),
            ("optimizer", self.optimizer, OPTIMIZERS),
            ("raga_loss", self.raga_loss, RAGA_LOSSES),
        ):
            if found not in known:
                names = ", ".join(str(each) for each in known)
                raise RunError(f"{name} is {found!r}. Choose one of: {names}.")


def read_config(path: Path) -> FinetuneConfig:
    """The settings a run kept in its config.json."""
    try:
        said = json.loads(path.read_text("utf-8"))
        unknown = said.keys() - {each.name for each in fields(FinetuneConfig)}
        if unknown:
            raise RunError(f"{path} says {sorted(unknown)[0]!r}, which is no setting. Remove it.")
        said["dataset"] = Path(said["dataset"])
        for name in ("output", "raga_recognizer"):
            said[name] = Path(said[name]) if said.get(name) else None
        lists = {name: tuple(each) for name, each in said.items() if isinstance(each, list)}
        return FinetuneConfig(**said | lists)
    except (OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RunError(f"{path} holds no settings of a run ({error}). Launch it anew.") from error


def _within(name: str, found: float, low: float, high: float) -> None:
    if not low <= found <= high:
        wanted = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise RunError(f"{name.replace('_', ' ')} is {found:g}. Choose a number {wanted}.")
