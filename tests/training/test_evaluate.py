"""Pictures drawn in batches, judged by ear, compared, and reported."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core import synthesis
from core.spectrogram import svara
from tests.training.lesson import CODEC, SMALL, small_dataset, small_model
from training.asking import Ask, Chooser, Manner, draw_asks
from training.data import read_dataset
from training.denoise import Windows
from training.drawing import Model
from training.evaluate import EvaluationConfig, asked, main
from training.judging import Bench, Passage, Verdict, judged
from training.likeness import Space, described, diversity, frechet, kernel_distance, nearest_copies
from training.loading import Taught
from training.model import build_pipeline
from training.raga_guide import RagaGuide
from training.raga_head import FILE, RagaHead
from training.raga_network import Recognizer
from training.reference import noise, of_dataset, shuffled
from training.scoring import Figure, section_figures, sung_figures
from training.wish import GenerateConfig, Vocabulary, resolve

KNOWN = Vocabulary(("Mohanam", "Todi"), ("Adi",), ("alapanai", "kriti"))
TAUGHT = Taught(CODEC, KNOWN, True)
BOTH = slice(2)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(build_pipeline(SMALL), CODEC, "small")


@pytest.fixture(scope="module")
def sung() -> Passage:
    """Twenty seconds of a sample alapanai in Mohanam, as the codec draws it."""
    plan = synthesis.Plan((synthesis.Item("Mohanam", "Adi", ("alapanai",)),), lead="voice")
    concert = synthesis.render(3, 0.4, plan)
    image = svara(concert.recording.tonic_hz).encode(concert.y, concert.sr)
    return Passage(np.stack([image[:, :512], image[:, 512:1024]]), "Mohanam", "alapanai")


# Drawing


def test_a_picture_does_not_depend_on_its_batch(model):
    asks = [Ask("kriti", "Todi", "Adi", 1), Ask("alapanai", "Mohanam", None, 2), Ask("applause")]
    together = draw_asks(model, KNOWN, asks, 1, Manner(3, 4.0, 3))
    alone = draw_asks(model, KNOWN, asks[1:2], 1, Manner(3, 4.0, 1))
    assert together.shape == (3, 1, 64, 128)
    assert np.abs(together[1].astype(int) - alone[0]).max() <= 1
    assert not np.array_equal(together[0], together[1])


def test_each_ask_has_its_own_pictures_and_the_chooser_keeps_the_likeliest(model):
    torch.manual_seed(0)
    recognizer = Recognizer.new(("Mohanam", "Todi"), CODEC)
    recognizer.network.eval()
    asks = [Ask("kriti", "Todi", "Adi", 0), Ask("alapanai", "Mohanam", None, 1)]
    manner = Manner(2, 1.5, 8)
    first = draw_asks(model, KNOWN, asks, 2, manner)
    assert first.shape == (2, 2, 64, 128)
    assert not np.array_equal(first[0, 0], first[0, 1])
    chosen = draw_asks(model, KNOWN, asks, 2, manner, Chooser(recognizer, 3))
    tried = draw_asks(model, KNOWN, asks, 6, manner).reshape(2, 2, 3, 64, 128)
    for ask, kept, of_ask in zip(asks, chosen, tried, strict=True):
        for picture, candidates in zip(kept, of_ask, strict=True):
            shown = torch.from_numpy(candidates)[:, None].float() / 127.5 - 1
            with torch.no_grad():
                likeliest = recognizer.logits(shown).log_softmax(1)[:, recognizer.place(ask.raga)]
            assert np.abs(picture.astype(int) - candidates[likeliest.argmax()]).max() <= 1


def test_guidance_climbs_the_heads_own_slope_and_leaves_the_late_steps(model):
    torch.manual_seed(0)
    pipeline = model.pipeline
    head = RagaHead.on(pipeline.unet, ("Mohanam", "Todi"))
    guide = RagaGuide(pipeline, head, ("Todi", None), (10.0, 10.0))
    noisy, words = torch.randn(2, 4, 4, 8), torch.randn(2, 77, 32)
    early, late = torch.tensor(800), torch.tensor(100)
    moved = guide(noisy, early, words, BOTH)
    assert moved[0].abs().sum() > 0
    assert moved[1].abs().sum() == 0  # nobody said which raga
    assert guide(noisy, late, words, BOTH).abs().sum() == 0

    def chance(latents):
        with torch.no_grad():
            pipeline.unet(latents, early.expand(2), words)
            return head.hear(early.expand(2)).log_softmax(1)[0, 1].item()

    slope = guide.gradient(noisy, early, words, BOTH)
    step = 1e-2 * slope / slope.norm()
    assert chance(noisy + step) > chance(noisy) > chance(noisy - step)


def test_only_a_model_with_a_head_is_guided_and_only_to_what_it_knows(model):
    torch.manual_seed(0)
    guided = replace(model, head=RagaHead.on(model.pipeline.unet, ("Mohanam", "Todi")))
    free, pulled = (Manner(4, 1.0, raga_guidance=strength) for strength in (0.0, 10.0))
    todi, other = [Ask("kriti", "Todi", "Adi")], [Ask("kriti", "Kalyani", "Adi")]
    plain = draw_asks(model, KNOWN, todi, 1, pulled)
    assert np.array_equal(plain, draw_asks(guided, KNOWN, todi, 1, free))
    assert not np.array_equal(plain, draw_asks(guided, KNOWN, todi, 1, pulled))
    strange = draw_asks(model, KNOWN, other, 1, pulled)
    assert np.array_equal(strange, draw_asks(guided, KNOWN, other, 1, pulled))


def test_a_clip_that_goes_over_is_pulled_to_both_ragas_and_own_words_to_none(model):
    wish = resolve(GenerateConfig(raga="Todi", to_raga="Mohanam"))
    windows = Windows(40, 16, overlap=0.75)
    head = RagaHead.on(model.pipeline.unet, ("Mohanam", "Todi"))
    guide = RagaGuide.of(model.pipeline, head, [wish], windows)
    assert guide.ragas == ["Todi"] * 3 + ["Mohanam"] * 4
    for change in ({"prompt": "applause"}, {"section": "applause"}, {"raga_guidance": 0.0}):
        let_alone = resolve(GenerateConfig(raga="Todi", **change))
        assert RagaGuide.of(model.pipeline, head, [let_alone], windows) is None


def test_the_head_lies_beside_the_model(model, tmp_path):
    assert RagaHead.beside(tmp_path, model.pipeline) is None
    RagaHead.on(model.pipeline.unet, ("Mohanam", "Todi")).save(tmp_path / FILE)
    assert RagaHead.beside(tmp_path, model.pipeline).ragas == ("Mohanam", "Todi")


# Judging


def test_a_real_passage_is_heard_in_its_raga_and_section(sung):
    ragas = ("Mohanam", "Todi", "Kalyani", "Madhyamavati")
    found = judged(sung, svara().parameters(), ragas)
    assert found.place == 1
    assert found.adherence > 80
    assert found.adherence - found.permuted > 10
    assert found.heard_section == "alapanai"
    assert found.mridangam < 0.2
    wrong = judged(replace(sung, raga="Todi"), svara().parameters(), ragas)
    assert wrong.adherence < found.adherence
    assert wrong.place > 1


def test_noise_is_judged_as_chance(sung):
    (drawn,) = Bench(svara().parameters(), ("Mohanam", "Todi")).judge(noise([sung]))
    assert drawn.adherence == 50
    assert drawn.place is None
    assert sung_figures([drawn])["top-1 %"].mean == 0


def test_percussion_has_no_raga_to_judge(sung):
    tani = replace(sung, section="tani avartanam", raga=None)
    bench = Bench(svara().parameters(), ("Mohanam",), sections=False)
    assert bench.judge([tani])[0] == Verdict(None, "tani avartanam")


def test_shuffled_captions_give_every_passage_another_raga(sung):
    passages = [replace(sung, raga=raga) for raga in ("Mohanam", "Todi", "Kalyani")]
    passages.append(replace(sung, section="tani avartanam", raga=None))
    names = [each.raga for each in shuffled(passages)]
    assert sorted(names[:3]) == ["Kalyani", "Mohanam", "Todi"]
    assert all(a != b.raga for a, b in zip(names[:3], passages, strict=False))
    assert names[3] is None


def test_the_ceiling_is_what_nobody_was_taught_with(tmp_path):
    dataset = read_dataset(small_dataset(tmp_path / "data", n=3, held_out=6))
    wanted = [Passage(np.zeros((2, 64, 128), np.uint8), "Todi", "kriti")]
    (found,) = of_dataset(dataset, wanted, 2)
    assert (found.raga, found.section, len(found.images)) == ("Todi", "kriti", 2)


# Figures


def test_intervals_hold_the_mean_and_narrow_with_more():
    rng = np.random.default_rng(0)
    few, many = (Figure.of(rng.normal(5, 1, n)) for n in (20, 2000))
    assert few.low < 5 < few.high
    assert many.high - many.low < 0.2 * (few.high - few.low)
    assert str(Figure.of([None, float("nan")])) == "–"


def test_mridangam_is_asked_for_where_it_belongs():
    verdicts = [
        Verdict(None, "alapanai", mridangam=0.1, heard_section="kriti"),
        Verdict(None, "tani avartanam", mridangam=0.9, heard_section="tani avartanam"),
    ]
    found = section_figures(verdicts)
    assert found["mridangam in alapanai"].mean == pytest.approx(0.1)
    assert found["mridangam in tani avartanam"].mean == pytest.approx(0.9)
    assert found["section right %"].mean == 50


def textures(n: int, grain: float, seed: int) -> np.ndarray:
    """Pictures of one kind: smooth noise over time, each unlike the others."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(seed)
    drawn = gaussian_filter(rng.standard_normal((n, 64, 128)), (0, 1, grain))
    return np.clip(128 + 60 * drawn / drawn.std(), 0, 255).astype(np.uint8)


