"""How soon a clip sounds, and how well it keeps to what was asked, beside real sample clips.

    python benchmarks/play.py                               a few clips of each raga and tala
    python benchmarks/play.py --raga-clips 16 --tala-clips 12 --device cuda --out play.json
    python benchmarks/play.py --clips FOLDER                someone's clips, "raga X ....mp3", too
    python benchmarks/play.py --parts speed                 seconds to the first sound, two cores

Clips are drawn many at a time on the device and judged by a pool of processes; what is judged and
how is told in `play_measures`. The ceiling is passages of sample concerts through the codec, whose
raga, tala and mridangam level are known. Alapanai clips are judged with their tonic; someone's
clips with the tonic that is heard.

Tempo. A model can follow a tempo only if its captions named one. Captions say slow, medium or fast
(`core.caption`), and a wish says the same word. In the sample concerts that the demo model learns
from, a word is one length of the akshara in each tala (`core.synthesis.rhythm.metre`: an akshara of
Adi takes 0.55, 0.70 or 0.85 s), so clips are asked for in each of the three. Their cycle is looked
for in the onsets' autocorrelation at every tempo that a tala is sung in and in every tala that was
taught; the tala is right if it fits best (by chance 1 of 4), the period if that cycle also lasts
as long as asked, within a twentieth. A model whose captions named no tempo is asked for none.

Plain argparse and no more than torch, diffusers and the audio stack are needed: a GPU machine may
have nothing else.
"""

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")  # of each judge; torch is told its own number

import numpy as np

from benchmarks.play_measures import (
    Asked,
    Heard,
    Scale,
    best_of,
    hear_file,
    hear_picture,
    hear_sample,
)
from core.synthesis.rhythm import TEMPI

log = logging.getLogger(__name__)

try:
    import pydantic  # noqa: F401
except ImportError:  # a machine with torch alone: a codec's parameters are taken as they are
    from core import presets
    from training import loading

    def _unchecked(parameters: dict) -> presets.Codec:
        preset = parameters["preset"]
        return presets.CODECS[preset](**{k: v for k, v in parameters.items() if k != "preset"})

    loading.codec_from = _unchecked

JUDGED_S = 15.0
TONIC_HZ = 146.83
STEPS = (8, 12, 20, 30)
OF = 4  # best of so many
TIMED = ("kriti", "tani avartanam")
PARTS = ("speed", "ceiling", "model")
SOUNDS = {".mp3", ".wav", ".flac", ".ogg", ".m4a", ".opus"}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    from training.wish import GenerateConfig as Usual

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="demo", help="demo, a pipeline folder or a hub id")
    parser.add_argument("--device", help="cpu or cuda; a GPU where there is one")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--raga-clips", type=int, default=4, help="alapanais of each raga")
    parser.add_argument("--tala-clips", type=int, default=3, help="of each tala and section")
    parser.add_argument("--ceiling-clips", type=int, default=2, help="sample passages of each")
    parser.add_argument("--steps", type=int, default=Usual.steps)
    parser.add_argument("--guidance", type=float, default=Usual.guidance_scale)
    parser.add_argument(
        "--tala-guide", type=float, default=Usual.tala_guide, help="0 leaves the rhythm to it"
    )
    parser.add_argument(
        "--raga-guidance", type=float, default=Usual.raga_guidance, help="0 leaves it to the words"
    )
    parser.add_argument("--recognizer", type=Path, help="chooses the best; the one that ships")
    parser.add_argument("--threads", type=int, default=2, help="torch's, on a CPU")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="judges at once")
    parser.add_argument("--batch", type=int, help="clips drawn at once: 1, on a GPU 32")
    parser.add_argument("--clips", type=Path, help="a folder of sound files to judge too")
    parser.add_argument("--only", nargs="+", help="these ragas; all that were taught if not given")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures of every clip")
    return parser.parse_args()


