"""Whole suggestions by the shipped model: of a concert, and of what is none."""

import numpy as np
import pytest

from core.errors import AudioError
from core.records import SECTIONS
from core.segmentation import mridangam
from core.segmentation.boundaries import refined
from core.segmentation.context import GROUPS, columns_of, features, names, near, relative
from core.segmentation.evaluation import boundary_f, by_second, f1, macro, right_seconds, truth_of
from core.segmentation.listening import NAMES, Heard, listen_to
from core.segmentation.negatives import KINDS, negative
from core.segmentation.suggesting import believed, suggest
from core.segmentation.violin import passages
from tests.core.segmentation.conftest import noise

SR = 16_000


@pytest.fixture(scope="module")
def suggested(concert, model):
    return suggest(concert.heard, model)


def test_a_concert_is_cut_into_what_it_holds(concert, suggested):
    truth = truth_of(concert.rendered.segments, len(concert.heard))
    assert right_seconds(truth, by_second(suggested, len(concert.heard))) > 0.7
    assert suggested[0].start_s == 0
    assert max(each.end_s for each in suggested) == pytest.approx(concert.heard.duration_s)
    assert {"alapanai", "tani avartanam"} <= {each.section for each in suggested}


def test_each_has_a_confidence_a_reason_and_a_level(suggested):
    for each in suggested:
        assert 0 <= each.confidence <= 0.97
        assert each.reason
    by_section = {each.section: each for each in suggested}
    assert "mridangam alone" in by_section["tani avartanam"].reason
    assert by_section["tani avartanam"].mridangam_level > 0.8
    assert by_section["alapanai"].mridangam_level < 0.1
    assert "no pulse" in by_section["alapanai"].reason


def test_the_level_of_the_mridangam_follows_the_truth(concert, model):
    true, told = [], []
    for each in concert.rendered.segments:
        true.append(each.mridangam_level)
        told.append(mridangam.level(model.drum, concert.heard, each.start_s, each.end_s))
    assert np.abs(np.array(true) - told).max() < 0.35
    assert np.argsort(true)[-1] == np.argsort(told)[-1]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "silence"])
def test_what_is_no_concert_is_never_a_certainty(kind, model):
    y = negative(kind, 40, SR, np.random.default_rng(12))
    for each in suggest(listen_to(y, SR), model):
        if each.section not in ("other", "speech", "applause"):
            assert each.confidence < 0.8, each


def test_silence_is_refused_in_words(model):
    with pytest.raises(AudioError, match="silent"):
        suggest(listen_to(np.zeros(20 * SR, np.float32), SR), model)


@pytest.mark.parametrize("seconds", [0.2, 20.0])
def test_a_short_file_is_answered_with_little_confidence(seconds, concert, model):
    y = concert.rendered.y[: round(seconds * concert.rendered.sr)]
    found = suggest(listen_to(y, concert.rendered.sr), model)
    assert found
    assert all(each.confidence < 0.65 for each in found)


def test_strange_sound_is_believed_less():
    trust = (0.0, 1.0, -1.0)
    assert believed(0.8, 3.0, trust) < believed(0.8, 0.3, trust) - 0.1
    assert believed(0.8, 0.3, trust) > believed(0.3, 0.3, trust)
    assert believed(1.0, 0.0, trust) <= 0.97


@pytest.mark.slow
def test_six_hours_are_cut_without_trouble(model):
    part = listen_to(noise(60), SR)
    rows = np.tile(part.rows, (360, 1))
    long = Heard(rows, np.tile(part.onset, 360), float(len(rows)))
    assert suggest(long, model)[-1].end_s == 21_600


def test_features_are_named_grouped_and_finite(concert, model):
    leads = model.say(concert.heard).leads
    found = features(concert.heard, leads)
    assert found.shape == (len(concert.heard), len(names()))
    assert np.isfinite(found).all()
    assert np.isfinite(near(concert.heard)).all()
    grouped = sum(columns_of(group).astype(int) for group in GROUPS)
    assert (grouped == 1).all()


def test_level_and_key_of_a_recording_do_not_matter(concert):
    louder, higher = concert.heard.rows.copy(), concert.heard.rows.copy()
    louder[:, NAMES.index("level")] += 17
    higher[:, NAMES.index("pitch")] += 300
    for rows in (louder, higher):
        moved = relative(Heard(rows, concert.heard.onset, concert.heard.duration_s))
        np.testing.assert_allclose(moved, relative(concert.heard), atol=1e-2)


def test_a_boundary_moves_to_where_the_change_is():
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 1, (200, len(NAMES))).astype(np.float32)
    rows[83:, : len(NAMES) // 2] += 2
    heard = Heard(rows, np.zeros(100, np.float32), 200.0)
    leads = np.full((200, 3), 1 / 3)
    assert refined([(0, 90, 0), (90, 200, 2)], heard, leads) == [(0, 83, 0), (83, 200, 2)]


def test_a_long_reply_of_the_violin_gets_a_layer_of_its_own():
    leads = np.tile([0.95, 0.04, 0.01], (200, 1))
    leads[60:100] = (0.04, 0.95, 0.01)
    leads[120:126] = (0.04, 0.95, 0.01)  # a turn of 6 s is no passage
    sections = [(0, 200, "kalpanaswaram")]
    ((first, last, p),) = passages(leads, sections)
    assert (first, last) == (60, 100)
    assert p > 0.9
    assert passages(leads[:, [1, 0, 2]] * [0.1, 1, 1], sections) == []  # no voice: a recital
    assert passages(leads, [(0, 200, "alapanai")]) == []


def test_scores_know_right_from_wrong(concert):
    n = len(concert.heard)
    truth = truth_of(concert.rendered.segments, n)
    perfect = by_second(concert.rendered.segments, n)
    assert macro(f1([truth], [perfect])) == 1
    assert macro(f1([truth], [np.zeros_like(perfect)])) == 0
    everything = np.zeros_like(perfect)
    everything[:, SECTIONS.index("kriti")] = True
    assert 0 < macro(f1([truth], [everything])) < 0.3
    segments = concert.rendered.segments
    assert boundary_f(segments, segments, concert.heard.duration_s) == 1


@pytest.mark.material
def test_real_percussion_is_a_tani_and_real_melody_is_none(material, model):
    from core import audio

    share = {}
    for folder in ("mridangam", "aavu-v2", "mixtures"):
        files = sorted((material / "audio" / folder).glob("*.wav"))
        y = np.concatenate([audio.load(path, sr=SR)[0] for path in files])
        found = by_second(suggest(listen_to(y, SR), model), round(len(y) / SR))
        share[folder] = found[:, SECTIONS.index("tani avartanam")].mean()
    assert share["mridangam"] >= 0.9
    assert share["aavu-v2"] <= 0.1
    assert share["mixtures"] <= 0.1
