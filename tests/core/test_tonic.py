"""Drones and melodies of a known Sa in, that Sa out, with an honest confidence."""

import numpy as np
import pytest

from core.errors import AudioError
from core.tonic import bin_of, listen, partials_of, tonic, tonics

SR = 16_000


def string(hz: np.ndarray | float, seconds: float, n_harmonics: int = 8) -> np.ndarray:
    """A plucked-string-like tone whose pitch may move, [shape=(n_samples,)]."""
    n_samples = int(seconds * SR)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, n_samples)) / SR
    return sum(np.sin(k * phase) / k for k in range(1, n_harmonics + 1)) * 0.1


def drone(tonic_hz: float, seconds: float) -> np.ndarray:
    """Tanpura strings Pa Sa Sa and the lower Sa, all sounding on."""
    ratios = (0.75, 1.0, 1.0, 0.5)
    return sum(string(tonic_hz * ratio, seconds, 12) for ratio in ratios) / 4


@pytest.mark.parametrize("tonic_hz", [123.5, 146.8, 196.0, 233.1])
def test_the_tonic_is_the_drones_sa_in_its_octave(tonic_hz):
    mohanam = np.repeat([0, 200, 400, 700, 900, 1200, 700, 400], SR)
    melody = string(tonic_hz * 2 ** (mohanam / 1200), 8.0)
    found = tonic(drone(tonic_hz, 8.0) + melody, SR)
    assert 1200 * np.log2(found.hz / tonic_hz) == pytest.approx(0, abs=15)


def test_a_melody_alone_makes_a_less_certain_tonic_than_one_with_its_drone():
    melody = string(np.repeat(200 * 2 ** (np.array([200, 500, 900, 400]) / 1200), 2 * SR), 8.0)
    alone, with_drone = tonic(melody, SR), tonic(melody + 2 * drone(200.0, 8.0), SR)
    assert alone.confidence < with_drone.confidence


def test_candidates_are_told_with_probabilities_that_add_up_to_one():
    found = tonics(listen([drone(150.0, 4.0)], SR)[1])
    assert sum(each.confidence for each in found) == pytest.approx(1.0)
    assert found[0].confidence == max(each.confidence for each in found)


def test_streamed_blocks_say_the_same_as_one_piece():
    y = drone(146.8, 5.0)
    whole, pieces = listen([y], SR)[1], listen(np.array_split(y, 7), SR)[1]
    for name in ("partials", "saliences", "rests", "melody"):
        np.testing.assert_allclose(getattr(pieces, name), getattr(whole, name), atol=1e-9)


def test_partials_lie_where_the_harmonics_are_within_two_cents():
    frames = string(220.0, 4096 / SR)[None].astype(np.float32)
    hz = partials_of(frames)[0, :, 0]
    for harmonic in range(1, 9):
        nearest = hz[np.abs(hz - 220 * harmonic).argmin()]
        assert abs(1200 * np.log2(nearest / (220 * harmonic))) < 2


def test_bins_are_ten_cents_apart():
    assert bin_of(np.array(55.0)) - bin_of(np.array(27.5)) == pytest.approx(120)


def test_noise_free_silence_has_no_tonic():
    with pytest.raises(AudioError, match="by hand"):
        tonic(np.zeros(SR), SR)


def test_the_phrases_of_a_real_violinist_in_d_have_sa_at_d(material):
    import soundfile

    phrases = []
    for path in sorted((material / "audio/aavu-v2").glob("*.wav")):
        y, sr = soundfile.read(path)
        phrases.append(y)
    found = tonic(np.concatenate(phrases), sr)
    assert 1200 * np.log2(found.hz / 146.83) == pytest.approx(0, abs=25)
