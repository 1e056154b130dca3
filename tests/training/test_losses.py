"""The raga losses: their gradients, what they forgive, and a run that trains with each."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.errors import DatasetError, ModelError, RunError
from core.spectrogram import riffusion, svara
from tests.training.lesson import CODEC, SMALL, quick, small_dataset, small_model
from training.data import Batch, read_dataset
from training.diffusion import Guess, Objective, build_denoiser, clean_latents
from training.finetune import finetune
from training.losses import RagaLosses, raga_losses
from training.model import build_pipeline
from training.raga_head import FILE, RagaHead
from training.raga_network import Recognizer
from training.run_folder import rows_from
from training.scale_loss import ForeignRidges

RAGAS = ("Kalyani", "Mohanam", "Todi")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("data") / "lesson")


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("recognizer") / "ragas.safetensors"
    Recognizer.new(RAGAS, CODEC).save(path)
    return path


@pytest.fixture
def pipeline():
    found = build_pipeline(SMALL)
    found.vae.requires_grad_(False)
    return found


def batch_of(pipeline, dataset, timesteps=(20, 100, 300, 900), captioned=True) -> Batch:
    torch.manual_seed(1)
    n = len(timesteps)
    latents, noise = torch.randn(2, n, 4, 4, 8)
    words = torch.randn(n, 77, pipeline.text_encoder.config.hidden_size)
    return Batch(
        latents,
        words,
        torch.tensor(timesteps),
        noise,
        torch.zeros_like(noise),
        torch.arange(n),
        torch.full((n,), captioned),
    )


def losses_of(config, pipeline, dataset) -> RagaLosses:
    return raga_losses(config, Objective(pipeline, config), pipeline, read_dataset(dataset))


# The picture that a guess implies


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_a_true_guess_implies_the_true_latents(pipeline, dataset, prediction):
    config = quick(dataset, dataset, dataset, prediction=prediction)
    objective, batch = Objective(pipeline, config), batch_of(pipeline, dataset)
    guess = objective.guess(lambda *_: objective.target(batch), batch)
    found = clean_latents(objective.schedule, prediction, guess, batch.timesteps)
    assert torch.allclose(found, batch.latents, atol=1e-3)


# Gradients


def slope(loss, at: torch.Tensor, direction: torch.Tensor, step: float) -> float:
    return float((loss(at + step * direction) - loss(at - step * direction)) / (2 * step))


@pytest.mark.parametrize("kind", ["recognizer", "scale"])
def test_a_loss_on_pictures_has_the_gradient_that_differences_show(
    pipeline, dataset, recognizer, kind
):
    config = quick(
        dataset, dataset, dataset, raga_loss=kind, raga_recognizer=recognizer, raga_ramp_steps=0
    )
    losses, batch = losses_of(config, pipeline, dataset), batch_of(pipeline, dataset)
    losses.vae.double()
    if losses.recognizer:
        losses.recognizer.network.double()
    else:  # what is forgiven is looked up, not learned
        losses.scale._explained = lambda levels, allowed: torch.full_like(allowed, 0.25)
    noisy, predicted = torch.randn(2, 4, 4, 4, 8, dtype=torch.float64)
    predicted.requires_grad_()

    def loss(predicted):
        return losses(batch, Guess(noisy, predicted), 7)

    (gradient,) = torch.autograd.grad(loss(predicted), predicted)
    assert gradient[:3].abs().sum() > 0
    assert gradient[3].abs().sum() == 0  # above the timestep limit
    for seed in range(3):
        direction = torch.randn(
            predicted.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        with torch.no_grad():
            shown = slope(loss, predicted, direction, 1e-5)
        assert float((gradient * direction).sum()) == pytest.approx(shown, rel=2e-2, abs=1e-9)


def test_the_heads_loss_moves_the_head_and_the_unet_alike(pipeline, dataset):
    config = quick(dataset, dataset, dataset, raga_loss="joint", raga_ramp_steps=0)
    losses, batch = losses_of(config, pipeline, dataset), batch_of(pipeline, dataset)
    denoiser = build_denoiser(pipeline.unet.double(), raga_head=losses.head.double())
    wide = Batch(**{k: v.double() if v.is_floating_point() else v for k, v in vars(batch).items()})

    def loss():
        return losses(wide, losses.objective.guess(denoiser, wide), 0)

    loss().backward()
    parameters = dict(denoiser.named_parameters())
    for name in ("unet.conv_in.weight", "raga_head.across.weight"):
        weight, gradient = parameters[name], parameters[name].grad
        direction = torch.randn_like(weight)
        before = weight.detach().clone()
        with torch.no_grad():
            ends = []
            for sign in (1, -1):
                weight.copy_(before + sign * 1e-5 * direction)
                ends.append(float(loss()))
            weight.copy_(before)
        shown = (ends[0] - ends[1]) / 2e-5
        assert float((gradient * direction).sum()) == pytest.approx(shown, rel=1e-3, abs=1e-9)
    assert parameters["unet.conv_out.weight"].grad is None  # what lies beyond the middle


def test_pictures_without_words_count_for_half_of_the_heads_loss(pipeline, dataset):
    config = quick(
        dataset, dataset, dataset, raga_loss="joint", raga_ramp_steps=0, joint_weight=1.0
    )
    losses, batch = losses_of(config, pipeline, dataset), batch_of(pipeline, dataset)
    batch.captioned = torch.tensor([True, True, True, False])
    found = losses(batch, losses.objective.guess(build_denoiser(pipeline.unet), batch), 0)
    heard = losses.heard
    both = (heard["raga_joint"] + heard["raga_worded"]).item()
    assert found.item() == pytest.approx(both / 2, rel=1e-5)


def test_a_batch_too_noisy_to_see_has_no_loss_but_a_gradient(pipeline, dataset, recognizer):
    config = quick(dataset, dataset, dataset, raga_loss="recognizer", raga_recognizer=recognizer)
    losses, batch = losses_of(config, pipeline, dataset), batch_of(pipeline, dataset, (800, 999))
    predicted = torch.randn(2, 4, 4, 8, requires_grad=True)
    found = losses(batch, Guess(torch.randn(2, 4, 4, 8), predicted), 0)
    found.backward()
    assert found.item() == 0
    assert losses.heard == {}


def test_the_losses_are_ramped_up(pipeline, dataset, recognizer):
    config = quick(
        dataset,
        dataset,
        dataset,
        raga_loss="recognizer",
        raga_recognizer=recognizer,
        raga_ramp_steps=10,
    )
    losses, batch = losses_of(config, pipeline, dataset), batch_of(pipeline, dataset)
    guess = Guess(*torch.randn(2, 4, 4, 4, 8))
    losses.decoded = lambda *_: torch.zeros(3, 3, CODEC.n_rows, 64)
    early, late = (losses(batch, guess, step).item() for step in (0, 9))
    assert early == pytest.approx(late / 10, rel=1e-5)


# The scale


def picture(notes: list[int], codec=None, harmonics: int = 1, columns: int = 64) -> torch.Tensor:
    """Notes (cents above Sa) held together, partials as broad and as soft as in a real picture."""
    codec = codec or svara()
    cents = codec.lowest_cents + np.arange(codec.n_rows) * 1200 / codec.rows_per_octave
    levels = np.full(codec.n_rows, 40.0)
    for note in notes:
        for k in range(1, harmonics + 1):
            away = (cents - note - 1200 * np.log2(k)) / 100
            levels = np.maximum(levels, 220 - 15 * k - 9 * away**2)
    column = torch.from_numpy(levels[::-1].copy()).float() / 127.5 - 1
    return column[None, None, :, None].expand(1, 1, -1, columns).clone()


def share(notes: list[int], raga: str, **more) -> float:
    heard = ForeignRidges(svara(), [raga])
    return heard(picture(notes, **more), torch.tensor([0])).item()


def test_a_ragas_own_notes_are_free_and_a_foreign_one_is_not():
    assert share([0, 400, 700], "Mohanam") == pytest.approx(0, abs=1e-3)
    assert share([0, 500, 700], "Mohanam") == pytest.approx(1 / 3, abs=0.03)
    assert share([500], "Mohanam") > 0.9
    assert share([500], "Hindolam") < 0.01


def test_harmonics_of_allowed_notes_are_forgiven():
    # Hindolam has neither Pa nor Ga3: the third and the fifth harmonic of the lower Sa.
    assert share([-1200], "Hindolam", harmonics=6) < 0.02
    drone = picture([-1200], harmonics=6) - 0.4  # 17 dB below the singer, as drones are
    both = torch.maximum(drone, picture([700]))
    assert ForeignRidges(svara(), ["Hindolam"])(both, torch.tensor([0])).item() > 0.1


def test_a_gamaka_may_pass_over_foreign_rows():
    heard, codec = ForeignRidges(svara(), ["Mohanam"]), svara()
    t = np.arange(100) * codec.hop_length / codec.sr
    shaken = 550 + 150 * np.sin(2 * np.pi * 5 * t)  # between Ga and Pa, over both Ma
    moving = torch.cat([picture([note], columns=1) for note in shaken], dim=3)
    held = picture([500], columns=100)
    assert heard(moving, torch.tensor([0])).item() < 0.2
    assert heard(held, torch.tensor([0])).item() > 0.9


def test_drawing_everything_softer_does_not_help():
    heard, loud = ForeignRidges(svara(), ["Mohanam"]), picture([0, 500, 700])
    soft = loud - 0.2
    places = torch.tensor([0])
    assert heard(soft, places).item() == pytest.approx(heard(loud, places).item(), abs=0.01)


def test_silence_has_no_scale():
    silent = torch.full((1, 1, 256, 64), -1.0, requires_grad=True)
    found = ForeignRidges(svara(), ["Mohanam"])(silent, torch.tensor([0]))
    found.sum().backward()
    assert found.item() == 0
    assert torch.isfinite(silent.grad).all()


def test_rows_that_are_no_svaras_have_no_scale():
    with pytest.raises(DatasetError, match="svara preset"):
        ForeignRidges(riffusion(), ["Mohanam"])


# Runs


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["scale", "both"])
def test_a_run_logs_each_loss_and_resumes_equal(dataset, recognizer, tmp_path, kind):
    base = small_model(tmp_path / "base")
    more = {
        "raga_loss": kind,
        "raga_recognizer": recognizer,
        "raga_max_timestep": 1000,
        "caption_dropout": 0.5,
        "batch_size": 4,
    }
    run = finetune(quick(dataset, base, tmp_path / "run", max_steps=3, **more))
    rows = rows_from(run)[0]
    wanted = {
        "scale": {"raga_scale"},
        "both": {"raga_joint", "raga_worded", "raga_recognizer"},
    }[kind]
    assert wanted <= set().union(*rows)
    head = run / "model" / FILE
    assert head.exists() == (kind != "scale")
    if kind != "scale":
        assert RagaHead.load(head).ragas == RAGAS
    first = finetune(quick(dataset, base, tmp_path / "cut", max_steps=2, **more))
    config = json.loads((first / "config.json").read_text())
    assert config["raga_loss"] == kind
    finetune(quick(dataset, base, tmp_path / "cut", max_steps=3, resume=True, **more))
    assert [row["loss"] for row in rows_from(first)[0]] == [row["loss"] for row in rows]
    more["raga_loss"] = "none"
    changed = quick(dataset, base, tmp_path / "cut", max_steps=4, resume=True, **more)
    with pytest.raises(RunError, match="raga_loss"):
        finetune(changed)


def test_what_the_losses_need_is_said_before_anything_is_trained(dataset, tmp_path, pipeline):
    config = quick(dataset, dataset, dataset, raga_loss="recognizer")
    with pytest.raises(ModelError, match=r"training\.recognizer train"):
        losses_of(replace(config, raga_recognizer=tmp_path / "none"), pipeline, dataset)
    other = tmp_path / "other.safetensors"
    Recognizer.new(RAGAS, svara()).save(other)
    with pytest.raises(ModelError, match="another kind"):
        losses_of(replace(config, raga_recognizer=other), pipeline, dataset)
