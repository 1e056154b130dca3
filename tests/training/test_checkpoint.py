import pytest
import torch

from core.errors import RunError
from training.checkpoint import (
    Progress,
    Trained,
    checkpoints,
    load_checkpoint,
    save_checkpoint,
)


def trained(width: int = 3, seed: int = 0) -> Trained:
    from diffusers.optimization import get_scheduler
    from diffusers.training_utils import EMAModel

    torch.manual_seed(seed)
    layer = torch.nn.Linear(width, 2)
    parameters = dict(layer.named_parameters())
    optimizer = torch.optim.AdamW(parameters.values(), lr=0.1)
    schedule = get_scheduler("cosine", optimizer, num_warmup_steps=2, num_training_steps=10)
    return Trained(parameters, optimizer, schedule, EMAModel(parameters.values(), 0.9))


def steps(state: Trained, n: int, start: int = 0) -> list[float]:
    losses = []
    for step in range(start, start + n):
        loss = sum((each - step).square().sum() for each in state.parameters.values())
        loss.backward()
        state.optimizer.step()
        state.lr_schedule.step()
        state.optimizer.zero_grad()
        state.ema.step(state.parameters.values())
        losses.append(loss.item())
    return losses


def test_what_is_loaded_goes_on_exactly(tmp_path):
    first = trained()
    steps(first, 3)
    save_checkpoint(tmp_path, first, Progress(3, 1.5, 0.2, 1), keep=2)
    again = trained(seed=1)
    assert load_checkpoint(tmp_path, again) == Progress(3, 1.5, 0.2, 1)
    assert steps(first, 4, 3) == steps(again, 4, 3)
    assert first.lr_schedule.get_last_lr() == again.lr_schedule.get_last_lr()
    for a, b in zip(first.ema.shadow_params, again.ema.shadow_params, strict=True):
        assert torch.equal(a, b)


def test_only_the_newest_are_kept(tmp_path):
    state = trained()
    for step in (1, 2, 30):
        steps(state, 1)
        save_checkpoint(tmp_path, state, Progress(step), keep=2)
    assert [each.name for each in checkpoints(tmp_path)] == ["step-000002", "step-000030"]


def test_a_checkpoint_holds_no_pickle(tmp_path):
    state = trained()
    steps(state, 1)
    folder = save_checkpoint(tmp_path, state, Progress(1), keep=1)
    assert {path.suffix for path in folder.iterdir()} == {".safetensors", ".json"}


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    state = trained()
    steps(state, 1)
    save_checkpoint(tmp_path, state, Progress(1), keep=1)
    with pytest.raises(RunError, match="another model"):
        load_checkpoint(tmp_path, trained(width=4))


def test_one_that_was_cut_off_while_saving_does_not_count(tmp_path):
    (tmp_path / "step-000009").mkdir()
    (tmp_path / "step-000009/weights.safetensors").touch()
    with pytest.raises(RunError, match="without --resume"):
        load_checkpoint(tmp_path, trained())
