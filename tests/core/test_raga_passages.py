"""Ragamalikas, silence between songs, another singer's Sa: which raga where."""

import numpy as np
import pytest

from core import theory
from core.pitch import FRAME_S, PitchTrack
from core.raga_passages import Window, course, windows
from core.tonic import SR, Evidence

SA = 146.8
FORTY = [
    theory.raga(name)
    for name in ("Mohanam", "Kalyani", "Todi", "Hindolam", "Saveri", "Kharaharapriya", "Abhogi")
]


def sung(name: str | None, seed: int = 0, tonic_hz: float = SA) -> Window:
    """Half a minute on the raga's svaras in the order of its scale, now and then a step skipped."""
    rng = np.random.default_rng(seed)
    n = round(30 / FRAME_S)
    hz = np.zeros(n)
    if name:
        raga = theory.raga(name)
        cents = np.tile([*raga.arohana_cents, *raga.avarohana_cents], 12)
        cents = cents[rng.random(len(cents)) < 0.9].astype(float)
        hz = np.resize(tonic_hz * 2 ** (np.repeat(cents, 20) / 1200), n)
    track = PitchTrack(np.arange(n) * FRAME_S, hz, (hz > 0).astype(float))
    orders = np.arange(1, 25)
    partials = np.stack([hz[::8, None] * orders, (hz[::8, None] > 0) / orders], axis=-1)
    return Window(30.0, track, Evidence.of(partials, track))


def names(found) -> list[str | None]:
    return [each.raga.name if each.raga else None for each in found.stretches]


def test_a_garland_of_ragas_is_told_passage_by_passage():
    order = ["Mohanam"] * 3 + ["Todi"] * 2 + ["Kalyani"] * 3
    found = course([sung(name, i) for i, name in enumerate(order)], SA, FORTY)
    assert names(found) == ["Mohanam", "Todi", "Kalyani"]
    assert [(each.start_s, each.end_s) for each in found.stretches] == [
        (0, 90),
        (90, 150),
        (150, 240),
    ]
    assert str(found.stretches[1]).startswith("1:30 to 2:30  Todi")


def test_percussion_between_is_no_melody_and_one_raga_stays_one():
    order = ["Hindolam", "Hindolam", None, "Hindolam"]
    found = course([sung(name, i) for i, name in enumerate(order)], SA, FORTY)
    assert names(found) == ["Hindolam", None, "Hindolam"]
    assert found.ragas == [theory.raga("Hindolam")]
    assert "no melody" in str(found.stretches[1])


def test_a_file_without_melody_is_said_to_have_none():
    rng = np.random.default_rng(0)
    noise = [0.1 * rng.standard_normal(3 * SR).astype(np.float32) for _ in range(2)]
    found = course(windows(noise, SR), None, FORTY)
    assert found.whole == []
    assert names(found) == [None]
    assert found.stretches[0].end_s == pytest.approx(6.0)


def test_the_same_pitches_about_another_sa_are_another_raga():
    """Graha bhedam: Mohanam's keys from its Ri are Madhyamavati's."""
    heard = [sung("Mohanam", i) for i in range(2)]
    ragas = [*FORTY, theory.raga("Madhyamavati")]
    assert names(course(heard, SA, ragas)) == ["Mohanam"]
    assert names(course(heard, SA * 2 ** (200 / 1200), ragas)) == ["Madhyamavati"]


@pytest.mark.parametrize(
    ("name", "shift", "becomes"),
    [
        ("Hindolam", 300, "Suddha Saveri"),  # from its Ga
        ("Kalyani", 200, "Harikambhoji"),
        ("Sankarabharanam", 200, "Kharaharapriya"),
        ("Sankarabharanam", 400, "Todi"),
        ("Kharaharapriya", 200, "Todi"),
    ],
)
def test_graha_bhedam_of_scales(name, shift, becomes):
    heard, to = sung(name), theory.raga(becomes)
    shifted = {(cents - shift) % 1200 for cents in theory.raga(name).cents}
    assert shifted == set(to.cents)
    found = course([heard], SA * 2 ** (shift / 1200), [*FORTY, to, theory.raga(name)])
    assert found.whole[0].raga.cents == to.cents


def tones(hz: np.ndarray, level: float) -> np.ndarray:
    """A sound of eight harmonics whose pitch may move."""
    phase = 2 * np.pi * np.cumsum(hz) / SR
    return sum(np.sin(k * phase) / k for k in range(1, 9)) * level


def with_drone(tonic_hz: float) -> np.ndarray:
    """Half a minute of Mohanam over the strings Pa Sa Sa and the lower Sa."""
    n = 30 * SR
    melody = tones(tonic_hz * 2 ** (np.resize(np.repeat(NOTES, SR), n) / 1200), 0.1)
    return melody + sum(tones(np.full(n, tonic_hz * r), 0.03) for r in (0.75, 1, 1, 0.5))


NOTES = [0, 200, 400, 700, 900, 1200, 700, 400]


def test_another_sa_in_the_second_half_is_told_of():
    heard = windows([with_drone(130.0), with_drone(175.0)], SR)
    (told,) = course(heard, 130.0, FORTY).other_sa
    assert abs(1200 * np.log2(told.hz / 175.0)) < 30
    assert (told.start_s, told.end_s) == (30.0, 60.0)
    assert "another Sa" in str(told)
    assert not course(heard[:1], 130.0, FORTY).other_sa
