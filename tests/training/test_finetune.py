import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.errors import DatasetError, ModelError, RunError
from core.spectrogram import read_image
from core.workspace import PROJECT
from tests.training.lesson import quick, small_dataset, small_model
from training import finetune as engine
from training import session as sessions
from training.finetune import finetune
from training.jobs import command
from training.loading import taught
from training.run_folder import read_status, rows_from, samples


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return small_model(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return small_dataset(tmp_path_factory.mktemp("data") / "lesson")


@pytest.fixture(scope="module")
def run(base, dataset, tmp_path_factory) -> Path:
    """A run of six steps that saved after every second."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    more = {"max_steps": 6, "save_every": 2, "keep_checkpoints": 3, "validate_every": 3}
    return finetune(quick(dataset, base, folder, **more))


def losses(run: Path) -> list[float]:
    return [row["loss"] for row in rows_from(run)[0]]


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model/unet/diffusion_pytorch_model.safetensors")


def test_a_run_leaves_its_figures_and_a_model_that_plain_diffusers_loads(run, base):
    from diffusers import StableDiffusionPipeline

    status = read_status(run)
    assert (status.state, status.step, status.max_steps) == ("finished", 6, 6)
    rows = rows_from(run)[0]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert {"loss", "lr", "grad_norm", "images_per_s", "seconds"} <= rows[0].keys()
    assert [row["step"] for row in rows if "validation_loss" in row] == [3, 6]
    pipeline = StableDiffusionPipeline.from_pretrained(run / "model")
    assert pipeline.unet.dtype == torch.float32
    before = load_file(base / "unet/diffusion_pytorch_model.safetensors")
    assert any(not torch.equal(before[name], each) for name, each in weights(run).items())
    assert taught(run / "model").vocabulary.ragas == ("Kalyani", "Mohanam", "Todi")
    assert "Training." in (run / "log.txt").read_text()


def test_a_run_killed_at_any_step_goes_on_with_the_same_losses(run, base, dataset, tmp_path):
    killed = tmp_path / "killed"
    shutil.copytree(run, killed)
    for step in (4, 6):  # killed after step 5: its last checkpoint is that of step 2
        shutil.rmtree(killed / f"checkpoints/step-{step:06d}")
    shutil.rmtree(killed / "model")
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (killed / "metrics.jsonl").write_text("".join(lines[:5])[:-7])  # the last line cut off
    more = {"max_steps": 6, "validate_every": 3, "resume": True}
    finetune(quick(dataset, base, killed, **more))
    assert losses(killed) == losses(run)
    for name, each in weights(run).items():
        assert torch.equal(each, weights(killed)[name]), name


@pytest.mark.slow
def test_pictures_laid_out_as_a_gpu_likes_them_resume_with_the_same_losses(base, dataset, tmp_path):
    laid_out = {"channels_last": True, "save_every": 2, "ema_decay": 0.9}
    whole = finetune(quick(dataset, base, tmp_path / "whole", max_steps=4, **laid_out))
    cut = finetune(quick(dataset, base, tmp_path / "cut", max_steps=4, **laid_out))
    shutil.rmtree(cut / "checkpoints/step-000004")
    finetune(quick(dataset, base, cut, max_steps=4, resume=True, **laid_out))
    assert losses(cut) == losses(whole)
    assert all(torch.equal(weights(whole)[name], each) for name, each in weights(cut).items())


@pytest.mark.slow
def test_what_is_learned_is_drawn_nearer(base, dataset, tmp_path):
    more = {"max_steps": 60, "validate_every": 5, "train_text_encoder": True, "ema_decay": 0.0}
    finetune(quick(dataset, base, tmp_path / "run", learning_rate=5e-3, **more))
    rows = rows_from(tmp_path / "run")[0]
    held_out = [row["validation_loss"] for row in rows if "validation_loss" in row]
    assert held_out[-1] < 0.6 * held_out[0], held_out
    encoder = "model/text_encoder/model.safetensors"
    assert (tmp_path / "run" / encoder).read_bytes() != (base / encoder[6:]).read_bytes()


def test_the_wish_to_stop_saves_everything_and_can_be_taken_back(base, dataset, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "stop").touch()
    finetune(quick(dataset, base, run))
    status = read_status(run)
    assert (status.state, status.step) == ("stopped", 0)
    assert (run / "model/model_index.json").exists()
    assert not (run / "stop").exists()
    finetune(quick(dataset, base, run, resume=True))
    assert (read_status(run).state, len(losses(run))) == ("finished", 4)


def test_wishes_to_save_and_to_listen_are_granted_at_once(base, dataset, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    config = quick(dataset, base, run, max_steps=2, prompts=("Kriti in raga Todi",))
    before = engine._now_and_then

    def wishing(session, journal):
        if session.progress.step == 1:
            (run / "save_now").touch()
            (run / "sample_now").touch()
        before(session, journal)

    engine._now_and_then = wishing
    try:
        finetune(config)
    finally:
        engine._now_and_then = before
    (sample,) = samples(run)
    assert (sample.step, sample.about["prompt"]) == (1, "Kriti in raga Todi")
    image, codec = read_image(sample.path.with_suffix(".png"))
    assert image.shape == (codec.n_rows, 128)
    assert (run / "checkpoints/step-000001").is_dir()


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_good(
    base, dataset, tmp_path, monkeypatch
):
    whole = sessions.Objective.error

    def broken(self, batch, guess):
        loss = whole(self, batch, guess)
        return loss * float("nan") if losses(tmp_path / "run")[2:] else loss

    monkeypatch.setattr(sessions.Objective, "error", broken)
    with pytest.raises(RunError, match=r"step 4\. The checkpoint of step 3 is kept"):
        finetune(quick(dataset, base, tmp_path / "run", max_steps=9, save_every=1))
    status = read_status(tmp_path / "run")
    assert status.state == "failed"
    assert "learning rate" in status.message


@pytest.mark.parametrize(
    "more",
    [
        {"lora_alpha": 8.0},
        {"lora_dora": True, "lora_targets": ("to_q", "to_v", "ff.net.2")},
        {"train_text_encoder": True},
    ],
    ids=["lora", "dora", "words"],
)
def test_a_lora_is_kept_by_itself_and_merged(base, dataset, tmp_path, more):
    from diffusers import StableDiffusionPipeline

    more = {"lora_rank": 2, "learning_rate": 1e-2, **more}
    run = finetune(quick(dataset, base, tmp_path / "run", **more))
    before = load_file(base / "unet/diffusion_pytorch_model.safetensors")
    merged = weights(run)
    assert set(before) == set(merged)
    pipeline = StableDiffusionPipeline.from_pretrained(base)
    pipeline.load_lora_weights(run / "lora")  # as anybody would, with its own scale
    pipeline.fuse_lora()
    name = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
    found = pipeline.unet.get_submodule(name).base_layer.weight
    assert not torch.equal(before[f"{name}.weight"], merged[f"{name}.weight"])
    assert torch.allclose(found, merged[f"{name}.weight"].float(), atol=2e-3)  # half precision
    encoder = "text_encoder/model.safetensors"
    has_changed = (run / "model" / encoder).read_bytes() != (base / encoder).read_bytes()
    assert has_changed == ("train_text_encoder" in more)


def test_layers_that_no_model_has_are_named(base, dataset, tmp_path):
    with pytest.raises(RunError, match="No layer of the model is called to_x"):
        finetune(quick(dataset, base, tmp_path / "run", lora_rank=2, lora_targets=("to_x",)))


def test_an_optimizer_that_is_not_installed_says_how_to_get_it(base, dataset, tmp_path):
    if importlib.util.find_spec("bitsandbytes"):
        pytest.skip("bitsandbytes is installed here")
    with pytest.raises(RunError, match="pip install bitsandbytes"):
        finetune(quick(dataset, base, tmp_path / "run", optimizer="adamw8bit"))


def test_memory_that_runs_out_says_which_setting_to_lower(base, dataset, tmp_path, monkeypatch):
    whole = sessions.Objective.error

    def greedy(self, batch, guess):
        if losses(tmp_path / "run")[1:]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.")
        return whole(self, batch, guess)

    monkeypatch.setattr(sessions.Objective, "error", greedy)
    with pytest.raises(RunError, match=r"at step 3\. Lower the batch size \(2 now"):
        finetune(quick(dataset, base, tmp_path / "run", save_every=1))
    assert (tmp_path / "run/checkpoints/step-000002/state.json").exists()
    assert read_status(tmp_path / "run").state == "failed"


def test_early_stopping_waits_for_its_patience(base, dataset, tmp_path):
    more = {"max_steps": 30, "validate_every": 1, "patience": 2, "learning_rate": 0.5}
    run = finetune(quick(dataset, base, tmp_path / "run", **more))
    status = read_status(run)
    assert status.state == "finished"
    assert status.step < 30
    assert "No better" in status.message


def test_latents_are_encoded_once_for_all_runs(run, dataset):
    kept = {path: path.stat().st_mtime_ns for path in (dataset / ".cache").iterdir()}
    assert len(kept) == 3  # what is learned from, what is held out, the captions


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"dataset": Path("nowhere")}, DatasetError, "no exported dataset"),
        ({"base": "no/such/model"}, ModelError, "No model at"),
        ({"resume": True}, RunError, "Launch it anew"),
    ],
)
def test_a_mistake_says_what_to_do(base, dataset, tmp_path, change, error, words):
    with pytest.raises(error, match=words):
        finetune(replace(quick(dataset, base, tmp_path / "run"), **change))


def test_a_folder_that_holds_a_run_is_not_written_over(run, base, dataset):
    with pytest.raises(RunError, match="holds a run already"):
        finetune(quick(dataset, base, run))


def test_a_run_is_not_resumed_with_another_batch_size(run, base, dataset):
    with pytest.raises(RunError, match="batch_size 2, not 3"):
        finetune(quick(dataset, base, run, resume=True, batch_size=3))


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_checkpoint_and_says_so(base, dataset, tmp_path):
    run = finetune(quick(dataset, base, tmp_path / "run", max_steps=1, save_every=1))
    config = quick(dataset, base, run, max_steps=3, save_every=2, resume=True)
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        "from core.command import run; from training.finetune import finetune\n"
        "from tyro.conf import OmitArgPrefixes, configure\n"
        "run(configure(OmitArgPrefixes)(finetune))"
    )
    words = [sys.executable, "-c", script, *command(config)[3:]]
    done = subprocess.run(words, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr[-2000:]
    status = read_status(run)
    assert status.state == "failed"
    assert "Make room on the disk" in status.message
    assert [each.name for each in sorted((run / "checkpoints").iterdir())] == ["step-000001"]


def test_a_damaged_checkpoint_is_named(run, base, dataset, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(run, damaged)
    weights = damaged / "checkpoints/step-000006/weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    more = {"max_steps": 8, "save_every": 2, "keep_checkpoints": 3, "validate_every": 3}
    with pytest.raises(RunError, match="step-000006 is damaged"):
        finetune(quick(dataset, base, damaged, resume=True, **more))


@pytest.mark.slow
def test_a_run_killed_outright_goes_on_with_the_same_losses(run, base, dataset, tmp_path):
    killed = tmp_path / "killed"
    more = {"max_steps": 6, "save_every": 2, "keep_checkpoints": 3, "validate_every": 3}
    config = quick(dataset, base, killed, **more)
    alone = dict(os.environ, OMP_NUM_THREADS="1")
    process = subprocess.Popen(command(config), cwd=PROJECT, env=alone)
    deadline = time.monotonic() + 240
    while not any((killed / "checkpoints").glob("step-*/state.json")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()  # wherever it is
    process.wait()
    finetune(replace(config, resume=True))
    assert losses(killed) == losses(run)
    for name, each in weights(run).items():
        assert torch.equal(each, weights(killed)[name]), name


@pytest.mark.slow
def test_an_interrupt_while_it_loads_ends_it_at_once(base, dataset, tmp_path):
    run = tmp_path / "run"
    words = [
        sys.executable, "-m", "training.finetune", "--dataset", dataset, "--base", base,
        "--output", run, "--max-steps", 100000,
    ]  # fmt: skip
    process = subprocess.Popen(
        [str(word) for word in words],
        cwd=PROJECT,
        env=dict(os.environ),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a script's studio
    )
    deadline = time.monotonic() + 60
    while not (run / "status.json").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) != 0
    status = read_status(run)
    assert (status.state, status.step) == ("stopped", 0)


@pytest.mark.slow
def test_an_interrupt_finishes_the_step_and_the_command_resumes(base, dataset, tmp_path):
    run = tmp_path / "run"
    words = [
        sys.executable, "-m", "training.finetune", "--dataset", dataset, "--base", base,
        "--output", run, "--max-steps", 100000, "--batch-size", 2, "--sample-every", 0,
    ]  # fmt: skip
    process = subprocess.Popen([str(word) for word in words], cwd=PROJECT, env=dict(os.environ))
    deadline = time.monotonic() + 120
    while not rows_from(run)[0]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    status = read_status(run)
    assert status.state == "stopped"
    assert status.step == len(losses(run))
    config = json.loads((run / "config.json").read_text())
    assert config["max_steps"] == 100000
    assert (run / f"checkpoints/step-{status.step:06d}").is_dir()
