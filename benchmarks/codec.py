"""The codec's figures in one table: speed as ratios to Riffusion's chain, quality in dB and cents.

python benchmarks/codec.py                   the whole table, about six minutes
python benchmarks/codec.py --no-long-file    without the 3-hour file, about three
python benchmarks/codec.py --material DIR    measure on the real recordings in DIR/audio too

One thread. Times are processor time; the two sides of a ratio take turns and the median is taken,
so that other work on the machine weighs on both.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import subprocess
import tempfile
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.codec_measures import (
    CLIP_S,
    contour,
    error_db,
    gamaka,
    medians,
    mel_error_db,
    timed,
    tone_error_cents,
)
from benchmarks.riffusion_chain import RiffusionChain
from core.command import run
from core.phase import Reconstruction, compile_ahead
from core.spectrogram import riffusion, svara
from core.workspace import PROJECT

SR = 44_100
# The command, and then its own peak memory: ru_maxrss would count what its parent held as it began.
PEAK = """
import atexit, os, re, runpy
def told():
    peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
    print(peak[1], sum(os.times()[:2]))
atexit.register(told)
runpy.run_module("core.spectrogram", run_name="__main__", alter_sys=True)
"""
TONICS_HZ = (110.0, 130.0, 146.83, 174.6, 196.0)


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    bar: str
    measured: str
    holds: bool

    def __str__(self) -> str:
        return f"| {self.what} | {self.bar} | {self.measured} | {'yes' if self.holds else 'NO'} |"


def main(long_file: bool = True, material: Path | None = None, rounds: int = 7) -> str:
    """Measure everything and return the table.

    Parameters
    ----------
    long_file
        Write and encode a file of three hours for its memory.
    material
        Folder with real recordings under audio/, measured beside the synthetic ones.
    rounds
        Repetitions of each time; the median counts.
    """
    compile_ahead()
    sounds = clips(material)
    chain = RiffusionChain()
    rows = [
        *encoding(chain, sounds, rounds),
        *decoding(chain, sounds, rounds),
        phase_start(sounds),
        real_time(sounds, rounds),
        tuning(),
        gamaka_error(),
        loudness(sounds),
    ]
    if long_file:
        rows.append(memory())
    head = f"Sounds: {', '.join(sounds)}; {CLIP_S} s each.\n\n"
    return head + "\n".join(
        ["| what | bar | measured | holds |", "|---|---|---|---|", *map(str, rows)]
    )


def clips(material: Path | None) -> dict[str, np.ndarray]:
    """What the codec is tried on, at 44.1 kHz."""
    import soxr

    from core import audio, synthesis

    n_samples = round(CLIP_S * SR)
    concert = synthesis.render(seed=3, minutes=2)
    start = len(concert.y) // 2
    y = soxr.resample(concert.y[start:].astype(np.float32), concert.sr, SR)
    sounds = {"gamaka": gamaka(SR)[0][:n_samples], "sample concert": y[:n_samples]}
    if material:
        for name in (
            "riffusion/tired_traveler_clip_2",
            "mixtures/example1_mixture",
            "aavu-v2/mohanam",
        ):
            path = material / "audio" / f"{name}.wav"
            sounds[path.stem] = audio.load(path, sr=SR, end_s=CLIP_S)[0]
    # Riffusion is given 16-bit sound; below that its own float32 arithmetic is all that one sees.
    return {name: np.round(y * 32767).astype(np.float32) / 32768 for name, y in sounds.items()}


def encoding(chain: RiffusionChain, sounds: dict[str, np.ndarray], rounds: int) -> list[Row]:
    """Sound to picture, both presets from the same 44.1 kHz sound, against Riffusion's chain."""
    y = sounds["sample concert"]
    exact, ours = riffusion(), svara(146.83)
    theirs_s, exact_s, ours_s = medians(
        rounds, lambda: chain.image(y), lambda: exact.encode(y), lambda: ours.encode(y, SR)
    )
    apart = max(
        np.abs(chain.image(y)[0].astype(int) - exact.encode(y)).max() for y in sounds.values()
    )
    first, second = theirs_s / exact_s, theirs_s / ours_s
    return [
        Row(
            "encode, riffusion preset",
            ">= 5x Riffusion's, exact",
            f"{first:.1f}x, at most {apart} grey level apart",
            first >= 5 and apart <= 1,
        ),
        Row(
            "encode, svara preset (resampling from 44.1 kHz included)",
            ">= 10x",
            f"{second:.1f}x",
            second >= 10,
        ),
    ]


def decoding(chain: RiffusionChain, sounds: dict[str, np.ndarray], rounds: int) -> list[Row]:
    """The same picture to sound, ours and lstsq + 32 rounds of fast Griffin-Lim."""
    ratios, better = [], []
    for y in sounds.values():
        image, loudest = chain.image(y)
        codec = replace(riffusion(), max_value=loudest)
        image = np.ascontiguousarray(image)
        theirs_s, theirs = timed(lambda image=image, loudest=loudest: chain.sound(image, loudest))
        (ours_s,) = medians(rounds, lambda codec=codec, image=image: codec.decode(image))
        ratios.append(theirs_s / ours_s)
        ours = codec.decode(image)
        errors = [(mel_error_db(chain, x, y), error_db(x, y, SR)) for x in (ours, theirs)]
        better.append(np.subtract(errors[1], errors[0]))
    least = np.min(better, axis=0)
    return [
        Row(
            f"decode {CLIP_S} s, riffusion preset",
            ">= 40x lstsq + 32 fast Griffin-Lim",
            f"{np.median(ratios):.0f}x ({min(ratios):.0f} to {max(ratios):.0f})",
            min(ratios) >= 40,
        ),
        Row(
            "its spectral convergence against that chain's",
            "no worse",
            f"at least {least[0]:.1f} dB better in mel, {least[1]:.1f} dB in |STFT| below 10 kHz",
            min(least) >= 0,
        ),
    ]


