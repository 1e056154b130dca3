import numpy as np
import pytest
import torch

from tests.training.lesson import SMALL
from training import picture_model
from training.model import build_vae
from training.picture_model import (
    VaeCourse,
    as_input,
    crops,
    normalise_latents,
    reconstruction_error,
    train_vae,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pictures():
    """Sixteen pictures of stripes at different heights."""
    rows = np.arange(64)[None, :, None]
    heights = np.arange(16)[:, None, None]
    return np.broadcast_to(200 * ((rows + heights) % 16 < 4), (16, 64, 192)).astype(np.uint8)


@pytest.fixture
def vae():
    torch.manual_seed(0)
    return build_vae(SMALL)


def test_crops_are_as_high_as_the_picture_and_the_same_for_the_same_step(pictures):
    course = VaeCourse(batch_size=3)
    kept = torch.from_numpy(pictures)
    batch = crops(kept, course, 7)
    assert batch.shape == (3, 3, 64, picture_model.CROP)
    assert batch.min() == -1
    assert torch.equal(batch, crops(kept, course, 7))
    assert not torch.equal(batch, crops(kept, course, 8))


@pytest.mark.slow
def test_training_brings_pictures_nearer(vae, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(picture_model, "WARMUP", 1)
    before = reconstruction_error(vae, pictures[:2])
    rows = train_vae(vae, pictures, VaeCourse(max_steps=40, batch_size=2), tmp_path / "vae")
    assert reconstruction_error(vae, pictures[:2]) < 0.8 * before
    assert rows[-1]["last"]


def test_training_that_was_cut_off_goes_on_the_same(vae, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(picture_model, "SAVE_EVERY", 3)
    course = VaeCourse(max_steps=6, batch_size=1)
    whole = train_vae(vae, pictures, course, tmp_path / "whole")

    class Killed(Exception):
        pass

    step = picture_model._step

    def dying(*arguments):
        if killed.pop():
            raise Killed
        return step(*arguments)

    killed = [True, False, False, False, False]  # taken from the end
    torch.manual_seed(0)
    other = build_vae(SMALL)
    monkeypatch.setattr(picture_model, "_step", dying)
    with pytest.raises(Killed):
        train_vae(other, pictures, course, tmp_path / "cut")
    monkeypatch.setattr(picture_model, "_step", step)
    torch.manual_seed(1)
    resumed = train_vae(build_vae(SMALL), pictures, course, tmp_path / "cut")
    assert resumed[-1]["step"] == whole[-1]["step"] == 6
    assert resumed[-1]["l1"] == whole[-1]["l1"]


def test_latents_are_normalised_and_the_pictures_stay(vae, pictures):
    def drawn(picture):
        posterior = vae.encode(as_input(picture)).latent_dist
        return posterior.mode(), posterior.std, vae.decode(posterior.mode()).sample

    with torch.inference_mode():
        before = [drawn(each) for each in pictures[:4]]
    normalise_latents(vae, pictures[:4])
    with torch.inference_mode():
        after = [drawn(each) for each in pictures[:4]]
    latents = torch.cat([mode for mode, _, _ in after])
    assert latents.mean(dim=(0, 2, 3)).abs().max() < 1e-3
    assert latents.std(dim=(0, 2, 3)).numpy() == pytest.approx(1, rel=1e-3)
    old_std = torch.cat([mode for mode, _, _ in before]).std(dim=(0, 2, 3))
    for (_, deviation, picture), (_, new_deviation, same) in zip(before, after, strict=True):
        torch.testing.assert_close(same, picture, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(new_deviation[0, :, 0, 0], deviation[0, :, 0, 0] / old_std)
    assert vae.config.scaling_factor == 1


def test_pictures_are_read_from_black_to_white():
    picture = np.array([[0, 255]], dtype=np.uint8)
    assert as_input(picture).tolist() == [[[[-1.0, 1.0]]] * 3]
