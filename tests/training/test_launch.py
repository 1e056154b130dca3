"""The real trainer, launched, watched, stopped and resumed as the page does it."""

import shlex
import time
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from core.export import ExportConfig, export
from core.library import Library
from core.records import Recording, Segment
from core.spectrogram import svara
from core.workspace import Workspace
from training import jobs
from training.config import FinetuneConfig, read_config
from training.generate import GenerateConfig, Generator
from training.jobs import command, launch
from training.model import TINY, build_pipeline, save_model
from training.wish import Vocabulary

SR, LENGTH_S = 8000, 12.0
PATIENCE_S = 240  # two cores that others use too: importing alone may take a minute


def test_the_command_says_what_differs_from_the_defaults(tmp_path):
    config = FinetuneConfig(
        tmp_path / "my data", max_steps=20, snr_gamma=None, train_text_encoder=True,
        prompts=("Alapanai in raga Todi", "x"),
    )  # fmt: skip
    words = command(config)
    assert words[1:3] == ["-m", "training.finetune"]
    assert shlex.join(words[3:]) == (
        f"--dataset '{tmp_path}/my data' --max-steps 20 --snr-gamma None --train-text-encoder "
        "--prompts 'Alapanai in raga Todi' x"
    )


def test_the_command_line_makes_the_same_config_again(tmp_path):
    import tyro

    config = FinetuneConfig(
        tmp_path, output=tmp_path / "run", snr_gamma=None, train_text_encoder=True, lora_rank=4,
        prompts=("a b", "c"), learning_rate=3e-5, lora_alpha=2.5,
    )  # fmt: skip
    assert tyro.cli(FinetuneConfig, args=command(config)[3:]) == config


def test_several_devices_are_used_by_accelerate(tmp_path):
    words = command(FinetuneConfig(tmp_path), devices=("0", "1"))
    assert words[1:6] == [
        "-m", "accelerate.commands.launch", "--num_processes=2", "-m", "training.finetune",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def prepared(tmp_path_factory) -> tuple[Workspace, FinetuneConfig]:
    """A workspace with a small dataset, and how a small model is to learn it."""
    workspace = Workspace.at(tmp_path_factory.mktemp("launch") / "workspace")
    library = Library.of(workspace)
    t = np.arange(round(LENGTH_S * SR)) / SR
    for number, tonic_hz in enumerate((146.8, 174.6, 220.0)):
        y = 0.2 * np.sin(2 * np.pi * tonic_hz * t)
        soundfile.write(workspace.audio_target(f"file-{number}", ".flac"), y, SR)
        about = {"tonic_hz": tonic_hz, "raga": "Mohanam", "lead_artist": f"Artist {number}"}
        library.add(
            Recording(f"file-{number}", "A concert", LENGTH_S, rights="own", source="x", **about)
        )
        library.save(Segment(f"file-{number}", 1.0, 11.0, "alapanai", status="approved"))
    dataset = export(ExportConfig(name="small", clip_s=2.56), workspace, library)
    library.close()
    base = tmp_path_factory.mktemp("base") / "model"
    codec = replace(svara(146.83), width=128)
    save_model(build_pipeline(replace(TINY, columns=128)), base, codec, Vocabulary())
    config = FinetuneConfig(
        dataset, str(base), batch_size=2, sample_every=0, save_every=5, validate_every=0
    )
    return workspace, config


def until(condition, what: str):
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, f"never: {what}"
        time.sleep(0.2)
    return found


def polled(workspace, run_id) -> jobs.Status:
    jobs.advance(workspace)
    return jobs.status(workspace, run_id)


def ended(workspace, run_id) -> jobs.Status:
    found = until(lambda: (now := polled(workspace, run_id)).has_ended and now, "the end")
    assert found.state != "failed", found.message
    return found


@pytest.mark.slow
def test_a_launched_run_is_stopped_resumed_finished_and_played(prepared):
    workspace, config = prepared
    run_id = launch(workspace, replace(config, max_steps=100_000), name="First try")
    run = workspace.run(run_id)
    assert run_id.startswith("first-try-")
    until(lambda: polled(workspace, run_id).step >= 2, "two steps")
    jobs.stop(workspace, run_id)
    stopped = ended(workspace, run_id)
    assert stopped.state == "stopped"
    steps = [row["step"] for row in jobs.metrics(workspace, run_id)]
    assert steps == list(range(1, stopped.step + 1))
    assert "loss" in jobs.log(workspace, run_id)[0]

    jobs.resume(workspace, run_id, max_steps=stopped.step + 3)
    finished = ended(workspace, run_id)
    assert (finished.state, finished.step) == ("finished", stopped.step + 3)
    assert read_config(run / "config.json").max_steps == finished.step
    steps = [row["step"] for row in jobs.metrics(workspace, run_id)]
    assert steps == list(range(1, finished.step + 1))

    clip = Generator(run / "model").generate(
        GenerateConfig(raga="Mohanam", section="alapanai", seconds=5, steps=2)
    )
    assert len(clip.y) == 5 * clip.sr
    assert clip.notes == ()  # Mohanam and alapanai were taught


@pytest.mark.slow
def test_a_run_on_a_folder_that_is_no_dataset_fails_with_the_reason(prepared, tmp_path):
    workspace, config = prepared
    run_id = launch(workspace, replace(config, dataset=tmp_path), name="nothing")
    found = until(lambda: (now := polled(workspace, run_id)).has_ended and now, "the end")
    assert found.state == "failed"
    assert "manifest" in found.message or "dataset" in found.message
