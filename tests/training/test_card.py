"""A run's model explains itself, and goes to the Hub when it is asked to."""

import os
import subprocess
import sys

import pytest
import torch

from core.errors import RunError
from core.workspace import PROJECT
from tests.core.test_publish import hub  # noqa: F401
from tests.training.lesson import quick, small_dataset, small_model
from training.finetune import finetune
from training.handing_on import push_model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("card")
    more = {"max_steps": 2, "sample_every": 2, "validate_every": 2, "lora_rank": 2}
    dataset, base = small_dataset(place / "lesson"), small_model(place / "base")
    return finetune(quick(dataset, base, place / "run-1", **more))


def test_the_card_says_data_settings_parameters_losses_and_samples(run):
    card = (run / "model/README.md").read_text()
    for words in (
        "library_name: diffusers",
        "6 train, 2 validation pictures",
        "Kalyani (2)",
        "| lora rank | 2 |",
        "rows_per_octave",
        "held out:",
        "samples/step-000002-0.flac",
        "M parameters were trained",
    ):
        assert words in card, words
    assert (run / "model/samples/step-000002-0.flac").exists()
    assert (run / "lora/README.md").exists()


def test_a_run_without_a_model_is_not_handed_on(tmp_path):
    with pytest.raises(RunError, match="Let it finish"):
        push_model(tmp_path, "me/model")


def pushed(run, endpoint: str) -> subprocess.CompletedProcess:
    more = {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_test"}
    return subprocess.run(
        [sys.executable, "-m", "training.handing_on", "--run", run, "--repo-id", "me/model"],
        cwd=PROJECT,
        env={**os.environ, **more, "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.slow
def test_the_real_client_sends_model_card_samples_and_lora_and_nothing_else(run, hub):  # noqa: F811
    said = pushed(run, hub.address)
    assert said.returncode == 0, said.stderr
    assert hub.created[0]["visibility"] == "private"
    assert {"README.md", "codec.json", "lora/pytorch_lora_weights.safetensors"} <= set(hub.files)
    assert "samples/step-000002-0.flac" in hub.files
    assert not [name for name in hub.files if "checkpoint" in name or name.endswith(".jsonl")]


@pytest.mark.slow
def test_a_hub_out_of_reach_is_one_line(run):
    said = pushed(run, "http://127.0.0.1:9")
    assert said.returncode == 2
    assert "error: The Hub did not take 'me/model'" in said.stderr.splitlines()[-1]
