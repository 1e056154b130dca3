"""Stage 6, pre-flight: what a run would learn from and what it would take, before it is launched.

    python -m training.preflight --dataset DIR --base PATH_OR_ID ...     takes what finetune takes

What the folder says is counted; what the machine can do is measured by a real two-step run in a
process of its own (`training.probe`), since no formula knows a machine's memory.
"""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.errors import StudioError
from core.metadata import Row, read_metadata
from training.config import FinetuneConfig
from training.data import Dataset, read_dataset
from training.probe import Probe, probe

LENGTHS_S = (10, 30, 60, 120, 300)  # where the bars of the histogram of lengths end
FEW = 8  # pictures of a raga: too few to learn it from
SPARE = 1.2  # of the disk space that is foreseen
GIB = 2**30


@dataclass(frozen=True)
class Preflight:
    """What was found. A run can be launched if there are no problems."""

    counts: dict[str, int]  # usable pictures by split
    captions: int  # that differ, to learn from
    named: dict[str, float]  # share of the pictures whose section, raga, tala is known, 0..1
    rejected: tuple[tuple[str, str], ...]  # file, reason
    sections: dict[str, int]  # pictures to learn from, the most common first
    ragas: dict[str, int]
    lengths: dict[str, int]  # marked stretches by their length
    hours: float  # of sound to learn from, overlaps counted once
    leaks: tuple[str, ...]  # what is in more than one split
    disk_free: int  # bytes
    probe: Probe | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def preflight(config: FinetuneConfig, with_probe: bool = True) -> Preflight:
    """Look at everything a run needs.

    Raises
    ------
    DatasetError
        If there is nothing to learn from; all else is among the report's problems.
    """
    folder = Path(config.dataset)
    dataset = read_dataset(folder)
    rows = read_metadata(folder)
    measured, problems = None, []
    if with_probe:
        try:
            measured = probe(config)
        except StudioError as error:
            problems.append(str(error))
    place = config.output or folder
    free = shutil.disk_usage(next(each for each in (place, *place.parents) if each.exists())).free
    if measured and measured.disk_bytes * SPARE > free:
        problems.append(
            f"The run would write about {measured.disk_bytes / GIB:.1f} GiB and the disk has "
            f"{free / GIB:.1f} GiB free. Make room, or keep fewer checkpoints."
        )
    leaks = tuple(_leaks(dataset, rows))
    train, usable = dataset.train, {each.path.name for each in dataset.train}
    learned = [row for row in rows.get("train", []) if row.get("file_name") in usable]
    ragas = Counter(each.raga for each in train if each.raga)
    return Preflight(
        counts={split: len(examples) for split, examples in dataset.splits.items()},
        captions=len({text for each in train for text in each.captions}),
        named={
            what: sum(bool(getattr(each, what)) for each in train) / len(train)
            for what in ("section", "raga", "tala")
        },
        rejected=dataset.rejected,
        sections=dict(Counter(each.section or "not said" for each in train).most_common()),
        ragas=dict(ragas.most_common()),
        lengths=_lengths(learned),
        hours=_seconds(learned) / 3600,
        leaks=leaks,
        disk_free=free,
        probe=measured,
        problems=tuple(problems),
        warnings=(*leaks, *_warnings(config, dataset, ragas)),
    )


def _warnings(config: FinetuneConfig, dataset: Dataset, ragas: Counter) -> Iterator[str]:
    if dataset.rejected:
        yield f"{len(dataset.rejected)} pictures cannot be used and are left out."
    if not dataset.held_out:
        yield "Nothing is held out: without a validation split nobody sees when it overfits."
    rare = [raga for raga, n in ragas.items() if n < FEW]
    if rare:
        yield f"Fewer than {FEW} pictures of {', '.join(sorted(rare)[:6])}: hardly to be learned."
    if config.caption_dropout == 0:
        yield "Without caption dropout, guidance has nothing to guide from."
    if config.max_steps * config.batch_size * config.gradient_accumulation < len(dataset.train):
        yield "The run ends before it has seen every picture once."


def _leaks(dataset: Dataset, rows: dict[str, list[Row]]) -> Iterator[str]:
    """What could be known by heart when it is asked for."""
    for other in set(dataset.splits) - {"train"}:
        for what, name in (("recording_id", "recordings"), ("title", "titles")):
            both = _said(rows, "train", what) & _said(rows, other, what)
            if both:
                shown = ", ".join(sorted(both)[:3])
                yield f"{len(both)} {name} are in train and in {other}: {shown}."
                break
        files = dataset.manifest.get("files", {})
        known = {files.get(f"train/{each.path.name}") for each in dataset.train} - {None}
        same = [e for e in dataset.splits[other] if files.get(f"{other}/{e.path.name}") in known]
        if same:
            yield f"{len(same)} pictures of {other} are in train too, byte for byte."


def _said(rows: dict[str, list[Row]], split: str, what: str) -> set[str]:
    return {str(row[what]) for row in rows.get(split, []) if row.get(what)}


def _stretches(rows: list[Row]) -> dict[str, tuple[float, float]]:
    """From where to where each marked stretch is learned, in seconds."""
    found: dict[str, tuple[float, float]] = {}
    for row in rows:
        if isinstance(row.get("start_s"), (int, float)) and isinstance(
            row.get("end_s"), (int, float)
        ):
            key = str(row.get("segment_id") or row.get("file_name"))
            start, end = found.get(key, (row["start_s"], row["end_s"]))
            found[key] = min(start, row["start_s"]), max(end, row["end_s"])
    return found


def _seconds(rows: list[Row]) -> float:
    return sum(end - start for start, end in _stretches(rows).values())


def _lengths(rows: list[Row]) -> dict[str, int]:
    names = [f"up to {end} s" if end < 60 else f"up to {end // 60} min" for end in LENGTHS_S]
    names.append(f"over {LENGTHS_S[-1] // 60} min")
    counted = dict.fromkeys(names, 0)
    for start, end in _stretches(rows).values():
        place = sum(end - start > edge + 1e-6 for edge in LENGTHS_S)
        counted[names[place]] += 1
    return {name: n for name, n in counted.items() if n}


def report(config: FinetuneConfig) -> str:
    """Say what a run of these settings would learn from and take."""
    found = preflight(config)
    lines = [
        f"pictures: {', '.join(f'{n} {split}' for split, n in found.counts.items())}",
        f"sound to learn from: {60 * found.hours:.0f} minutes, {found.captions} captions",
        "known: " + ", ".join(f"{what} {100 * share:.0f} %" for what, share in found.named.items()),
        "sections: " + ", ".join(f"{name} {n}" for name, n in found.sections.items()),
        "ragas: " + ", ".join(f"{name} {n}" for name, n in found.ragas.items()),
        *(f"left out: {name}: {why}" for name, why in found.rejected),
        *([str(found.probe)] if found.probe else []),
        *(f"warning: {each}" for each in found.warnings),
        *(f"problem: {each}" for each in found.problems),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    from tyro.conf import OmitArgPrefixes, configure

    from core.command import run

    run(configure(OmitArgPrefixes)(report))
