import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from core.errors import ModelError, StudioError, TheoryError
from core.spectrogram import svara
from core.workspace import PROJECT
from tests.training.tiny import tiny_model
from training import generate as generating
from training.clips import clip as saved_clip
from training.denoise import Cancelled, Course
from training.drawing import fitted
from training.generate import GenerateConfig, Generator, again, save
from training.loading import fingerprint, taught
from training.model import TINY, build_pipeline, keep_lora, save_model
from training.sounding import finished
from training.wish import Vocabulary, resolve

SR, HOP = 24_000, 480
SMALL = replace(TINY, rows=64, columns=128)
CODEC = replace(svara(146.83), n_rows=64, rows_per_octave=9, width=128)  # 2.56 s at once
QUICK = GenerateConfig(raga="Mohanam", tala="Adi", section="kriti", seconds=5, seed=1, steps=2)
KNOWN = Vocabulary(("Mohanam", "Todi"), ("Adi",), ("alapanai", "kriti"), "concise")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    save_model(build_pipeline(SMALL), folder, CODEC, KNOWN)
    return folder


@pytest.fixture(scope="module")
def generator(model):
    return Generator(model)


@pytest.fixture(scope="module")
def clip(generator):
    return generator.generate(QUICK)


def test_a_wish_becomes_a_clip_of_exactly_the_seconds_asked_for(clip, generator):
    assert (clip.sr, len(clip.y)) == (SR, 5 * SR)
    assert clip.image.shape == (64, 250)  # 20 ms a column
    assert clip.prompt == "Kriti in raga Mohanam, Adi tala"
    assert clip.config.model == generator.model


@pytest.mark.parametrize("seconds", [5.003, 13.7])
def test_odd_lengths_are_kept_to_the_sample(generator, seconds):
    clip = generator.generate(GenerateConfig(seconds=seconds, steps=1))
    assert len(clip.y) == round(seconds * SR)


def test_the_sound_neither_clips_nor_clicks(clip):
    assert np.isfinite(clip.y).all()
    assert 0.01 < np.abs(clip.y).max() <= 1
    assert np.abs(clip.y[[0, -1]]).max() < 1e-3


def test_ends_are_faded_and_peaks_kept_below_full_scale():
    loud = np.full(SR, 4.0, dtype=np.float32)
    y = finished(loud, SR)
    assert y.max() == pytest.approx(0.97)
    assert y[0] == y[-1] == 0
    assert (loud == 4).all()  # what was given is not changed
    soft = np.full(SR, 0.1, dtype=np.float32)
    assert finished(soft, SR).max() == np.float32(0.1)  # soft stays soft
    assert finished(np.zeros(10, np.float32), SR).tolist() == [0] * 10


def test_the_same_seed_gives_the_same_samples_and_another_one_others(clip, generator, model):
    assert np.array_equal(generator.generate(QUICK).y, clip.y)
    assert np.array_equal(Generator(model).generate(QUICK).y, clip.y)  # loaded anew
    other = generator.generate(replace(QUICK, seed=2))
    assert not np.array_equal(other.y, clip.y)


def test_the_clip_says_how_many_threads_drew_it_and_the_caller_keeps_its_own(clip, generator):
    assert clip.config.threads == 1
    two = generator.generate(replace(QUICK, threads=2))
    assert two.config.threads == 2
    assert torch.get_num_threads() == 1
    torch.set_num_threads(2)  # as another shell or page may have it
    assert np.array_equal(generator.generate(clip.config).y, clip.y)
    torch.set_num_threads(1)


@pytest.mark.slow
def test_the_command_gives_the_same_samples_as_the_object(clip, model, tmp_path):
    words = "--raga mohana --tala adi --section kriti --seconds 5 --seed 1 --steps 2"
    result = command("--model", model, *words.split(), "--out", tmp_path / "clip.wav")
    assert result.returncode == 0, result.stderr
    y, sr = soundfile.read(tmp_path / "clip.wav", dtype="float32")
    assert sr == SR
    assert np.abs(y - clip.y).max() <= 1 / 32768  # sixteen bits


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "training.generate", *map(str, words)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_mistake_in_a_command_is_one_line_and_leaves_no_file(tmp_path):
    result = command("--raga", "Kalyni", "--model", tmp_path, "--out", tmp_path / "x.wav")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_another_tonic_moves_the_sound_but_not_the_picture(clip, generator):
    high = generator.generate(replace(QUICK, tonic_hz=196.0))
    assert np.array_equal(high.image, clip.image)
    assert high.codec.tonic_hz == 196.0
    assert not np.array_equal(high.y, clip.y)


