"""A recogniser of three ragas that are stripes: what it learns, says and keeps."""

import json

import numpy as np
import pytest
import torch

from core.errors import DatasetError, ModelError
from tests.training.lesson import CODEC, small_dataset, small_model
from training.data import Example, read_dataset
from training.distortions import as_input, distorted
from training.raga_network import Recognizer, heard_rows
from training.recognizer import (
    RecognizerConfig,
    calibration_error,
    evaluate,
    figures,
    sung,
    temperature,
    train,
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return small_dataset(tmp_path_factory.mktemp("data") / "lesson", n=12, held_out=6)


@pytest.fixture(scope="module")
def file(dataset, tmp_path_factory):
    folder = tmp_path_factory.mktemp("recognizer")
    model = small_model(folder / "model")
    out = folder / "ragas.safetensors"
    train(
        RecognizerConfig(dataset, out, str(model), redrawn=3, steps=40, batch_size=8, device="cpu")
    )
    return out


def test_what_was_taught_is_heard_in_recordings_that_were_held_out(file, dataset):
    recognizer = Recognizer.load(file)
    assert recognizer.ragas == ("Kalyani", "Mohanam", "Todi")
    found = figures(recognizer, read_dataset(dataset).held_out)
    assert found["top_1"] == 1.0
    assert found == recognizer.figures
    assert "top-1 100.0 %" in evaluate(dataset, file)


def test_it_hears_a_picture_of_any_length_and_in_three_colours(file):
    recognizer = Recognizer.load(file)
    pictures = torch.rand(2, 3, CODEC.n_rows, 56) * 2 - 1
    logits = recognizer.logits(pictures)
    assert logits.shape == (2, 3)
    grey = pictures.mean(dim=1, keepdim=True)
    assert torch.allclose(recognizer.logits(grey), logits, atol=1e-5)


def test_it_listens_to_five_octaves_from_the_lowest_row():
    assert heard_rows(CODEC) == 45
    new = Recognizer.new(("Mohanam", "Todi"), CODEC)
    new.network.eval()
    pictures = torch.rand(1, 1, CODEC.n_rows, 64)
    above = pictures.clone()
    above[:, :, : CODEC.n_rows - 45] = 0  # the image's first row is the highest
    assert torch.equal(new.logits(pictures), new.logits(above))


def test_pictures_of_another_kind_are_refused(file):
    recognizer = Recognizer.load(file)
    assert recognizer.reads(CODEC.with_tonic(200.0))
    from core.spectrogram import svara

    assert not recognizer.reads(svara())


def test_what_is_no_recogniser_is_refused_with_a_way_out(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no tensors")
    for path in (tmp_path / "x.safetensors", tmp_path / "none.safetensors"):
        with pytest.raises(ModelError, match=r"training\.recognizer train"):
            Recognizer.load(path)


def test_rows_that_do_not_count_from_the_tonic_cannot_be_learned(dataset, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(dataset, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["config"] |= {"preset": "riffusion", "align_tonic": False}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DatasetError, match="aligned to the tonic"):
        train(RecognizerConfig(copy, tmp_path / "out.safetensors"))


def test_no_raga_is_heard_where_only_drums_play():
    examples = [
        Example(None, ("words",), section, "Todi", "Adi") for section in ("kriti", "tani avartanam")
    ]
    assert [each.section for each in sung(examples)] == ["kriti"]


def test_a_temperature_takes_back_what_is_claimed_too_surely():
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (4000, 5))
    chances = np.exp(honest) / np.exp(honest).sum(axis=1, keepdims=True)
    right = np.array([rng.choice(5, p=each) for each in chances])
    found = temperature(3 * honest, right)
    assert found == pytest.approx(3, rel=0.1)
    assert calibration_error(honest, right) < 0.03
    assert calibration_error(3 * honest, right) > 0.1


def test_distortion_keeps_rows_and_silence_and_is_the_same_for_a_seed():
    pictures = as_input(torch.full((4, 1, 32, 64), 128, dtype=torch.uint8))
    first, again = (distorted(pictures, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert first.shape[:3] == (4, 1, 32)
    assert 64 * 0.45 - 1 <= first.shape[3] <= 64
    assert first.min() >= -1
    assert first.max() <= 1
    levels = first.mean(dim=(1, 2, 3))
    assert levels.std() > 0.02  # louder and softer
