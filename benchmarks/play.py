"""How soon a clip sounds, and how well it keeps to its raga in the ears of the independent judge.

    python benchmarks/play.py --threads 2                     seconds to the first sound
    python benchmarks/play.py --judge 4                       four alapanai clips of each raga
    python benchmarks/play.py --judge 2 --best-of 4           the best of four of each seed
    python benchmarks/play.py --ceiling 2                     sample concerts through the codec

The judge hears pitch, not pictures (`core.raga`), and is told the tonic. 50 is chance; the same
clips judged by other ragas' names (permuted) say how much of the score any Carnatic melody gets.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from core.command import run

log = logging.getLogger(__name__)

JUDGED_S = 15.0
TONIC_HZ = 146.83
STEPS = (8, 12, 20, 30)


def main(
    model: str = "demo",
    threads: int = 2,
    steps: int = 20,
    judge: int = 0,
    best_of: int = 1,
    ceiling: int = 0,
    only: tuple[str, ...] = (),
) -> None:
    """Measure a model.

    Args:
        model: demo, a pipeline folder or a hub id.
        threads: how many cores to use.
        steps: denoising steps of the judged clips.
        judge: so many clips of each raga are judged.
        best_of: of so many candidates each.
        ceiling: so many sample concerts of each raga are judged after the codec instead.
        only: judge these ragas; those the model was taught, if none is named.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    from training.generate import Generator

    generator = Generator(model)
    ragas = only or generator.taught.vocabulary.ragas
    if ceiling:
        tell(judged(samples(ragas, ceiling, generator.taught.codec)), ragas)
    elif judge:
        tell(judged(clips(generator, ragas, judge, steps, best_of)), ragas)
    else:
        speed(generator)


def speed(generator) -> None:
    """Seconds from the press to the sound, model loaded, 10 s clips, median of three.

    Where others use the machine too, the seconds of processor say more than those of the clock.
    """
    from training.wish import GenerateConfig

    start = time.monotonic()
    generator.prepare()
    log.info("loaded in %.1f s", time.monotonic() - start)
    config = GenerateConfig(raga="Mohanam", tonic_hz=TONIC_HZ)
    generator.generate(replace(config, steps=1))  # compiles and warms up
    for steps in STEPS:
        parts = [_timed(generator, replace(config, steps=steps, seed=seed)) for seed in range(3)]
        total, drawn, cpu = np.median(parts, axis=0)
        log.info("%2d steps: %.2f s, drawn after %.2f s; cpu %.2f s", steps, total, drawn, cpu)


def _timed(generator, config) -> tuple[float, float, float]:
    told = {}
    start, cpu = time.monotonic(), time.process_time()
    generator.generate(config, lambda _, what: told.setdefault(what, time.monotonic()))
    return time.monotonic() - start, told["Sounding"] - start, time.process_time() - cpu


def clips(generator, ragas, n: int, steps: int, best_of_n: int) -> Iterator[tuple]:
    """Alapanai clips: raga, sound, rate, tonic."""
    from training.choosing import best_of
    from training.wish import GenerateConfig

    for raga in ragas:
        for seed in range(n):
            config = GenerateConfig(
                raga=raga, seconds=JUDGED_S, steps=steps, seed=seed * best_of_n, tonic_hz=TONIC_HZ
            )
            clip = best_of(generator, config, best_of_n)
            yield raga, clip.y, clip.sr, TONIC_HZ


def samples(ragas, n: int, codec) -> Iterator[tuple]:
    """The same stretch of rendered alapanais, drawn and sounded by the codec."""
    from core import synthesis

    for raga in ragas:
        for seed in range(n):
            item = synthesis.Item(raga, "Adi", ("alapanai",))
            concert = synthesis.render(seed, 1.0, synthesis.Plan((item,), tonic_hz=TONIC_HZ))
            alapanai = next(each for each in concert.segments if each.section == "alapanai")
            start = round(alapanai.start_s * concert.sr)
            y = concert.y[start : start + round(JUDGED_S * concert.sr)]
            at = codec.with_tonic(TONIC_HZ)
            yield raga, at.decode(at.encode(y, concert.sr)), at.sr, TONIC_HZ


def judged(sounds: Iterator[tuple]) -> Iterator[tuple]:
    """Each sound's raga, its pitch track and its tonic."""
    from core.pitch import f0

    for raga, y, sr, tonic_hz in sounds:
        yield raga, f0(y, sr), tonic_hz, len(y) / sr


def tell(tracks: Iterator[tuple], ragas) -> None:
    """Mean figures over all clips."""
    from core.raga import adherence
    from core.theory import raga as raga_called

    known = {name: raga_called(name) for name in ragas}
    own, others, stable, right = [], [], [], []
    for name, track, tonic_hz, length_s in tracks:
        found = {each: adherence(track, tonic_hz, raga) for each, raga in known.items()}
        own.append(found[name].percentile)
        rivals = [
            found[each].percentile for each in known if known[each].cents != known[name].cents
        ]
        others.append(np.mean(rivals))
        stable.append(found[name].stable_s / length_s)
        right.append(found[name].percentile > max(rivals, default=0))
        log.info("%-20s %3.0f  others %3.0f  steady %.2f", name, own[-1], others[-1], stable[-1])
    log.info(
        "%d clips: percentile %.1f, permuted %.1f, steady share %.2f, top-1 up to twins %.0f %%",
        len(own),
        np.mean(own),
        np.mean(others),
        np.mean(stable),
        100 * np.mean(right),
    )


if __name__ == "__main__":
    run(main)
