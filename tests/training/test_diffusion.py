from dataclasses import replace

import pytest
import torch

from tests.training.lesson import SMALL, quick
from training.cache import Encoded
from training.course import Course, held_out_batches
from training.data import Batch, Example
from training.diffusion import Objective
from training.model import build_pipeline

torch.set_num_threads(1)


class Numbers:
    """Captions as numbers: what was said can be read off."""

    kept = torch.arange(9)

    def place(self, text):
        return len(text)


@pytest.fixture(scope="module")
def pipeline():
    return build_pipeline(SMALL)


@pytest.fixture
def config(tmp_path):
    return quick(tmp_path, tmp_path, tmp_path, batch_size=4)


def encoded(n: int = 12) -> Encoded:
    examples = [Example(None, ("words",), "kriti", "Todi", "Adi") for _ in range(n)]
    means = torch.arange(n, dtype=torch.float32)[:, None, None, None].expand(n, 4, 4, 8)
    return Encoded(examples, means, torch.zeros(n, 4, 4, 8))


def batch_at(timestep: int) -> Batch:
    torch.manual_seed(0)
    latents, noise = torch.randn(2, 3, 4, 4, 8)
    steps = torch.full((3,), timestep)
    return Batch(latents, torch.zeros(3), steps, noise, None, torch.arange(3), torch.ones(3))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_model_that_finds_the_target_has_no_loss(pipeline, config, prediction):
    objective = Objective(pipeline, replace(config, prediction=prediction))
    batch = batch_at(300)
    assert objective(lambda *_: objective.target(batch), batch).item() == 0
    assert objective(lambda *_: objective.target(batch) + 1, batch).item() > 0


def test_velocity_mixes_noise_and_picture_as_the_paper_says(pipeline, config):
    objective = Objective(pipeline, replace(config, prediction="v_prediction"))
    batch = batch_at(500)
    kept = objective.schedule.alphas_cumprod[500]
    expected = kept.sqrt() * batch.noise - (1 - kept).sqrt() * batch.latents
    assert torch.allclose(objective.target(batch), expected, atol=1e-6)


def test_min_snr_weighs_as_if_the_picture_were_predicted_up_to_the_cap(pipeline, config):
    steps = torch.arange(0, 1000, 37)
    kept = Objective(pipeline, config).schedule.alphas_cumprod[steps]
    snr = kept / (1 - kept)
    epsilon = Objective(pipeline, replace(config, prediction="epsilon"))
    velocity = Objective(pipeline, replace(config, prediction="v_prediction"))
    capped = snr.clamp(max=5)
    assert torch.allclose(epsilon.weights(steps) * snr, capped, rtol=1e-4)
    assert torch.allclose(velocity.weights(steps) * (snr + 1), capped, rtol=1e-4)
    plain = Objective(pipeline, replace(config, snr_gamma=None))
    assert torch.equal(plain.weights(steps), torch.ones(len(steps)))


def test_two_processes_see_together_what_one_would(config):
    alone = Course(replace(config, batch_size=8), encoded(), Numbers(), 1000)
    whole = alone.batch(2, 0)
    halves = [
        Course(config, encoded(), Numbers(), 1000, n_processes=2, process=process).batch(2, 0)
        for process in (0, 1)
    ]
    for name, tensor in vars(whole).items():
        pair = [getattr(half, name) for half in halves]
        assert (tensor is None) or torch.equal(tensor, torch.cat(pair)), name


def test_a_batch_is_the_same_whether_the_device_holds_all_or_is_brought_each(config, monkeypatch):
    config = replace(config, input_perturbation=0.1)
    held = Course(config, encoded(), Numbers(), 1000).batch(1, 0)
    monkeypatch.setattr(Course, "resident", {})
    brought = Course(config, encoded(), Numbers(), 1000).batch(1, 0)
    for name, tensor in vars(held).items():
        assert torch.equal(tensor, getattr(brought, name)), name


def test_accumulated_parts_go_on_in_the_order(config):
    whole = Course(replace(config, batch_size=8), encoded(), Numbers(), 1000).batch(3, 0)
    course = Course(replace(config, gradient_accumulation=2), encoded(), Numbers(), 1000)
    parts = [course.batch(3, part) for part in (0, 1)]
    assert torch.equal(whole.latents, torch.cat([part.latents for part in parts]))


def test_captions_are_left_out_as_often_as_asked(config):
    course = Course(replace(config, caption_dropout=0.3), encoded(), Numbers(), 1000)
    said = torch.cat([course.draw(step, 0).captions for step in range(250)])
    assert (said == 0).float().mean().item() == pytest.approx(0.3, abs=0.05)  # 3 deviations
    never = Course(replace(config, caption_dropout=0), encoded(), Numbers(), 1000)
    assert all(never.draw(step, 0).captions.min() > 0 for step in range(20))


def test_every_caption_of_a_picture_is_learned(config):
    told = Encoded([Example(None, ("a", "bb", "ccc"), "", "", "")] * 2, *torch.zeros(2, 2, 4, 4, 8))
    course = Course(replace(config, caption_dropout=0), told, Numbers(), 1000)
    said = torch.cat([course.draw(step, 0).captions for step in range(100)])
    assert torch.bincount(said)[1:].min() > 100  # of 400


def test_noise_offset_shifts_whole_channels(config):
    course = Course(replace(config, noise_offset=1.0), encoded(), Numbers(), 1000)
    noise = torch.cat([course.batch(step, 0).noise for step in range(50)])
    means = noise.mean(dim=(2, 3))
    assert means.std().item() == pytest.approx((1 + 1 / 32) ** 0.5, abs=0.1)


def test_the_held_out_batches_are_the_same_at_every_measurement():
    first, again = (held_out_batches(encoded(), Numbers(), 5) for _ in range(2))
    assert [len(batch.latents) for batch in first] == [5, 5, 2]
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a.noise, b.noise)
        assert torch.equal(a.timesteps, b.timesteps)
