"""The judge: melodies with a known answer, and controls that must score chance."""

import numpy as np
import pytest

from core import theory
from core.pitch import FRAME_S, PitchTrack
from core.raga import CHANCE, adherence, stable_cents, svara_seconds

SA = 146.8


def melody(cents: list[float], seconds_each: float = 0.5) -> PitchTrack:
    """A track that rests on each pitch in turn."""
    per_note = int(seconds_each / FRAME_S)
    hz = SA * 2 ** (np.repeat(np.asarray(cents, dtype=float), per_note) / 1200)
    return PitchTrack(np.arange(len(hz)) * FRAME_S, hz, np.ones(len(hz)))


def up_and_down(name: str) -> list[float]:
    raga = theory.raga(name)
    return [*raga.arohana_cents, *raga.avarohana_cents]


@pytest.mark.parametrize("name", ["Mohanam", "Kalyani", "Todi", "Hindolam", "Anandabhairavi"])
def test_a_ragas_own_scale_scores_far_above_chance(name):
    found = adherence(melody(up_and_down(name)), SA, theory.raga(name))
    assert found.share == pytest.approx(1.0)
    assert found.percentile > 95
    assert found.direction_violations == 0


def test_the_same_notes_heard_from_another_sa_are_another_raga():
    graha_bhedam = PitchTrack(*_fields(melody(up_and_down("Mohanam"))))
    from_its_ri = SA * 2 ** (200 / 1200)  # Mohanam from Ri is Madhyamavati's note set
    own = adherence(graha_bhedam, from_its_ri, theory.raga("Madhyamavati"))
    wrong = adherence(graha_bhedam, from_its_ri, theory.raga("Mohanam"))
    assert own.share == pytest.approx(1.0)
    assert wrong.percentile < own.percentile


def _fields(track: PitchTrack):
    return track.times_s, track.hz, track.confidence


def test_random_pitches_score_chance_on_average():
    rng = np.random.default_rng(0)
    percentiles = [
        adherence(
            melody(list(rng.uniform(0, 1200, 60)), 0.2), SA, theory.raga("Kalyani")
        ).percentile
        for _ in range(40)
    ]
    # the standard error of 40 draws, uniform on 0..100, is 4.6
    assert np.mean(percentiles) == pytest.approx(CHANCE, abs=14)


def test_a_drone_fits_every_raga_and_so_scores_chance():
    found = adherence(melody([0.0] * 10), SA, theory.raga("Mohanam"))
    assert found.share == pytest.approx(1.0)
    assert found.percentile == pytest.approx(CHANCE)


def test_little_melody_is_not_judged():
    found = adherence(melody([0.0, 200.0], 0.2), SA, theory.raga("Mohanam"))
    assert not found.judged
    assert found.percentile == CHANCE
    assert "not enough melody" in str(found)


def test_a_foreign_svara_is_named_as_time():
    found = adherence(melody([0, 200, 400, 500]), SA, theory.raga("Mohanam"))
    assert found.forbidden == pytest.approx(0.25, abs=0.03)  # the rest's edges move by a frame


def test_rising_through_what_only_the_descent_has_is_a_violation():
    abheri = theory.raga("Abheri")  # S G2 M1 P N2 S', S' N2 D2 P M1 G2 R2 S
    straight = adherence(melody([0, 200, 300, 500, 700, 900, 1000, 1200]), SA, abheri)
    own = adherence(melody(up_and_down("Abheri")), SA, abheri)
    assert own.direction_violations == 0
    assert straight.direction_violations == pytest.approx(2 / 7)  # R2 and D2, of seven steps


def test_a_gamaka_is_movement_and_not_a_rest():
    t = np.arange(0, 2, FRAME_S)
    wide = SA * 2 ** (np.sin(2 * np.pi * 5 * t) * 150 / 1200)
    track = PitchTrack(t, wide, np.ones(len(t)))
    assert np.isnan(stable_cents(track, SA)).mean() > 0.6


def test_svara_seconds_add_up_to_the_rests():
    seconds = svara_seconds(melody([0, 700, 50]), SA)
    assert seconds[0] == pytest.approx(0.5, abs=0.05)
    assert seconds[7] == pytest.approx(0.5, abs=0.05)
    assert seconds[12] == pytest.approx(0.5, abs=0.05)  # 50 cents is no svara's


@pytest.mark.slow
def test_the_true_ragas_of_real_singing_score_far_above_chance(material):
    from core import audio
    from core.raga_ranking import rank
    from core.tonic import SR, listen, tonics

    percentiles = []
    for path in sorted((material / "audio/karadifilms").glob("*.m4a")):
        y, _ = audio.load(path, sr=SR, end_s=40.0)
        track, evidence = listen([y], SR)
        tonic_hz = rank(track, tonics(evidence))[0].tonic_hz
        raga = theory.raga(path.stem.removeprefix("raag_"))
        percentiles.append(adherence(track, tonic_hz, raga).percentile)
    assert np.median(percentiles) >= 80


def test_noise_and_a_drum_hold_no_melody_to_judge():
    from core.raga_ranking import rank
    from core.tonic import SR, listen, tonics

    rng = np.random.default_rng(0)
    t = np.arange(SR) / SR
    stroke = np.exp(-40 * t) * rng.standard_normal(SR) * 0.5
    for y in (0.1 * rng.standard_normal(4 * SR), np.tile(stroke[: SR // 4], 16)):
        track, evidence = listen([y], SR)
        assert rank(track, tonics(evidence)) == []
        assert adherence(track, SA, theory.raga("Mohanam")).percentile == CHANCE


def test_the_command_names_the_raga_of_a_file(tmp_path):
    import soundfile

    from core.raga import main

    y = (
        sum(
            np.sin(
                k
                * 2
                * np.pi
                * np.cumsum(np.repeat(melody(up_and_down("Mohanam")).hz, 256))
                / 16_000
            )
            / k
            for k in range(1, 6)
        )
        * 0.1
    )
    soundfile.write(tmp_path / "mohanam.wav", y, 16_000)
    said = main(tmp_path / "mohanam.wav", tonic_hz=SA, top=2).splitlines()
    assert said[0] == "Sa at 146.8 Hz"
    assert "Mohanam" in "".join(said[1:3])
    soundfile.write(tmp_path / "silence.wav", np.zeros(16_000), 16_000)
    assert "no melody" in main(tmp_path / "silence.wav", tonic_hz=SA)
