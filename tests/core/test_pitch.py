"""Known pitches in, cents out."""

import numpy as np
import pytest

from core.errors import AudioError
from core.pitch import cents_above, f0, f0_of_blocks

SR = 16_000


def string(hz: np.ndarray | float, seconds: float, n_harmonics: int = 8) -> np.ndarray:
    """A plucked-string-like tone whose pitch may move, [shape=(n_samples,)]."""
    n_samples = int(seconds * SR)
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hz, n_samples)) / SR
    return sum(np.sin(k * phase) / k for k in range(1, n_harmonics + 1)) * 0.1


def test_a_steady_tone_is_tracked_within_five_cents():
    track = f0(string(220.0, 1.0), SR)
    steady = track.hz[10:-10]
    assert np.abs(cents_above(steady, 220.0)).max() < 5


def test_an_oscillation_keeps_its_width():
    t = np.arange(2 * SR) / SR
    track = f0(string(330 * 2 ** (np.sin(2 * np.pi * 5.5 * t) / 12), 2.0), SR)
    cents = track.cents(330.0)[10:-10]
    assert np.nanmax(cents) == pytest.approx(100, abs=15)  # frames are 16 ms, the peak is sharp
    assert np.nanmin(cents) == pytest.approx(-100, abs=15)


def test_silence_has_no_pitch():
    track = f0(np.zeros(SR), SR)
    assert not track.voiced.any()
    assert np.isnan(track.cents(200.0)).all()


def test_streamed_blocks_give_the_same_pitch_as_one_piece():
    y = string(262.0, 3.0)
    whole, pieces = f0(y, SR), f0_of_blocks(np.array_split(y, 7), SR)
    np.testing.assert_allclose(pieces.hz, whole.hz, rtol=1e-4)


def test_a_track_is_cut_by_time():
    track = f0(string(262.0, 2.0), SR)
    part = track.between(0.5, 1.0)
    assert part.times_s[0] >= 0.5
    assert part.times_s[-1] < 1.0


@pytest.mark.parametrize("y", [np.zeros(0), np.full(100, np.nan)], ids=["empty", "NaN"])
def test_sound_that_is_none_is_refused(y):
    with pytest.raises(AudioError):
        f0(y, SR)