def main() -> None:
    """Measure, and tell."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    asked = arguments()
    import torch

    torch.set_num_threads(asked.threads)
    from training.generate import Generator

    generator = Generator(asked.model, device=asked.device)
    if "speed" in asked.parts:
        speed(generator)
    known = generator.taught.vocabulary
    ragas, talas = asked.only or known.ragas, known.talas
    if not ragas or (set(asked.parts) == {"speed"} and not asked.clips):
        return
    context = get_context("spawn")  # a fork would take a half-alive GPU along
    with ProcessPoolExecutor(asked.workers, mp_context=context) as pool:
        heard = judged(asked, generator, ragas, talas, pool)
    table(heard, ragas, talas)
    if asked.out:
        asked.out.write_text(
            json.dumps({name: list(map(asdict, each)) for name, each in heard.items()}, indent=1)
        )


def judged(asked, generator, ragas, talas, pool: Executor) -> dict[str, list[Heard]]:
    """Everything that was heard, by where it comes from."""
    from training.raga_network import SHIPPED, Recognizer

    codec, futures = generator.taught.codec_at(TONIC_HZ), {}
    if {"ceiling", "model"} & set(asked.parts):
        wanted = [
            replace(each, seed=9000 + n)
            for n, each in enumerate(wishes(ragas, talas, asked.ceiling_clips, tuple(TEMPI)))
        ]
        futures["ceiling"] = [
            pool.submit(hear_sample, each, codec, ragas, talas) for each in wanted
        ]
    if asked.clips:
        futures["clips"] = [
            pool.submit(hear_file, path, start_s, each, ragas, talas)
            for path, start_s, each in stretches(asked.clips)
        ]
    likings = []
    if "model" in asked.parts:
        recognizer, futures["model"] = Recognizer.load(asked.recognizer or SHIPPED), []
        for each, image in drawn(asked, generator, ragas, talas):
            futures["model"].append(pool.submit(hear_picture, image, codec, each, ragas, talas))
            likings.append(recognizer.likings(image[None], each.raga))
    heard = {name: _done(name, each) for name, each in futures.items()}
    if likings:
        heard["model"] = [
            each if much is None else replace(each, liked=float(much[0]))
            for each, much in zip(heard["model"], likings, strict=True)
        ]
    return heard


def _done(name: str, futures: Sequence[Future]) -> list[Heard]:
    start = time.monotonic()
    heard = [each.result() for each in futures]
    log.info("%s: %d clips judged, %.0f s waited", name, len(heard), time.monotonic() - start)
    return heard


def wishes(ragas, talas, n: int, tempi: Sequence[str], n_timed: int | None = None) -> list[Asked]:
    """`n` alapanais of each raga, seed by seed; clips of each tala, in the ragas in turn."""
    made = [
        Asked("alapanai", raga, seed=seed, tonic_hz=TONIC_HZ) for raga in ragas for seed in range(n)
    ]
    for section in TIMED:
        for i, tala in enumerate(talas):
            for seed in range(n_timed or n):
                raga = ragas[(i + len(talas) * seed) % len(ragas)]
                tempo = tempi[seed % len(tempi)] if tempi else None
                made.append(Asked(section, raga, tala, tempo, 500 + seed, TONIC_HZ))
    return made


def drawn(asked, generator, ragas, talas) -> Iterator[tuple[Asked, np.ndarray]]:
    """The model's picture of each wish."""
    import torch

    from training.denoise import Course
    from training.drawing import Model
    from training.generate import TAIL_COLUMNS
    from training.loading import locate
    from training.wish import GenerateConfig, resolve, says

    known = generator.taught
    tempi = tuple(TEMPI) if says(known.vocabulary, "kriti", "tempo") else ()
    wanted = wishes(ragas, talas, asked.raga_clips, tempi, asked.tala_clips)
    model = Model.load(locate(asked.model), known.codec, asked.device)
    on_gpu = model.pipeline.device.type == "cuda"
    batch = asked.batch or (32 if on_gpu else 1)
    course = Course(asked.steps, asked.guidance, windows_at_once=2 * batch)
    n_columns = round(JUDGED_S * known.codec.sr / known.codec.hop_length) + TAIL_COLUMNS
    start = time.monotonic()
    for i in range(0, len(wanted), batch):
        part = wanted[i : i + batch]
        words = [
            resolve(
                GenerateConfig(
                    raga=None if each.section == "tani avartanam" else each.raga,
                    tala=each.tala,
                    section=each.section,
                    tempo=each.tempo,
                    seed=each.seed,
                    tonic_hz=TONIC_HZ,
                    tala_guide=asked.tala_guide,
                    raga_guidance=asked.raga_guidance,
                ),
                known.vocabulary,
            )
            for each in part
        ]
        with torch.no_grad():
            yield from zip(part, model.draw_many(words, n_columns, course), strict=True)
    log.info("model: %d clips drawn in %.0f s", len(wanted), time.monotonic() - start)


def stretches(folder: Path) -> Iterator[tuple[Path, float, Asked]]:
    """Every 15 s of the sound files of a folder whose names say their raga: "raga X and ...".

    Twelve complete mp3s end to end, as the first Carnatic Riffusion's clips are kept, are one file
    here: `core.audio` reads them all.
    """
    from core import audio, theory
    from core.errors import TheoryError

    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in SOUNDS):
        said = path.stem.replace("_", " ")
        name = said.split("raga ", 1)[-1].split(" and ")[0]
        try:
            raga = theory.raga(name).name
        except TheoryError as error:
            log.info("%s is left out. %s", path.name, error)
            continue
        length_s = len(audio.load(path)[0]) / audio.info(path).sr
        for start_s in np.arange(0, max(1, length_s - JUDGED_S + 1), JUDGED_S):
            yield path, float(start_s), Asked("alapanai", raga, seconds=min(JUDGED_S, length_s))


