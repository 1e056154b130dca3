import json

import numpy as np
import pytest
import torch

from core.spectrogram import svara
from tests.training.lesson import CODEC, SMALL
from training.loading import load_pipeline, locate, taught
from training.model import DEMO_SIZE, build_pipeline, build_unet, build_vae, save_model
from training.wish import Vocabulary

KNOWN = Vocabulary(("Mohanam",), ("Adi",), ("kriti",), "concise")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    target = tmp_path_factory.mktemp("models") / "model"
    save_model(build_pipeline(SMALL), target, CODEC, KNOWN)
    return target


def test_plain_diffusers_loads_it_and_draws(folder):
    from diffusers import StableDiffusionPipeline

    pipeline = StableDiffusionPipeline.from_pretrained(folder)
    pipeline.set_progress_bar_config(disable=True)
    drawn = pipeline(
        "Kriti in raga Mohanam", height=64, width=128, num_inference_steps=2, output_type="np"
    ).images
    assert drawn.shape == (1, 64, 128, 3)
    assert np.isfinite(drawn).all()


def test_it_is_kept_in_half_precision_without_pickles(folder):
    from safetensors.torch import load_file

    weights = load_file(folder / "unet/diffusion_pytorch_model.safetensors")
    assert {each.dtype for each in weights.values()} == {torch.float16}
    assert not [path for path in folder.rglob("*") if path.suffix in (".bin", ".pt", ".ckpt")]


def test_it_says_how_it_sounds_and_what_it_knows(folder):
    assert locate(str(folder)) == folder.resolve()
    knows = taught(folder)
    assert knows.codec == CODEC.with_tonic(None)
    assert knows.vocabulary == KNOWN
    assert knows.is_aligned
    assert json.loads((folder / "codec.json").read_text())["codec"]["tonic_hz"] is None


def test_a_model_that_was_loaded_and_saved_says_not_where_it_lay(folder, tmp_path):
    save_model(load_pipeline(folder, torch.device("cpu")), tmp_path / "again", CODEC, KNOWN)
    configs = sorted((tmp_path / "again").rglob("*.json"))
    assert len(configs) > 4
    assert not [path for path in configs if str(folder.parent) in path.read_text("utf-8")]
    assert "_class_name" in json.loads((tmp_path / "again/unet/config.json").read_text("utf-8"))


def test_the_same_seed_builds_the_same_model():
    one, same, other = (build_pipeline(SMALL, seed).unet.conv_in.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_saving_leaves_the_pipeline_as_it_was(folder, tmp_path):
    pipeline = build_pipeline(SMALL)
    save_model(pipeline, tmp_path / "model", CODEC, KNOWN)
    assert pipeline.unet.dtype == torch.float32


def test_the_demo_model_fits_what_a_space_takes():
    codec = svara(146.83)
    assert (DEMO_SIZE.rows, DEMO_SIZE.columns) == (codec.n_rows, codec.width)
    parts = (build_vae(DEMO_SIZE), build_unet(DEMO_SIZE))
    n_weights = sum(each.numel() for part in parts for each in part.parameters())
    assert 2 * n_weights < 36 * 2**20  # half precision; words and the rest fit in 4 MiB more
