import numpy as np
import pytest

from core.errors import StudioError
from core.spectrogram import svara
from training.choosing import best_of, by_raga, raga_scores
from training.clips import Clip
from training.wish import GenerateConfig

SR, TONIC_HZ = 24_000, 146.83
MOHANAM = (0, 200, 400, 700, 900, 1200)  # cents of S R2 G3 P D2 S^


def sung(cents, raga="Mohanam", section="alapanai") -> Clip:
    """Each of `cents` held for 0.6 s, with harmonics as a voice has them."""
    hz = np.repeat(TONIC_HZ * 2 ** (np.array(cents) / 1200), int(0.6 * SR))
    phase = 2 * np.pi * np.cumsum(hz) / SR
    y = sum(np.sin(k * phase) / k for k in range(1, 8)).astype(np.float32) * 0.2
    config = GenerateConfig(raga=raga, section=section, tonic_hz=TONIC_HZ)
    return Clip(y, SR, np.zeros((256, 10), np.uint8), svara(TONIC_HZ), config, "", "")


class Singer:
    """Sings what it is given, one melody for each seed."""

    def __init__(self, *clips: Clip):
        self.clips, self.asked = clips, []

    def generate(self, config, progress=None, **watch):
        self.asked.append(config.seed)
        if progress:
            progress(1.0, "Done")
        return self.clips[config.seed % len(self.clips)]


def test_a_melody_on_the_ragas_svaras_scores_high_and_one_beside_them_low():
    right = raga_scores(sung(MOHANAM * 2))
    wrong = raga_scores(sung([cents + 100 for cents in MOHANAM] * 2))
    assert right["adherence"] > 95
    assert right["forbidden"] < 0.05
    assert wrong["adherence"] < 50


def test_percussion_and_what_has_no_raga_is_not_judged():
    assert raga_scores(sung(MOHANAM, section="tani avartanam")) == {}
    assert raga_scores(sung(MOHANAM, raga=None)) == {}


def test_the_best_of_several_is_the_one_that_keeps_to_the_raga():
    off = sung([cents + 100 for cents in MOHANAM] * 2)
    on = sung(MOHANAM * 2)
    singer, told = Singer(off, on, off), []
    best = best_of(singer, GenerateConfig(), 3, progress=lambda share, what: told.append(share))
    assert best is on
    assert singer.asked == [0, 1, 2]
    assert told == pytest.approx([1 / 3, 2 / 3, 1])


def test_of_equals_the_first_is_kept():
    one, other = sung(MOHANAM), sung(MOHANAM)
    assert best_of(Singer(one, other), GenerateConfig(), 2, score=lambda clip: 1.0) is one


def test_silence_is_worse_than_any_melody():
    silent = sung(MOHANAM)
    silent = Clip(np.zeros_like(silent.y), *[getattr(silent, name) for name in (
        "sr", "image", "codec", "config", "prompt", "model_hash")])  # fmt: skip
    assert by_raga(silent) < by_raga(sung([50] * 10))


@pytest.mark.parametrize("n", [0, -1, 1000])
def test_impossible_numbers_of_candidates_are_refused(n):
    with pytest.raises(StudioError, match="Best of"):
        best_of(Singer(sung(MOHANAM)), GenerateConfig(), n)


def test_a_recogniser_can_choose_so_that_the_judge_stays_apart(tmp_path):
    import torch

    from core.errors import ModelError
    from training.choosing import UNJUDGED, by_recognizer
    from training.raga_network import Recognizer

    torch.manual_seed(0)
    Recognizer.new(("Mohanam", "Todi"), svara()).save(tmp_path / "ragas.safetensors")
    score, clip = by_recognizer(tmp_path / "ragas.safetensors"), sung(MOHANAM)
    clip.image[:] = np.random.default_rng(0).integers(0, 255, clip.image.shape)
    chances = [np.exp(score(sung_as)) for sung_as in (clip, replace_raga(clip, "Todi"))]
    assert sum(chances) == pytest.approx(1, abs=1e-4)
    assert score(replace_raga(clip, "Kalyani")) == UNJUDGED
    with pytest.raises(ModelError):
        by_recognizer(tmp_path / "none")


def replace_raga(clip: Clip, raga: str) -> Clip:
    from dataclasses import replace

    return replace(clip, config=replace(clip.config, raga=raga))