def phase_start(sounds: dict[str, np.ndarray]) -> Row:
    """32 rounds from the phase gradient against 32 from random phase, on the same picture."""
    gains = []
    for y in sounds.values():
        image, codec = riffusion().draw(y)
        errors = []
        for gradient_start in (True, False):
            effort = Reconstruction(n_iterations=32, gradient_start=gradient_start)
            errors.append(error_db(np.concatenate(list(codec.decode_stream(image, effort))), y, SR))
        gains.append(errors[1] - errors[0])
    return Row(
        "32 iterations from the phase gradient, not from random phase",
        ">= 6 dB better",
        " / ".join(f"{gain:.1f}" for gain in gains) + " dB",
        min(gains) >= 6,
    )


def real_time(sounds: dict[str, np.ndarray], rounds: int) -> Row:
    """Seconds of sound a second of one core decodes."""
    factors = []
    for tonic_hz in (110.0, 146.83, 196.0):
        codec = svara(tonic_hz)
        image = codec.encode(np.tile(sounds["sample concert"], 2), SR)
        (seconds,) = medians(rounds, lambda codec=codec, image=image: codec.decode(image))
        factors.append(2 * CLIP_S / seconds)
    return Row(
        "decode, svara preset (tonic 110 / 146.83 / 196 Hz)",
        ">= 25x real time",
        " / ".join(f"{factor:.0f}x" for factor in factors),
        min(factors) >= 25,
    )


def tuning() -> Row:
    """Sines and harmonic tones, 100 to 900 Hz in steps of 50 cents, in several tonics."""
    worst, median = [], []
    for codec in (*map(svara, TONICS_HZ), riffusion(), *map(riffusion, (110.0, 196.0))):
        errors = [
            abs(tone_error_cents(codec, 100 * 2 ** (cents / 1200), n_harmonics))
            for cents in range(0, 3805, 50)
            for n_harmonics in (1, 8)
        ]
        worst.append(max(errors))
        median.append(np.median(errors))
    return Row(
        "tuning, tones 100-900 Hz, svara in five tonics and riffusion in three",
        "worst <= 10, median <= 3 cents",
        f"worst {max(worst):.1f}, median {max(median):.1f} cents in the worst of them",
        max(worst) <= 10 and max(median) <= 3,
    )


def gamaka_error() -> Row:
    """The shaken tone's contour after the round trip, against the contour it was made from."""
    errors = {}
    for codec in (*map(svara, (110.0, 146.83, 196.0)), riffusion()):
        y, cents = gamaka(codec.sr)
        image, drawn = codec.draw(y)
        times_s, found = contour(drawn.decode(image), codec.sr)
        truth = np.interp(times_s, np.arange(len(cents)) / codec.sr, cents)
        inside = (times_s > 0.1) & (times_s < CLIP_S - 0.1)
        error = np.abs(found - truth)[inside]
        errors[f"{codec.preset} {codec.tonic_hz or ''}"] = np.percentile(error, [50, 90])
    worst = np.max(list(errors.values()), axis=0)
    return Row(
        "a gamaka, 330 Hz +- 100 cents at 5.5 Hz with a drone",
        "median <= 5, p90 <= 10 cents",
        f"median {worst[0]:.1f}, p90 {worst[1]:.1f} cents in the worst of {len(errors)} codecs",
        worst[0] <= 5 and worst[1] <= 10,
    )


def loudness(sounds: dict[str, np.ndarray]) -> Row:
    """Level after the round trip less level before, where the svara preset draws."""
    import soxr

    codec = svara(146.83)
    changes = []
    for y in sounds.values():
        for gain in (1.0, 0.03):
            before = soxr.resample(gain * y, SR, codec.sr).astype(np.float32)
            after = codec.decode(codec.encode(before))
            drawn = slice(round(70 * CLIP_S), round(8700 * CLIP_S))
            energies = [
                np.linalg.norm(np.fft.rfft(x[: len(after)])[drawn]) for x in (before, after)
            ]
            changes.append(20 * np.log10(energies[1] / energies[0]))
    return Row(
        "loudness, as recorded and 30 dB softer, svara preset",
        "within 1 dB",
        f"{min(changes):+.2f} to {max(changes):+.2f} dB",
        max(map(abs, changes)) <= 1,
    )


def memory() -> Row:
    """Peak memory of the command that encodes three hours of stereo."""
    import soundfile

    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        sound, picture = Path(folder) / "concert.flac", Path(folder) / "concert.png"
        minute = np.tile(gamaka(SR)[0][: 5 * SR], 12)
        minute = 0.5 * minute + 0.001 * rng.standard_normal(len(minute))
        with soundfile.SoundFile(sound, "w", SR, 2) as file:
            for _ in range(180):
                file.write(np.stack((minute, 0.8 * minute), axis=1))
        words = ["encode", str(sound), str(picture), "--tonic-hz", "110"]
        done = subprocess.run(
            [sys.executable, "-c", PEAK, *words],
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    kilobytes, seconds = map(float, done.stdout.split())
    megabytes = kilobytes * 1024 / 1e6
    return Row(
        "peak memory of encoding a 3-hour file",
        "< 300 MB",
        f"{megabytes:.0f} MB, {3 * 3600 / seconds:.0f}x real time",
        megabytes < 300,
    )


if __name__ == "__main__":
    run(main)
