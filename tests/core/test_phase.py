"""Phase found for magnitudes."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from core import phase
from core.phase import Reconstruction, Stft, estimate, signal_blocks
from core.workspace import PROJECT

SR = 24_000
STFT = Stft(win_length=2400, hop_length=240, n_fft=2400)
NOTHING_KNOWN = np.empty((0, 1201), np.complex64)


def gamaka(seconds: float) -> np.ndarray:
    """330 Hz +- 100 cents at 5.5 Hz with overtones, over a drone at 110 Hz."""
    t = np.arange(round(seconds * SR)) / SR
    hz = 330 * 2 ** (np.sin(2 * np.pi * 5.5 * t) / 12)
    angle = 2 * np.pi * np.cumsum(hz) / SR
    lead = sum(0.2 / k * np.sin(k * angle) for k in range(1, 9))
    drone = sum(0.05 / k * np.sin(2 * np.pi * 110 * k * t + k) for k in range(1, 7))
    return (lead + drone).astype(np.float32)


def magnitudes(y: np.ndarray) -> np.ndarray:
    n_frames = 1 + (len(y) - STFT.win_length) // STFT.hop_length
    return np.abs(STFT.analyse(y, n_frames))


def convergence_db(found: np.ndarray, wanted: np.ndarray) -> float:
    """Spectral convergence of a signal's magnitudes, decibels; lower is better."""
    return 20 * np.log10(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))


def sounded(wanted: np.ndarray, n_iterations: int, **options) -> np.ndarray:
    effort = Reconstruction(n_iterations, **options)
    blocks = signal_blocks(lambda start, stop: wanted[start:stop], len(wanted), STFT, effort)
    return np.concatenate(list(blocks))


@pytest.fixture(scope="module")
def wanted() -> np.ndarray:
    return magnitudes(gamaka(1.5))


def test_the_phase_gradient_alone_gives_a_gamaka_back(wanted):
    alone = convergence_db(magnitudes(sounded(wanted, 0))[: len(wanted)], wanted)
    assert alone < -22  # random phase: about -8


def test_the_phase_gradient_start_beats_a_random_one_by_six_decibels(wanted):
    ours, random = (
        convergence_db(magnitudes(sounded(wanted, 32, gradient_start=start))[: len(wanted)], wanted)
        for start in (True, False)
    )
    assert random < -12  # fast Griffin-Lim works without the start too
    assert ours < random - 6


def test_iterations_bring_magnitudes_closer(wanted):
    errors = [
        convergence_db(magnitudes(sounded(wanted, n))[: len(wanted)], wanted) for n in (0, 4, 16)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_blocks_meet_without_a_seam(monkeypatch):
    monkeypatch.setattr(phase, "BLOCK_FRAMES", 40)
    t = np.arange(4 * SR) / SR
    wanted = magnitudes((0.3 * np.sin(2 * np.pi * 220 * t)).astype(np.float32))
    y = sounded(wanted, 8)
    turning = np.exp(-2j * np.pi * 220 * np.arange(2400) / SR) / 1200
    swell = [abs(y[i : i + 2400] @ turning) for i in range(2400, len(y) - 4800, 240)]
    assert min(swell) == pytest.approx(0.3, rel=0.03)  # a phase jump would all but cancel it
    assert max(swell) == pytest.approx(0.3, rel=0.03)


def test_known_frames_are_kept(wanted):
    whole = STFT.analyse(gamaka(1.5), len(wanted))
    found = estimate(wanted.copy(), STFT, Reconstruction(4), whole[:20])
    assert np.array_equal(found[:20], whole[:20])
    turned = np.angle(found[20:60] * whole[20:60].conj())
    loud = wanted[20:60] > 0.1 * wanted.max()
    assert np.abs(turned[loud]).mean() < 0.6  # radians; 1.57 if what is known did not lead on


def test_the_same_seed_gives_the_same_samples(wanted):
    assert np.array_equal(sounded(wanted, 2, seed=5), sounded(wanted, 2, seed=5))
    assert not np.array_equal(sounded(wanted, 2, seed=5), sounded(wanted, 2, seed=6))


def test_silence_is_silent():
    assert not sounded(np.zeros((30, 1201), np.float32), 8).any()


def test_importing_it_does_not_load_the_compiler():
    code = "import core.spectrogram, sys; print({'numba', 'librosa'} & sys.modules.keys())"
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "set()"


@pytest.mark.slow
def test_it_works_where_nothing_can_be_written(tmp_path):
    """As in a read-only installation; a file in the way of the cache stops even the superuser."""
    without_cache = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PROJECT / "core", tmp_path / "core", ignore=without_cache)
    (tmp_path / "core" / "__pycache__").touch()
    (tmp_path / "home").touch()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    answer = subprocess.run(
        [sys.executable, "-c", "from core.phase import compile_ahead; compile_ahead()"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert not list(tmp_path.rglob("*.nbi"))