def table(heard: dict[str, list[Heard]], ragas, talas) -> None:
    """The figures by where the clips come from, and each raga's."""
    scale = Scale(heard["ceiling"]) if "ceiling" in heard else None
    columns = {
        name: figures(each, None if name == "clips" else scale) for name, each in heard.items()
    }
    if "model" in heard:
        columns["model"] |= chosen(heard["model"])
    names = [name for name in ("model", "ceiling", "clips") if name in columns]
    log.info("\n%-46s" + " %9s" * len(names), "figure", *names)
    for row in dict.fromkeys(row for name in names for row in columns[name]):
        found = [columns[name].get(row) for name in names]
        log.info(
            "%-46s" + " %9s" * len(names), row, *("-" if x is None else f"{x:.2f}" for x in found)
        )
    for raga in ragas if "model" in heard else ():
        own = [e for e in heard["model"] if e.asked.section == "alapanai" and e.asked.raga == raga]
        log.info("%-20s percentile %3.0f, right %.2f", raga, *_mean_of(own))
    for tala in talas if "model" in heard else ():
        own = [e.is_in_tala for e in heard["model"] if e.asked.tala == tala]
        log.info("%-20s right %.2f of %d", tala, np.mean(own), len(own))


def _mean_of(heard: Sequence[Heard]) -> tuple[float, float]:
    return np.mean([each.adherence for each in heard]), np.mean([each.right for each in heard])


def figures(heard: Sequence[Heard], scale: Scale | None) -> dict[str, float]:
    """Every row of the table that these clips can fill."""
    of = {name: [e for e in heard if e.asked.section == name] for name in ("alapanai", *TIMED)}
    alapanai, tani = of["alapanai"], of["tani avartanam"]
    rows = {}
    if alapanai:
        rows |= _of_raga("alapanai: ", alapanai)
        rows["alapanai: steady voiced share"] = np.mean([e.steady for e in alapanai])
        if scale:
            rows["alapanai: mridangam level"] = scale.level(alapanai).mean()
    if tani:
        rows["tani avartanam: voiced share"] = np.mean([e.melody for e in tani])
    for section in TIMED:
        if not of[section]:
            continue
        rows[f"{section}: tala right"] = np.mean([e.is_in_tala for e in of[section]])
        if told := [e for e in of[section] if e.asked.tempo]:
            rows[f"{section}: cycle's period right"] = np.mean([e.is_in_tempo for e in told])
    return rows


def _of_raga(name: str, heard: Sequence[Heard]) -> dict[str, float]:
    """Means over ragas, so that each counts alike."""
    ragas = dict.fromkeys(each.asked.raga for each in heard)
    by_raga = [[each for each in heard if each.asked.raga == raga] for raga in ragas]

    def mean(value) -> float:
        return float(np.mean([np.mean([value(each) for each in group]) for group in by_raga]))

    rows = {
        f"{name}adherence percentile": mean(lambda each: each.adherence),
        f"{name}raga top-1 up to twins": mean(lambda each: each.right),
    }
    if all(each.others is not None for each in heard):
        rows[f"{name}permuted percentile"] = mean(lambda each: each.others)
    return rows


def chosen(heard: Sequence[Heard]) -> dict[str, float]:
    """The same of the best of every four alapanais, chosen by the recogniser, not the judge."""
    alapanai = [each for each in heard if each.asked.section == "alapanai"]
    ragas = dict.fromkeys(each.asked.raga for each in alapanai)
    best = [b for r in ragas for b in best_of([e for e in alapanai if e.asked.raga == r], OF)]
    return _of_raga(f"alapanai, best of {OF}: ", best) if best else {}


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
        total, drawn_s, cpu = np.median(parts, axis=0)
        log.info("%2d steps: %.2f s, drawn after %.2f s; cpu %.2f s", steps, total, drawn_s, cpu)


def _timed(generator, config) -> tuple[float, float, float]:
    told = {}
    start, cpu = time.monotonic(), time.process_time()
    generator.generate(config, lambda _, what: told.setdefault(what, time.monotonic()))
    return time.monotonic() - start, told["Sounding"] - start, time.process_time() - cpu


if __name__ == "__main__":
    main()
