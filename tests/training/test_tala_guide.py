"""The strokes that lead a drawing keep their tala, and leave the melody's rows alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from core.avartana import cycles
from core.spectrogram import riffusion, svara
from core.synthesis.rhythm import TEMPI, metre
from core.theory import tala
from tests.training.lesson import CODEC, small_model
from training.drawing import Model
from training.lessons import TALAS
from training.tala_guide import TalaGuide, held_rows, loudness, strokes_drawn
from training.wish import GenerateConfig, resolve

SONG = GenerateConfig(raga="Mohanam", tala="Adi", section="kriti", tempo="medium", seed=3)


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Model:
    return Model.load(small_model(tmp_path_factory.mktemp("tala") / "model"), CODEC, "cpu")


@pytest.mark.parametrize("name", TALAS)
@pytest.mark.parametrize("tempo", TEMPI)
def test_the_strokes_keep_the_tala_at_the_tempo(name, tempo):
    codec = svara()
    wish = resolve(replace(SONG, tala=name, tempo=tempo)).config
    image = strokes_drawn(wish, codec, round(15 * codec.sr / codec.hop_length))
    found = cycles(codec.decode(image), codec.sr, [tala(each) for each in TALAS])
    (own,) = [each for each in found if each.tala == tala(name)]
    asked = metre(own.tala, np.random.default_rng(0), tempo)
    assert own.akshara_s == pytest.approx(asked.akshara_s, rel=0.02)
    assert own.score > max(0.5, found[0].score - 0.1)  # three of one may be one of another


def test_another_seed_plays_another_pattern_and_the_same_one_the_same():
    one, other = (strokes_drawn(replace(SONG, seed=n), svara(), 400) for n in (1, 2))
    assert not np.array_equal(one, other)
    assert np.array_equal(one, strokes_drawn(replace(SONG, seed=1), svara(), 400))


@pytest.mark.parametrize("n_columns", [400, 512, 700])
def test_a_loop_holds_whole_cycles(n_columns):
    wish = replace(SONG, loop=True)
    once, twice = (strokes_drawn(wish, CODEC, n * n_columns) for n in (1, 2))
    assert once.shape[1] == n_columns
    whole = twice.astype(float)
    alike = np.corrcoef(whole[:, :n_columns].ravel(), whole[:, n_columns:].ravel())[0, 1]
    assert alike > 0.8


@pytest.mark.parametrize("codec", [svara(), riffusion()])
def test_the_rows_of_the_melody_are_free_and_those_of_the_drum_are_held(codec):
    cents = codec.row_cents.reshape(-1, 8).mean(axis=1)
    held = held_rows(codec, 8)
    assert not held[(cents >= 0) & (cents <= 3600)].any()
    assert held[cents > 4200].all()
    assert held[cents < -900].all()


def test_loudness_is_of_the_strokes_and_silence_has_none():
    image = np.zeros((64, 128), np.uint8)
    image[:, 32:40] = 200
    found = loudness(image, 8)
    assert found.shape == (8, 16)
    assert found[:, 4] == pytest.approx(1)
    assert not found[:, :4].any()
    assert not loudness(0 * image, 8).any()


@pytest.mark.parametrize(
    "change",
    [{"section": "alapanai", "tala": None, "tempo": None}, {"tala_guide": 0.0},
     {"prompt": "applause"}, {"tala": None}],
)  # fmt: skip
def test_nothing_leads_where_there_is_no_tala_or_it_is_not_wanted(model, change):
    wish = resolve(replace(SONG, **change))
    windows = model.windows(wish, 128)
    assert TalaGuide.of(model, [wish], model.noise(windows, 0), windows) is None


@torch.inference_mode()
def test_it_holds_the_drums_rows_while_they_are_noisy_and_nothing_else(model):
    free = resolve(replace(SONG, section="alapanai", tala=None, tempo=None))
    wishes = [resolve(SONG), free]
    windows = model.windows(wishes[0], 128)
    noise = torch.cat([model.noise(windows, n) for n in (0, 1)])
    guide = TalaGuide.of(model, wishes, noise, windows)
    latents = torch.full_like(noise, 3.0)
    early, late = torch.tensor(900), torch.tensor(50)
    led = guide.keep(latents, early)
    assert torch.equal(led[1], latents[1])  # an alapanai beside it
    rows = torch.from_numpy(held_rows(model.codec, model.factor)).bool()
    assert torch.equal(led[0][:, ~rows], latents[0][:, ~rows])
    assert not torch.allclose(led[0][:, rows], latents[0][:, rows])
    assert torch.equal(guide.keep(latents, late), latents)
    assert torch.equal(guide.keep(latents, None), latents)


@pytest.mark.slow
def test_the_demo_model_led_by_it_keeps_the_talas():
    from training.generate import Generator

    generator = Generator()
    talas = [tala(each) for each in TALAS]
    right = 0
    for n, name in enumerate(TALAS):
        clip = generator.generate(replace(SONG, tala=name, seconds=15, steps=12, seed=20 + n))
        right += cycles(clip.y, clip.sr, talas)[0].tala == tala(name)
    assert right >= 3