def test_distances_tell_sets_of_another_kind_from_more_of_the_same():
    real, same, other = textures(60, 3, 0), textures(60, 3, 1), textures(60, 1, 2)
    space = Space.of(described(real))
    at, near, far = (space.place(each) for each in (real, same, other))
    assert frechet(near, at) < 0.5 * frechet(far, at)
    assert abs(kernel_distance(near, at)) < 0.2 * kernel_distance(far, at)
    assert frechet(at, at) == pytest.approx(0, abs=0.05)


def test_copies_alike_have_no_diversity():
    at = Space.of(described(textures(20, 3, 0))).place(textures(4, 3, 1))
    groups = ["a", "a", "b", "b"]
    assert diversity(at, groups) > 0
    assert diversity(at[[0, 0, 2, 2]], groups) == pytest.approx(0, abs=0.01)


def test_a_copy_is_found_at_any_shift_and_level():
    learned, new = textures(10, 2, 0), textures(3, 2, 1)
    shifted = np.roll(learned[4:5], 24, axis=2) // 2 + 40
    likeness, which = nearest_copies(np.concatenate([new, shifted]), learned)
    assert which[3] == 4
    assert likeness[3] > 0.75
    assert likeness[:3].max() < 0.6


# The report


@pytest.mark.slow
def test_a_model_is_reported_with_tables_plots_and_players(tmp_path):
    model = small_model(tmp_path / "model")
    said = json.loads((model / "codec.json").read_text())
    (model / "codec.json").write_text(json.dumps(said | {"ragas": ["Mohanam", "Todi"]}))
    dataset = small_dataset(tmp_path / "data", n=6, held_out=24)
    config = EvaluationConfig(
        str(model),
        tmp_path / "report",
        dataset,
        ragas=("mohana",),
        sections=("alapanai", "tani avartanam"),
        steps=2,
        workers=1,
        players=1,
    )
    words = main(config)
    assert "| noise |" in words
    report = json.loads((tmp_path / "report/report.json").read_text())
    subjects = report["subjects"]
    assert set(subjects) == {"ceiling", "model", "shuffled", "noise"}
    assert report["candidate ragas"] == ["Mohanam", "Todi"]
    assert len(subjects["model"]["verdicts"]) == 2
    assert subjects["model"]["likeness"]["copies"]
    page = (tmp_path / "report/index.html").read_text()
    assert "data:audio/ogg" in page
    assert page.count("data:image/png") >= 3
    assert "<audio" in page


def test_every_section_is_asked_for_in_its_own_way():
    asks = asked(EvaluationConfig(clips=2, sections=("alapanai", "kriti", "tani")), TAUGHT)
    assert len(asks) == 2 * 3 * 2
    assert len({ask.seed for ask in asks}) == len(asks)
    assert {ask.raga for ask in asks if ask.section == "tani avartanam"} == {None}
    assert {ask.tala for ask in asks if ask.section == "kriti"} == {"Adi"}
    assert {ask.tala for ask in asks if ask.section == "alapanai"} == {None}
