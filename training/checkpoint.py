"""Stage 6, checkpoints: everything a step changes, on disk, without a pickle.

    checkpoints/step-000200/weights.safetensors    what is trained
                            ema.safetensors        its running average, if one is kept
                            optimizer.safetensors  AdamW's moments
                            state.json             step, schedule, best held-out loss, seconds

There is no random state to keep: all chance of a step is drawn from the seed and the step's number
(`training.data`), so a run goes on exactly as if it had never been cut off.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import RunError
from core.workspace import replacing

if TYPE_CHECKING:
    import torch

WEIGHTS, EMA, OPTIMIZER, STATE = (
    "weights.safetensors",
    "ema.safetensors",
    "optimizer.safetensors",
    "state.json",
)


@dataclass
class Progress:
    """Where a run stands, beside its tensors."""

    step: int = 0
    seconds: float = 0.0  # spent training, over all its processes' lives
    best_loss: float | None = None  # held-out
    without_better: int = 0  # measurements since


@dataclass
class Trained:
    """Everything a step changes, hence everything a checkpoint saves."""

    parameters: dict[str, "torch.nn.Parameter"]
    optimizer: "torch.optim.Optimizer"
    lr_schedule: "torch.optim.lr_scheduler.LRScheduler"
    ema: Any = None  # diffusers' EMAModel


def optimizer_tensors(
    optimizer: "torch.optim.Optimizer",
) -> tuple[dict[str, "torch.Tensor"], dict[str, float]]:
    """AdamW's state as named tensors, and each parameter's step count."""
    import torch

    state = optimizer.state_dict()["state"]
    tensors = {
        # A copy, as of 8-bit optimizers some are shared, and contiguous, as safetensors are.
        f"{i}.{name}": value.clone(memory_format=torch.contiguous_format)
        for i, each in state.items()
        for name, value in each.items()
        if name != "step" and hasattr(value, "clone")
    }
    return tensors, {str(i): float(each["step"]) for i, each in state.items()}


def restore_optimizer(
    optimizer: "torch.optim.Optimizer",
    tensors: Mapping[str, "torch.Tensor"],
    steps: Mapping[str, float],
) -> None:
    """The inverse of `optimizer_tensors`."""
    import torch

    whole = optimizer.state_dict()
    counts = type(optimizer).__module__.startswith("bitsandbytes")  # steps as plain numbers
    whole["state"] = {
        int(i): {"step": int(step) if counts else torch.tensor(step, dtype=torch.float32)}
        for i, step in steps.items()
    }
    for name, value in tensors.items():
        i, _, what = name.partition(".")
        whole["state"][int(i)][what] = value
    optimizer.load_state_dict(whole)


def save_checkpoint(folder: Path, trained: Trained, progress: Progress, keep: int) -> Path:
    """Write a checkpoint, whole or not at all, then delete all but the newest `keep`."""
    from safetensors.torch import save_file

    target = folder / f"step-{progress.step:06d}"
    tensors, steps = optimizer_tensors(trained.optimizer)
    state = {"progress": asdict(progress), "optimizer_steps": steps}
    state["lr_schedule"] = {
        key: value
        for key, value in trained.lr_schedule.state_dict().items()
        if isinstance(value, (int, float, list))
    }
    with writing(), replacing(target) as part:
        part.mkdir()
        save_file(
            {k: v.detach().contiguous() for k, v in trained.parameters.items()}, part / WEIGHTS
        )
        save_file(tensors, part / OPTIMIZER)
        if trained.ema is not None:
            shadow = zip(trained.parameters, trained.ema.shadow_params, strict=True)
            save_file({name: each.contiguous() for name, each in shadow}, part / EMA)
            state["ema_steps"] = trained.ema.optimization_step
        (part / STATE).write_text(json.dumps(state, indent=1), "utf-8")
    for old in checkpoints(folder)[:-keep]:
        shutil.rmtree(old)
    return target


@contextmanager
def writing() -> Iterator[None]:
    """Let a full disk look as it does elsewhere: safetensors have an error of their own."""
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise OSError(str(error)) from error


def checkpoints(folder: Path) -> list[Path]:
    """The finished checkpoints, the oldest first."""
    return sorted(path.parent for path in folder.glob(f"step-*/{STATE}"))


def load_checkpoint(folder: Path, trained: Trained) -> Progress:
    """Put the newest checkpoint of `folder` into `trained`."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    found = checkpoints(folder)
    if not found:
        raise RunError(f"No checkpoint in {folder} to resume from. Start the run without --resume.")
    newest = found[-1]
    try:
        weights = load_file(newest / WEIGHTS)
        moments = load_file(newest / OPTIMIZER)
        averages = load_file(newest / EMA) if (newest / EMA).exists() else {}
        state = json.loads((newest / STATE).read_text("utf-8"))
    except (SafetensorError, OSError, ValueError) as error:
        raise RunError(
            f"{newest} is damaged ({error}). Delete it to resume from the one before."
        ) from error
    _check_same(newest, weights, trained.parameters)
    with torch.no_grad():
        for name, parameter in trained.parameters.items():
            parameter.copy_(weights[name])
    restore_optimizer(trained.optimizer, moments, state["optimizer_steps"])
    trained.lr_schedule.load_state_dict(trained.lr_schedule.state_dict() | state["lr_schedule"])
    rates = trained.lr_schedule.get_last_lr()
    for group, rate in zip(trained.optimizer.param_groups, rates, strict=True):
        group["lr"] = rate  # a schedule sets it only at its next step
    if trained.ema is not None and averages:
        for shadow, name in zip(trained.ema.shadow_params, trained.parameters, strict=True):
            shadow.copy_(averages[name])
        trained.ema.optimization_step = state["ema_steps"]
    return Progress(**state["progress"])


def _check_same(folder: Path, weights: Mapping, parameters: Mapping) -> None:
    found = {name: tuple(each.shape) for name, each in weights.items()}
    wanted = {name: tuple(each.shape) for name, each in parameters.items()}
    if found != wanted:
        differing = sorted(found.items() ^ wanted.items())[0][0]
        raise RunError(
            f"{folder} is a checkpoint of another model ({differing} differs). "
            "Resume with the settings the run began with, or begin a new run."
        )
