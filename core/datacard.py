"""Stage 5, what a dataset says of itself: README.md for people, manifest.json for programs.

Both are made of the rows alone and carry no date, so the same inputs give the same bytes. The
manifest is written last and lists every file with its hash: where it is, the dataset is complete.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from core.clips import Plan
from core.errors import DatasetError
from core.metadata import Row
from core.records import RESTRICTED
from core.shards import hash_of
from core.splits import SPLITS

FORMAT = 1
MANIFEST, CARD = "manifest.json", "README.md"
NOT_OF_THE_RESULT = ("workers", "scheduler", "overwrite")  # how it was made, not what it is

Rows = Mapping[str, Sequence[Row]]  # by split


def write_manifest(folder: Path, plan: Plan, rows: Rows, codec: Mapping[str, object]) -> None:
    """List every file of the finished `folder` with its hash."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "format": FORMAT,
        "config": config_of(plan),
        "codec": dict(codec),
        "clips": {split: len(rows[split]) for split in SPLITS if rows.get(split)},
        "splits": dict(sorted(plan.splits.of.items())),
        "notes": list(plan.notes),
        "files": {str(path.relative_to(folder).as_posix()): hash_of(path) for path in files},
    }
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict:
    """The manifest of a finished dataset.

    Raises
    ------
    DatasetError
        If `folder` holds no finished dataset.
    """
    try:
        return json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DatasetError(
            f"{folder} is no finished dataset: it has no {MANIFEST}. Export it again."
        ) from None
    except json.JSONDecodeError as error:
        raise DatasetError(f"{folder / MANIFEST} is damaged ({error}). Export it again.") from None


def config_of(plan: Plan) -> dict:
    """The configuration, without what does not change the result."""
    return {
        key: value for key, value in asdict(plan.config).items() if key not in NOT_OF_THE_RESULT
    }


def write_card(folder: Path, plan: Plan, rows: Rows, codec: Mapping[str, object]) -> None:
    """Describe the dataset: sources, hours, histograms, splits, parameters, rights, rebuilding."""
    every = [row for split in SPLITS for row in rows.get(split, ())]
    parts = (
        _front_matter(plan, rows, every),
        f"# {plan.config.name}\n\n{_summary(plan, rows, every)}",
        _notes(plan),
        "## What it holds\n\n"
        + "\n\n".join(_histogram(name, rows) for name in ("section", "raga")),
        "## Where it comes from\n\n" + _sources(every),
        "## Rights\n\n" + _rights(every),
        "## Parameters\n\n" + _table(("parameter", "value"), _parameters(plan, codec)),
        "## Rebuild it\n\n" + _rebuild(plan),
    )
    text = "\n\n".join(part for part in parts if part) + "\n"
    (folder / CARD).write_text(text, encoding="utf-8")


def _front_matter(plan: Plan, rows: Rows, every: Sequence[Row]) -> str:
    files = "".join(
        f"  - split: {split}\n    path: {split}/*\n" for split in SPLITS if rows.get(split)
    )
    rights = {str(row["rights"]) for row in every}
    licence = rights.pop() if len(rights) == 1 and min(rights).startswith("cc-") else "other"
    return (
        f"---\npretty_name: {json.dumps(plan.config.name)}\nlicense: {licence}\n"
        f"tags:\n- carnatic\n- music\n- spectrogram\n"
        f"configs:\n- config_name: default\n  data_files:\n{files}---"
    )


def _summary(plan: Plan, rows: Rows, every: Sequence[Row]) -> str:
    hours = sum(float(row["end_s"]) - float(row["start_s"]) for row in every) / 3600
    split = ", ".join(f"{len(rows[split])} {split}" for split in SPLITS if rows.get(split))
    return (
        f"{len(every)} spectrograms of Carnatic music ({hours:.2f} hours) from "
        f"{len({row['recording_id'] for row in every})} recordings, captioned in words: {split}.\n"
        "No recording is in two splits.\n\n"
        "```python\nfrom datasets import load_dataset\n\n"
        f'clips = load_dataset("imagefolder", data_dir="{plan.config.name}")\n```\n\n'
        'In `metadata.jsonl`, "" means: not known.'
    )


def _notes(plan: Plan) -> str:
    return "\n".join(f"- {note}" for note in plan.notes)


def _histogram(name: str, rows: Rows) -> str:
    counted = {split: Counter(str(row[name]) for row in rows.get(split, ())) for split in SPLITS}
    total = sum(counted.values(), Counter())
    lines = [
        (value or "(not known)", *(counted[split][value] for split in SPLITS))
        for value, _ in sorted(total.items(), key=lambda item: (-item[1], item[0]))
    ]
    return _table((name, *SPLITS), lines)


def _sources(every: Sequence[Row]) -> str:
    counted = Counter(
        (str(row["recording_id"]), str(row["title"]), str(row["source"]), str(row["rights"]))
        for row in every
    )
    lines = [(*key, n) for key, n in sorted(counted.items())]
    return _table(("recording", "title", "source", "rights", "clips"), lines)


def _rights(every: Sequence[Row]) -> str:
    restricted = sum(row["rights"] == RESTRICTED for row in every)
    if not restricted:
        return "Every clip may be handed on under the rights named above."
    return (
        f"**{restricted} of {len(every)} clips are restricted.** A spectrogram can be turned back "
        "into sound, so it is sound: do not publish this folder. Publishing through the studio "
        "leaves the restricted pictures out and names where to find them instead."
    )


def _parameters(plan: Plan, codec: Mapping[str, object]) -> list[tuple[str, object]]:
    return [*codec.items(), *config_of(plan).items()]


def _rebuild(plan: Plan) -> str:
    return (
        "With the same library and audio, this gives the same bytes "
        "(`config` of manifest.json holds every setting):\n\n"
        f"```\npython -m core.export --name {plan.config.name} --preset {plan.config.preset} "
        f"--template {plan.config.template}\n```"
    )


def _table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    rule = ["---"] * len(head)
    cells = [[_cell(value) for value in line] for line in (head, rule, *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _cell(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return " ".join(text.replace("|", "\\|").split())