@pytest.mark.slow
def test_a_long_clip_costs_windows_and_is_one_picture(generator):
    clip = generator.generate(GenerateConfig(seconds=21, steps=2))
    assert clip.image.shape == (64, 21 * 50)
    assert len(clip.y) == 21 * SR


def test_a_raga_the_model_was_not_taught_is_sung_with_a_note(generator):
    clip = generator.generate(GenerateConfig(raga="Kalyani", seconds=5, steps=1))
    assert "not taught raga Kalyani" in " ".join(clip.notes)
    assert "Mohanam" in " ".join(clip.notes)  # R2 G3 P D2 of Kalyani; Todi shares but Sa and Pa


def test_what_cannot_be_is_refused_before_the_model_is_loaded(model):
    idle = Generator(model)
    with pytest.raises(TheoryError, match="Kalyani"):
        idle.generate(GenerateConfig(raga="Kalyni"))
    with pytest.raises(StudioError, match="free time"):
        idle.generate(GenerateConfig(raga="Todi", tala="Adi", section="alapanai"))
    assert idle._loaded is None


def test_progress_rises_to_one_and_says_what_is_done(generator):
    told = []
    generator.generate(QUICK, lambda share, what: told.append((share, what)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert {"Drawing", "Sounding"} <= {what for _, what in told}


def test_a_listener_who_leaves_stops_the_work_and_frees_the_model(generator, clip):
    told = []
    with pytest.raises(Cancelled):
        generator.generate(
            GenerateConfig(seconds=5, steps=50),
            lambda share, what: told.append(what),
            cancelled=lambda: told.count("Drawing") >= 2,
        )
    assert told.count("Drawing") == 2
    assert np.array_equal(generator.generate(QUICK).y, clip.y)


def test_two_visitors_at_once_each_get_their_own_clip(generator):
    wishes = [replace(QUICK, seed=seed, steps=1) for seed in range(3)]
    alone = [generator.generate(wish).y for wish in wishes]
    together: dict[int, np.ndarray] = {}

    def visit(wish: GenerateConfig) -> None:
        together[wish.seed] = generator.generate(wish).y

    visitors = [threading.Thread(target=visit, args=(wish,)) for wish in wishes]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert all(np.array_equal(together[seed], y) for seed, y in enumerate(alone))


def test_who_comes_while_too_many_wait_is_sent_away(model, monkeypatch):
    monkeypatch.setattr(generating, "MAX_WAITING", 0)
    busy = Generator(model)
    refused = []

    def come_too(share: float, what: str) -> None:
        if not refused:
            with pytest.raises(ModelError, match="wait") as error:
                busy.generate(QUICK)
            refused.append(error)

    busy.generate(replace(QUICK, steps=1), come_too)
    assert refused


@pytest.mark.slow
def test_a_model_trained_on_is_loaded_anew(model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    growing = Generator(folder)
    before = growing.generate(QUICK)
    shutil.rmtree(folder)
    save_model(build_pipeline(SMALL, seed=5), folder, CODEC, KNOWN)
    after = growing.generate(QUICK)
    assert before.model_hash != after.model_hash == fingerprint(folder)
    assert not np.array_equal(before.y, after.y)


@pytest.mark.slow
def test_a_model_without_codec_json_draws_riffusions_pictures(tmp_path):
    folder = tiny_model(tmp_path / "riffusion", rows=64, columns=64)
    assert taught(folder).codec.preset == "riffusion"
    assert not taught(folder).is_aligned
    clip = Generator(folder).generate(GenerateConfig(seconds=6, steps=1, guidance_scale=1))
    assert clip.image.shape[0] == 512
    assert clip.sr == 44_100
    assert clip.codec.tonic_hz is None  # its rows are fixed: no other sruti
    assert len(clip.y) == 6 * 44_100


def test_a_saved_clip_is_made_again_bit_for_bit(clip, generator, workspace):
    saved = saved_clip(workspace, save(clip, workspace))
    once_more = again(saved)
    assert np.array_equal(once_more.y, clip.y)
    assert once_more.config == clip.config


@pytest.mark.slow
def test_a_clip_whose_model_changed_is_made_again_with_a_warning(clip, workspace, model, tmp_path):
    saved = saved_clip(workspace, save(clip, workspace))
    other = tmp_path / "other"
    save_model(build_pipeline(SMALL, seed=5), other, CODEC, KNOWN)
    assert "no more the model" in again(saved, Generator(other)).notes[-1]


def test_a_variation_begins_the_nearer_to_its_source_the_less_strength_it_has(clip, generator):
    model = generator._loaded
    windows = model.windows(resolve(QUICK), clip.image.shape[1])
    whole = fitted(clip.image, windows.total * model.factor)
    noise = model.noise(windows, seed=9)

    @torch.no_grad()
    def likeness(strength: float) -> float:
        known = model.latents(whole, windows)
        begun, course = model.varied(clip.image, noise, windows, Course(100, 4.0), strength)
        assert course.strength == strength
        return float(torch.corrcoef(torch.stack([begun.ravel(), known.ravel()]))[0, 1])

    # A VAE of random weights whispers: its latents are far below the noise even at a tenth.
    assert likeness(0.01) > 0.3
    assert likeness(0.01) > likeness(0.1) > likeness(0.5) > likeness(1.0)


def test_a_variation_is_made_again_without_its_source(clip, generator, workspace):
    generator.workspace = workspace
    source = save(clip, workspace)
    wish = replace(QUICK, source=source, strength=0.5, seed=9)
    varied = generator.generate(wish)
    kept = saved_clip(workspace, save(varied, workspace))
    generating.clips(workspace)
    saved_clip(workspace, source).audio.unlink()
    assert np.array_equal(again(kept, generator).y, varied.y)


def test_a_continuation_begins_with_what_it_continues(clip, generator, workspace):
    generator.workspace = workspace
    source = save(clip, workspace)
    wish = replace(QUICK, source=source, use="continue", seed=4)
    longer = generator.generate(wish)
    assert len(longer.y) == len(clip.y) + 5 * SR
    assert np.array_equal(longer.image[:, :250], clip.image)


def test_a_loop_ends_where_it_begins(generator):
    loop = generator.generate(replace(QUICK, loop=True, seconds=12))
    assert len(loop.y) == loop.image.shape[1] * HOP
    assert len(loop.y) / SR == pytest.approx(12, abs=0.17)  # half a column of latents
    jumps = np.abs(np.diff(loop.y))
    assert abs(loop.y[0] - loop.y[-1]) <= jumps.max()


def test_a_morph_begins_as_its_first_words_and_ends_otherwise(generator):
    wish = {**vars(QUICK), "section": "alapanai", "tala": None}
    plain = generator.generate(GenerateConfig(**wish))
    morph = generator.generate(GenerateConfig(**wish | {"to_raga": "Todi"}))
    changed = np.abs(morph.image.astype(int) - plain.image).mean(axis=0)
    assert changed[-50:].mean() > changed[:50].mean()


@pytest.mark.slow
def test_a_morph_within_one_window_is_refused(tmp_path):
    folder = tmp_path / "wide"
    codec = replace(CODEC, width=512)
    save_model(build_pipeline(replace(SMALL, columns=512)), folder, codec, KNOWN)
    with pytest.raises(StudioError, match="more seconds"):
        Generator(folder).generate(replace(QUICK, to_raga="Todi"))


@pytest.fixture(scope="module")
def lora(tmp_path_factory):
    """A LoRA as a training run leaves it, with weights that are heard."""
    from peft import LoraConfig

    pipeline = build_pipeline(SMALL)
    torch.manual_seed(3)
    pipeline.unet.add_adapter(
        LoraConfig(r=2, lora_alpha=2, init_lora_weights=False, target_modules=["to_q", "to_v"])
    )
    folder = tmp_path_factory.mktemp("run") / "lora"
    keep_lora(pipeline, folder)
    return folder


def test_a_lora_is_heard_as_strongly_as_asked_and_gone_afterwards(clip, generator, lora):
    def with_strength(strength: float):
        return generator.generate(replace(QUICK, lora=str(lora), lora_strength=strength))

    full, none = with_strength(1.0), with_strength(0.0)
    assert not np.array_equal(full.image, clip.image)
    assert np.abs(none.image.astype(int) - clip.image).max() <= 1  # sums in another order
    assert full.model_hash.startswith(clip.model_hash + "+")
    assert np.array_equal(generator.generate(QUICK).y, clip.y)


def test_a_lora_that_is_not_there_or_no_safetensors_is_refused(generator, clip, tmp_path):
    pickled = tmp_path / "lora.bin"
    pickled.write_bytes(b"\x80\x02}q\x00.")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"no tensors")
    for lora, reason in (
        (tmp_path / "nowhere.safetensors", "No LoRA"),
        (pickled, "no .safetensors"),
        (broken, "does not fit"),
    ):
        with pytest.raises(ModelError, match=reason):
            generator.generate(replace(QUICK, lora=str(lora)))
    assert np.array_equal(generator.generate(QUICK).y, clip.y)


def test_looking_at_the_module_loads_no_torch():
    script = "import sys, training.generate, training.jobs; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"


class TestModelsThatCannotBePlayed:
    """What is wrong with each is said, with the way out."""

    @pytest.fixture
    def folder(self, model, tmp_path):
        return shutil.copytree(model, tmp_path / "model")

    def refused(self, model) -> str:
        with pytest.raises(ModelError) as error:
            Generator(model).generate(QUICK)
        return str(error.value)

    def test_a_path_that_is_not_there(self, tmp_path):
        assert "No model at" in self.refused(tmp_path / "nowhere")

    def test_a_hub_id_without_a_network(self):
        assert "Hub" in self.refused("nobody-here/no-such-model")

    def test_a_folder_that_is_no_pipeline(self, tmp_path):
        assert "model_index.json" in self.refused(tmp_path)

    def test_a_single_checkpoint_file(self, tmp_path):
        checkpoint = tmp_path / "model.ckpt"
        checkpoint.write_bytes(b"\x80\x02}q\x00.")
        assert "from_single_file" in self.refused(checkpoint)

    def test_a_pipeline_of_another_kind(self, folder):
        index = json.loads((folder / "model_index.json").read_text())
        index["_class_name"] = "FluxPipeline"
        (folder / "model_index.json").write_text(json.dumps(index))
        assert "FluxPipeline" in self.refused(folder)

    def test_pickled_weights(self, folder):
        for path in (folder / "unet").glob("*.safetensors"):
            path.rename(path.with_suffix(".bin"))
        assert "pickle" in self.refused(folder)

    def test_truncated_weights(self, folder):
        for path in (folder / "unet").glob("*.safetensors"):
            path.write_bytes(path.read_bytes()[:100])
        assert "could not be loaded" in self.refused(folder)

    def test_a_damaged_codec(self, folder):
        (folder / "codec.json").write_text('{"codec": {"preset": "sitar"}}')
        assert "codec.json" in self.refused(folder)
        (folder / "codec.json").write_text("{")
        assert "damaged" in self.refused(folder)


def test_pictures_drawn_at_once_are_those_drawn_one_by_one(generator):
    generator.prepare()
    model, course = generator._loaded, Course(2, 4.0, windows_at_once=3)
    wishes = [resolve(replace(QUICK, seed=seed)) for seed in (1, 2)]
    with torch.inference_mode():
        together = model.draw_many(wishes, 250, course)
        alone = [model.draw(wish, 250, course) for wish in wishes]
    for one, other in zip(together, alone, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1  # sums in another order
    assert not np.array_equal(*together)
