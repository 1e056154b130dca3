import numpy as np
import pytest

from core.synthesis.mridangam import Mridangam

SR = 24_000
TONIC_HZ = 150.0


def loudest_hz(kind: str, name: str, n: int) -> np.ndarray:
    """The strongest separate frequencies of a stroke, the lowest first."""
    drum = Mridangam.tuned(TONIC_HZ, SR, np.random.default_rng(1), kind)
    take = drum.takes[name][0][round(0.03 * SR) :]  # after the slap
    power = np.abs(np.fft.rfft(take * np.hanning(len(take)), 8 * SR)) ** 2
    found = []
    for at in np.argsort(power)[::-1] / 8:
        if at > 60 and all(abs(at - other) > 40 for other in found):
            found.append(at)
        if len(found) == n:
            break
    return np.sort(found)


def test_the_right_head_of_a_mridangam_rings_in_multiples_of_the_sa():
    modes = loudest_hz("mridangam", "nam", 3)
    assert modes / TONIC_HZ == pytest.approx([2, 3, 4], rel=0.02)


@pytest.mark.parametrize("kind", ["kanjira", "thavil"])
def test_a_drum_that_is_not_tuned_has_no_multiples(kind):
    first, second = loudest_hz(kind, "nam", 2)
    assert 1.1 < second / first < 1.45  # 3:2 were it a mridangam's second and third mode
